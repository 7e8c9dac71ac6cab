"""The memory of a decoded frame as planes."""

import av
import numpy as np
from av.video.plane import VideoPlane

from animecam.types import PixelFormat, Plane


def views(frame: av.VideoFrame, pixel_format: PixelFormat) -> tuple[Plane, ...]:
    """The planes without their padding, read-only. Each array's base is the plane, which holds the frame."""
    return tuple(_view(plane, layout.channels) for plane, layout in zip(frame.planes, pixel_format.planes, strict=True))


def _view(plane: VideoPlane, channels: int) -> Plane:
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, abs(plane.line_size))
    if plane.line_size < 0:  # stored bottom up
        rows = rows[::-1]
    view = rows[:, : plane.width * channels]
    if channels > 1:
        view = view.reshape(plane.height, plane.width, channels)
    view.flags.writeable = False
    return view


def copied(plane: Plane) -> Plane:
    """A plane in memory of its own, read-only."""
    copy = plane.copy()
    copy.flags.writeable = False
    return copy


def made_even(planes: tuple[Plane, ...], pixel_format: PixelFormat) -> tuple[Plane, ...]:
    """YUV planes whose luma has even sides: the last row and column are repeated where they are not."""
    height_px, width_px = planes[0].shape[:2]
    if not pixel_format.is_yuv or (height_px % 2 == 0 and width_px % 2 == 0):
        return planes
    full_height, full_width = height_px + height_px % 2, width_px + width_px % 2
    padded: list[Plane] = []
    for plane, layout in zip(planes, pixel_format.planes, strict=True):
        missing = [
            (0, full_height // layout.step_y - plane.shape[0]),
            (0, full_width // layout.step_x - plane.shape[1]),
        ]
        missing += [(0, 0)] * (plane.ndim - 2)
        grown = np.pad(plane, missing, mode="edge")
        grown.flags.writeable = False
        padded.append(grown)
    return tuple(padded)
