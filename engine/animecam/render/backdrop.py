"""What is seen behind persons: a colour, a picture, or what was filmed, blurred, in the frame's own pixel format."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.affine import chain, invert
from animecam.backgrounds import BLURRED, PICTURE, TRANSPARENT
from animecam.errors import UsageError
from animecam.faces.geometry import upright_picture, upright_size
from animecam.pauses import Pausing, at_once
from animecam.render.base import FindPersons, Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import full_mask
from animecam.render.outline import FULL, Outline
from animecam.render.paint import BLACK, codes_of
from animecam.render.resample import resample
from animecam.render.touched import filmed_box
from animecam.settings import Look
from animecam.types import Frame, Image, Plane, PlaneLayout, Region, allocate_planes

COARSE_PX, BLUR_PX = 180, 5.0
"""Shorter side of the copy in which a background is blurred, and the Gaussian's standard deviation there: a room is
still one, and nothing in it can be read."""

LEAST_SEEN = 1e-3
"""Of a background that persons hide all around, so much shows them: something must be there."""


class Backdrop:
    """Lays something else behind the persons of one stream, frame by frame, in order: their outlines are steadied.

    Args:
        ops: Crops what is looked at.
        persons: Finds persons; asked only when there is something to lay behind them.
        picture: RGB, uint8 [H, W, 3]: what is behind them where that is asked for. Frames of another shape show as
            much of it as covers them, from its middle.
    """

    def __init__(self, ops: CpuImageOps, persons: FindPersons, picture: Image | None = None) -> None:
        self._ops, self._outline, self._picture = ops, Outline(ops, persons), picture
        self._fitted: Frame | None = None

    def __call__(self, filmed: Frame, shown: Frame, *, regions: Sequence[Region], look: Look) -> Frame:
        """As `pausing`, in one go."""
        return at_once(self.pausing(filmed, shown, regions=regions, look=look))

    def pausing(self, filmed: Frame, shown: Frame, *, regions: Sequence[Region], look: Look) -> Pausing[Frame]:
        """A new frame that shows persons alone.

        Args:
            filmed: What was filmed: persons are looked for there, as they are not yet drawn.
            shown: The same frame as it is to be shown, in the host's memory; not touched.
            regions: What was drawn: heads are shown, whatever is taken for a person.
            look: Its background is not that which was filmed.

        Raises:
            UsageError: A picture is to be behind them, and there is none.
        """
        share, whole = yield from self._outline.pausing(filmed.on_host(), regions)
        if look.background == TRANSPARENT:
            return _cut_out(shown, share, whole)
        planes, packed = allocate_planes(shown.pixel_format, shown.width_px, shown.height_px)
        color = look.background_rgb
        codes = codes_of(shown, color) if color is not None else ()
        behind = self._in_format_of(shown).planes if look.background == PICTURE else ()
        for index, (mine, theirs) in enumerate(zip(planes, shown.planes, strict=True)):
            seen = _on_plane(share, whole, shown, shown.pixel_format.planes[index])
            if codes:
                _lay_color(theirs, seen, codes[index], mine)
            elif behind:
                _lay_plane(theirs, seen, behind[index], mine)
            else:
                _lay_blurred(shown, index, seen, mine)
            yield
        is_between_bars = look.background == BLURRED
        return replace(shown, planes=planes, packed=packed, inset=shown.inset if is_between_bars else None)

    def forget(self) -> None:
        """Takes the next persons for new ones."""
        self._outline.forget()

    def _in_format_of(self, frame: Frame) -> Frame:
        """The picture as a frame like another one, the same as long as those are alike."""
        last = self._fitted
        if last is None or _form(last) != _form(frame):
            if self._picture is None:
                raise UsageError("there is no picture for the background", hint='name it: `backdrop="room.jpg"`')
            planes, packed = allocate_planes(frame.pixel_format, frame.width_px, frame.height_px)
            last = replace(frame, planes=planes, packed=packed, inset=None)
            whole = upright_picture(last, *upright_size(last))
            picture = _covering(self._picture, whole, _shown_aspect(last))
            patch = Patch(whole, picture, full_mask(whole.width_px, whole.height_px))
            self._fitted = last = self._ops.paste(last, (patch,))
        return last


def _form(frame: Frame) -> tuple[object, ...]:
    """What two frames have in common that a picture looks the same in."""
    size = (frame.width_px, frame.height_px)
    return size, frame.pixel_format, frame.color, frame.rotation_deg, frame.pixel_aspect


def _shown_aspect(frame: Frame) -> float:
    """Width over height of a frame as it is seen, upright and with square pixels."""
    aspect = frame.width_px * frame.pixel_aspect / frame.height_px
    return float(aspect if frame.rotation_deg % 180 == 0 else 1 / aspect)


def _covering(picture: Image, whole: Region, aspect: float) -> Image:
    """The middle of a picture, of an aspect, at the size of a region."""
    height, width = picture.shape[:2]
    across, down = min(width, round(height * aspect)), min(height, round(width / aspect))
    left, top = (width - across) // 2, (height - down) // 2
    middle = picture[top : top + max(down, 1), left : left + max(across, 1)]
    method = cv2.INTER_LINEAR if whole.width_px > across else cv2.INTER_AREA
    return cast(Image, cv2.resize(middle, (whole.width_px, whole.height_px), interpolation=method))


def _cut_out(shown: Frame, share: Plane, whole: Region) -> Frame:
    """A frame of persons and nothing else; what is not seen is black: a file's reader could bring it back."""
    planes, packed = allocate_planes(shown.pixel_format, shown.width_px, shown.height_px)
    for plane, out, layout, code in zip(
        shown.planes, planes, shown.pixel_format.planes, codes_of(shown, BLACK), strict=True
    ):
        _, seen = cv2.threshold(_on_plane(share, whole, shown, layout), 0, FULL, cv2.THRESH_BINARY)
        _lay_color(plane, cast(Plane, seen), code, out)
    opacity = _on_plane(share, whole, shown, PlaneLayout(1, 1, 1))
    return replace(shown, planes=planes, packed=packed, opacity=opacity)


