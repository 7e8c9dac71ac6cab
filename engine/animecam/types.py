"""The values that travel through the pipeline. All are frozen; nobody edits what it was given.

Coordinates are continuous pixels of the stored frame: pixel (i, j) covers [i, i + 1) x [j, j + 1), with its centre at
(i + 0.5, j + 0.5). A coordinate is the same place in a luma plane and, divided by the plane's step, in a chroma plane.
"""

from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from fractions import Fraction
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from animecam.bars import Inset
from animecam.cuda.pixels import DevicePixels

Plane: TypeAlias = NDArray[np.uint8]
"""One plane of a picture, uint8 [H, W] or [H, W, C]; rows may be strided, the last axis is contiguous."""

Image: TypeAlias = NDArray[np.uint8]
"""RGB pixels, uint8 [H, W, 3]."""

Points: TypeAlias = NDArray[np.float32]
"""Points in continuous frame pixels, float32 [N, 2] as (x, y)."""

Affine: TypeAlias = NDArray[np.float64]
"""Affine map of continuous pixel coordinates, float64 [2, 3], applied to column vectors (x, y, 1)."""


class PlaneLayout(NamedTuple):
    """How one plane samples the picture: channels side by side, one sample every step_x by step_y pixels."""

    channels: int
    step_x: int
    step_y: int


class PixelFormat(Enum):
    """Pixel formats that travel through the pipeline unconverted; values are FFmpeg's names."""

    YUV420P = "yuv420p"
    YUV422P = "yuv422p"
    YUV444P = "yuv444p"
    NV12 = "nv12"
    RGB24 = "rgb24"

    @property
    def planes(self) -> tuple[PlaneLayout, ...]:
        """The layout of each plane, in memory order."""
        return _PLANES[self]

    @property
    def is_yuv(self) -> bool:
        """Whether the planes hold luma and chroma."""
        return self is not PixelFormat.RGB24


_LUMA = PlaneLayout(1, 1, 1)
_PLANES: dict[PixelFormat, tuple[PlaneLayout, ...]] = {
    PixelFormat.YUV420P: (_LUMA, PlaneLayout(1, 2, 2), PlaneLayout(1, 2, 2)),
    PixelFormat.YUV422P: (_LUMA, PlaneLayout(1, 2, 1), PlaneLayout(1, 2, 1)),
    PixelFormat.YUV444P: (_LUMA, _LUMA, _LUMA),
    PixelFormat.NV12: (_LUMA, PlaneLayout(2, 2, 2)),
    PixelFormat.RGB24: (PlaneLayout(3, 1, 1),),
}


class ColorMatrix(IntEnum):
    """Luma-chroma matrix; values are those of ISO/IEC 23091-2 and of FFmpeg's AVColorSpace."""

    BT709 = 1
    UNSPECIFIED = 2
    BT601 = 6
    BT2020 = 9


