"""What the GPU remembers of each face from frame to frame: what was filmed, drawn, and how its colours were moved."""

from collections.abc import Sequence
from dataclasses import dataclass

from animecam.cuda.base import DeviceBuffer, Gpu
from animecam.render.device_layout import ALIGNMENT, LIGHT, Record
from animecam.render.match import PARTS, MatchOptions
from animecam.render.resample import SHARP_ENLARGEMENT
from animecam.types import Region

_RGB = 3
_FLOAT_BYTES = 4

SUMS_BYTES = PARTS * _RGB * 8
"""Size of a face's sums of differences."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What is known of a face when its next frame comes.

    Attributes:
        slot: Which memory is its own.
        has_before: The last frame showed it in the same style and size.
        follow: Share of a change of colour that is followed: all of it in a new style.
    """

    slot: int
    has_before: bool
    follow: float


@dataclass(slots=True)
class _Known:
    """What the host knows of a face: which memory, and what lies in it."""

    slot: int
    drawn_as: tuple[str, int] | None = None  # style and size of the last drawing, None: it fits nothing
    style: str = ""  # whose colours were moved last
    time_s: float | None = None  # and when


class Memory:
    """Remembers faces as `Calm` and `ColorMatch` do, but who is who is all that the host keeps.

    Args:
        match: How fast colours are followed.
    """

    def __init__(self, match: MatchOptions) -> None:
        self._match = match
        self._known: dict[int, _Known] = {}

    def recall(self, regions: Sequence[Region], style: str, time_s: float) -> list[Recall]:
        """Notes who is in the next frame; whoever is not is forgotten.

        Args:
            regions: Of different faces; none forgets the drawings, but not the colours.
            style: In which they are drawn; another one forgets both.
            time_s: Time of the frame.
        """
        if not regions:
            for known in self._known.values():
                known.drawn_as = None
            return []
        old, self._known = self._known, {}
        present = {region.track_id for region in regions}
        taken = {known.slot for track_id, known in old.items() if track_id in present}
        free = (slot for slot in range(len(regions) + len(taken)) if slot not in taken)
        recalls: list[Recall] = []
        for region in regions:
            known = old.get(region.track_id) or _Known(next(free))
            drawn_as = (style, region.width_px)
            follow = self._match.followed(known.time_s if known.style == style else None, time_s)
            recalls.append(Recall(known.slot, known.drawn_as == drawn_as, follow))
            known.drawn_as, known.style, known.time_s = drawn_as, style, time_s
            self._known[region.track_id] = known
        return recalls

    def forget(self) -> None:
        """Knows nobody any more: the faces were drawn elsewhere meanwhile."""
        self._known.clear()


class FaceMemory:
    """The memory of one face on the GPU, with two places for what is compared: this frame's and the last one's.

    Args:
        gpu: Where it lies.
        side_px: Side of the largest crop.

    Raises:
        DeviceMemoryError: The GPU is full.
    """

    def __init__(self, gpu: Gpu, side_px: int) -> None:
        area = side_px * side_px
        sizes = {
            "filmed": (_RGB * area, 2),
            "drawn": (_RGB * area, 2),
            "offset": (PARTS * _RGB * _FLOAT_BYTES, 2),
            "styled": (_RGB * area, 1),
            "doubled": (_RGB * SHARP_ENLARGEMENT**2 * area, 1),
            "change": (area, 1),
            "share": (_FLOAT_BYTES * area, 1),
            "sums": (SUMS_BYTES, 1),
            "light": (LIGHT.itemsize, 1),
        }
        self._places: dict[str, list[int]] = {}
        nbytes = 0
        for name, (size, count) in sizes.items():
            step = -(-size // ALIGNMENT) * ALIGNMENT
            self._places[name] = [nbytes + turn * step for turn in range(count)]
            nbytes += count * step
        self._buffer: DeviceBuffer = gpu.buffer(nbytes)
        self._turn = 0

    def write(self, face: Record) -> None:
        """Fills in the addresses for the next frame: what was this frame's is now the last one's.

        Args:
            face: One record of FACE.
        """
        self._turn = 1 - self._turn
        for name, places in self._places.items():
            face[name] = self._buffer.address + places[self._turn if len(places) > 1 else 0]
            if len(places) > 1:
                face[f"{name}_before"] = self._buffer.address + places[1 - self._turn]

    def close(self) -> None:
        """Frees it; may be called twice."""
        self._buffer.close()
