"""Frames that tests make for themselves, and a slow, independent account of what crop and paste should give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import cos, sin

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.render.base import Patch
from animecam.render.person import MODEL, PersonMasker
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, Region, allocate_planes

Floats = NDArray[np.float64]

# Luma weights of red and blue, from the recommendations themselves and not from the code under test.
WEIGHTS = {ColorMatrix.BT601: (0.299, 0.114), ColorMatrix.BT709: (0.2126, 0.0722)}


def to_yuv(rgb: Floats, color: Color) -> Floats:
    """The textbook: luma is a weighted mean, chroma is what blue and red differ from it, then the range."""
    red, blue = WEIGHTS[color.matrix]
    luma = red * rgb[..., 0] + (1 - red - blue) * rgb[..., 1] + blue * rgb[..., 2]
    cb = (rgb[..., 2] - luma) / (2 * (1 - blue))
    cr = (rgb[..., 0] - luma) / (2 * (1 - red))
    if not color.full_range:
        luma, cb, cr = 16 + luma * 219 / 255, cb * 224 / 255, cr * 224 / 255
    return np.stack([luma, cb + 128, cr + 128], axis=-1)


def to_rgb(yuv: Floats, color: Color) -> Floats:
    """The textbook backwards, solved channel by channel."""
    red, blue = WEIGHTS[color.matrix]
    luma, cb, cr = yuv[..., 0], yuv[..., 1] - 128, yuv[..., 2] - 128
    if not color.full_range:
        luma, cb, cr = (luma - 16) * 255 / 219, cb * 255 / 224, cr * 255 / 224
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    return np.stack([r, (luma - red * r - blue * b) / (1 - red - blue), b], axis=-1)


def smooth_rgb(width_px: int, height_px: int, phase: float = 0.0) -> Floats:
    """Colours that change slowly, far from black and white, so that no conversion clips."""
    y, x = np.mgrid[0:height_px, 0:width_px] + 0.5
    waves = [np.sin(x / 31 + phase), np.cos(y / 27 - phase), np.sin((x + y) / 43 + 2 * phase)]
    return np.stack([128 + 45 * wave for wave in waves], axis=-1)


@dataclass(frozen=True)
class World:
    """What the tests of crop and paste share; see the functions' own words."""

    def frame(
        self,
        pixel_format: PixelFormat,
        width_px: int,
        height_px: int,
        *,
        color: Color | None = None,
        rotation_deg: int = 0,
        rgb: Floats | None = None,
        pts: int = 0,
    ) -> Frame:
        """A read-only frame that shows `rgb`, or slow waves of colour."""
        color = color or Color(matrix=ColorMatrix.BT601)
        rgb = smooth_rgb(width_px, height_px) if rgb is None else rgb
        samples = to_yuv(rgb, color) if pixel_format.is_yuv else rgb
        planes, packed = allocate_planes(pixel_format, width_px, height_px)
        first = 0
        for plane, layout in zip(planes, pixel_format.planes, strict=True):
            part = samples[..., first : first + layout.channels]
            first += layout.channels
            blocks = part.reshape(
                height_px // layout.step_y, layout.step_y, width_px // layout.step_x, layout.step_x, layout.channels
            )
            plane[...] = np.rint(blocks.mean(axis=(1, 3))).reshape(plane.shape)
        packed.flags.writeable = False
        for plane in planes:
            plane.flags.writeable = False
        return Frame(planes, pixel_format, color, rotation_deg, 0, pts, Fraction(1, 1000), 0, packed=packed)

    def smooth(self, width_px: int, height_px: int, phase: float = 1.0) -> NDArray[np.uint8]:
        """An RGB picture of slow waves."""
        return np.rint(smooth_rgb(width_px, height_px, phase)).astype(np.uint8)

    def region(
        self, size_px: int, centre: tuple[float, float], step: float, angle_rad: float = 0.0, track_id: int = 0
    ) -> Region:
        """A square turned about its middle; `step` is frame pixels per crop pixel."""
        turn = step * np.array([[cos(angle_rad), -sin(angle_rad)], [sin(angle_rad), cos(angle_rad)]])
        shift = np.array(centre) - turn @ (size_px / 2, size_px / 2)
        return Region(track_id, size_px, size_px, np.column_stack((turn, shift)))

    def soft_mask(self, size_px: int, margin_px: int = 4) -> NDArray[np.float32]:
        """A round hill, 0 from `margin_px` before the border on."""
        axis = np.abs(np.arange(size_px) + 0.5 - size_px / 2) / (size_px / 2 - margin_px)
        radius = np.hypot(axis[:, None], axis[None, :])
        return np.clip(1.5 * (1 - radius), 0, 1).astype(np.float32)

    def reference_crop(self, frame: Frame, region: Region) -> Floats:
        """What `crop` should give, in float64, for pictures without fine detail."""
        finer = max(round(float(np.hypot(*region.to_frame[:, 0]))), 1)  # points per crop pixel and side
        y, x = (np.mgrid[0 : region.height_px * finer, 0 : region.width_px * finer] + 0.5) / finer
        places = np.einsum("ij,jhw->ihw", region.to_frame, np.stack([x, y, np.ones_like(x)]))
        channels = [
            _sample(plane[..., channel], places[0] / layout.step_x, places[1] / layout.step_y, "nearest")
            .reshape(region.height_px, finer, region.width_px, finer)
            .mean(axis=(1, 3))
            for layout, plane in self._layers(frame)
            for channel in range(layout.channels)
        ]
        samples = np.stack(channels, axis=-1)
        return np.clip(to_rgb(samples, frame.color) if frame.pixel_format.is_yuv else samples, 0, 255)

    def reference_paste(self, frame: Frame, patches: Sequence[Patch]) -> list[Floats]:
        """The planes that `paste` should give, in float64, each [H, W, C], for pictures without fine detail."""
        pasted: list[Floats] = [plane.astype(np.float64) for _, plane in self._layers(frame)]
        for patch in patches:
            picture = patch.picture.astype(np.float64)
            samples = to_yuv(picture, frame.color) if frame.pixel_format.is_yuv else picture
            to_crop = np.linalg.inv(np.vstack([patch.region.to_frame, (0, 0, 1)]))
            first = 0
            for target, (layout, _) in zip(pasted, self._layers(frame), strict=True):
                y, x = np.mgrid[0 : target.shape[0], 0 : target.shape[1]] + 0.5
                places = np.einsum(
                    "ij,jhw->ihw", to_crop[:2], np.stack([x * layout.step_x, y * layout.step_y, x * 0 + 1])
                )
                mask = _sample(patch.mask, places[0], places[1], "grid-constant")
                for channel in range(layout.channels):
                    drawn = _sample(samples[..., first + channel], places[0], places[1], "nearest")
                    target[..., channel] += mask * (drawn - target[..., channel])
                first += layout.channels
        return pasted

    def _layers(self, frame: Frame):
        shaped = [plane.reshape(*plane.shape[:2], -1) for plane in frame.planes]
        return list(zip(frame.pixel_format.planes, shaped, strict=True))

    def differences(self, frame: Frame, expected: Sequence[NDArray]) -> list[float]:
        """Largest difference of each plane."""
        return [
            float(np.abs(plane.astype(np.float64) - other.reshape(plane.shape)).max())
            for plane, other in zip(frame.planes, expected, strict=True)
        ]


def _sample(plane: NDArray, x: Floats, y: Floats, mode: str) -> Floats:
    """Bilinear samples at continuous coordinates."""
    return map_coordinates(plane.astype(np.float64), [y - 0.5, x - 0.5], order=1, mode=mode)


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture
def similarity(world: World) -> Callable[[int, int, int], Region]:
    """`similarity(seed, width_px, height_px)`: a random region of 64 px that overlaps a frame of that size."""

    def make(seed: int, width_px: int, height_px: int) -> Region:
        random = np.random.default_rng(seed)
        centre = (width_px * random.uniform(0.2, 0.8), height_px * random.uniform(0.2, 0.8))
        return world.region(64, centre, float(np.exp(random.uniform(-1.2, 1.2))), random.uniform(-np.pi, np.pi))

    return make


@pytest.fixture
def bundled_masker():
    """The bundled network of persons, with no memory yet."""
    backend = open_backend(MODEL, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    yield PersonMasker(lambda: backend)
    backend.close()
