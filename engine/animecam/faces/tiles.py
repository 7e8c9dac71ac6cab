"""Finds the small faces of a still picture, for which there is time: it is searched tile by tile, at several scales.

Detectors look at one small copy of the whole picture, in which the faces of a group are a few pixels wide. Tiles
overlap, so that what the edge of one cuts lies whole in another; whatever is found is looked at again from near, with
two networks, which says where it is and whether it is a face at all.
"""

from collections.abc import Iterator, Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from animecam.faces.align import follow_region
from animecam.faces.base import Cropper, Detector
from animecam.faces.geometry import box_size, shared_parts, upright_picture, upright_size
from animecam.faces.near import same_face, seen_in
from animecam.pauses import Pausing, at_once
from animecam.types import WHOLE_FRAME, Detection, Frame, Region

MOST_PIXELS = 1_800_000
"""Of the finest copy that is searched: 118 tiles of 192 pixels with those of the coarser ones, about 0.2 s of one
core. The smallest faces that are found are ten pixels wide in it; copies are never enlarged."""

OVERLAP = 1 / 4
"""Of neighbouring tiles, in their sides: a face that is larger is found in the next coarser copy, too."""

LEAST_GAIN = 1.25
"""A copy whose longer side is less than so many tiles shows hardly more than the whole picture in one."""

LIKELY_SCORE = 0.3
"""Confidence in a tile from which a face is looked at from near. Of 210 faces 24 pixels wide in pictures of 1600 to
4000 pixels it found 0.84, 0.5 found 0.75."""

NEAR_SCORE, SECOND_SCORE = 0.7, 0.6
"""Confidence that the network which follows faces needs from near, and that which found the face. In 153 pictures with
nobody in them, 40 of them of clothes and rooms, 20 places were faces to the first one alone, to both together none."""

SAME_SHARE, SAME_GROWTH = 0.5, 2.5
"""Boxes of which the smaller shares more than this with the other are of one face, unless that is larger by this
factor: of a face that is hidden to half no detector sees the rest, and the edge of a tile leaves half of one."""

GROUP = 2
"""So many small faces in the box of a large one are a group that looked like a face from afar. In none of 261
portraits, up to 2600 pixels wide, was one small face found."""

MOST_LOOKS = 500
"""From near, at the likeliest places: about a second. Of those pictures the worst, a fine pattern, had 372."""


class TileSearch:
    """Finds faces that are too small for a search of the whole picture.

    Args:
        search: Looks at tiles.
        follow: Looks from near at what was found, and then `search` does; may be the same.
        crop: Samples pictures from frames.
        tile_px: Side of the tiles, what `search` looks at without loss.
    """

    def __init__(self, search: Detector, follow: Detector, crop: Cropper, tile_px: int) -> None:
        self._search, self._follow, self._crop, self._tile_px = search, follow, crop, tile_px

    def __call__(self, frame: Frame, known: Sequence[Detection]) -> list[Detection]:
        """As `pausing`, in one go."""
        return at_once(self.pausing(frame, known))

    def pausing(self, frame: Frame, known: Sequence[Detection]) -> Pausing[list[Detection]]:
        """The faces of a frame that are not known yet, surest first, each once, as they are seen from near.

        Pauses after each look.
        """
        faces, looks = list(known), 0
        likely = yield from self._likely(frame)
        for face in sorted(likely, key=lambda face: -face.score):
            if _is_among(faces, face):
                continue
            near = self._from_near(frame, face)
            if near is not None and not _is_among(faces, near):
                faces.append(near)
            looks += 1
            if looks == MOST_LOOKS:
                break
            yield
        return faces[len(known) :]

    def _likely(self, frame: Frame) -> Pausing[list[Detection]]:
        """What may be faces, most of them several times."""
        faces: list[Detection] = []
        for region in tiles_of(frame, self._tile_px):
            faces += seen_in(self._search, self._crop(frame, region), frame, region, LIKELY_SCORE)
            yield
        return faces

    def _from_near(self, frame: Frame, face: Detection) -> Detection | None:
        """A face as it is seen from near; None where it is none."""
        region = follow_region(frame, face)
        picture = self._crop(frame, region)
        near = same_face(face, seen_in(self._follow, picture, frame, region, NEAR_SCORE))
        if near is None or same_face(near, seen_in(self._search, picture, frame, region, SECOND_SCORE)) is None:
            return None
        return near


def tiles_of(frame: Frame, tile_px: int) -> Iterator[Region]:
    """Overlapping upright parts of a frame without its black bars, finest first, each scale half of the last one.

    Args:
        frame: The frame; its `rotation_deg` is undone.
        tile_px: Side of the parts; where the picture is narrower they are, too.

    Returns:
        Regions, none enlarged; none where the whole frame is hardly larger than a part.
    """
    width, height = upright_size(frame)
    step = max(1.0, sqrt(width * height / MOST_PIXELS))
    while max(width, height) / step > LEAST_GAIN * tile_px:
        copy = upright_picture(frame, max(1, round(width / step)), max(1, round(height / step)))
        part_px = min(tile_px, copy.width_px), min(tile_px, copy.height_px)
        for top in _starts(copy.height_px, tile_px):
            for left in _starts(copy.width_px, tile_px):
                to_frame = copy.to_frame.copy()
                to_frame[:, 2] = copy.to_frame @ (left, top, 1.0)
                yield Region(WHOLE_FRAME, *part_px, to_frame)
        step *= 2


def _starts(length_px: int, tile_px: int) -> tuple[int, ...]:
    """Where tiles begin that cover a length at equal steps."""
    if length_px <= tile_px:
        return (0,)
    steps = ceil((length_px - tile_px) / (tile_px * (1 - OVERLAP)))
    return tuple(np.linspace(0, length_px - tile_px, steps + 1).round().astype(int).tolist())


def is_group(face: Detection, small: Sequence[Detection]) -> bool:
    """Whether a face of the whole picture is a group of small ones."""
    shared, growths = _compared(face, small)
    return int(np.count_nonzero((shared > SAME_SHARE) & (growths < 1 / SAME_GROWTH))) >= GROUP


def _is_among(faces: Sequence[Detection], face: Detection) -> bool:
    """Whether a face is one of some others, or what the edge of a tile left of one."""
    shared, growths = _compared(face, faces)
    is_alike = (growths < SAME_GROWTH) & (growths > 1 / SAME_GROWTH)
    return bool(((shared > SAME_SHARE) & is_alike).any())


def _compared(face: Detection, others: Sequence[Detection]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Which share of the smaller box a face has in common with others, and their sizes in those of its own."""
    boxes = np.array([other.box_px for other in others], dtype=np.float32).reshape(-1, 4)
    sizes = np.array([box_size(other.box_px) for other in others])
    return shared_parts(face.box_px, boxes), sizes / max(box_size(face.box_px), 1e-9)
