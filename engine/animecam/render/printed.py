"""Whole frames as a manga is printed: black ink, white paper, and screens of dots for the tones between.

Three things are printed over each other. Lines are differences of Gaussians, as in Winnemöller, "XDoG: Advanced Image
Stylization with eXtended Difference-of-Gaussians", NPAR 2011, and always ink. Tones are ink, dots or paper by how light
a place is in its frame and beside what is around it, so that a frame needs no exposure of its own: light skin is paper,
dark skin has a screen, hair is what it is. A screen stands still, as one that was rubbed onto paper does, and the
picture moves beneath it: thresholds on a grid, as in Ulichney, "Digital Halftoning", MIT Press, 1987.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.color import CHROMA_ZERO, FULL_SPAN, NARROW_BLACK, NARROW_LUMA_SPAN
from animecam.render.touched import filmed_box
from animecam.types import Frame, Plane, allocate_planes

Tones: TypeAlias = NDArray[np.uint8]
"""uint8 [H, W], 0 ink and 255 paper, or how light a picture is."""

_Fine: TypeAlias = NDArray[np.uint16]
"""Levels in FRACTIONS, uint16 [H, W]."""

COARSER = 8
"""The copy that tells how light a frame is has every so manyth pixel, across and down, averages of them."""

DARK, LIGHT = 0.04, 0.90
"""Shares of a frame that are darker than what becomes ink and paper, before the curve."""

DARKEST_LIGHT, LEAST_RANGE = 70, 60
"""Levels above which nothing is dark in any frame, and between dark and light at least: a white wall stays white, a
black one black."""

AROUND_SHARE, AROUND_GAIN = 0.25, 0.25
"""Side of the square around a place, of the frame's shorter one, and how much of the difference to it is added."""

CURVE = ((0.0, 0.0), (0.18, 0.0), (0.30, 0.55), (0.50, 0.84), (0.60, 1.0), (1.0, 1.0))
"""Light → share of paper, evenly in between: few tones, as each is a screen that somebody has to cut."""

DOTS_PER_SIDE = 150
"""Rows of dots along a frame's shorter side: a face has some fifty, as on a page."""

SMALLEST_STEP_PX = 4
"""Pixels between two rows at least: finer dots would be a gray, and trouble for encoders."""

HARDNESS = 3
"""How steeply dots end, in levels of print for one of tone; at 1 there are hardly any, at 5 their rims are jagged."""

LINE_SHARE, LEAST_LINE_PX, WIDER = 1 / 800, 0.9, 2.2
"""Standard deviation of the narrower Gaussian, of the frame's shorter side and at least, and the wider one's in those:
below a pixel noise would have lines, and tones that sparkle: they are those of the narrower one."""

LINE_FROM, LINE_FULL = 4, 14
"""Levels by which a line is darker than what is around it, from where on it shows, and is ink in full."""

PRINTED_SIDE_PX = 720
"""Tones and lines are found in a copy whose shorter side is at least this, if the frame's has twice as many."""

SAME_LEVELS = 6
"""Change, in levels of 255, up to which a tone is taken for the same: four times what noise of five leaves of itself
where it is blurred so."""

NEW_SHARE = 0.4
"""Of a tone that is the same: of noise half is left. Tones that stay as they are until they differ leave ragged dots
where something moves slowly."""

FRACTIONS = 64
"""Parts of a level in which mixed tones are kept: in whole ones a difference of one would stay for ever."""

HEIGHTS, COARSE_TILE = 4096, 8
"""Steps of the table of a screen's heights, and every how manyth of them a tile has down."""

MIDDLE = 128
"""The tone between ink and paper."""


