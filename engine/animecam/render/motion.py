"""Where the pixels of a small picture lay in the one before: dense motion by least squares.

Lucas, Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision", IJCAI 1981, about every
second pixel of a pyramid, coarse to fine. It takes less time than OpenCV's dense inverse search on pictures of half the
side, along whose motion drawings are calmed less; on pictures of this side that takes seven times as long.
"""

from functools import lru_cache
from typing import TypeAlias, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.render.upright import HALF

Gray: TypeAlias = NDArray[np.uint8]
"""uint8 [S, S]."""

Floats: TypeAlias = NDArray[np.float32]
"""float32 [H, W]."""

Flow: TypeAlias = tuple[Floats, Floats]
"""Where each pixel of one picture lies in another, relative to itself, in pixels: across and down."""

Values = TypeVar("Values", Gray, Floats)

LEVELS = 3
"""Pictures of the pyramid, each of half the side of the one before. One step of least squares on each is enough: on six
clips of people two on the coarser ones calm drawings no better."""

WINDOW_PX = 5
"""Side of the square that is taken to move alike, in pixels of the flow, and of that over which the flow is averaged.
With 3 a closing lid passes for motion, and the open eye smears under it; with 9 little of a quick turn is found."""

STIFFNESS = 4.0
"""What is added to the squares of the slopes, in levels per pixel, squared: where there is no slope, nothing moves."""

SOBEL_SUM = 8.0
"""What Sobel's operator makes of a slope of one level per pixel."""


def find_motion(before: Gray, now: Gray) -> Flow:
    """Where the pixels of a picture lay in the last one.

    Args:
        before: The last picture; its side is a multiple of 8, for the coarsest level has a flow of half its side.
        now: This picture, of the same size.

    Returns:
        For every second pixel across and down, [S/2, S/2] each, in pixels of the pictures.
    """
    levels = [(before, now)]
    for _ in range(LEVELS - 1):
        levels.append((_halved(levels[-1][0]), _halved(levels[-1][1])))
    still = np.zeros((1, 1), np.float32)
    flow = still, still
    for last, this in reversed(levels):
        flow = _improved(last, this, flow)
    return flow


def _improved(before: Gray, now: Gray, flow: Flow) -> Flow:
    """A flow that explains more of the difference of two pictures than that of the level before, of half their side."""
    side = now.shape[0]
    across, down = (_resized(one * np.float32(HALF), side // HALF) for one in flow)
    x, y = grid(side, side)
    carried = cv2.remap(
        before,
        x + _resized(across, side),
        y + _resized(down, side),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    left = cast(Floats, cv2.subtract(now, carried, dtype=cv2.CV_32F))
    slope_x, slope_y = _slope(now, 1, 0), _slope(now, 0, 1)
    xx, xy, yy = _around(slope_x * slope_x), _around(slope_x * slope_y), _around(slope_y * slope_y)
    xx, yy = xx + STIFFNESS, yy + STIFFNESS
    along, aside = _around(slope_x * left), _around(slope_y * left)
    share = 1.0 / (xx * yy - xy * xy)
    across += (yy * along - xy * aside) * share
    down += (xx * aside - xy * along) * share
    return _blurred(across), _blurred(down)


def _slope(picture: Gray, across: int, down: int) -> Floats:
    sobel = cv2.Sobel(picture, cv2.CV_32F, across, down, scale=1.0 / SOBEL_SUM, borderType=cv2.BORDER_REPLICATE)
    return cast(Floats, sobel)


def _around(values: Floats) -> Floats:
    """The means around every second pixel."""
    return _blurred(_halved(values))


def _blurred(values: Floats) -> Floats:
    return cast(Floats, cv2.blur(values, (WINDOW_PX, WINDOW_PX)))


def _halved(picture: Values) -> Values:
    height, width = picture.shape
    return cast(Values, cv2.resize(picture, (width // HALF, height // HALF), interpolation=cv2.INTER_AREA))


def _resized(values: Floats, side: int) -> Floats:
    return cast(Floats, cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR))


@lru_cache(maxsize=16)
def grid(height_px: int, width_px: int) -> tuple[Floats, Floats]:
    """Where each pixel lies, across and down, float32 [height_px, width_px] each; shared and read-only."""
    down, across = np.mgrid[:height_px, :width_px].astype(np.float32)
    for places in (across, down):
        places.flags.writeable = False
    return across, down
