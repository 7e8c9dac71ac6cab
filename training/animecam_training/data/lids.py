"""What is seen of closed eyes: the skin of lids, lashes, folds, and the shade of the sockets.

A portrait's lids that are stretched over an eye leave a bright slit and no lashes. Networks that had seen no others
drew the ghost of an open eye where somebody looked down or winked. Here every part is laid on at random, from nothing
to too much, so that all that closed eyes have in common is that no eye is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.geometry import (
    EYELIDS,
    STROKE_SUPERSAMPLING,
    SUBPIXEL_BITS,
    Floats,
    Sheet,
    as_levels,
    blurred,
    laid,
    mixed,
    rows_at,
    unchanged_sheet,
)

# Lengths are fractions of the distance between the eyes; inks and shades are shares, 0 … 1.
LID_PAINT, LID_LIGHT, LID_SHADE = (0.3, 1.0), (0.6, 1.05), 0.12  # how far skin covers the stretched lid; its light
LID_OVERLAP, LID_BLUR, SKIN_BLUR = 0.05, 0.012, 0.07
SKIN_ABOVE, SKIN_BELOW, BELOW_SHARE = 0.11, 0.16, 0.5  # where it is taken from: brows may be above
SOCKET, SOCKET_REACH, SOCKET_HEIGHT, SOCKET_RAISE = (0.0, 0.45), 0.32, 0.14, 0.06
CREASE, CREASE_RAISE, CREASE_WIDTH, CREASE_BLUR = (0.0, 0.3), (0.03, 0.08), 0.014, 0.01
FOLDS, FOLD_ANGLES_DEG, FOLD_LENGTHS, FOLD_STARTS = (2, 6), (-25.0, 55.0), (0.08, 0.3), (-0.04, 0.08)
FOLD_INK, FOLD_WIDTH, FOLD_BLUR = (0.1, 0.3), 0.012, 0.008
BAG_SHARE, BAG_BELOW, BAG_INK, BAG_WIDTH, BAG_BLUR = 0.6, (0.05, 0.1), (0.1, 0.3), 0.02, 0.015
LASHES, LASH_LENGTHS, LASH_DROOPS_DEG, LASH_WIDTH = (0, 26), (0.05, 0.15), (15.0, 65.0), 0.012
LASH_SPREAD_DEG, LASH_BEND, LASH_SHORTER = 15.0, 0.25, 0.6  # about the droop; outwards at its tip; inner ones, by
EDGE_WIDTHS, EDGE_ENDS = (0.012, 0.06), 0.45  # of the line along the lid; its ends, of its middle
INK, INK_BLUR, INK_LEVELS, INK_TINT = (0.55, 1.0), (0.004, 0.016), (12.0, 60.0), (1.1, 0.95, 0.9)
LINER_WIDTHS, LINER_INK = (0.01, 0.04), (0.4, 1.0)  # of what is painted along the lid of an open eye
EDGE_POINTS = 60


@dataclass(frozen=True, slots=True)
class _Lashes:
    """What the lashes of both eyes are like, and the line along the lid that they grow on.

    Attributes:
        count: How many.
        length: Of the longest, eye distances.
        droop_deg: How far the outermost slants outwards; 0 hangs straight down.
        edge_width: Of the line in its middle, eye distances.
        ink: How far they cover what is below, 0 … 1.
        blur: Their softness, eye distances.
        level: Their gray, 0 … 255.
    """

    count: int
    length: float
    droop_deg: float
    edge_width: float
    ink: float
    blur: float
    level: float


@dataclass(frozen=True, slots=True)
class _Lid:
    """A closed lid.

    Attributes:
        edge: Where it ends, from the outer corner to the inner one, float32 [9, 2], pixels.
        opened: Where it ended while the eye was open, likewise.
        floor: The lower lid's edge, likewise.
        outwards: -1 where the outer corner is on the left of the picture, else 1.
    """

    edge: Points
    opened: Points
    floor: Points

    @property
    def outwards(self) -> float:
        return -1.0 if self.edge[-1, 0] > self.edge[0, 0] else 1.0

    def rows(self, columns: Floats) -> tuple[Floats, Floats]:
        """Rows of its edge while the eye was open, and now, at each column."""
        opened, edge = (points[np.argsort(points[:, 0])] for points in (self.opened, self.edge))
        return rows_at(columns, opened[:, 0], opened[:, 1]), rows_at(columns, edge[:, 0], edge[:, 1])


def dress_lids(
    photo: Image, mesh: Points, opened: Points, closed: Sequence[bool], rng: np.random.Generator, *, is_wink: bool
) -> Image:
    """Lay on closed lids what hides that there is an open eye below them.

    Args:
        photo: RGB uint8 [H, W, 3], with closed eyes.
        mesh: float32 [468, 2], of that photo, pixels.
        opened: float32 [468, 2], while the eyes were open.
        closed: Which eyes are, the one on the left of the picture first.
        rng: Source of what is laid on, and of how much.
        is_wink: It is pinched: folds run from its outer corner.

    Returns:
        RGB uint8 [H, W, 3].
    """
    sheet, picture = unchanged_sheet(photo, mesh), photo.astype(np.float32)
    lashes = _random_lashes(rng)
    from_below = rng.random() < BELOW_SHARE
    paint, light, socket, crease = (rng.uniform(*span) for span in (LID_PAINT, LID_LIGHT, SOCKET, CREASE))
    for (upper, lower), is_closed in zip(EYELIDS, closed, strict=True):
        if not is_closed:
            continue
        lid = _Lid(mesh[list(upper)], opened[list(upper)], mesh[list(lower)])
        picture = _paint_skin(picture, lid, sheet, paint, light, from_below=from_below)
        if is_wink:
            picture = _fold(picture, lid, sheet, rng)
        picture = picture * (1 - socket * _socket(lid, sheet))[..., None]
        raised = lid.opened[1:-1] - np.array((0, rng.uniform(*CREASE_RAISE) * sheet.eye_px), np.float32)
        picture = _inked(picture, _strokes(sheet, [raised], CREASE_WIDTH, CREASE_BLUR), crease)
        ink = blurred(_lash_cover(lid, sheet, lashes, rng), lashes.blur * sheet.eye_px)
        picture = laid(picture, _dark(lashes.level), lashes.ink * ink)
    return as_levels(picture)


def line_eyes(photo: Image, mesh: Points, rng: np.random.Generator) -> Image:
    """Paint a dark line along the upper lids of open eyes: not all that has dark lids is closed.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        rng: Source of its width and ink.

    Returns:
        RGB uint8 [H, W, 3].
    """
    sheet, picture = unchanged_sheet(photo, mesh), photo.astype(np.float32)
    width, ink, level = rng.uniform(*LINER_WIDTHS), rng.uniform(*LINER_INK), rng.uniform(*INK_LEVELS)
    for upper, _ in EYELIDS:
        line = sheet.stroke(mesh[list(upper)], width * sheet.eye_px, EDGE_ENDS * width * sheet.eye_px)
        picture = laid(picture, _dark(level), ink * blurred(line, LID_BLUR * sheet.eye_px))
    return as_levels(picture)


def _random_lashes(rng: np.random.Generator) -> _Lashes:
    spans = (LASH_LENGTHS, LASH_DROOPS_DEG, EDGE_WIDTHS, INK, INK_BLUR, INK_LEVELS)
    return _Lashes(int(rng.integers(*LASHES)), *(float(rng.uniform(*span)) for span in spans))


def _dark(level: float) -> Floats:
    """RGB of lashes, 0 … 255: a warm black."""
    return np.array(INK_TINT, np.float32) * level


def _paint_skin(picture: Floats, lid: _Lid, sheet: Sheet, paint: float, light: float, *, from_below: bool) -> Floats:
    """The lid as the skin above it, or below the eye, darker towards its edge."""
    eye_px, rows, columns = sheet.eye_px, sheet.rows, sheet.columns
    was, now = lid.rows(columns)
    start = was - LID_OVERLAP * eye_px
    is_lid = (columns > lid.edge[:, 0].min()) & (columns < lid.edge[:, 0].max()) & (rows > start) & (rows < now)
    taken = now + SKIN_BELOW * eye_px if from_below else was - SKIN_ABOVE * eye_px
    skin = cv2.remap(picture, columns, taken.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    depth = np.clip((rows - start) / np.maximum(now - start, 1), 0, 1)
    shaded = blurred(skin, SKIN_BLUR * eye_px) * (light - LID_SHADE * depth)[..., None]
    return mixed(picture, shaded, paint * blurred(is_lid.astype(np.float32), LID_BLUR * eye_px))


def _fold(picture: Floats, lid: _Lid, sheet: Sheet, rng: np.random.Generator) -> Floats:
    """Folds from the outer corner of a pinched eye, perhaps with one below it."""
    lines: list[Points] = []
    for _ in range(int(rng.integers(*FOLDS))):
        angle, length = np.radians(rng.uniform(*FOLD_ANGLES_DEG)), rng.uniform(*FOLD_LENGTHS)
        start = np.array((0.03 * lid.outwards, rng.uniform(*FOLD_STARTS)))
        way = length * np.array((lid.outwards * np.cos(angle), np.sin(angle)))
        lines.append((lid.edge[0] + sheet.eye_px * np.array((start, start + way))).astype(np.float32))
    picture = _inked(picture, _strokes(sheet, lines, FOLD_WIDTH, FOLD_BLUR), rng.uniform(*FOLD_INK))
    if rng.random() < BAG_SHARE:
        below = lid.floor + np.array((0, rng.uniform(*BAG_BELOW) * sheet.eye_px), np.float32)
        picture = _inked(picture, _strokes(sheet, [below], BAG_WIDTH, BAG_BLUR), rng.uniform(*BAG_INK))
    return picture


def _socket(lid: _Lid, sheet: Sheet) -> Plane:
    """The hollow between eye and brow, float32 [H, W], 0 … 1."""
    x, y = lid.edge.mean(0) - np.array((0, SOCKET_RAISE * sheet.eye_px))
    across, down = SOCKET_REACH * sheet.eye_px, SOCKET_HEIGHT * sheet.eye_px
    return np.exp(-(((sheet.columns - x) / across) ** 2) - ((sheet.rows - y) / down) ** 2).astype(np.float32)


def _lash_cover(lid: _Lid, sheet: Sheet, lashes: _Lashes, rng: np.random.Generator) -> Plane:
    """The line along a lid and the lashes that hang from it, float32 [H, W], 0 … 1."""
    steps = np.linspace(0, 1, EDGE_POINTS)
    edge = CubicSpline(np.linspace(0, 1, len(lid.edge)), lid.edge)(steps)
    hanging: list[Points] = []
    for _ in range(lashes.count):
        inwards = rng.random() * 0.9  # none at the inner corner
        root = edge[int(inwards * (EDGE_POINTS - 1))]
        length = lashes.length * sheet.eye_px * rng.uniform(0.5, 1.1) * (1 - LASH_SHORTER * inwards)
        angle = np.radians(lashes.droop_deg * (1 - inwards) + rng.uniform(-LASH_SPREAD_DEG, LASH_SPREAD_DEG))
        way = length * np.array((lid.outwards * np.sin(angle), np.cos(angle)))
        tip = way + length * LASH_BEND * np.array((lid.outwards, -0.5))
        hanging.append(np.stack([root, root + way / 2, root + tip]).astype(np.float32))
    width_px = lashes.edge_width * sheet.eye_px
    return np.maximum(sheet.stroke(lid.edge, width_px, EDGE_ENDS * width_px), _strokes(sheet, hanging, LASH_WIDTH, 0.0))


def _strokes(sheet: Sheet, lines: Sequence[Points], width: float, blur: float) -> Plane:
    """Coverage of thin lines [N, 2], pixels, float32 [H, W], 0 … 1; width and blur in eye distances."""
    fine, bits = STROKE_SUPERSAMPLING, 2**SUBPIXEL_BITS
    mask = np.zeros((sheet.shape[0] * fine, sheet.shape[1] * fine), np.uint8)
    points = [np.round(line * fine * bits).astype(np.int32) for line in lines]
    width_px = max(1, round(width * sheet.eye_px * fine))
    cv2.polylines(mask, points, False, (255,), width_px, cv2.LINE_AA, SUBPIXEL_BITS)
    cover = cv2.resize(mask, (sheet.shape[1], sheet.shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return blurred(cover, blur * sheet.eye_px) if blur > 0 else cover


def _inked(picture: Floats, cover: Plane, ink: float) -> Floats:
    """The picture darkened by a share where it is covered."""
    return (picture * (1 - ink * cover)[..., None]).astype(np.float32)
