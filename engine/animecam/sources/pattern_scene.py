"""What the synthetic camera sees: the bundled portrait, moving gently before a painted wall.

Frame n is a function of n alone, so two runs see the same pixels. The portrait and its soft edge are brought into the
frame's own planes once; a frame then costs one small warp and one blend a plane.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.color import HD_HEIGHT_PX, rgb_to_yuv_matrix
from animecam.portrait import load_portrait
from animecam.types import Affine, Color, ColorMatrix, Image, PixelFormat, Plane, PlaneLayout, allocate_planes

PAN_X, PAN_Y = 0.05, 0.015  # sway, as a fraction of the portrait's side: a person on a chair
ZOOM = 0.04  # leaning forward and back, as a fraction of the size
TILT_DEG = 5.0  # head to the side
PAN_X_SECONDS, PAN_Y_SECONDS, ZOOM_SECONDS, TILT_SECONDS = 7.0, 3.1, 11.0, 5.3  # periods without a common beat
SECOND_PHASE_SECONDS = 2.3  # the second person moves differently
PORTRAIT_HEIGHT = 1.5  # side of the portrait as a fraction of the frame's height: a face as large as before a webcam
PORTRAIT_WIDTH = 1.5  # at most this much of the room a person has, of which the outer thirds are only surroundings
PORTRAIT_TOP = 0.03  # air above the head, as a fraction of the frame's height
SOFT_EDGE = 0.05  # part of the portrait's side over which it fades into the wall
LAMPS = ((0.15, 0.25, 0.20), (0.88, 0.18, 0.26), (0.80, 0.75, 0.18), (0.08, 0.85, 0.22))  # x, y, radius; of the frame


_Part = tuple[slice, slice]
"""Rows and columns of a window."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """A strip of a window in which the portrait fades into the wall."""

    part: _Part
    weight: NDArray[np.float32]  # how much of the portrait shows, in [0, 1], of the strip's size
    rest: NDArray[np.float32]  # 1 - weight


@dataclass(frozen=True, slots=True)
class _Layer:
    """One plane of a person, and the window of the frame's plane in which it is seen.

    The window stands still and the portrait moves behind it, so its soft edge is computed once, and only there is the
    portrait blended.
    """

    pixels: Plane  # the portrait at about the size in which it is shown
    rows: slice
    columns: slice
    inside: _Part  # where the portrait alone shows
    edges: tuple[_Edge, ...]  # around it

    @property
    def size_px(self) -> tuple[int, int]:
        """Samples of the window, across and down."""
        return self.columns.stop - self.columns.start, self.rows.stop - self.rows.start


class Scene:
    """Draws the frames of one synthetic camera.

    Args:
        pixel_format: Format of the frames.
        width_px: Width, even for YUV.
        height_px: Height, even for YUV.
        faces: People in the picture, 0 to 2.
        rate: Frames per second; the motion takes the same time at every rate.
    """

    def __init__(self, pixel_format: PixelFormat, width_px: int, height_px: int, faces: int, rate: Fraction) -> None:
        self.color = _color(pixel_format, height_px)
        self._format = pixel_format
        self._size_px = (width_px, height_px)
        self._rate = rate
        self._room_px = width_px / max(faces, 1)
        self._side_px = min(PORTRAIT_HEIGHT * height_px, PORTRAIT_WIDTH * self._room_px)
        self._wall = self._planes(_paint_wall(width_px, height_px))
        self._people = [self._layers(person) for person in range(faces)]

    def draw(self, index: int) -> tuple[tuple[Plane, ...], Plane]:
        """The planes of frame `index`, read-only, and the block of memory they are views of."""
        planes, packed = allocate_planes(self._format, *self._size_px)
        for plane, wall in zip(planes, self._wall, strict=True):
            np.copyto(plane, wall)
        seconds = float(index / self._rate)
        for person, layers in enumerate(self._people):
            to_frame = self._pose(person, seconds + person * SECOND_PHASE_SECONDS)
            for plane, layer, layout in zip(planes, layers, self._format.planes, strict=True):
                _blend(plane, layer, layout, to_frame)
        for plane in planes:
            plane.flags.writeable = False
        packed.flags.writeable = False
        return planes, packed

    def _pose(self, person: int, seconds: float) -> Affine:
        """Maps the unit square of the portrait to continuous frame pixels."""

        def swing(period_s: float) -> float:
            return math.sin(2 * math.pi * seconds / period_s)

        side_px = self._side_px * (1 + ZOOM * swing(ZOOM_SECONDS))
        angle = math.radians(TILT_DEG) * swing(TILT_SECONDS)
        x_px = self._room_px * (person + 0.5) + PAN_X * self._side_px * swing(PAN_X_SECONDS)
        y_px = PORTRAIT_TOP * self._size_px[1] + self._side_px * (0.5 + PAN_Y * swing(PAN_Y_SECONDS))
        cos, sin = side_px * math.cos(angle), side_px * math.sin(angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = np.array([x_px, y_px]) - turn @ (0.5, 0.5)
        return np.column_stack((turn, shift))

    def _layers(self, person: int) -> tuple[_Layer, ...]:
        portrait = load_portrait()
        if person % 2 == 1:
            portrait = np.ascontiguousarray(portrait[:, ::-1])
        side = max(2, 2 * round(self._side_px / 2))
        if side < portrait.shape[0]:  # a warp does not average; larger ones are left to it
            portrait = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        left_px = self._room_px * (person + 0.5) - self._side_px / 2
        top_px = PORTRAIT_TOP * self._size_px[1]
        return tuple(
            _layer(pixels, wall, layout, (left_px, top_px), self._side_px)
            for pixels, wall, layout in zip(self._planes(portrait), self._wall, self._format.planes, strict=True)
        )

    def _planes(self, rgb: Image) -> tuple[Plane, ...]:
        if not self._format.is_yuv:
            return (rgb,)
        # The matrix of the whole frame's height, whatever the height of the part that is converted here.
        matrix = rgb_to_yuv_matrix(self.color, self._size_px[1])
        yuv = np.clip(cv2.transform(rgb.astype(np.float32), matrix), 0, 255)
        parts: list[Plane] = []
        channel = 0
        for layout in self._format.planes:
            part = yuv[:, :, channel : channel + layout.channels]
            size = (rgb.shape[1] // layout.step_x, rgb.shape[0] // layout.step_y)
            small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
            parts.append(np.rint(small).astype(np.uint8))
            channel += layout.channels
        return tuple(parts)


def _color(pixel_format: PixelFormat, height_px: int) -> Color:
    if not pixel_format.is_yuv:
        return Color(full_range=True)
    return Color(ColorMatrix.BT709 if height_px >= HD_HEIGHT_PX else ColorMatrix.BT601)


def _paint_wall(width_px: int, height_px: int) -> Image:
    """A wall in the evening, lit by a few lamps."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.float32) + 0.5
    y, x = y / height_px, x / width_px
    light = sum(np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / (radius * radius))) for cx, cy, radius in LAMPS)
    base = np.stack([70 - 20 * y, 84 - 26 * y, 104 - 22 * y], axis=-1)
    glow = np.multiply.outer(np.asarray(light, dtype=np.float32), np.array([96, 66, 30], dtype=np.float32))
    return np.clip(base + glow, 0, 255).astype(np.uint8)


