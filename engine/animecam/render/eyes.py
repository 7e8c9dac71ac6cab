"""Larger eyes: each eye of a filmed picture is magnified in place before it is drawn, so that the drawing agrees."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.affine import invert
from animecam.faces.smooth import OneEuroOptions, OneEuroState, advance, start
from animecam.types import WHOLE_FRAME, Face, Faces, Image, Region

REACH = 0.46
"""Radius of what moves around an eye, in distances between the eyes: up to the brow, and the two do not meet."""

MOST_SHRINK = 0.44
"""At amount 1 the middle of an eye shows this much less of the filmed picture, hence is 1.8 times as large."""

SMALLEST_PX = 5.0
"""Radius below which an eye is left alone: it has no pixels to spare."""

STEADY = OneEuroOptions(min_cutoff_hz=1.2, beta=12.0)
"""An eye that is magnified a little beside its middle looks elsewhere: steady at rest, quick to follow a head."""

EYES = 2  # the first points of a detection


@dataclass(frozen=True, slots=True)
class Bulge:
    """A round place that is magnified.

    Attributes:
        x_px: Its middle in continuous pixels of the picture.
        y_px: Its middle.
        radius_px: From where on nothing moves.
    """

    x_px: float
    y_px: float
    radius_px: float


class EyeEnlarger:
    """Magnifies the eyes of one stream. Call it with its frames in order: it steadies the eyes over time."""

    def __init__(self) -> None:
        self._eyes: dict[int, OneEuroState] = {}

    def __call__(
        self, time_s: float, faces: Faces, regions: Sequence[Region], pictures: Sequence[Image], amount: float
    ) -> tuple[Image, ...]:
        """Enlarges the eyes in the pictures of one frame.

        Args:
            time_s: The frame's time.
            faces: Who is in it; held faces have their eyes where they were.
            regions: Where the pictures lie in the frame: a head each, or everything.
            pictures: RGB, uint8 [H, W, 3] each; not touched.
            amount: From 0 (as filmed) to 1.

        Returns:
            New pictures where something changed, else the same.
        """
        self._eyes = {face.track_id: self._step(face, time_s) for face in faces.faces}
        return tuple(
            magnified(picture, self._bulges(region), amount) for region, picture in zip(regions, pictures, strict=True)
        )

    def forget(self) -> None:
        """Takes the next faces for new ones."""
        self._eyes = {}

    def _step(self, face: Face, time_s: float) -> OneEuroState:
        before = self._eyes.get(face.track_id)
        if before is not None and face.held:
            return before
        points_px = face.detection.points_px[:EYES].astype(np.float64)
        if before is None or time_s <= before.time_s:  # new, or the clip begins anew
            return start(points_px.reshape(-1), time_s)
        apart_px = float(np.linalg.norm(points_px[1] - points_px[0]))
        return advance(before, points_px.reshape(-1), time_s, STEADY, unit=max(apart_px, 1.0))

    def _bulges(self, region: Region) -> list[Bulge]:
        """The eyes that a region shows, in its own pixels."""
        to_crop = invert(region.to_frame)
        found: list[Bulge] = []
        for track_id, state in self._eyes.items():
            if region.track_id not in (WHOLE_FRAME, track_id):
                continue
            points_px = state.value.reshape(EYES, 2) @ to_crop[:, :2].T + to_crop[:, 2]
            radius_px = REACH * float(np.linalg.norm(points_px[1] - points_px[0]))
            found += [Bulge(float(x), float(y), radius_px) for x, y in points_px]
        return [bulge for bulge in found if bulge.radius_px >= SMALLEST_PX]


def magnified(picture: Image, bulges: Sequence[Bulge], amount: float) -> Image:
    """A picture with some places magnified, most in their middle and nothing at their border.

    Args:
        picture: RGB, uint8 [H, W, 3]; not touched.
        bulges: Places that do not overlap; what lies outside the picture is cut off.
        amount: From 0 to 1.

    Returns:
        A new picture; the same one where nothing changes.
    """
    height_px, width_px = picture.shape[:2]
    result: Image | None = None
    for bulge in bulges:
        left, right = _span(bulge.x_px, bulge.radius_px, width_px)
        top, bottom = _span(bulge.y_px, bulge.radius_px, height_px)
        if amount == 0.0 or right <= left or bottom <= top:
            continue
        across: NDArray[np.float32] = (np.arange(left, right, dtype=np.float32) + 0.5 - bulge.x_px)[None, :]
        down: NDArray[np.float32] = (np.arange(top, bottom, dtype=np.float32) + 0.5 - bulge.y_px)[:, None]
        inside = np.maximum(1.0 - (across**2 + down**2) / bulge.radius_px**2, 0.0)
        share = (1.0 - amount * MOST_SHRINK * inside * inside).astype(np.float32)
        map_x = (across * share + np.float32(bulge.x_px - 0.5)).astype(np.float32)
        map_y = (down * share + np.float32(bulge.y_px - 0.5)).astype(np.float32)
        if result is None:
            result = picture.copy()
        moved = cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # Round places that are apart share the corners of their squares where a head is tilted.
        np.copyto(result[top:bottom, left:right], moved, where=inside[..., None] > 0.0)
    return picture if result is None else result


def _span(middle_px: float, radius_px: float, side_px: int) -> tuple[int, int]:
    """The whole pixels of a side that a place touches."""
    return max(0, int(np.floor(middle_px - radius_px))), min(side_px, int(np.ceil(middle_px + radius_px)))
