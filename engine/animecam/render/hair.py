"""Hair in another colour, as anime has it: where the person is, around the face, and liker to hair than to skin.

What hair and skin look like is learned from each picture itself: skin from the cheeks, hair from what is above and
beside the face and differs from skin. Where there is too little of the latter (a shaved head, a hat of skin's colour)
nothing is tinted. Light and shade of the drawing stay, its colour is replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.affine import invert
from animecam.render.base import FindPersons
from animecam.render.masks import Mask
from animecam.settings import Rgb
from animecam.types import WHOLE_FRAME, Faces, Image, Points, Region

Floats = NDArray[np.float32]

CHEEKS = (0.75, -0.05, 0.45)
"""Where skin is looked at: how far to either side of the face's axis, from and to which depth below the eyes.

Here and below, what lies aside is counted in distances of the eyes, what lies up or down in distances from the eyes to
the mouth."""

FACE_MIDDLE = 0.35
"""Depth of the face's middle below the eyes."""

FACE_ACROSS, FACE_UP = 0.98, 1.1
"""Radii of the face's upper half about that middle."""

FACE_EDGE = (0.72, 0.97)
"""Shares of those radii: within the first there is only face, beyond the second hair may be anywhere."""

JAW_ACROSS, JAW = 1.3, (0.3, 0.9)
"""The face's radius grows to this between these depths and keeps it down to the neck: in the shade of a jaw skin looks
like hair."""

CROWN, CHIN, LOWEST = 0.0, 1.1, 2.6
"""Depths: hair is learned above the first, sure down to the second, and looked for down to the third."""

REACH_ASIDE, REACH_UP = (2.2, 3.0), (2.6, 3.6)
"""How far from the face's axis, and up from the eyes, hair begins to be taken for another's, and surely is."""

LEAST_HAIR, STAYING_HAIR = 0.8, 0.5
"""Sure hair there must be, new and while it is tinted already, in rectangles of eyes and mouth: a shaved head lit from
one side has 0.4 of what is no skin, very short grey hair 0.5, all other hair that was looked at 1.9 and more."""

LEAST_SPREAD = np.array([20.0, 4.5, 4.5], np.float32)
"""Luma, red and blue difference in levels: colours closer than this are the same under any light."""

SURE_SKIN, SURE_OTHER = 1.5, 2.7
"""In spreads from the colour of skin: nearer is skin, farther is something else."""

DECIDED = 0.8
"""Spreads by which a pixel is nearer to hair than to skin, or the other way round, when there is no doubt left."""

UNLIKE = (3.5, 5.5)
"""Spreads from the colour of hair: nearer may be its light or shade, farther is something else wherever it is."""

MOSTLY = 0.7
"""Share from which a pixel is taken as an example of hair."""

MEMORY = 0.7
"""Part of the last frame's colours that stays; hair does not change while it is filmed."""

STAYING = 0.4
"""Part of the last frame's mask that stays; more of it would trail behind a head that turns."""

LOOKED_AT_PX = 128
"""Shorter side of the picture in which hair is looked for: it has no detail that a finer one would show."""

SMALLEST_PX = 2.0
"""Distance of the eyes in that picture, below which nothing can be told."""

SOFT_PX = 0.8
"""Blur of the mask in its pixels."""

LIFT = 0.55
"""How far the drawing's lightness goes towards that of the tint: dark hair must become lighter to show a colour."""

DARK, LEAST_COLOR = 75.0, 0.25
"""Lightness (of 255) below which the tint loses its colour, and the share that it keeps: outlines and shadows stay
dark."""

LAB_GREY = 128
"""What OpenCV writes for no colour into the a and b of CIE L*a*b* in bytes."""

VISIBLE = 0.02
"""Share of the mask up to which a tint would not be seen."""

FULL = 0.9
"""How much of the hair's own colour is replaced."""


class Shade(NamedTuple):
    """A colour and how far it varies, in luma, red and blue difference: float32 [3] each."""

    middle: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class _Memory:
    """What one face's hair was like in the last frame, in one region."""

    skin: Shade
    hair: Shade
    share: Mask  # small
    mask: Mask  # of the picture's size


