"""Frames with transparent parts, laid on white paper: what is under full transparency was never meant to be seen."""

from typing import Any

import av
import numpy as np
from av.video.format import VideoFormat
from numpy.typing import NDArray

PAPER = 255  # what shows through transparent parts: white
_OPAQUE = 255


def may_be_transparent(video_format: VideoFormat) -> bool:
    """Whether a format stores transparency; the colours of a palette may."""
    return video_format.has_palette or any(part.is_alpha for part in video_format.components)


def opacity(rgba: av.VideoFrame) -> av.VideoFrame:
    """The transparency of a frame by itself: grey, 255 where it hides what is under it."""
    pixels: NDArray[Any] = rgba.to_ndarray()
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:, :, 3]), format="gray")


def on_paper(rgba: av.VideoFrame, alpha: av.VideoFrame | None = None) -> av.VideoFrame | None:
    """A frame on white paper, as rgb24; None if nothing of it is transparent.

    Args:
        rgba: The frame.
        alpha: Its transparency where that comes apart: grey, of the same size.
    """
    pixels: NDArray[Any] = rgba.to_ndarray()
    opacity = pixels[:, :, 3:] if alpha is None else alpha.to_ndarray(format="gray")[:, :, None]
    if opacity.min() == _OPAQUE:
        return None
    opacity = opacity.astype(np.uint16)
    laid = pixels[:, :, :3] * opacity + PAPER * (_OPAQUE - opacity) + _OPAQUE // 2  # 16 bits hold 255 * 255 + 127
    return av.VideoFrame.from_ndarray((laid // _OPAQUE).astype(np.uint8), format="rgb24")
