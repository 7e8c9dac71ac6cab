"""Whole frames in other pixel formats, for outputs that cannot take the frame's own."""

from dataclasses import replace
from fractions import Fraction
from typing import cast

import cv2
import numpy as np

from animecam.color import resolve_matrix, rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.types import Color, Frame, Image, PixelFormat, Plane, StreamFormat, allocate_planes

CHROMA_STEP = 2  # 4:2:0 has one chroma sample every two pixels, so its sides are even
FULL_RANGE_RGB = Color(full_range=True)
_QUARTER_TURN_DEG = 90
_HALF_TURN_DEG = 180


def to_rgb(frame: Frame, *, upright: bool = True) -> Image:
    """The frame as RGB, by the matrix and range of its colour.

    Chroma is interpolated linearly, its samples taken to lie in the middle of the pixels they cover. The result is
    within one level of the exact value.

    Args:
        frame: Any frame.
        upright: Turn the picture as `frame.rotation_deg` says.

    Returns:
        uint8 [H, W, 3]; for an RGB frame that needs no turn its own plane, so read-only by convention.
    """
    if frame.pixel_format.is_yuv:
        matrix = yuv_to_rgb_matrix(frame.color, frame.height_px)
        picture = cast(Image, cv2.transform(_full_chroma(frame), matrix))
    else:
        picture = frame.planes[0]
    return turned(picture, frame.rotation_deg) if upright else picture


def to_yuv420(frame: Frame, color: Color | None = None) -> Frame:
    """The frame as YUV 4:2:0 in three planes.

    Args:
        frame: Any frame; odd sides of an RGB frame are made even by repeating the last column or row.
        color: What the new numbers shall mean; None keeps the meaning of a YUV frame, and gives an RGB frame narrow
            range and the usual matrix of its size.

    Returns:
        The same picture; the frame itself when it has this format already.
    """
    if color is None:
        color = frame.color if frame.pixel_format.is_yuv else encoded_color(frame.color, frame.height_px)
    if frame.pixel_format.is_yuv and _means_the_same(frame.color, color, frame.height_px):
        luma, *chroma = _split_chroma(frame)
        if frame.pixel_format is PixelFormat.YUV420P:
            return frame
    else:
        matrix = rgb_to_yuv_matrix(color, frame.height_px)
        picture = _padded_to_even(to_rgb(frame, upright=False))
        luma, *chroma = cast(list[Plane], cv2.split(cv2.transform(picture, matrix)))
    planes, packed = allocate_planes(PixelFormat.YUV420P, luma.shape[1], luma.shape[0])
    planes[0][:] = luma
    for target, plane in zip(planes[1:], chroma, strict=True):
        # Areas are averaged, which is the exact way down by whole steps and a plain copy at the same size.
        cv2.resize(plane, target.shape[::-1], dst=target, interpolation=cv2.INTER_AREA)
    return replace(frame, planes=planes, packed=packed, pixel_format=PixelFormat.YUV420P, color=color)


def upright(frame: Frame) -> Frame:
    """The frame with its pixels turned, for outputs that cannot note a rotation."""
    if frame.rotation_deg == 0:
        return frame
    frame = frame.on_host()
    if frame.pixel_format is PixelFormat.YUV422P and frame.rotation_deg % _HALF_TURN_DEG:
        frame = to_yuv420(frame)  # a quarter turn of 4:2:2 has its chroma halved in height: no format of ours
    planes = tuple(turned(plane, frame.rotation_deg) for plane in frame.planes)
    opacity = None if frame.opacity is None else turned(frame.opacity, frame.rotation_deg)
    return replace(frame, planes=planes, packed=None, rotation_deg=0, opacity=opacity)


def to_square_rgb(frame: Frame) -> Image:
    """The frame as RGB, uint8 [H, W, 3], upright and drawn out until its pixels are squares."""
    picture = to_rgb(frame)
    if frame.pixel_aspect == 1:
        return picture
    size = square_size(frame)
    method = cv2.INTER_LINEAR if size[0] > picture.shape[1] else cv2.INTER_AREA
    return cast(Image, cv2.resize(picture, size, interpolation=method))