class HairTint:
    """Tints the hair in the drawings of one stream. Call it with its frames in order: it steadies what it finds.

    Args:
        persons: Finds persons; asked only when something is tinted.
    """

    def __init__(self, persons: FindPersons) -> None:
        self._persons = persons
        self._last: dict[tuple[int, int], _Memory] = {}

    def __call__(
        self, faces: Faces, regions: Sequence[Region], pictures: Sequence[Image], drawn: Sequence[Image], tint: Rgb
    ) -> tuple[Image, ...]:
        """Tints the drawings of one frame.

        Args:
            faces: Who is in it.
            regions: Where the pictures lie: a head each, or everything.
            pictures: What was filmed, RGB, uint8 [H, W, 3] each.
            drawn: What was drawn of it, of the same sizes; not touched.
            tint: The colour.

        Returns:
            New drawings.
        """
        persons = self._persons(regions, pictures)
        memory: dict[tuple[int, int], _Memory] = {}
        tinted: list[Image] = []
        for region, picture, drawing, person in zip(regions, pictures, drawn, persons, strict=True):
            for face in faces.faces:
                if region.track_id in (WHOLE_FRAME, face.track_id):
                    key, points = (region.track_id, face.track_id), _inside(region, face.detection.points_px)
                    found = _look_at(picture, person, points, self._last.get(key))
                    if found is not None:
                        memory[key] = found
                        drawing = recolored(drawing, found.mask, tint)
            tinted.append(drawing)
        self._last = memory
        return tuple(tinted)

    def forget(self) -> None:
        """Takes the next faces for new ones."""
        self._last = {}
        self._persons.forget()


def recolored(drawing: Image, mask: Mask, tint: Rgb) -> Image:
    """A drawing whose colour is replaced where a mask shows, with its light and shade kept.

    Args:
        drawing: RGB, uint8 [H, W, 3]; not touched.
        mask: [H, W] in [0, 1].
        tint: RGB.
    """
    box = cv2.boundingRect((mask > VISIBLE).astype(np.uint8))
    left, top, width_px, height_px = box
    if not width_px:
        return drawing
    place = (slice(top, top + height_px), slice(left, left + width_px))
    part, share = drawing[place], mask[place]
    lab: Floats = cv2.cvtColor(part, cv2.COLOR_RGB2LAB).astype(np.float32)
    goal: Floats = cv2.cvtColor(np.array([[tint]], np.uint8), cv2.COLOR_RGB2LAB).astype(np.float32)[0, 0]
    light = lab[..., 0]
    usual = float(np.average(light, weights=share))
    light = np.clip(light + LIFT * (goal[0] - usual), 0, 255)
    color = np.clip(light / DARK, LEAST_COLOR, 1.0)[..., None]
    lab[..., 0], lab[..., 1:] = light, LAB_GREY + (goal[1:] - LAB_GREY) * color
    painted = cv2.cvtColor(np.rint(lab).astype(np.uint8), cv2.COLOR_LAB2RGB)
    result = drawing.copy()
    weight = (FULL * share).astype(np.float32)
    result[place] = cv2.blendLinear(painted, np.ascontiguousarray(part), weight, 1.0 - weight)
    return result


def _inside(region: Region, points_px: Points) -> NDArray[np.float64]:
    to_crop = invert(region.to_frame)
    return points_px.astype(np.float64) @ to_crop[:, :2].T + to_crop[:, 2]


