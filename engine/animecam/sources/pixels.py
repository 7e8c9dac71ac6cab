"""From the decoder's frame to the pipeline's planes: views where the format allows, a conversion where it does not."""

from __future__ import annotations  # a class method names its own class

import logging
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.video.reformatter import ColorRange, VideoReformatter

from animecam.bars import Inset
from animecam.color import HD_HEIGHT_PX, resolve_matrix
from animecam.cuda.ffmpeg import left_on_gpu
from animecam.cuda.pixels import DevicePixels
from animecam.sources.fitting import SCALING, Fit, Shape, find_fit
from animecam.sources.hdr import ToSdr, hdr_transfer
from animecam.sources.orientation import Orientation, mirrored, orientation
from animecam.sources.paper import may_be_transparent, on_paper, opacity
from animecam.sources.stored_color import (
    is_grey,
    is_known_matrix,
    is_rgb,
    name_known_matrix,
    refuse_floats,
    stored_color,
)
from animecam.sources.tone_table import SDR
from animecam.sources.views import copied, made_even, views
from animecam.types import Color, ColorMatrix, PixelFormat, Plane, StreamFormat, picture_size

log = logging.getLogger(__name__)

CONVERTED = "yuv420p"  # what every other format becomes

_DIRECT = {
    "yuv420p": PixelFormat.YUV420P,
    "yuvj420p": PixelFormat.YUV420P,
    "yuv422p": PixelFormat.YUV422P,
    "yuvj422p": PixelFormat.YUV422P,
    "yuv444p": PixelFormat.YUV444P,
    "yuvj444p": PixelFormat.YUV444P,
    "nv12": PixelFormat.NV12,
    "rgb24": PixelFormat.RGB24,
}
_UNSAID_SWSCALE_MATRIX = 5  # any will do for the way to RGB and back, if it is the same one
_SWSCALE_MATRICES = {ColorMatrix.BT709: 1, ColorMatrix.BT601: 5, ColorMatrix.BT2020: 9}


@dataclass(frozen=True, slots=True)
class Pixels:
    """The part of a `Frame` that is picture.

    Attributes:
        planes: Read-only; they keep the memory of the decoder alive, or are a copy of a device's. Empty for a picture
            on a GPU.
        pixel_format: Layout of the planes.
        color: Meaning of the numbers.
        on_gpu: The picture on a GPU.
        inset: As in `Frame`.
    """

    planes: tuple[Plane, ...]
    pixel_format: PixelFormat
    color: Color
    on_gpu: DevicePixels | None = None
    inset: Inset | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return picture_size(self.planes, self.on_gpu)


@dataclass(frozen=True, slots=True)
class _Target:
    """What every frame of a source is to be: like the first."""

    format_name: str
    shape: Shape
    color: Color

    @classmethod
    def of(cls, frame: av.VideoFrame, shape: Shape, color: Color) -> _Target:
        """The first frame's own kind, or yuv420p: YUV keeps its matrix and range, RGB gets the usual ones."""
        stored = _stored_format(frame)
        if stored in _DIRECT:
            return cls(stored, shape, color)
        if is_rgb(frame.format):
            matrix = ColorMatrix.BT709 if frame.height >= HD_HEIGHT_PX else ColorMatrix.BT601
            color = replace(color, matrix=matrix, full_range=False)
        return cls(CONVERTED, shape, color)

    @classmethod
    def like(cls, stream: StreamFormat) -> _Target:
        """The kind of a source that was open before."""
        shape = Shape(stream.width_px, stream.height_px, stream.rotation_deg, stream.pixel_aspect)
        return cls(stream.pixel_format.value, shape, stream.color)

    @property
    def matrix(self) -> ColorMatrix:
        """What its luma and chroma are made with."""
        return resolve_matrix(self.color, self.shape.height_px)


