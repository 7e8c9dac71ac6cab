"""Brows that come down, as those of people who frown, look down or wink do."""

from dataclasses import dataclass

import cv2
import numpy as np

from animecam_training.faces import Image, Points, eye_distance
from animecam_training.target.geometry import BROWS, EYELIDS, Floats, ramp

# Lengths are fractions of the distance between the eyes.
DROP, MOST_OF_GAP = (0.02, 0.13), 0.6  # how far they come down; at most so much of their distance from the lids
FOREHEAD, LEAST_GAP = 0.75, 0.1  # of skin that stretches above them; the least between brow and lid
SIDES = (0.85, 1.35)  # from the middle: where what moves fades
INNER, INNER_REACH = (0.0, 0.6), 0.45  # by how much less their outer ends come down than the inner ones


@dataclass(frozen=True, slots=True)
class _Brows:
    """Both brows as one arch above the arch of the lids, and how far it comes down.

    Attributes:
        middle: Column between the brows, pixels.
        eye_px: Distance between the eyes.
        brow: Parabola of the brows' rows, of columns from the middle; `numpy.polyval`.
        lid: That of an arch right above the upper lids.
        drop_px: How far the brows come down between the eyes.
        inner: By which share of that their ends come down less.
    """

    middle: float
    eye_px: float
    brow: Floats
    lid: Floats
    drop_px: float
    inner: float

    def places(self, columns: Floats) -> tuple[Floats, Floats, Floats]:
        """Rows of forehead, brow and lid between which skin moves, at each column."""
        aside = np.clip(columns - self.middle, -self.eye_px, self.eye_px)
        brow = np.polyval(self.brow, aside)
        lid = np.maximum(np.polyval(self.lid, aside), brow + LEAST_GAP * self.eye_px)
        return brow - FOREHEAD * self.eye_px, brow, lid

    def drop(self, columns: Floats) -> Floats:
        """How far the brow comes down at each column, pixels."""
        _, brow, lid = self.places(columns)
        aside = np.abs(columns - self.middle)
        fade = 1 - ramp(aside, *(reach * self.eye_px for reach in SIDES))
        inwards = np.exp(-((aside / (INNER_REACH * self.eye_px)) ** 2))
        drop = self.drop_px * fade * (1 - self.inner + self.inner * inwards)
        return np.minimum(drop, MOST_OF_GAP * (lid - brow)).astype(np.float32)


def lower_brows(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Points]:
    """Move both brows towards the eyes, by a random way; the lids stay where they are.

    Args:
        photo: RGB uint8 [H, W, 3], an upright face.
        mesh: float32 [468, 2], pixels.
        rng: Source of how far, and of how much of it their inner ends do.

    Returns:
        Photo and mesh.
    """
    brows = _find_brows(mesh, rng)
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    top, brow, lid = brows.places(columns)
    from_row = _between(rows, (top, brow + brows.drop(columns), lid), (top, brow, lid))
    moved = cv2.remap(photo, columns, from_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    top, brow, lid = brows.places(mesh[:, 0])
    result = mesh.copy()
    result[:, 1] = _between(mesh[:, 1], (top, brow, lid), (top, brow + brows.drop(mesh[:, 0]), lid))
    return moved.astype(np.uint8), result


def _find_brows(mesh: Points, rng: np.random.Generator) -> _Brows:
    brows = np.concatenate([mesh[list(brow)] for brow in BROWS])
    lids = np.concatenate([mesh[list(upper)] for upper, _ in EYELIDS])
    middle, eye_px = float(brows[:, 0].mean()), eye_distance(mesh)
    brow, lid = (np.polyfit(points[:, 0] - middle, points[:, 1], 2) for points in (brows, lids))
    lid[-1] -= (np.polyval(lid, lids[:, 0] - middle) - lids[:, 1]).max()  # above every point of them: lids do not move
    return _Brows(middle, eye_px, brow, lid, rng.uniform(*DROP) * eye_px, rng.uniform(*INNER))


def _between(rows: Floats, here: tuple[Floats, Floats, Floats], there: tuple[Floats, Floats, Floats]) -> Floats:
    """Rows between three lines moved to where they lie between three others, whose first and last are the same."""
    top, middle, bottom = here
    above = there[0] + (rows - top) * (there[1] - there[0]) / (middle - top)
    below = there[2] - (bottom - rows) * (there[2] - there[1]) / (bottom - middle)
    moved = np.where(rows <= middle, above, below)
    return np.where((rows > top) & (rows < bottom), moved, rows).astype(np.float32)