@dataclass(frozen=True, slots=True)
class Color:
    """What the numbers of a frame mean as light (ISO/IEC 23091-2 code points; 2 is "unspecified")."""

    matrix: ColorMatrix = ColorMatrix.UNSPECIFIED
    full_range: bool = False
    primaries: int = 2
    transfer: int = 2
    profile: bytes = b""  # ICC profile of a picture's RGB; empty: it has none, which stands for sRGB


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture on its way through the pipeline, in the decoder's own pixel format.

    Attributes:
        planes: The pixels, an array a plane as `pixel_format.planes` says, read-only; empty on a GPU, see `on_host`.
        pixel_format: Layout of the planes. YUV frames have even sides.
        color: Matrix, range, primaries and transfer of the numbers.
        rotation_deg: Counter-clockwise turn that makes the stored picture stand upright: 0, 90, 180 or 270.
        index: Count of frames since the source was opened, from 0.
        pts, time_base: Presentation time from the source, and the seconds of its unit.
        captured_ns: `time.perf_counter_ns()` when the frame left the device or the decoder.
        duration: Length in units of `time_base`, 0 when the source does not say.
        packed: The memory behind `planes` as one array in PyAV's layout, if it is one: encoders take it as it is.
        is_placeholder: It stands in for a picture that there is not, and is shown as it is.
        on_gpu: The pixels of a frame that a GPU decoded or drew, where it left them.
        exif: EXIF data of a photo as its file has them, previews and all (a TIFF structure); empty: it has none.
        inset: Where what was filmed lies in the stored picture, the rest of which is black; None: it is all of it.
        pixel_aspect: Width of a stored pixel as shown, over its height: DV, DVD and HDV are stored squeezed.
        is_still: It is the only picture of its source, and may take its time.
        opacity: How much of each pixel is there, uint8 [height_px, width_px] as stored, 255 is all; None: all of it.
    """

    planes: tuple[Plane, ...]
    pixel_format: PixelFormat
    color: Color
    rotation_deg: int
    index: int
    pts: int
    time_base: Fraction
    captured_ns: int
    duration: int = 0
    packed: Plane | None = None
    is_placeholder: bool = False
    on_gpu: DevicePixels | None = None
    exif: bytes = b""
    inset: Inset | None = None
    pixel_aspect: Fraction = Fraction(1)
    is_still: bool = False
    opacity: Plane | None = None

    @property
    def width_px(self) -> int:
        """Width of the stored picture."""
        return picture_size(self.planes, self.on_gpu)[0]

    @property
    def height_px(self) -> int:
        """Height of the stored picture."""
        return picture_size(self.planes, self.on_gpu)[1]

    def on_host(self) -> "Frame":
        """The frame with its pixels in the host's memory; itself if they are there already."""
        if self.on_gpu is None:
            return self
        packed = self.on_gpu.fetch()
        luma, chroma = packed[: self.height_px], packed[self.height_px :].reshape(self.height_px // 2, -1, 2)
        return replace(self, planes=(luma, chroma), packed=packed, on_gpu=None)

    @property
    def time_s(self) -> float:
        """Presentation time in seconds, a view for filters and figures; `pts` is the exact one."""
        return float(self.pts * self.time_base)


def picture_size(planes: tuple[Plane, ...], on_gpu: DevicePixels | None) -> tuple[int, int]:
    """Width and height of a picture, wherever its pixels are."""
    if on_gpu is not None:
        return on_gpu.width_px, on_gpu.height_px
    height_px, width_px = planes[0].shape[:2]
    return width_px, height_px


def allocate_planes(pixel_format: PixelFormat, width_px: int, height_px: int) -> tuple[tuple[Plane, ...], Plane]:
    """Uninitialised planes in one block of memory.

    Args:
        pixel_format: Layout of the planes.
        width_px: Width of the picture, a multiple of the chroma step.
        height_px: Height of the picture, a multiple of the chroma step.

    Returns:
        The planes, and the block they are views of in PyAV's ndarray layout: [H * 3/2, W] for yuv420p and nv12,
        [H, W, 3] for rgb24, [2 * H, W] for yuv422p, [3, H, W] for yuv444p.
    """
    nbytes = sum((height_px // p.step_y) * (width_px // p.step_x) * p.channels for p in pixel_format.planes)
    block = np.empty(nbytes, dtype=np.uint8)
    packed_shapes = {PixelFormat.RGB24: (height_px, width_px, 3), PixelFormat.YUV444P: (3, height_px, width_px)}
    planes = planes_of(block, pixel_format, width_px, height_px)
    return planes, block.reshape(packed_shapes.get(pixel_format, (-1, width_px)))


def planes_of(block: Plane, pixel_format: PixelFormat, width_px: int, height_px: int) -> tuple[Plane, ...]:
    """The planes of a picture as views of bytes [N] in which they follow one another without gaps."""
    planes: list[Plane] = []
    start = 0
    for channels, step_x, step_y in pixel_format.planes:
        shape = (height_px // step_y, width_px // step_x) + ((channels,) if channels > 1 else ())
        stop = start + prod(shape)
        planes.append(block[start:stop].reshape(shape))
        start = stop
    return tuple(planes)


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a source delivers, known once it is open.

    Attributes:
        width_px, height_px: Of the stored picture.
        pixel_format: Pixel format of the frames.
        color: Meaning of the numbers.
        rotation_deg: As in `Frame`.
        time_base: As in `Frame`.
        rate: Nominal frames per second; for a camera what it promised, not what it holds.
        is_live: Frames come at the world's pace: the newest wins and none is waited for.
        frames, duration_s: Length in frames and in seconds, as far as known, else 0.
        bit_rate: Bits per second of the source's video stream if known, else 0.
        pixel_aspect: As in `Frame`; 1 if unknown.
        is_rate_told: The source says its rate; else `rate` is one that FFmpeg makes up, whatever comes.
    """

    width_px: int
    height_px: int
    pixel_format: PixelFormat
    color: Color
    rotation_deg: int
    time_base: Fraction
    rate: Fraction
    is_live: bool
    frames: int = 0
    duration_s: float = 0.0
    bit_rate: int = 0
    pixel_aspect: Fraction = Fraction(1)
    is_rate_told: bool = True


class Box(NamedTuple):
    """An upright rectangle in continuous pixels of the stored frame."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Detection:
    """A face as a detector sees it in one frame.

    Attributes:
        box_px: The face from brow to chin, in frame pixels.
        points_px: [4, 2]: the subject's right eye, left eye, nose tip, mouth centre.
        score: Confidence in [0, 1].
    """

    box_px: Box
    points_px: Points
    score: float


@dataclass(frozen=True, slots=True)
class Face:
    """A detection with an identity that lasts over frames.

    Attributes:
        track_id: Stable small number, from 0, never used twice in a run.
        detection: Where the face is now; the last known place when `held`.
        held: The face was not seen in this frame; its last place stands in.
    """

    track_id: int
    detection: Detection
    held: bool = False


@dataclass(frozen=True, slots=True)
class Faces:
    """All faces of one frame.

    Attributes:
        faces: Largest first, at most the number asked for.
        is_exposed: Somebody may be in view whom no face covers: nobody is seen, or one was lost and did not come back.
        left_out: So many more were seen lately than the number asked for.
        is_new_shot: A film was cut here: nothing that is remembered of the frames before is of any use.
    """

    faces: tuple[Face, ...] = ()
    is_exposed: bool = True
    left_out: int = 0
    is_new_shot: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of crop pixels and where it lies in the frame; the unit that is cropped, styled and pasted back.

    Attributes:
        track_id: The face it belongs to; WHOLE_FRAME for the whole picture.
        width_px, height_px: Of the crop; multiples of 8 where it is drawn, any where a detector looks at it.
        to_frame: Maps continuous crop pixels to continuous frame pixels.
    """

    track_id: int
    width_px: int
    height_px: int
    to_frame: Affine


WHOLE_FRAME = -1
"""`Region.track_id` of the region that is the whole picture."""