class Unwrapper:
    """Turns decoded frames into planes of one pixel format, size, turn and range: those of the first frame.

    A picture of another size, as of a phone that was turned, lies between black bars. Formats that do not travel
    through the pipeline (10 bits, grey, palettes, BGR, packed YUV…) become yuv420p, their transparent parts white, and
    HDR becomes SDR. What is to be shown mirrored is mirrored here, as no output can note that; the turn of the first
    frame is left to whoever shows the picture.

    Args:
        name: The source, for messages.
        threads: Threads of a conversion, 0 lets it choose.
        is_lent: Decoded frames lie in memory of a device, which is gone with it: their pixels are copied.
        unsaid_matrix: Matrix of YUV that names none.
        like: What the planes are to be; None: like the first frame's.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        *,
        is_lent: bool = False,
        unsaid_matrix: ColorMatrix = ColorMatrix.UNSPECIFIED,
        like: StreamFormat | None = None,
    ) -> None:
        self._name = name
        self._threads = threads
        self._is_lent = is_lent
        self._unsaid_matrix = unsaid_matrix
        self._reformatter = VideoReformatter()
        self._to_sdr = ToSdr(threads)
        self._held = Orientation()
        self._target = None if like is None else _Target.like(like)
        self._has_begun = self._has_told_of_kind = self._has_told_of_size = False

    @property
    def shape(self) -> Shape:
        """How its pictures are stored; known once there was one."""
        assert self._target is not None, "there was a picture"
        return self._target.shape

    def __call__(
        self, frame: av.VideoFrame, alpha: av.VideoFrame | None = None, pixel_aspect: Fraction = Fraction(1)
    ) -> Pixels:
        """The pixels of a frame; copied if they are lent, of a format that is not in `PixelFormat`, or of odd sides.

        Args:
            frame: As decoded.
            alpha: Its transparency where that comes apart: grey, of the same size.
            pixel_aspect: As in `StreamFormat`, of this frame.

        Raises:
            SourceError: The first one stores floating-point numbers.
        """
        color, is_lent = stored_color(frame, self._unsaid_matrix), self._is_lent
        self._held = orientation(frame) or self._held  # streams say it with the first frame alone
        is_mirrored = self._held.is_mirrored
        shape = Shape(frame.width, frame.height, self._held.rotation_deg, pixel_aspect)
        if not self._has_begun:
            self._has_begun = True
            refuse_floats(self._name, frame.format)
            self._tell(frame, color)
        name_known_matrix(frame, color)
        if (transfer := hdr_transfer(color)) is not None:
            if alpha is None and may_be_transparent(frame.format):
                alpha = opacity(self._reformatter.reformat(frame, format="rgba", threads=self._threads))
            frame, color, is_lent = self._to_sdr(frame, color, transfer), SDR, False
        stored = _stored_format(frame)
        if self._target is None:
            self._target = _Target.of(frame, shape, color)
        target = self._target
        pixel_format = _DIRECT[target.format_name]
        if (fit := find_fit(shape, target.shape, pixel_format)) is not None:
            self._tell_of_size(shape, target.shape)
            return self._fitted(frame, alpha, color, target, fit)
        is_wanted = _DIRECT.get(stored) is pixel_format and color.full_range == target.color.full_range
        is_wanted &= not pixel_format.is_yuv or resolve_matrix(color, frame.height) is target.matrix
        is_other = not is_wanted and stored in _DIRECT
        is_wanted &= alpha is None
        on_gpu = left_on_gpu(frame) if is_wanted and not is_mirrored else None
        if on_gpu is not None:
            return Pixels((), pixel_format, color, on_gpu)
        if not is_wanted or frame.sw_format is not None:  # the latter lies on a GPU, and is brought down
            if is_other and not self._has_told_of_kind:
                self._has_told_of_kind = True
                log.info("%s changes its kind of picture on the way; it is converted to the first", self._name)
            frame = self._convert(frame, alpha, color, target)
            color, is_lent = target.color, False
        planes = views(frame, pixel_format)
        if is_lent and not is_mirrored:
            planes = tuple(map(copied, planes))
        planes = made_even(planes, pixel_format)
        if is_mirrored:  # only now: each chroma sample stays with its own pixels
            planes = tuple(map(mirrored, planes))
        return Pixels(planes, pixel_format, color)

    def _fitted(
        self, frame: av.VideoFrame, alpha: av.VideoFrame | None, color: Color, target: _Target, fit: Fit
    ) -> Pixels:
        """The pixels of a frame of another size or turn."""
        pixel_format = _DIRECT[target.format_name]
        planes = views(self._convert(frame, alpha, color, target, fit), fit.scaled_format(pixel_format))
        if self._held.is_mirrored:  # which comes before the turn
            planes = tuple(map(mirrored, planes))
        planes = fit.placed(planes, pixel_format, is_full=target.color.full_range)
        return Pixels(planes, pixel_format, target.color, inset=fit.inset)

    def _convert(
        self, frame: av.VideoFrame, alpha: av.VideoFrame | None, color: Color, target: _Target, fit: Fit | None = None
    ) -> av.VideoFrame:
        """A frame in the format and the colours of the target, and scaled as a fit asks for it."""
        width_px, height_px = (frame.width, frame.height) if fit is None else fit.scaled_px
        format_name = target.format_name if fit is None else fit.scaled_format(_DIRECT[target.format_name]).value
        # swscale takes every grey picture for full range; said on both sides, its numbers stay as they are.
        is_limited_grey = is_grey(frame.format) and not color.full_range
        is_full = color.full_range or is_limited_grey
        matrix = own = _SWSCALE_MATRICES.get(target.color.matrix)
        if (stored := resolve_matrix(color, frame.height)) is not target.matrix and not is_rgb(frame.format):
            own, matrix = _SWSCALE_MATRICES[stored], _SWSCALE_MATRICES[target.matrix]
        if alpha is not None or may_be_transparent(frame.format):
            matrix = matrix or _UNSAID_SWSCALE_MATRIX
            laid = self._on_paper(frame, alpha, own or matrix, is_full=is_full)
            frame, is_full = (frame, is_full) if laid is None else (laid, True)
        return self._reformatter.reformat(
            frame,
            width=width_px,
            height=height_px,
            format=format_name,
            interpolation=None if fit is None else SCALING,
            src_colorspace=None if own == matrix else own,
            dst_colorspace=matrix,
            src_color_range=_range(is_full),
            dst_color_range=_range(target.color.full_range or is_limited_grey),
            threads=1 if frame.width % 2 else self._threads,  # swscale's threads spoil rows of odd widths
        )

    def _on_paper(
        self, frame: av.VideoFrame, alpha: av.VideoFrame | None, matrix: int, *, is_full: bool
    ) -> av.VideoFrame | None:
        rgba = self._reformatter.reformat(
            frame,
            format="rgba",
            src_colorspace=matrix,
            src_color_range=_range(is_full),
            dst_color_range=_range(True),
            threads=self._threads,
        )
        return on_paper(rgba, alpha)

    def _tell_of_size(self, shape: Shape, first: Shape) -> None:
        """Says once that pictures are of another size than the first; of those that are only turned nothing is lost."""
        if not self._has_told_of_size and shape.upright_px != first.upright_px:
            self._has_told_of_size = True
            text = "%s: the picture changes from %dx%d to %dx%d pixels on the way; it is fitted into the first size"
            log.warning(text, self._name, *first.upright_px, *shape.upright_px)

    def _tell(self, frame: av.VideoFrame, color: Color) -> None:
        stored = _stored_format(frame)
        if (transfer := hdr_transfer(color)) is not None:
            log.info("%s is HDR (%s); the processor converts it to SDR", self._name, transfer.name)
        elif stored not in _DIRECT:
            log.info("%s stores %s; it is converted to %s", self._name, stored, CONVERTED)
        if self._held.is_mirrored and left_on_gpu(frame) is not None:
            log.info("%s is stored mirrored; its pictures leave the GPU, and the processor mirrors them", self._name)
        if not is_known_matrix(frame):
            text = "%s: its colours may be off: the matrix %d, of which they are made, is not known here"
            log.warning(text, self._name, frame.colorspace)
        if frame.interlaced_frame:
            hint = "deinterlace it first: ffmpeg -i IN -vf bwdif OUT"
            log.warning("%s is interlaced and is drawn as it is, combs included (%s)", self._name, hint)


def _stored_format(frame: av.VideoFrame) -> str:
    """FFmpeg's name of the layout of the pixels, wherever they lie."""
    return frame.sw_format.name if frame.sw_format is not None else frame.format.name


def _range(is_full: bool) -> ColorRange:
    return ColorRange.JPEG if is_full else ColorRange.MPEG