def _on_plane(share: Plane, whole: Region, frame: Frame, layout: PlaneLayout) -> Plane:
    """The share of each of a plane's samples, of each of its channels; none in black bars."""
    step_x, step_y = layout.step_x, layout.step_y
    left, top, width, height = frame.inset or (0, 0, frame.width_px, frame.height_px)
    to_frame = np.array([[step_x, 0.0, left], [0.0, step_y, top]], np.float64)
    fine = resample(share, chain(invert(whole.to_frame), to_frame), width // step_x, height // step_y)
    if frame.inset is not None:
        filmed, fine = fine, np.zeros((frame.height_px // step_y, frame.width_px // step_x), np.uint8)
        fine[top // step_y : (top + height) // step_y, left // step_x : (left + width) // step_x] = filmed
    return fine if layout.channels == 1 else cast(Plane, cv2.merge([fine] * layout.channels))


def _lay_color(shown: Plane, share: Plane, code: NDArray[np.uint8], out: Plane) -> None:
    """Mixes a plane with one value a channel; what shows in full, or not at all, to the bit."""
    cv2.multiply(shown, share, dst=out, scale=1 / FULL)
    rest = np.rint(np.arange(FULL, -1, -1)[:, None] * (code / FULL)).astype(np.uint8)  # by share
    cv2.add(out, cv2.LUT(share, rest[:, None, :] if len(code) > 1 else rest), dst=out)


def _lay_plane(shown: Plane, share: Plane, behind: Plane, out: Plane) -> None:
    """Mixes a plane with another one; what shows in full, or not at all, to the bit."""
    cv2.multiply(shown, share, dst=out, scale=1 / FULL)
    cv2.add(out, cv2.multiply(behind, cv2.bitwise_not(share), scale=1 / FULL), dst=out)


def _lay_blurred(shown: Frame, index: int, share: Plane, out: Plane) -> None:
    """Mixes one of a frame's planes with itself, blurred; black bars stay black, and darken nothing beside them."""
    filmed, layout, plane = filmed_box(shown), shown.pixel_format.planes[index], shown.planes[index]
    if shown.inset is not None:
        np.copyto(out, plane)
    plane, share, out = (filmed.of(each, layout) for each in (plane, share, out))
    _lay_plane(plane, share, _blurred(plane, share), out)


def _blurred(plane: Plane, share: Plane) -> Plane:
    """A plane that is blurred without the persons in it, who would have a glow of their own colours around them."""
    height, width = plane.shape[:2]
    scale = min(COARSE_PX / min(width, height), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    coarse, seen = (cv2.resize(each, size, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (plane, share))
    weights = np.maximum(1.0 - seen / FULL, LEAST_SEEN)
    sum_px = cv2.GaussianBlur(coarse * weights, (0, 0), BLUR_PX)
    soft = np.rint(sum_px / cv2.GaussianBlur(weights, (0, 0), BLUR_PX)).astype(np.uint8)
    return cast(Plane, cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR))
