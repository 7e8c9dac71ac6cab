"""Work that is recorded once and then launched as one."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from animecam.cuda.base import Graph, Stream
from animecam.cuda.turns import gpu_turn_at_once
from animecam.errors import BackendError, DeviceMemoryError

MOST_KEPT = 8
"""Pieces of work whose graphs are kept: one to eight faces of a size, or fewer of two. Each graph takes memory of the
GPU, some kilobytes a kernel."""

RETRY_RUNS = 100
"""So many runs of a piece of work after its recording failed it is tried again: another thread may have ended it."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    """What was recorded of one piece of work."""

    made_by: Hashable
    graphs: dict[int, Graph | None] = field(default_factory=dict[int, Graph | None])  # None: ran once, not recorded yet
    runs_to_wait: int = 0


class Graphs:
    """Runs work on a stream: the first time as it is, so that everything is loaded; from the second on as a graph.

    Beyond `MOST_KEPT` pieces of work, those graphs go that were launched longest ago; all others go where one finds no
    memory.

    Args:
        stream: Where the work is queued; stays the caller's.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._has_warned = False

    def run(self, what: Hashable, made_by: Hashable, slot: int, work: Callable[[], None]) -> None:
        """Queues work.

        Args:
            what: Which work it is, of all that is recorded side by side.
            made_by: What does it now; once that is another, what was recorded of the one before is dropped.
            slot: Which of the variants of this work; each always uses the same addresses.
            work: Queues it on the stream, and does nothing else that has an effect.
        """
        kept = self._of(what, made_by)
        graph = kept.graphs.get(slot)
        kept.runs_to_wait = max(0, kept.runs_to_wait - 1)
        if graph is None and slot in kept.graphs and not kept.runs_to_wait:
            graph = kept.graphs[slot] = self._record(kept, work)
        if graph is not None:
            self._stream.replay(graph)
            return
        work()
        kept.graphs[slot] = None

    def clear(self) -> None:
        """Frees all graphs, when they have run."""
        gone = list(self._kept.values())
        self._kept.clear()
        self._free(gone)

    def _of(self, what: Hashable, made_by: Hashable) -> _Kept:
        """What is kept of a piece of work, which is now the one that was launched last."""
        kept = self._kept.pop(what, None)
        gone = [kept] if kept is not None and kept.made_by != made_by else []
        if kept is None or gone:
            kept = _Kept(made_by)
            while len(self._kept) >= MOST_KEPT:
                gone.append(self._kept.popitem(last=False)[1])
        self._kept[what] = kept
        self._free(gone)
        return kept

    def _free(self, gone: Sequence[_Kept]) -> bool:
        """Frees what was recorded, when it has run; whether there was anything."""
        graphs = [graph for kept in gone for graph in kept.graphs.values() if graph is not None]
        if graphs:
            self._stream.synchronize()
        for kept in gone:
            kept.graphs.clear()
        for graph in graphs:
            graph.close()
        return bool(graphs)

    def _record(self, kept: _Kept, work: Callable[[], None]) -> Graph | None:
        """The work as a graph; None where it cannot be recorded, or not now, while another thread loads an engine."""
        try:
            with gpu_turn_at_once() as is_mine:
                return self._stream.capture(work) if is_mine else None
        except DeviceMemoryError as error:
            if not self._free([other for other in self._kept.values() if other is not kept]):  # else it is tried again
                self._give_up(kept, error)
        except BackendError as error:
            self._give_up(kept, error)
        return None

    def _give_up(self, kept: _Kept, error: BackendError) -> None:
        """Tries no more for a while."""
        kept.runs_to_wait = RETRY_RUNS
        if not self._has_warned:  # with each number of faces it would be said again
            log.warning("kernels are launched one by one, which takes longer: %s", error.message)
        self._has_warned = True
