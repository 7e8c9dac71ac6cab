"""Smooth changes of a face's proportions, the picture and the mesh alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from animecam_training.faces import Image, Plane, Points

WARP_TURNS = 12  # of the fixed-point inversion for the mesh; it converges to less than a hundredth of a pixel
JAW_STARTS, JAW_FADES, JAW_REACH_EYE = 0.25, 0.6, 1.9
"""Where the narrowing begins (of the way from eyes to chin), how far below the chin it ends, and its half width."""


@dataclass(frozen=True, slots=True)
class Lens:
    """Magnifies what lies around a point, and less and less of what lies further away.

    Attributes:
        centre: float32 [2], pixels.
        reach_px: Where the magnification has faded to nothing.
        gain: Magnification across and down at the centre; below 1 it makes smaller.
    """

    centre: Points
    reach_px: float
    gain: tuple[float, float]

    def displacement(self, points: Points) -> Points:
        """How far towards the centre the pixel shown at each of `points` [..., 2] is fetched from."""
        pull = np.array([1 - 1 / self.gain[0], 1 - 1 / self.gain[1]], np.float32)
        offset = points - self.centre
        near = np.clip(1 - (offset**2).sum(-1, keepdims=True) / self.reach_px**2, 0, 1)
        return (offset * near**2 * pull).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Jaw:
    """Narrows a face towards its chin.

    Attributes:
        eyes: float32 [2, 2]: centres of the eye on the left and on the right of the picture, pixels.
        chin: float32 [2], pixels.
        narrowing: Share of the width that is taken at the chin, 0 … 1.
    """

    eyes: Points
    chin: Points
    narrowing: float

    def displacement(self, points: Points) -> Points:
        """As of a lens."""
        middle, eye_px = self.eyes.mean(0), float(np.linalg.norm(self.eyes[1] - self.eyes[0]))
        across = (self.eyes[1] - self.eyes[0]) / eye_px
        down = np.array([-across[1], across[0]])
        offset = points - middle
        side, depth = offset @ across, offset @ down / max(float((self.chin - middle) @ down), 1.0)
        share = np.clip((depth - JAW_STARTS) / (1 - JAW_STARTS), 0, 1)
        share = share * share * (3 - 2 * share) * np.clip(1 - (depth - 1) / JAW_FADES, 0, 1)
        share = share * np.clip(1 - (side / (JAW_REACH_EYE * eye_px)) ** 2, 0, 1) ** 2
        pushed = -self.narrowing / (1 - self.narrowing) * side * share
        return (pushed[..., None] * across).astype(np.float32)


def warp_face(photo: Image, mesh: Points, person: Plane, changes: Sequence[Lens | Jaw]) -> tuple[Image, Points, Plane]:
    """Apply all changes at once.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [N, 2], pixels.
        person: float32 [H, W], 0 … 1.
        changes: Lenses and jaws, placed on the face as it is.

    Returns:
        All three as they are afterwards.
    """

    def displacement(points: Points) -> Points:
        total = np.zeros_like(points)
        for change in changes:
            total = total + change.displacement(points)
        return total

    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    here = np.stack([columns, rows], -1)
    source = (here - displacement(here)).astype(np.float32)
    xs, ys = source[..., 0], source[..., 1]
    moved = mesh.copy()
    for _ in range(WARP_TURNS):
        moved = mesh + displacement(moved)
    warped = cv2.remap(photo, xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.remap(person.astype(np.float32), xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped.astype(np.uint8), moved.astype(np.float32), mask.astype(np.float32)