def _layer(pixels: Plane, wall: Plane, layout: PlaneLayout, corner_px: tuple[float, float], side_px: float) -> _Layer:
    columns, across = _window(corner_px[0] / layout.step_x, side_px / layout.step_x, wall.shape[1])
    rows, down = _window(corner_px[1] / layout.step_y, side_px / layout.step_y, wall.shape[0])
    middle = _plateau(down), _plateau(across)
    (top, bottom), (left, right) = ((part.start, part.stop) for part in middle)
    parts = (
        (slice(0, top), slice(None)),
        (slice(bottom, None), slice(None)),
        (middle[0], slice(0, left)),
        (middle[0], slice(right, None)),
    )
    weights = [(part, np.outer(down[part[0]], across[part[1]])) for part in parts]
    edges = tuple(_Edge(part, weight, 1 - weight) for part, weight in weights if weight.size)
    return _Layer(pixels, rows, columns, middle, edges)


def _plateau(weights: NDArray[np.float32]) -> slice:
    """Where weights that rise to 1 and fall again are 1."""
    full = np.flatnonzero(weights == 1)
    return slice(int(full[0]), int(full[-1]) + 1) if full.size else slice(0, 0)


def _window(start: float, length: float, limit: int) -> tuple[slice, NDArray[np.float32]]:
    """The samples of [start, start + length) that lie in the plane; their weights fall smoothly to 0 at both ends."""
    window = slice(max(0, math.floor(start)), min(limit, math.ceil(start + length)))
    position = (np.arange(window.start, window.stop, dtype=np.float32) + 0.5 - start) / length
    rise = np.clip(np.minimum(position, 1 - position) / SOFT_EDGE, 0, 1)
    return window, (rise * rise * (3 - 2 * rise)).astype(np.float32)


def _blend(plane: Plane, layer: _Layer, layout: PlaneLayout, to_frame: Affine) -> None:
    """Lays a person over a plane, in place."""
    height, width = layer.pixels.shape[:2]
    # From the unit square and continuous frame pixels to the centres of samples, as OpenCV counts them.
    matrix = to_frame / np.array([[layout.step_x], [layout.step_y]])
    matrix[:, :2] /= (width, height)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5 - (layer.columns.start, layer.rows.start)
    shown = cv2.warpAffine(layer.pixels, matrix, layer.size_px, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    target = plane[layer.rows, layer.columns]
    shown = shown.reshape(target.shape)
    np.copyto(target[layer.inside], shown[layer.inside])
    for edge in layer.edges:
        strip = target[edge.part]
        np.copyto(strip, cv2.blendLinear(shown[edge.part], strip, edge.weight, edge.rest).reshape(strip.shape))
