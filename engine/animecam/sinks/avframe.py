"""Our frames as FFmpeg's, in the same pixel format and without a copy where the memory allows it."""

from typing import cast

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange

from animecam.cuda.ffmpeg import to_video_frame as shared
from animecam.types import Frame, PixelFormat

_BORROWED_FORMATS = (PixelFormat.YUV420P, PixelFormat.NV12, PixelFormat.RGB24)
_BORROWED_HEIGHT_STEP = 4  # PyAV takes a block of n rows of 4:2:0 for 4 * (n // 6) lines: wrong for other heights


def to_video_frame(frame: Frame) -> VideoFrame:
    """The picture as FFmpeg's frame; time stamps are left to the caller.

    Args:
        frame: Any frame. Where `frame.packed` can be used, FFmpeg holds a reference to it for as long as it looks
            ahead, so nobody may write to it again.

    Returns:
        A frame of the same size, pixel format and range, on the GPU if `frame` is.
    """
    if frame.on_gpu is not None:
        video_frame = shared(frame.on_gpu)
    elif frame.packed is not None and _can_borrow(frame):
        video_frame = VideoFrame.from_numpy_buffer(frame.packed, format=frame.pixel_format.value)
    else:
        video_frame = _copied(frame)
    if frame.pixel_format.is_yuv:
        video_frame.color_range = ColorRange.JPEG if frame.color.full_range else ColorRange.MPEG
    return video_frame


def _can_borrow(frame: Frame) -> bool:
    if frame.pixel_format is PixelFormat.RGB24:
        return True
    return frame.pixel_format in _BORROWED_FORMATS and frame.height_px % _BORROWED_HEIGHT_STEP == 0


def _copied(frame: Frame) -> VideoFrame:
    video_frame = VideoFrame(frame.width_px, frame.height_px, frame.pixel_format.value)
    for plane, target in zip(frame.planes, video_frame.planes, strict=True):
        height = plane.shape[0]
        memory = memoryview(cast(bytes, target))  # it has the buffer protocol, which its stub does not say
        rows = np.frombuffer(memory, dtype=np.uint8).reshape(height, target.line_size)
        row_bytes = plane[0].size
        rows[:, :row_bytes].reshape(plane.shape)[...] = plane
    return video_frame