def _look_at(picture: Image, person: Mask, points: NDArray[np.float64], last: _Memory | None) -> _Memory | None:
    """Where hair is, and what it and the skin look like; None where there is none to speak of."""
    colors, person, points = _small(picture, person, points)
    grid = _grid(colors, points)
    if grid is None:
        return None
    aside, along, area_px = grid
    cheeks = colors[(aside < CHEEKS[0]) & (along > CHEEKS[1]) & (along < CHEEKS[2])]
    if not len(cheeks):
        return None
    skin = _steadied(_shade(cheeks), last.skin if last else None)
    from_skin = _distance(colors, skin)
    off = along - np.float32(FACE_MIDDLE)
    across = FACE_ACROSS + (JAW_ACROSS - FACE_ACROSS) * _rise(along, *JAW)
    outside = _rise(np.hypot(aside / across, np.minimum(off, 0.0) / FACE_UP), *FACE_EDGE)
    near = (1.0 - _rise(aside, *REACH_ASIDE)) * (1.0 - _rise(-along, *REACH_UP))
    candidate = person * outside * near
    sure = (candidate * _rise(from_skin, SURE_SKIN, SURE_OTHER) > MOSTLY) & (along < CROWN)
    if np.count_nonzero(sure) < (STAYING_HAIR if last else LEAST_HAIR) * area_px:
        return None
    hair = _steadied(_shade(colors[sure]), last.hair if last else None)
    from_hair = _distance(colors, hair)
    # Below the chin only what looks like the hair above: clothes differ from skin as well.
    low = _rise(along, CROWN, CHIN)
    alike = 1.0 - low * _rise(from_hair, SURE_SKIN, SURE_OTHER)
    share = candidate * _rise(from_skin - from_hair, -DECIDED, DECIDED) * alike * (1.0 - _rise(along, CHIN, LOWEST))
    if last is not None and last.share.shape == share.shape:
        share = np.minimum(STAYING * last.share + (1.0 - STAYING) * share, candidate)  # nothing trails behind a head
    share *= 1.0 - _rise(from_hair, *UNLIKE)
    share = share.astype(np.float32, copy=False)
    mask = cv2.resize(cv2.GaussianBlur(share, (0, 0), SOFT_PX), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return _Memory(skin, hair, share, cast(Mask, mask))


def _small(picture: Image, person: Mask, points: NDArray[np.float64]) -> tuple[Floats, Mask, NDArray[np.float64]]:
    """Luma and colour differences of a smaller picture, the mask and the points likewise."""
    scale = min(1.0, LOOKED_AT_PX / min(picture.shape[:2]))
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    colors: Floats = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    return colors, cast(Mask, cv2.resize(person, size, interpolation=cv2.INTER_AREA)), points * scale


def _grid(colors: Floats, points: NDArray[np.float64]) -> tuple[Floats, Floats, float] | None:
    """Where pixels lie on a face.

    Returns:
        [H, W]: how far beside its axis, in distances of the eyes; [H, W]: how far down, 0 at the eyes and 1 at the
        mouth; and the product of both distances in pixels. None for a face of a few pixels or seen from the side.
    """
    eyes, mouth = (points[0] + points[1]) / 2, points[3]
    apart_px, length_px = float(np.linalg.norm(points[1] - points[0])), float(np.linalg.norm(mouth - eyes))
    if min(apart_px, length_px) < SMALLEST_PX:
        return None
    down_x, down_y = (mouth - eyes) / length_px
    x = np.arange(colors.shape[1], dtype=np.float32)[None, :] + np.float32(0.5 - eyes[0])
    y = np.arange(colors.shape[0], dtype=np.float32)[:, None] + np.float32(0.5 - eyes[1])
    along = x * np.float32(down_x / length_px) + y * np.float32(down_y / length_px)
    aside = np.abs(x * np.float32(down_y / apart_px) - y * np.float32(down_x / apart_px))
    return aside.astype(np.float32, copy=False), along.astype(np.float32, copy=False), apart_px * length_px


def _shade(colors: Floats) -> Shade:
    middle = np.median(colors, axis=0).astype(np.float32)
    return Shade(middle, np.maximum(2.0 * np.median(np.abs(colors - middle), axis=0), LEAST_SPREAD).astype(np.float32))


def _steadied(shade: Shade, last: Shade | None) -> Shade:
    if last is None:
        return shade
    middle = MEMORY * last.middle + (1.0 - MEMORY) * shade.middle
    spread = MEMORY * last.spread + (1.0 - MEMORY) * shade.spread
    return Shade(middle.astype(np.float32, copy=False), spread.astype(np.float32, copy=False))


def _distance(colors: Floats, shade: Shade) -> Floats:
    """Distance of each pixel to a colour in its spreads, [H, W]."""
    apart = (colors - shade.middle) / shade.spread
    return np.sqrt(np.einsum("hwc,hwc->hw", apart, apart))


def _rise(value: Floats, start: float, stop: float) -> Floats:
    """0 up to `start`, 1 from `stop` on, straight between."""
    return np.clip((value - start) / (stop - start), 0.0, 1.0)
