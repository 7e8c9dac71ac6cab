"""Work that is recorded once and then launched as one."""

import logging
from collections.abc import Callable, Hashable

from animecam.cuda.base import Graph, Stream
from animecam.cuda.turns import gpu_turn_at_once
from animecam.errors import BackendError

RETRY_RUNS = 100
"""So many runs after a recording failed it is tried again: another thread may have ended it."""

log = logging.getLogger(__name__)


class Graphs:
    """Runs work on a stream: the first time as it is, so that everything is loaded; from the second on as a graph.

    Args:
        stream: Where the work is queued; stays the caller's.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._binding: Hashable = None
        self._graphs: dict[int, Graph | None] = {}  # None: ran once, not recorded yet
        self._runs_to_wait = 0
        self._has_warned = False

    def run(self, binding: Hashable, slot: int, work: Callable[[], None]) -> None:
        """Queues work.

        Args:
            binding: What is computed and what it is bound to. Graphs of another binding are dropped: what a network
                recorded is no good any more once it is bound otherwise.
            slot: Which of the variants of this work; each always uses the same addresses.
            work: Queues it on the stream, and does nothing else that has an effect.
        """
        if binding != self._binding:
            self.clear()
            self._binding = binding
        graph = self._graphs.get(slot)
        self._runs_to_wait = max(0, self._runs_to_wait - 1)
        if graph is None and slot in self._graphs and not self._runs_to_wait:
            graph = self._graphs[slot] = self._record(work)
        if graph is not None:
            self._stream.replay(graph)
            return
        work()
        self._graphs[slot] = None

    def clear(self) -> None:
        """Frees all graphs, when they have run."""
        graphs = [graph for graph in self._graphs.values() if graph is not None]
        self._graphs.clear()
        self._binding = None
        self._runs_to_wait = 0  # another binding may be of a network that can be recorded
        if graphs:
            self._stream.synchronize()
        for graph in graphs:
            graph.close()

    def _record(self, work: Callable[[], None]) -> Graph | None:
        """The work as a graph; None where it cannot be recorded, or not now, while another thread loads an engine."""
        try:
            with gpu_turn_at_once() as is_mine:
                return self._stream.capture(work) if is_mine else None
        except BackendError as error:
            self._runs_to_wait = RETRY_RUNS
            if not self._has_warned:  # with each number of faces it would be said again
                log.warning("kernels are launched one by one, which takes longer: %s", error.message)
            self._has_warned = True
            return None
