"""The drawing "anime": photo in, anime character out."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from animecam_training.faces import Image, Plane, Points, eye_centres, eye_distance
from animecam_training.target.anime.eyes import draw_anime_eyes, is_behind_dark_glass
from animecam_training.target.anime.features import draw_brows, draw_mouth, face_lines
from animecam_training.target.anime.hair import bald_scalp, bare_skin, hair_area
from animecam_training.target.anime.hair_paint import paint_hair
from animecam_training.target.anime.options import AnimeOptions
from animecam_training.target.anime.shade import cast_shadows, modelled_shade, shaded
from animecam_training.target.anime.skin import flat_skin
from animecam_training.target.draw import found_lines, inked, outline_ink
from animecam_training.target.face import fill_skin, whole_face
from animecam_training.target.flatten import Lab, denoised, flat_painting, to_lab, to_rgb
from animecam_training.target.geometry import (
    CHIN,
    LIPS,
    OVAL,
    Sheet,
    blurred,
    blurred_within,
    eye_lenses,
    mixed,
    ramp,
    sheet_of,
)
from animecam_training.target.skin import Skin, feature_area, find_skin, skin_cover
from animecam_training.target.warp import Jaw, Lens

# Lengths are fractions of the eye distance.
EYE_REACH, NOSE_REACH, MOUTH_REACH = 0.60, 0.50, 0.62
NOSE = (4, 2, 1)
LIT_LIFT, LIGHTEST = 7.0, 93.0  # of the lit skin, for what is drawn on it


def _reshaped(photo: Image, mesh: Points, person: Plane, options: AnimeOptions) -> Sheet:
    """The photo with an animator's proportions."""
    eye_px = eye_distance(mesh)
    nose = Lens(mesh[list(NOSE)].mean(0), NOSE_REACH * eye_px, (options.nose_gain, options.nose_gain))
    mouth = Lens(mesh[list(LIPS)].mean(0), MOUTH_REACH * eye_px, options.mouth_gain)
    eyes, jaw = eye_lenses(mesh, EYE_REACH, options.eye_gain), Jaw(eye_centres(mesh), mesh[CHIN], options.jaw)
    return sheet_of(photo, mesh, person, [*eyes, nose, mouth, jaw])


def _paint_face(flat: Lab, paint: Lab, skin: Skin, features: Plane, sheet: Sheet) -> Lab:
    """Lay the skin's paint over the face, the places of eyes, brows and lips included: they are drawn on it anew."""
    around = blurred_within(paint, skin.share + np.float32(1e-4), 0.12 * sheet.eye_px)
    whole = mixed(around, paint, np.clip(1.5 * skin.share, 0, 1))
    redrawn = np.clip(1.2 * blurred(features, sheet.unit_px), 0, 1)
    cover = np.maximum(skin_cover(skin), redrawn * sheet.area(OVAL, 2 * sheet.unit_px))
    return mixed(flat, whole, cover)


def _photo_lines(lab: Lab, flat: Lab, skin: Skin, features: Plane, sheet: Sheet, options: AnimeOptions) -> Plane:
    """Ink of the photo's own edges, none of it on the face."""
    near = np.clip(1.3 * blurred(cv2.dilate(features, np.ones((9, 9), np.uint8)).astype(np.float32), 1), 0, 1)
    inner = cv2.erode(sheet.area(OVAL), np.ones((5, 5), np.uint8)).astype(np.float32)
    face = cv2.dilate(whole_face(sheet), np.ones((5, 5), np.uint8)).astype(np.float32)
    on_face = face * ramp(blurred(skin.share + near * inner, 0.02 * sheet.eye_px), 0.6, 0.95)
    return found_lines(lab, flat, skin, sheet, options.lines) * (1 - near) * (1 - inner) * (1 - on_face)


def _bare(skin: Skin, features: Plane, sheet: Sheet) -> Plane:
    """Where the face shows skin or what is drawn on it, float32 [H, W], 0 … 1: its borders there are no edges."""
    inner = cv2.erode(sheet.area(OVAL), np.ones((9, 9), np.uint8)).astype(np.float32)
    shown = np.maximum(skin.share, cv2.dilate(features, np.ones((9, 9), np.uint8)).astype(np.float32))
    return inner * ramp(blurred(shown, 0.04 * sheet.eye_px), 0.6, 0.9)


