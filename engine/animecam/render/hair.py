"""Hair in another colour, as anime has it: where the person is, around the face, and liker to hair than to skin.

What hair and skin look like is learned from each picture itself: skin from the cheeks, hair from what is above and
beside the face and differs from skin. Where there is too little of the latter (a shaved head, a hat of skin's colour)
nothing is tinted. Light and shade of the drawing stay, its colour is replaced.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.affine import invert
from animecam.named_colors import Rgb
from animecam.pauses import Pausing, at_once
from animecam.render.base import FindPersons
from animecam.render.face_grid import FaceGrid, Floats, rise
from animecam.render.masks import Mask
from animecam.types import WHOLE_FRAME, Face, Faces, Image, Points, Region

FACE_EDGE = (0.72, 0.97)
"""Shares of a face's radii (`FaceGrid`): within the first is face alone, beyond the second hair may be anywhere."""

BESIDE_FACE = (1.1, 1.3)
"""Shares of those radii: within the first a drawing may show skin where hair was filmed, beyond the second not."""

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

SURE_HAIR = 0.9
"""Share from which a pixel of the whole mask is one."""

MEMORY = 0.7
"""Part of the last frame's colours that stays; hair does not change while it is filmed."""

STAYING = 0.4
"""Part of the last frame's mask that stays; more of it would trail behind a head that turns."""

LOOKED_AT_PX = 128
"""Shorter side of the picture in which hair is looked for: it has no detail that a finer one would show."""

THERE = (0.6, 0.95)
"""Share of a person from which it begins to count, and counts in full: what is half a person is the wall beside it."""

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
        return at_once(self.pausing(faces, regions, pictures, drawn, tint))

    def pausing(
        self, faces: Faces, regions: Sequence[Region], pictures: Sequence[Image], drawn: Sequence[Image], tint: Rgb
    ) -> Pausing[tuple[Image, ...]]:
        """As a call, with a pause after each face."""
        heads = {region.track_id for region in regions}
        shown = [(index, face) for index, region in enumerate(regions) for face in _shown_in(region, faces, heads)]
        asked = sorted({index for index, _ in shown})
        found = self._persons([regions[index] for index in asked], [pictures[index] for index in asked])
        persons = dict(zip(asked, found, strict=True))
        yield
        memory: dict[tuple[int, int], _Memory] = {}
        tinted = list(drawn)
        for index, face in shown:
            region, drawing = regions[index], tinted[index]
            key, points = (region.track_id, face.track_id), _inside(region, face.detection.points_px)
            hair = _look_at(pictures[index], persons[index], points, self._last.get(key))
            if hair is not None:
                memory[key] = hair
                tinted[index] = recolored(drawing, fitted(hair.mask, drawing, points), tint)
            yield
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


def fitted(mask: Mask, drawing: Image, points: NDArray[np.float64]) -> Mask:
    """A mask of hair that leaves out what is drawn as skin beside it: a drawing has jaw and brow elsewhere.

    Args:
        mask: Where hair was filmed, [H, W] in [0, 1].
        drawing: RGB, uint8 [H, W, 3].
        points: The face's, in its pixels.
    """
    colors: Floats = cv2.cvtColor(drawing, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    grid, hair = FaceGrid.of(points, colors.shape[1], colors.shape[0]), colors[mask > SURE_HAIR]
    if grid is None or not len(hair):
        return mask
    nearer = _distance(colors, _shade(colors[grid.are_cheeks])) - _distance(colors, _shade(hair))
    far = rise(grid.from_middle, *BESIDE_FACE)  # light on hair may be drawn in colours of skin
    return mask * np.maximum(rise(nearer, -DECIDED, DECIDED), far)


def _shown_in(region: Region, faces: Faces, heads: Collection[int]) -> list[Face]:
    """The faces whose hair is looked for in a region: in a whole frame those without a head by itself on top of it."""
    is_whole = region.track_id == WHOLE_FRAME
    return [
        face for face in faces.faces if (face.track_id not in heads if is_whole else face.track_id == region.track_id)
    ]


def _inside(region: Region, points_px: Points) -> NDArray[np.float64]:
    to_crop = invert(region.to_frame)
    return points_px.astype(np.float64) @ to_crop[:, :2].T + to_crop[:, 2]


def _look_at(picture: Image, person: Mask, points: NDArray[np.float64], last: _Memory | None) -> _Memory | None:
    """Where hair is, and what it and the skin look like; None where there is none to speak of."""
    colors, person, points = _small(picture, person, points)
    grid = FaceGrid.of(points, colors.shape[1], colors.shape[0])
    if grid is None:
        return None
    aside, along = grid.aside, grid.along
    skin = _steadied(_shade(colors[grid.are_cheeks]), last.skin if last else None)
    from_skin = _distance(colors, skin)
    near = (1.0 - rise(aside, *REACH_ASIDE)) * (1.0 - rise(-along, *REACH_UP))
    candidate = rise(person, *THERE) * rise(grid.from_middle, *FACE_EDGE) * near
    sure = (candidate * rise(from_skin, SURE_SKIN, SURE_OTHER) > MOSTLY) & (along < CROWN)
    if np.count_nonzero(sure) < (STAYING_HAIR if last else LEAST_HAIR) * grid.area_px:
        return None
    hair = _steadied(_shade(colors[sure]), last.hair if last else None)
    from_hair = _distance(colors, hair)
    # Below the chin only what looks like the hair above: clothes differ from skin as well.
    low = rise(along, CROWN, CHIN)
    alike = 1.0 - low * rise(from_hair, SURE_SKIN, SURE_OTHER)
    share = candidate * rise(from_skin - from_hair, -DECIDED, DECIDED) * alike * (1.0 - rise(along, CHIN, LOWEST))
    if last is not None and last.share.shape == share.shape:
        share = np.minimum(STAYING * last.share + (1.0 - STAYING) * share, candidate)  # nothing trails behind a head
    share *= 1.0 - rise(from_hair, *UNLIKE)
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
