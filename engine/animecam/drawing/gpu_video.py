"""Whether a GPU decodes and encodes video: found out by doing both once, and looking at the pictures.

Hardware codecs are listed where no such hardware is, data-centre GPUs decode and do not encode, and a driver may be too
old for FFmpeg. What works is used; for the rest there is the processor, and one line that says why.
"""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.stream import VideoStream

from animecam.cuda.base import Gpu
from animecam.cuda.ffmpeg import decoding, encoding, left_on_gpu, to_video_frame
from animecam.cuda.pixels import NV12, GpuVideo
from animecam.errors import BackendError
from animecam.render.device_layout import Geometry
from animecam.render.device_pictures import DevicePictures
from animecam.sinks.avframe import to_video_frame as to_host_frame
from animecam.sinks.codecs import H264, H264_ON_GPU, quality
from animecam.sinks.options import SinkOptions
from animecam.types import Color, Frame, PixelFormat, Plane, allocate_planes

_SIDE_PX = 250  # in whole blocks of 16 it is more, so all must agree on what is cut off; much less is refused
_FRAMES = 8
_RATE = Fraction(30)
_LEAST_PSNR_DB = 30.0  # of smooth pictures at the encoder's usual quality; a plane that is out of place has 15 dB
_WHITE = 255.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Codecs:
    """What is tried; tests try others on the host.

    Attributes:
        decoding: Opens the decoder.
        encoding: Opens the encoder.
        encoder: FFmpeg's name of it.
    """

    decoding: Callable[[int], HWAccel | None] = decoding
    encoding: Callable[[int], HWAccel | None] = encoding
    encoder: str = H264_ON_GPU


_REAL = Codecs()


def find_gpu_video(gpu: Gpu, index: int, codecs: Codecs = _REAL) -> GpuVideo:
    """Decodes and encodes eight small frames on a GPU and compares them; takes a fraction of a second.

    Args:
        gpu: Open, and the calling thread's.
        index: Of the GPU, as the driver counts them.
        codecs: What to try.
    """
    film = [_picture(index) for index in range(_FRAMES)]
    can_decode = _works("decode", gpu, lambda: _check_decoder(gpu, film, codecs.decoding(index)))
    can_encode = can_decode and _works("encode", gpu, lambda: _check_encoder(gpu, film, index, codecs))
    return GpuVideo(index if can_decode else None, index if can_encode else None)


def _works(doing: str, gpu: Gpu, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in there, the processor does it instead
        log.info("%s does not %s video, the processor does: %s", gpu.name, doing, error)
        return False
    log.info("%s can %s video", gpu.name, doing)
    return True


def _check_decoder(gpu: Gpu, film: Sequence[Frame], hwaccel: HWAccel | None) -> None:
    """Compares with the processor's decoder, whose pictures are the same to the bit.

    Raises:
        BackendError: They are not, or do not stay on the GPU.
    """
    gpu.admit_others()
    stored = _encoded(H264, None, map(to_host_frame, film))
    on_gpu = [left_on_gpu(frame) for frame in _decoded(stored, hwaccel)]
    if len(on_gpu) != len(film) or None in on_gpu:
        raise BackendError("its decoder leaves no pictures there")
    for pixels, frame in zip(on_gpu, _decoded(stored), strict=True):
        if pixels is None or not np.array_equal(pixels.fetch(), _nv12(frame)):
            raise BackendError("its pictures are not those of the processor's decoder")


def _check_encoder(gpu: Gpu, film: Sequence[Frame], index: int, codecs: Codecs) -> None:
    """Compares what comes out of the encoder with what went in.

    Raises:
        BackendError: They differ by more than a loss of quality.
    """
    with ExitStack() as stack:
        pictures = DevicePictures(gpu)
        stack.callback(pictures.close)
        on_gpu = (to_video_frame(pixels) for frame in film if (pixels := _brought_up(gpu, pictures, frame).on_gpu))
        stored = _encoded(codecs.encoder, codecs.encoding(index), on_gpu)
    for frame, drawn in zip(film, map(_nv12, _decoded(stored)), strict=True):
        psnr_db = min(
            _psnr_db(ours, theirs)
            for ours, theirs in zip(_luma_and_chroma(_nv12(to_host_frame(frame))), _luma_and_chroma(drawn), strict=True)
        )
        if psnr_db < _LEAST_PSNR_DB:
            raise BackendError(f"its pictures are {psnr_db:.0f} dB from what went in, not {_LEAST_PSNR_DB:.0f}")


def _picture(index: int) -> Frame:
    """A slope that moves, with other slopes for its colours."""
    planes, packed = allocate_planes(PixelFormat.NV12, _SIDE_PX, _SIDE_PX)
    down, across = np.mgrid[:_SIDE_PX, :_SIDE_PX]
    planes[0][:] = 40 + (across + down + 8 * index) // 4
    planes[1][..., 0] = 80 + across[::2, ::2] // 4
    planes[1][..., 1] = 80 + down[::2, ::2] // 4
    return Frame(planes, PixelFormat.NV12, Color(), 0, index, index, 1 / _RATE, 0, packed=packed)


def _brought_up(gpu: Gpu, pictures: DevicePictures, frame: Frame) -> Frame:
    geometry = Geometry(frame.pixel_format, frame.width_px, frame.height_px)
    picture = pictures.take(geometry)
    if picture is None:
        raise BackendError("its memory is full")
    with ExitStack() as stack:
        stream = stack.enter_context(closing(gpu.stream()))
        pinned = stack.enter_context(closing(gpu.pinned(geometry.nbytes)))
        buffer = stack.enter_context(closing(gpu.buffer(geometry.nbytes)))
        planes = geometry.planes(pinned.array(np.uint8, (geometry.nbytes,)))
        for mine, theirs in zip(planes, frame.planes, strict=True):
            np.copyto(mine, theirs)
        stream.copy_in(buffer, pinned, geometry.nbytes)
        for to, source in zip(picture.rows, geometry.rows(buffer.address), strict=True):
            stream.copy_rows(to, source)
        stream.synchronize()
    return picture.frame(frame)


def _encoded(codec: str, hwaccel: HWAccel | None, frames: Iterable[av.VideoFrame]) -> bytes:
    stored = io.BytesIO()
    with av.open(stored, "w", format="matroska") as container:
        settings = dict(quality(codec, SinkOptions()))
        stream = cast(VideoStream, container.add_stream(codec, rate=_RATE, options=settings, hwaccel=hwaccel))
        try:
            stream.width = stream.height = _SIDE_PX
            stream.pix_fmt = PixelFormat.NV12.value
            stream.codec_context.open()  # before a frame is there: PyAV would take what it says of its memory as it is
            for index, frame in enumerate(frames):
                frame.pts, frame.time_base = index, 1 / _RATE
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        finally:
            del stream  # an error would keep the encoder, which must not outlive the pictures that it looks at
    return stored.getvalue()


def _decoded(stored: bytes, hwaccel: HWAccel | None = None) -> Iterator[av.VideoFrame]:
    with av.open(io.BytesIO(stored), "r", hwaccel=hwaccel) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"  # as files are decoded
        yield from container.decode(stream)


def _nv12(frame: av.VideoFrame) -> Plane:
    """The picture of a frame of the host, uint8 [H * 3/2, W]."""
    return cast(Plane, frame.reformat(format=NV12).to_ndarray())


def _luma_and_chroma(packed: Plane) -> tuple[Plane, Plane]:
    return packed[:_SIDE_PX], packed[_SIDE_PX:]


def _psnr_db(one: Plane, other: Plane) -> float:
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float(10 * np.log10(_WHITE**2 / max(error, 1e-9)))
