"""Work that is recorded once and then launched as one."""

import logging
from collections.abc import Callable, Hashable

from animecam.cuda.base import Graph, Stream
from animecam.errors import BackendError

MOST_GRAPHS = 96
"""Kept at a time: three slots, four numbers of faces, and eight styles or sizes between which a run may change."""

log = logging.getLogger(__name__)


class Graphs:
    """Runs work on a stream: the first time as it is, so that everything is loaded; from the second on as a graph.

    Args:
        stream: Where the work is queued; stays the caller's.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._graphs: dict[Hashable, Graph | None] = {}  # None: ran once, not recorded yet
        self._can_record = True

    def run(self, key: Hashable, work: Callable[[], None], *, record: bool = True) -> None:
        """Queues work.

        Args:
            key: Says that it is the same work as before, on the same addresses.
            work: Queues it on the stream, and does nothing else that has an effect.
            record: Whether it may be recorded.
        """
        if not (record and self._can_record):
            work()
            return
        graph = self._graphs.get(key)
        if graph is None and key in self._graphs:
            graph = self._record(key, work)
        if graph is None:
            work()
            self._make_room()
            self._graphs.setdefault(key)
            return
        self._stream.replay(graph)

    def close(self) -> None:
        """Frees all graphs, none of which may be running."""
        for graph in self._graphs.values():
            if graph is not None:
                graph.close()
        self._graphs.clear()

    def _record(self, key: Hashable, work: Callable[[], None]) -> Graph | None:
        try:
            graph = self._stream.capture(work)
        except BackendError as error:
            self._can_record = False
            log.warning("kernels are launched one by one, which takes longer: %s", error.message)
            return None
        self._graphs[key] = graph
        return graph

    def _make_room(self) -> None:
        while len(self._graphs) >= MOST_GRAPHS:
            graph = self._graphs.pop(next(iter(self._graphs)))
            if graph is not None:
                self._stream.synchronize()  # it may be running
                graph.close()
