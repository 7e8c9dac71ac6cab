"""Draws with one backend while a faster one is being made ready, and changes over between two pictures."""

import logging
import queue
import threading
import time
from collections import Counter
from typing import Protocol, runtime_checkable

from animecam.backends.base import Backend, BackendInfo, Tensor
from animecam.backends.ports import in_parts
from animecam.backends.unforeseen import as_failure
from animecam.cuda.turns import gpu_turn
from animecam.errors import BackendError

CLOSE_SECONDS = 60.0  # longest wait for a build to notice that it is to end

LULL_SECONDS, LULL_RUNS = 1.0, 3
"""So long without a picture of a shape, and for so many times what the last one took: somebody else draws it."""

_POLL_SECONDS = 0.05

log = logging.getLogger(__name__)


@runtime_checkable
class Preparable(Backend, Protocol):
    """A backend that needs time for each shape before it can run it; that may be done in another thread."""

    def is_ready(self, shape: tuple[int, ...]) -> bool:
        """Whether pictures of a shape are drawn at once."""
        ...

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Makes it ready for pictures of a shape, while another thread may run others.

        Raises:
            BackendError: It cannot be made ready.
        """
        ...

    def end(self) -> None:
        """Lets a preparation that goes on in another thread end soon."""
        ...


class SwitchingBackend:
    """Two backends for one network: the fast one for the shapes it is ready for, the other one until then.

    Args:
        fast: Prepared in a thread of this one, shape by shape, as they are first drawn. Closed with this.
        slow: Ready at once. Closed with this.
        worth: Pictures of a shape that are drawn before the fast one is prepared for it. With more than one it waits,
            too, for others who load on the GPU, and looks whether pictures still come: who draws frames there takes
            over from this, and a second engine would only take its memory.

    Attributes:
        info: Of the one that drew last.
    """

    def __init__(self, fast: Preparable, slow: Backend, *, worth: int = 1) -> None:
        self._fast, self._slow, self._worth = fast, slow, worth
        self.info = slow.info
        self.input, self.outputs = slow.input, slow.outputs
        self.max_batch = fast.max_batch
        self._failed = threading.Event()
        self._is_ending = threading.Event()
        self._asked: set[tuple[int, ...]] = set()
        self._drawn: Counter[tuple[int, ...]] = Counter()  # pictures, by the slow one
        self._slow_s = 0.0  # what the last ones took
        self._told: set[tuple[BackendInfo, tuple[int, ...]]] = set()
        self._to_prepare: queue.SimpleQueue[tuple[int, ...] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._prepare_all, name="engine-build", daemon=True)
        self._thread.start()

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network; see `Backend.run`. Never waits for the fast backend to become ready."""
        if self._is_ending.is_set():
            raise BackendError("the network is closed")
        shape = batch.shape[1:]
        if self._fast.is_ready(shape):
            self._tell(self._fast, batch)
            return in_parts(self._fast.run, batch, self._fast.max_batch)
        self._drawn[shape] += batch.shape[0]
        if self._drawn[shape] >= self._worth and shape not in self._asked and not self._failed.is_set():
            self._asked.add(shape)
            self._to_prepare.put(shape)
        self._tell(self._slow, batch)
        start_s = time.monotonic()
        drawn = in_parts(self._slow.run, batch, self._slow.max_batch)
        self._slow_s = time.monotonic() - start_s
        return drawn

    @property
    def is_settled(self) -> bool:
        """Whether what drew last will go on drawing."""
        return self._failed.is_set() or self.info is self._fast.info

    def close(self) -> None:
        """Frees both; may be called twice."""
        if self._is_ending.is_set():
            return
        self._is_ending.set()
        self._fast.end()
        self._to_prepare.put(None)
        self._thread.join(CLOSE_SECONDS)
        self._slow.close()
        if self._thread.is_alive():
            log.warning("%s still builds after %g s: its memory is not freed", self._fast.info.name, CLOSE_SECONDS)
        else:
            self._fast.close()

    def _tell(self, backend: Backend, batch: Tensor) -> None:
        self.info = backend.info
        told = self.info, batch.shape[2:]
        if told not in self._told:  # heads and whole frames take turns where a face is lost
            self._told.add(told)
            size = "x".join(map(str, batch.shape[2:]))
            log.info("%s on %s draws now, at %s", _named(self.info), self.info.device, size)

    def _prepare_all(self) -> None:
        while (shape := self._to_prepare.get()) is not None and not self._is_ending.is_set():
            try:
                if not self._is_still_drawn(shape):
                    self._drawn[shape] = 0
                else:
                    self._fast.prepare(shape)
                self._asked.discard(shape)  # it may come again, or have to make room: it is asked for again then
            except Exception as error:  # noqa: BLE001 - a mistake, too: what is ready stays in use, and no more is made
                if not self._is_ending.is_set():
                    self._failed.set()
                    names = _named(self._fast.info), _named(self._slow.info)
                    log.warning("%s is not usable, %s goes on: %s", *names, as_failure(error).message)
                return

    def _is_still_drawn(self, shape: tuple[int, ...]) -> bool:
        """Whether pictures of a shape still come here, once nobody else loads anything on the GPU."""
        if self._worth == 1:
            return True
        with gpu_turn(self._is_ending.is_set):
            pass
        lull_s = max(LULL_SECONDS, LULL_RUNS * self._slow_s)
        if self._is_ending.wait(lull_s):  # those that were under way when the others were done say nothing
            return False
        before, end_s = self._drawn[shape], time.monotonic() + lull_s
        while self._drawn[shape] == before:
            if time.monotonic() > end_s or self._is_ending.wait(_POLL_SECONDS):
                return False
        return True


def _named(info: BackendInfo) -> str:
    """A backend for the log; the two may be one runtime that computes in two precisions."""
    return f"{info.name} ({info.precision})"