@dataclass(frozen=True, slots=True)
class Character:
    """A drawn portrait.

    Attributes:
        picture: RGB uint8 [H, W, 3], without the shade of a light that the photo has not.
        shade: Where that lies, float32 [H, W], 0 … 1; it comes last, or lines would be drawn around it.
    """

    picture: Image
    shade: Plane


def draw_anime(photo: Image, mesh: Points, person: Plane, options: AnimeOptions | None = None) -> Image:
    """Draw a portrait as `draw_character` does, with its shade.

    Args:
        photo: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], MediaPipe's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
        options: The look.

    Returns:
        RGB uint8 [H, W, 3].
    """
    options = options or AnimeOptions()
    character = draw_character(photo, mesh, person, options)
    return shaded(character.picture, character.shade, options.shade)


def draw_character(photo: Image, mesh: Points, person: Plane, options: AnimeOptions) -> Character:
    """Draw a portrait as an anime character of the person's own colours.

    The eyes become large, nose and mouth small, the chin narrow; the skin is one tone with one shadow; hair has its own
    and few large shapes of light and shade. Beards, hats, scarves and sunglasses stay. Glasses are better added to
    photo and drawing alike: `data.glasses`.

    Args:
        photo: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], MediaPipe's face mesh, pixels.
        person: float32 [H, W], 0 (background) … 1.
        options: The look.
    """
    sheet = _reshaped(photo, mesh, person, options)
    calm = denoised(sheet.photo)
    lab = to_lab(calm)
    flat = flat_painting(calm, sheet, options.chroma, options.background_lift)
    skin, moustache = fill_skin(find_skin(lab, sheet), lab, sheet)
    hair = hair_area(skin, sheet)
    scalp = np.maximum(bald_scalp(hair, lab, skin, sheet), bare_skin(hair, lab, skin, sheet))
    skin, hair = replace(skin, share=np.maximum(skin.share, scalp)), hair * (1 - scalp)
    flat = paint_hair(flat, lab, hair, sheet)
    paint, lit = flat_skin(lab, skin, hair, sheet, options)
    features = cv2.dilate(feature_area(sheet), np.ones((7, 7), np.uint8)).astype(np.float32)
    sharp, bright = to_lab(sheet.photo), min(lit + LIT_LIFT, LIGHTEST)
    has_eyes = not is_behind_dark_glass(sharp, sheet, bright)
    if not has_eyes:
        features = features * (1 - cv2.dilate(sheet.eyelids(), np.ones((9, 9), np.uint8)))
    base = _paint_face(flat, paint, skin, features * (1 - moustache), sheet)
    picture, mouth = draw_mouth(base, lab, sheet, skin.colour, bright)
    picture = draw_brows(picture, lab, sheet, bright)
    lashes = np.zeros(sheet.shape, np.float32)
    if has_eyes:
        picture, lashes = draw_anime_eyes(picture, sharp, sheet, skin.colour, bright)
    found = options.line_ink * _photo_lines(lab, flat, skin, features, sheet, options)
    ink = np.maximum(np.maximum(lashes, mouth), np.maximum(found, face_lines(sheet, skin.share)))
    picture = inked(picture, ink, sheet.unit_px)
    # Outlines of what is painted, not of what is drawn on it.
    bold = outline_ink(base, sheet.unit_px) * (1 - _bare(skin, features, sheet))
    picture = to_rgb(inked(picture, options.outline * bold, sheet.unit_px))
    if options.key_light == "photo":
        return Character(picture, np.zeros(sheet.shape, np.float32))
    bare = np.maximum(skin.share, _bare(skin, features, sheet))
    cast = skin.share * cast_shadows(hair, sheet)  # brows throw none on the eyes
    return Character(picture, np.maximum(bare * modelled_shade(sheet), cast).astype(np.float32))
