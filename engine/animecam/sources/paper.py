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


def on_paper(rgba: av.VideoFrame) -> av.VideoFrame | None:
    """A frame of rgba as rgb24 on white paper; None if nothing of it is transparent."""
    pixels: NDArray[Any] = rgba.to_ndarray()
    alpha = pixels[:, :, 3:].astype(np.uint16)
    if alpha.min() == _OPAQUE:
        return None
    laid = pixels[:, :, :3] * alpha + PAPER * (_OPAQUE - alpha) + _OPAQUE // 2  # at most 255 * 255 + 127: 16 bits
    return av.VideoFrame.from_ndarray((laid // _OPAQUE).astype(np.uint8), format="rgb24")
