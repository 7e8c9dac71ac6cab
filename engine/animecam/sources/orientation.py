"""How a stored picture is to be held: mirrored or not, and by how much it is turned."""

import math
import struct
from dataclasses import dataclass

import av
import cv2

from animecam.sources.side_data import side_data
from animecam.types import Plane

_ACROSS = 1  # OpenCV's code: exchange left and right
_MATRIX = struct.Struct("=9i")  # of libavutil: a b u, c d v, x y w; a point goes to (a x + c y, b x + d y), y down
_QUARTER_DEG = 90


@dataclass(frozen=True, slots=True)
class Orientation:
    """What makes a stored picture look as it was meant.

    Attributes:
        is_mirrored: Left and right are exchanged first, as selfie cameras of phones ask for.
        rotation_deg: Counter-clockwise turn after that, to the nearest quarter: 0, 90, 180 or 270.
    """

    is_mirrored: bool = False
    rotation_deg: int = 0


def orientation(frame: av.VideoFrame) -> Orientation | None:
    """What a frame says of itself, in its container or in its codec; None if nothing."""
    matrix = side_data(frame, "DISPLAYMATRIX")
    if matrix is None:
        return None
    a, b, _, c, d, *_ = _MATRIX.unpack_from(matrix)
    is_mirrored = a * d - b * c < 0  # FFmpeg's own angle means nothing then
    if is_mirrored:
        a, b = -a, -b
    angle_deg = math.degrees(math.atan2(-b, a))
    return Orientation(is_mirrored, round(angle_deg / _QUARTER_DEG) * _QUARTER_DEG % 360)


def mirrored(plane: Plane) -> Plane:
    """A plane with left and right exchanged, read-only."""
    flipped = cv2.flip(plane, _ACROSS)
    flipped.flags.writeable = False
    return flipped  # pyright: ignore[reportReturnType] - OpenCV's stubs know no element type
