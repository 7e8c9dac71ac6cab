"""What a decoded frame says of its colours."""

import re

import av
from av.video.format import VideoFormat
from av.video.reformatter import ColorRange

from animecam.errors import SourceError
from animecam.types import Color, ColorMatrix

FULL_RANGE_PREFIX = "yuvj"  # FFmpeg's older way to say "full range"
UNSPECIFIED = 2  # the code point of ISO/IEC 23091-2 that says nothing

_FLOATS = re.compile(r"f(16|32)(le|be)$")  # how the names of such formats end

_MATRICES = {
    1: ColorMatrix.BT709,
    4: ColorMatrix.BT601,  # FCC: its weights are those of BT.601 to two digits
    5: ColorMatrix.BT601,  # BT.470 B/G, the same numbers
    6: ColorMatrix.BT601,
    7: ColorMatrix.BT709,  # SMPTE 240M, the forerunner of BT.709; the weights differ by 0.5 %
    9: ColorMatrix.BT2020,
    10: ColorMatrix.BT2020,
}
_RGB = 0  # a code point, too
_CONSTANT_LUMINANCE = 10  # of BT.2020; its weights are those of the other


def stored_color(frame: av.VideoFrame, unsaid_matrix: ColorMatrix) -> Color:
    """What the numbers mean; those of RGB, palettes and grey are full range unless the frame says otherwise."""
    has_rgb = is_rgb(frame.format)
    says_full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(FULL_RANGE_PREFIX)
    is_unsaid_grey = is_grey(frame.format) and frame.color_range == ColorRange.UNSPECIFIED
    matrix = ColorMatrix.UNSPECIFIED if has_rgb else _MATRICES.get(frame.colorspace, unsaid_matrix)
    primaries, transfer = frame.color_primaries or UNSPECIFIED, frame.color_trc or UNSPECIFIED
    return Color(matrix, has_rgb or says_full or is_unsaid_grey, primaries, transfer)


def refuse_floats(uri: str, video_format: VideoFormat) -> None:
    """Refuses OpenEXR, Radiance and their like: their numbers are light, without a curve, which would be shown dark.

    Args:
        uri: The source, for the message.
        video_format: Of a frame.

    Raises:
        SourceError: The format stores floating-point numbers.
    """
    if _FLOATS.search(video_format.name):
        what = f"{uri} stores floating-point numbers, for light without a curve"
        raise SourceError(what, hint="develop it: save it as PNG, JPEG or a video first")


def is_rgb(video_format: VideoFormat) -> bool:
    """Whether a format stores red, green and blue, be it in a palette."""
    return video_format.is_rgb or video_format.has_palette


def is_grey(video_format: VideoFormat) -> bool:
    """Whether a format stores light alone."""
    return not is_rgb(video_format) and sum(not part.is_alpha for part in video_format.components) == 1


def is_known_matrix(frame: av.VideoFrame) -> bool:
    """Whether the matrix that a frame names is none, or one that can be converted."""
    return frame.colorspace in (*_MATRICES, _RGB, UNSPECIFIED)


def name_known_matrix(frame: av.VideoFrame, color: Color) -> None:
    """Has a frame name a matrix that swscale takes: it refuses frames with others, such as some damaged ones.

    Args:
        frame: As decoded.
        color: Meaning of its numbers.
    """
    if frame.colorspace == _CONSTANT_LUMINANCE or not is_known_matrix(frame):
        frame.colorspace = color.matrix
