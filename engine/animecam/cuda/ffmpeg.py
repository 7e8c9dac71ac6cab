"""The door to FFmpeg's frames on a GPU: what its decoder (NVDEC) leaves there, and what its encoder (NVENC) takes."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from functools import cache
from typing import cast

import numpy as np
from av import VideoFrame
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext
from av.video.frame import CudaContext
from numpy.typing import NDArray

from animecam.cuda.dlpack import CUDA
from animecam.cuda.pixels import NV12, DevicePixels

_ON_GPU = "cuda"  # FFmpeg's name of the kind of device, and of the pixel format of frames that lie there

_SAME_CONTEXT = {"primary_ctx": "1"}  # in which our kernels run, too: memory is good in both


def decoding(gpu: int) -> HWAccel:
    """What a container is opened with so that a GPU decodes; what it cannot decode, the processor does."""
    return HWAccel(_ON_GPU, device=str(gpu), allow_software_fallback=True, options={**_SAME_CONTEXT}, is_hw_owned=True)


def encoding(gpu: int) -> HWAccel:
    """What an encoder is opened with that takes frames on a GPU; frames of the host it brings there."""
    return HWAccel(_ON_GPU, device=str(gpu), options={**_SAME_CONTEXT})


def left_on_gpu(frame: VideoFrame) -> DevicePixels | None:
    """The pixels of a decoded frame that lies on a GPU as we take it there; None if it does not."""
    if not lies_on_gpu(frame) or frame.width % 2 or frame.height % 2:
        return None
    luma, chroma = frame.planes  # each keeps the frame
    return DevicePixels(luma, chroma, frame.width, frame.height)


def lies_on_gpu(frame: VideoFrame) -> bool:
    """Whether a decoded frame is an NV12 picture in a GPU's memory: 8 bits, 4:2:0."""
    return frame.format.name == _ON_GPU and frame.sw_format is not None and frame.sw_format.name == NV12


def is_uncropped(frame: VideoFrame, context: VideoCodecContext) -> bool:
    """Whether a decoded frame shows more than it should: on a GPU FFmpeg crops no picture at its left and top.

    See `av_frame_apply_cropping`: of hardware formats only the right and the bottom are cut off.

    Args:
        frame: On a GPU or not.
        context: Of its decoder, which tells the size of what is to be seen.
    """
    return frame.format.name == _ON_GPU and (frame.width, frame.height) != (context.width, context.height)


def to_video_frame(pixels: DevicePixels) -> VideoFrame:
    """The same memory as FFmpeg's frame, which holds on to it for as long as an encoder looks at it."""
    kind, index = pixels.luma.__dlpack_device__()
    context = _context(index) if kind == CUDA else None
    return VideoFrame.from_dlpack((pixels.luma, pixels.chroma), format=NV12, cuda_context=context)


def downloaded(pixels: DevicePixels) -> NDArray[np.uint8]:
    """The picture in the host's memory, as `DevicePixels.fetch`."""
    # FFmpeg brings frames of a GPU down before it does anything with them.
    return cast(NDArray[np.uint8], to_video_frame(pixels).reformat(format=NV12).to_ndarray())


@cache
def _context(gpu: int) -> CudaContext:
    """FFmpeg's view of a GPU: it keeps what it learns of each size of picture."""
    return CudaContext(device_id=gpu, primary_ctx=True)
