"""Writes down one frame's work for the kernels: where faces lie, what is averaged, who overlaps whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from animecam.affine import chain, from_centres, invert
from animecam.color import ColorTransform, rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.cuda.base import PinnedBuffer
from animecam.render.calm import CalmOptions
from animecam.render.device_heads import Head
from animecam.render.device_kernels import TILE_PX
from animecam.render.device_layout import FACE, JOB, SAMPLER, BlockLayout, Record, channels_of
from animecam.render.device_memory import FaceMemory, Recall
from animecam.render.match import LEVELS_TO_OFFSET, OFFSET_TO_LEVELS, MatchOptions
from animecam.render.overlap import find_rivals, to_other
from animecam.render.resample import SHARP_ENLARGEMENT, Blocks, coarseness, plan_blocks
from animecam.render.touched import PixelBox, touched_box
from animecam.types import Affine, Frame, PlaneLayout, Region

COLOR_UNIT = 1024.0
"""Steps of a level in which colours are converted: OpenCV's on the CPU, so that both give the same codes."""

NO_BOX = PixelBox(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How drawings are steadied and matched, as on the CPU."""

    calm: CalmOptions
    match: MatchOptions


class JobWriter:
    """Writes jobs into one pinned block, again and again.

    Args:
        pinned: The block on the host.
        address: Where it will lie on the GPU.
        layout: Where everything lies in it.
        options: How drawings are steadied and matched.
    """

    def __init__(self, pinned: PinnedBuffer, address: int, layout: BlockLayout, options: JobOptions) -> None:
        block = pinned.array(np.uint8, (layout.nbytes,))
        self._geometry = layout.geometry
        self._planes = layout.geometry.planes(block)
        self._job: Record = block[layout.job :][: JOB.itemsize].view(JOB)
        self._faces: Record = block[layout.faces :][: layout.most_faces * FACE.itemsize].view(FACE)
        claims = block[layout.claims :][: layout.most_faces**2 * SAMPLER.itemsize]
        self._claims: Record = claims.view(SAMPLER)
        self._write_constants(address, layout, options)

    def write_frame(self, frame: Frame) -> None:
        """Writes a frame; one that lies on the GPU already is not written.

        It may run beside `write`, as they write different bytes.

        Args:
            frame: Of the block's geometry.
        """
        if frame.on_gpu is None:
            for mine, theirs in zip(self._planes, frame.planes, strict=True):
                np.copyto(mine, theirs)

    def write(
        self,
        frame: Frame,
        regions: Sequence[Region],
        head: Head,
        recalls: Sequence[tuple[Recall, FaceMemory]],
        strength: float,
    ) -> None:
        """Writes what is to be done with a frame.

        Args:
            frame: Of the block's geometry.
            regions: Heads, all of one size, no more than the block holds.
            head: The shape of heads of that size.
            recalls: What is known of each, and its memory.
            strength: Share of the drawing in what shows.
        """
        job = self._job
        if frame.pixel_format.is_yuv:
            job["to_rgb"] = color_steps(yuv_to_rgb_matrix(frame.color, frame.height_px))
            job["from_rgb"] = color_steps(rgb_to_yuv_matrix(frame.color, frame.height_px))
        job["ring"], job["reach"], job["strength"] = head.ring, head.reach, strength
        job["faces"], job["size"] = len(regions), regions[0].width_px
        tiles = 0
        for face, region, (recall, memory) in zip(self._faces, regions, recalls, strict=False):
            memory.write(face)
            face["mask"], face["follow"], face["has_before"] = head.mask, recall.follow, recall.has_before
            tiles = self._write_place(face, frame, region, head, tiles)
        job["tiles"] = tiles
        self._write_claims(regions, strength)

    def _write_constants(self, address: int, layout: BlockLayout, options: JobOptions) -> None:
        job = self._job
        job["channels"] = channels_of(self._geometry.pixel_format, self._geometry.rows(address))
        job["claims"] = address + layout.claims
        job["levels_to_offset"], job["offset_to_levels"] = LEVELS_TO_OFFSET, OFFSET_TO_LEVELS
        job["limits"] = options.match.limits
        job["keep"], job["moved"], job["slope"] = options.calm.keep, options.calm.moved_levels, options.calm.slope
        job["spread"] = options.calm.spread_px // 2
        job["is_yuv"] = self._geometry.pixel_format.is_yuv
        job["step"] = self._geometry.chroma_step

    def _write_place(self, face: Record, frame: Frame, region: Region, head: Head, tiles: int) -> int:
        """Where a face is sampled from and pasted to; returns how many tiles there are with its own."""
        size = (region.width_px, region.height_px)
        box = touched_box(frame, region, head.shown) or NO_BOX
        face["box"] = (box.left, box.top, box.right, box.bottom)
        to_crop = invert(region.to_frame)
        write_crop(face, frame, region)
        for grid, layout in enumerate(_grids(frame)):
            target = box.size(layout)
            from_target = chain(to_crop, box.samples_to_frame(layout))
            blocks = plan_blocks(*size, from_target, *target)
            _write_sampler(face["cover"], grid, blocks)
            is_sharp = not blocks.is_averaging and (layout.step_x, layout.step_y) == (1, 1)
            every = coarseness(from_target)
            face["is_sharp"][grid], face["every"][grid] = is_sharp, every
            picture = _doubled(size, from_target) if is_sharp else blocks
            _write_sampler(face["picture"], grid, _of_every(every, picture))
            across, down = (-(-samples // tile) for samples, tile in zip(target, TILE_PX, strict=True))
            face["first_tile"][grid], face["tiles_across"][grid] = tiles, max(across, 1)
            tiles += across * down
        return tiles

    def _write_claims(self, regions: Sequence[Region], strength: float) -> None:
        """Who overlaps whom: whoever overlaps nobody is pasted with his mask as it is."""
        count = len(regions)
        for index, rivals in enumerate(find_rivals(regions)):
            face = self._faces[index]
            face["has_rivals"] = bool(rivals)
            face["gain"] = 1.0 if rivals else strength
            if not rivals:
                continue
            claims = self._claims[index * count : (index + 1) * count]
            claims["block"] = 0
            for other in rivals:
                size = (regions[other].width_px, regions[other].height_px)
                mine = (regions[index].width_px, regions[index].height_px)
                _write_sampler(claims, other, plan_blocks(*size, to_other(regions[index], regions[other]), *mine))


def write_crop(face: Record, frame: Frame, region: Region) -> None:
    """Writes down where the pixels of a region's crop are sampled.

    Args:
        face: One record of FACE.
        frame: The frame; only its size and format matter.
        region: The crop.
    """
    for grid, layout in enumerate(_grids(frame)):
        plane = (frame.width_px // layout.step_x, frame.height_px // layout.step_y)
        to_plane = region.to_frame / [[layout.step_x], [layout.step_y]]
        _write_sampler(face["crop"], grid, plan_blocks(*plane, to_plane, region.width_px, region.height_px))


def color_steps(matrix: ColorTransform) -> ColorTransform:
    """A colour conversion in the whole numbers in which the kernels compute it."""
    return np.rint(matrix * COLOR_UNIT)


def _grids(frame: Frame) -> tuple[PlaneLayout, ...]:
    """The layouts of luma and chroma, or that of RGB alone."""
    return frame.pixel_format.planes[:2]


def _doubled(size: tuple[int, int], from_target: Affine) -> Blocks:
    """A crop that is magnified to the double before it is sampled."""
    across, down = (SHARP_ENLARGEMENT * side for side in size)
    return Blocks(range(across), range(down), 1, 1, from_target * SHARP_ENLARGEMENT)


def _of_every(every: int, blocks: Blocks) -> Blocks:
    """The same for every so manyth sample of the output, across and down."""
    return replace(blocks, to_blocks=blocks.to_blocks * [[every, every, 1]])


def _write_sampler(samplers: Record, index: int, blocks: Blocks) -> None:
    sampler = samplers[index]
    sampler["to_blocks"] = from_centres(blocks.to_blocks)
    sampler["block"] = blocks.across, blocks.down
    sampler["start"] = blocks.columns.start, blocks.rows.start
    sampler["blocks"] = len(blocks.columns) // blocks.across, len(blocks.rows) // blocks.down