class Printer:
    """Prints the frames of one stream, in order.

    What hardly changes is mixed with the last one, so that noise moves dots less.
    """

    def __init__(self) -> None:
        self._kept: _Fine | None = None
        self._screen: Plane | None = None
        # Fresh memory for large frames takes longer than all that is calculated.
        self._room: NDArray[np.uint8] = np.empty((2, 0, 0), np.uint8)

    def __call__(self, frame: Frame) -> Frame:
        """A new frame of the same format, printed in black; its bars, which are black, stay so and count for no tone.

        Args:
            frame: In the host's memory; not touched.
        """
        planes, packed = allocate_planes(frame.pixel_format, frame.width_px, frame.height_px)
        if frame.inset is not None:
            np.copyto(planes[0], frame.planes[0])
        filmed, layout = filmed_box(frame), frame.pixel_format.planes[0]
        light, out = filmed.of(frame.planes[0], layout), filmed.of(planes[0], layout)
        if frame.pixel_format.is_yuv:
            self._print(light, out, float(frame.pixel_aspect))
            if not frame.color.full_range:
                cv2.LUT(out, _narrow(), dst=out)
            for plane in planes[1:]:
                plane[...] = int(CHROMA_ZERO)
        else:
            gray = cast(Tones, cv2.cvtColor(light, cv2.COLOR_RGB2GRAY))
            self._print(gray, gray, float(frame.pixel_aspect))
            cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB, dst=out)
        return replace(frame, planes=planes, packed=packed)

    def forget(self) -> None:
        """Takes the next frame as it comes."""
        self._kept = None

    def _print(self, light: Tones, out: Tones, aspect: float) -> None:
        """Writes ink, dots and paper of a picture with pixels of an aspect, whatever the range of its levels."""
        size = light.shape[1::-1]
        if self._screen is None or self._screen.shape != light.shape:
            self._screen = screen(size[0], size[1], aspect)
            self._room = np.empty((2, *light.shape), np.uint8)
        tones_room, lines_room = self._room
        every = max(min(size) // PRINTED_SIDE_PX, 1)
        if every > 1:
            smaller = (size[0] // every, size[1] // every)
            light = cast(Tones, cv2.resize(light, smaller, interpolation=cv2.INTER_AREA))
        sigma_px = max(min(light.shape) * LINE_SHARE, LEAST_LINE_PX)
        self._kept, near = _calmed(self._kept, _blurred(light, sigma_px))
        lines = cv2.LUT(cv2.subtract(_blurred(near, sigma_px * (WIDER**2 - 1) ** 0.5), near), _line_tones())
        tones = cv2.LUT(_exposed(near), _curve())
        if every > 1:
            tones = cv2.resize(tones, size, dst=tones_room, interpolation=cv2.INTER_LINEAR)
            lines = cv2.resize(lines, size, dst=lines_room, interpolation=cv2.INTER_LINEAR)
        screened = cv2.addWeighted(tones, HARDNESS, self._screen, -HARDNESS, MIDDLE, dst=tones_room)
        cv2.min(screened, lines, dst=out)


def _calmed(last: _Fine | None, light: Tones) -> tuple[_Fine, Tones]:
    """This picture, mixed with the last one where that is as good as the same: in FRACTIONS, and in levels."""
    now = cast(_Fine, light.astype(np.uint16) * np.uint16(FRACTIONS))
    if last is None or last.shape != light.shape:
        return now, light
    _, has_changed = cv2.threshold(cv2.absdiff(light, _in_levels(last)), SAME_LEVELS, 255, cv2.THRESH_BINARY)
    mixed = cv2.addWeighted(now, NEW_SHARE, last, 1 - NEW_SHARE, 0)
    kept = cast(_Fine, cv2.copyTo(now, has_changed, mixed))
    return kept, _in_levels(kept)


def _in_levels(fine: _Fine) -> Tones:
    return cast(Tones, cv2.convertScaleAbs(fine, alpha=1 / FRACTIONS))


def _blurred(light: Tones, sigma_px: float) -> Tones:
    return cast(Tones, cv2.GaussianBlur(light, (0, 0), sigma_px))


def _exposed(light: Tones) -> Tones:
    """How light each place is, from the dark of its frame to the light of it."""
    height, width = light.shape
    size = (max(width // COARSER, 1), max(height // COARSER, 1))
    small = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
    shares = np.cumsum(np.bincount(small.ravel(), minlength=256)) / small.size
    dark = min(int(np.searchsorted(shares, DARK)), DARKEST_LIGHT)
    gain = 255 / max(int(np.searchsorted(shares, LIGHT)) - dark, LEAST_RANGE)
    side = max(int(min(size) * AROUND_SHARE), 1)
    around = cv2.resize(cv2.blur(small, (side, side)), (width, height), interpolation=cv2.INTER_LINEAR)
    own, others = gain * (1 + AROUND_GAIN), -gain * AROUND_GAIN
    return cast(Tones, cv2.addWeighted(light, own, around, others, -gain * dark))


def screen(width_px: int, height_px: int, aspect: float = 1.0) -> Plane:
    """Thresholds of a grid of dots that stands on its corner, uint8 [height_px, width_px], each as frequent as others.

    Dots are round where a pixel is `aspect` times as wide as high.

    They keep so far from ink and paper that those are printed whole.
    """
    step_px = max(min(width_px * aspect, height_px) / DOTS_PER_SIDE, SMALLEST_STEP_PX * max(aspect, 1.0))
    # cos(x + y) + cos(x - y) is twice this product.
    sides = ((width_px, step_px / aspect), (height_px, step_px))
    across, down = (np.cos(np.arange(side) * (np.pi / step)).astype(np.float32) for side, step in sides)
    thresholds = np.empty((height_px, width_px), np.uint8)
    half = np.float32((HEIGHTS - 1) / 2)
    for row, height in zip(thresholds, down * half, strict=True):  # row by row: photos have 24 million pixels
        np.take(_heights(), (across * height + half).astype(np.uint16), out=row)
    return thresholds


@lru_cache(maxsize=1)
def _heights() -> Plane:
    """Height between the cosines' valleys and hills → threshold: of a tile of the grid so much lies below it."""
    wave = np.cos(np.linspace(0, np.pi, HEIGHTS))  # half a wave, as often at each height as a whole one
    tile = np.sort(wave[:, None] * wave[None, ::COARSE_TILE], axis=None)
    return _shared(_threshold(np.searchsorted(tile, np.linspace(-1, 1, HEIGHTS)) / tile.size))


def _threshold(paper: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The tone that lets so much paper through, as a share of all."""
    room = MIDDLE / HARDNESS
    return room + paper * (255 - 2 * room)


@lru_cache(maxsize=1)
def _curve() -> Plane:
    """Light → tone, uint8 [256]."""
    light, paper = zip(*CURVE, strict=True)
    share = np.interp(np.arange(256) / 255, light, paper)
    return _shared(np.where(share <= 0, 0, np.where(share >= 1, 255, _threshold(share))))


@lru_cache(maxsize=1)
def _line_tones() -> Plane:
    """Levels that a place is darker than what is around it → ink to paper, uint8 [256]."""
    return _shared(np.interp(np.arange(256), (LINE_FROM, LINE_FULL), (255, 0)))


@lru_cache(maxsize=1)
def _narrow() -> Plane:
    """Full range → that of video, uint8 [256]."""
    return _shared(NARROW_BLACK + np.arange(256) * (NARROW_LUMA_SPAN / FULL_SPAN))


def _shared(values: NDArray[np.floating[Any]]) -> Plane:
    levels = np.rint(values).astype(np.uint8)
    levels.flags.writeable = False
    return levels
