"""Crop and paste on the planes themselves with OpenCV: the frame is never converted to RGB, only the crops are."""

import math
from collections.abc import Sequence
from typing import cast

import cv2

from animecam.affine import bounding_box, chain, invert
from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.pauses import Pausing, at_once
from animecam.render.base import Patch
from animecam.render.masks import Mask
from animecam.render.paint import own_copy
from animecam.render.parts import FRAME_PARTS, Shares, Weights, shares_of
from animecam.render.resample import Ready, make_ready, resample
from animecam.render.touched import GRID_TOLERANCE, PixelBox, shown_box, touched_box
from animecam.types import WHOLE_FRAME, Affine, Box, Frame, Image, Plane, Region

RESIZED = 2
"""So many pixels of a whole frame are resized while one of a part of it is warped, at 2160p; at 720p it is three."""

SEEN_ROWS = 4
"""Rows of a plane for one of a picture that is looked at, at least: of a frame with twice as many every second is read.
"""


class CpuImageOps:
    """Geometry and colour on frames in their own pixel format. Holds no state: any number of threads may share one."""

    def crop(self, frame: Frame, region: Region) -> Image:
        """Samples a region as RGB; area-correct where the frame is finer than the crop.

        Args:
            frame: Any pixel format of `PixelFormat`.
            region: What to sample; outside the frame the border is replicated.

        Returns:
            RGB, uint8 [region.height_px, region.width_px, 3].
        """
        return self._cut_out(frame, region, math.inf)

    def glimpse(self, frame: Frame, region: Region) -> Image:
        """A crop to look at, not to draw: of a frame that is a lot finer than the crop some rows are left out.

        Reading a 2160p frame takes most of the time of a crop of 128 pixels.

        Args:
            frame: As of `crop`.
            region: As of `crop`.

        Returns:
            As of `crop`, within the grain of the frame.
        """
        return self._cut_out(frame, region, SEEN_ROWS)

    def _cut_out(self, frame: Frame, region: Region, most_rows: float) -> Image:
        """A crop each of whose rows is made of so many rows of a plane, at most about."""
        size = (region.width_px, region.height_px)
        channels: list[Plane] = []
        for plane, layout in zip(frame.planes, frame.pixel_format.planes, strict=True):
            to_plane = region.to_frame / [[layout.step_x], [layout.step_y]]
            channels.append(resample(*_with_fewer_rows(plane, to_plane, most_rows), *size))
        if not frame.pixel_format.is_yuv:
            return channels[0]
        yuv = cv2.merge(channels)
        return cast(Image, cv2.transform(yuv, yuv_to_rgb_matrix(frame.color, frame.height_px)))

    def paste(self, frame: Frame, patches: Sequence[Patch]) -> Frame:
        """A new frame with the patches blended in; the input is not touched, nor are pixels where no mask is.

        Args:
            frame: The frame the regions were cropped from.
            patches: Pasted in order.

        Returns:
            A frame of the same format with planes of its own (`packed` is set).
        """
        return at_once(self.pasting(frame, patches))

    def pasting(self, frame: Frame, patches: Sequence[Patch]) -> Pausing[Frame]:
        """As `paste`, with a pause after each patch."""
        pasted = own_copy(frame)
        for patch in patches:
            _paste_one(pasted, patch)
            yield
        return pasted


def _with_fewer_rows(plane: Plane, to_plane: Affine, most: float) -> tuple[Plane, Affine]:
    """Every so manyth row of a plane that is a lot finer than its output, and the map to those.

    Of an even number it is half a row of the plane beside the middle of those that it stands for.

    Args:
        plane: As it is stored.
        to_plane: Maps output pixels to its samples.
        most: Rows for one of the output; up to twice as many stay.

    Returns:
        A view of the plane, and the map to it.
    """
    every = min(int(math.hypot(*to_plane[1, :2].tolist()) / most), plane.shape[0])
    if every <= 1:
        return plane, to_plane
    return plane[every // 2 :: every], to_plane / [[1], [every]]


def _paste_one(frame: Frame, patch: Patch) -> None:
    """Blends one patch into the planes of a frame that the caller owns."""
    shown = shown_box(patch.mask)
    if shown is None:
        return
    box = touched_box(frame, patch.region, shown)
    if box is None:
        return
    if patch.region.track_id == WHOLE_FRAME:
        all_of_it = touched_box(frame, patch.region, Box(0, 0, patch.region.width_px, patch.region.height_px))
        box = all_of_it if all_of_it is not None and box.area_px * RESIZED >= all_of_it.area_px else box
    to_crop = invert(patch.region.to_frame)
    is_opaque = _covers(patch, bounding_box(to_crop, Box(box.left, box.top, box.right, box.bottom)))
    is_faded = not is_opaque and _fades_inside(patch.mask, shown)
    layouts = frame.pixel_format.planes
    pictures = [
        make_ready(
            picture,
            chain(to_crop, box.samples_to_frame(layout)),
            *box.size(layout),
            # Lines live in luma; chroma is stored coarser as a rule, and the eye is not keen on its detail.
            sharp=(layout.step_x, layout.step_y) == (1, 1),
            is_inner=is_faded,
            is_picture=True,
        )
        for layout, picture in zip(layouts, _split(frame, patch.picture), strict=True)
    ]
    if is_opaque:
        for plane, layout, picture in zip(frame.planes, layouts, pictures, strict=True):
            box.of(plane, layout)[...] = picture.part(0, 0, *box.size(layout))
        return
    shares = shares_of(patch.mask, to_crop, box, layouts, is_soft=patch.is_soft)
    for part in shares.parts(max(frame.width_px * frame.height_px // FRAME_PARTS, 1)):
        _paste_part(frame, box, part, pictures, shares)


def _paste_part(frame: Frame, box: PixelBox, part: PixelBox, pictures: Sequence[Ready], shares: Shares) -> None:
    """Blends a part of a box into the planes of a frame."""
    weights: dict[tuple[int, int], Weights] = {}
    for plane, layout, picture in zip(frame.planes, frame.pixel_format.planes, pictures, strict=True):
        target, size = part.of(plane, layout), part.size(layout)
        if size not in weights:
            weights[size] = shares.weights(part, layout)
        styled = picture.part(*part.start_in(box, layout), *size)
        cv2.blendLinear(styled, target, *weights[size], dst=target)


def _fades_inside(mask: Mask, shown: Box) -> bool:
    """Whether a mask lets nothing through along its border, which `shown_box` keeps a pixel away from what shows."""
    height, width = mask.shape
    return shown.left > 0 and shown.top > 0 and shown.right < width and shown.bottom < height


def _covers(patch: Patch, box: Box) -> bool:
    """Whether a box in crop pixels lies in the patch and the patch hides all that was there."""
    is_inside = min(box.left, box.top) > -GRID_TOLERANCE
    is_inside &= box.right < patch.region.width_px + GRID_TOLERANCE
    is_inside &= box.bottom < patch.region.height_px + GRID_TOLERANCE
    return is_inside and float(patch.mask.min()) >= 1.0


def _split(frame: Frame, picture: Image) -> tuple[Plane, ...]:
    """A crop's RGB as planes of the frame's kind, all at the crop's resolution."""
    if not frame.pixel_format.is_yuv:
        return (picture,)
    yuv = cv2.transform(picture, rgb_to_yuv_matrix(frame.color, frame.height_px))
    channels = iter(cast(tuple[Plane, ...], cv2.split(yuv)))
    return tuple(
        next(channels)
        if layout.channels == 1
        else cast(Plane, cv2.merge([next(channels) for _ in range(layout.channels)]))
        for layout in frame.pixel_format.planes
    )