def square_opacity(frame: Frame) -> Plane | None:
    """How much of each pixel of `to_square_rgb` is there, uint8 [H, W]; None: all of it."""
    if frame.opacity is None:
        return None
    opacity = turned(frame.opacity, frame.rotation_deg)
    if frame.pixel_aspect == 1:
        return opacity
    size = square_size(frame)
    method = cv2.INTER_LINEAR if size[0] > opacity.shape[1] else cv2.INTER_AREA
    return cast(Plane, cv2.resize(opacity, size, interpolation=method))


def to_square_rgba(frame: Frame) -> Plane:
    """As `to_square_rgb`, with how much of each pixel is there, uint8 [H, W, 4]."""
    rgba = cast(Plane, cv2.cvtColor(to_square_rgb(frame), cv2.COLOR_RGB2RGBA))
    if (opacity := square_opacity(frame)) is not None:
        rgba[..., 3] = opacity
    return rgba


def with_squares(frame: Frame) -> Frame:
    """The frame itself if its pixels are squares, else one that is drawn out, upright RGB in the host's memory."""
    if frame.pixel_aspect == 1:
        return frame
    return replace(
        frame,
        planes=(to_square_rgb(frame.on_host()),),
        packed=None,
        on_gpu=None,
        pixel_format=PixelFormat.RGB24,
        color=FULL_RANGE_RGB,
        rotation_deg=0,
        inset=None,
        pixel_aspect=Fraction(1),
        opacity=square_opacity(frame),
    )


def stream_of_squares(stream: StreamFormat) -> StreamFormat:
    """What a stream becomes where each of its frames goes through `with_squares`."""
    if stream.pixel_aspect == 1:
        return stream
    width_px, height_px = square_size(stream)
    return replace(
        stream,
        width_px=width_px,
        height_px=height_px,
        pixel_format=PixelFormat.RGB24,
        rotation_deg=0,
        pixel_aspect=Fraction(1),
    )


def square_size(stored: Frame | StreamFormat) -> tuple[int, int]:
    """Width and height once a picture is upright and its pixels are squares as high as they were."""
    width_px, height_px = upright_size(stored.width_px, stored.height_px, stored.rotation_deg)
    across, down = upright_size(*stored.pixel_aspect.as_integer_ratio(), stored.rotation_deg)
    return max(1, round(width_px * Fraction(across, down))), height_px


def encoded_color(color: Color, height_px: int) -> Color:
    """What the numbers of an RGB picture shall mean once they are luma and chroma: spelt out, in narrow range."""
    return replace(color, matrix=resolve_matrix(color, height_px), full_range=False)


def upright_size(width_px: int, height_px: int, rotation_deg: int) -> tuple[int, int]:
    """Width and height after a turn by `rotation_deg`."""
    return (height_px, width_px) if rotation_deg % _HALF_TURN_DEG else (width_px, height_px)


def even(side_px: int) -> int:
    """The side with which 4:2:0 stores a picture."""
    return side_px + side_px % CHROMA_STEP


def _means_the_same(one: Color, other: Color, height_px: int) -> bool:
    same_matrix = resolve_matrix(one, height_px) is resolve_matrix(other, height_px)
    return same_matrix and one.full_range == other.full_range


def _split_chroma(frame: Frame) -> list[Plane]:
    """Luma and both chroma planes apart, each at its own size."""
    if frame.pixel_format is not PixelFormat.NV12:
        return list(frame.planes)
    return [frame.planes[0], *cast(list[Plane], cv2.split(frame.planes[1]))]


def _full_chroma(frame: Frame) -> Image:
    """Luma and chroma side by side at the size of luma, uint8 [H, W, 3]."""
    luma, *chroma = _split_chroma(frame)
    size = (frame.width_px, frame.height_px)
    spread = [c if c.shape == luma.shape else cv2.resize(c, size, interpolation=cv2.INTER_LINEAR) for c in chroma]
    return cast(Image, cv2.merge((luma, *spread)))


def turned(plane: Plane, rotation_deg: int) -> Plane:
    """A plane turned counter-clockwise by a multiple of 90 degrees (below 0 clockwise), with contiguous rows."""
    if rotation_deg == 0:
        return plane
    return np.ascontiguousarray(np.rot90(plane, rotation_deg // _QUARTER_TURN_DEG))


def _padded_to_even(picture: Image) -> Image:
    height_px, width_px = picture.shape[:2]
    if even(height_px) == height_px and even(width_px) == width_px:
        return picture
    return np.pad(picture, ((0, height_px % CHROMA_STEP), (0, width_px % CHROMA_STEP), (0, 0)), mode="edge")
