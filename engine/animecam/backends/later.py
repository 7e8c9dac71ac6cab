"""Work that can wait, in a thread of its own: the most urgent first, and in a process one at a time."""

import logging
import queue
import sys
import threading
from collections.abc import Callable, Hashable
from itertools import count
from typing import Generic, TypeVar

from animecam.backends.unforeseen import as_failure
from animecam.errors import AnimecamError

CLOSE_SECONDS = 60.0  # longest wait for work to notice that it is to end

_POLL_SECONDS = 0.2

_SWITCH_SECONDS = 0.0005
"""How long whoever draws waits for Python's lock, again and again; usually 5 ms, which made frames of 1 ms take 31."""

_one_at_a_time = threading.Lock()
"""Two at a time would take the cores of whoever draws."""

log = logging.getLogger(__name__)

Task = TypeVar("Task", bound=Hashable)


class Later(Generic[Task]):
    """Tasks that are asked for by one thread and done by another; after a failure nothing more is done.

    Args:
        work: Does a task; asks now and then whether it is still wanted.
        failed: Is told why nothing more is done.
        name: Of the thread, which starts with the first task.
    """

    def __init__(
        self, work: Callable[[Task, Callable[[], bool]], None], failed: Callable[[AnimecamError], None], name: str
    ) -> None:
        self._work, self._failed, self._name = work, failed, name
        self._asked: set[Task] = set()
        self._left: queue.PriorityQueue[tuple[int, int, Task | None]] = queue.PriorityQueue()
        self._order = count()
        self._is_ending = threading.Event()
        self._has_failed = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, task: Task, urgency: int) -> None:
        """Has a task done; what was asked for before and is not done yet is not asked for again.

        Args:
            task: What is to be done.
            urgency: The smaller, the sooner.
        """
        if task in self._asked or self._is_ending.is_set() or self._has_failed.is_set():
            return
        self._asked.add(task)
        self._left.put((urgency, next(self._order), task))
        if self._thread is None:
            self._thread = threading.Thread(target=self._do_all, name=self._name, daemon=True)
            self._thread.start()

    @property
    def is_idle(self) -> bool:
        """Whether everything that was asked for is done, or nothing more will be."""
        return self._has_failed.is_set() or not self._left.unfinished_tasks

    def end(self) -> None:
        """Lets what is under way end soon; nothing more is done."""
        self._is_ending.set()

    def close(self) -> bool:
        """Ends what is under way; may be called twice.

        Returns:
            Whether the thread is at nothing any more.
        """
        self.end()
        if self._thread is None:
            return True
        self._left.put((-1, next(self._order), None))
        self._thread.join(CLOSE_SECONDS)
        return not self._thread.is_alive()

    def _do_all(self) -> None:
        while not self._is_ending.is_set():
            *_, task = self._left.get()
            if task is None:
                return
            try:
                self._do(task)
                self._asked.discard(task)
            except Exception as error:  # noqa: BLE001 - a mistake, too: nobody is to wait for what is done no more
                self._has_failed.set()
                if not self._is_ending.is_set():  # else it was let end, and nobody waits for it
                    self._failed(as_failure(error))
                return
            finally:
                self._left.task_done()

    def _do(self, task: Task) -> None:
        while not _one_at_a_time.acquire(timeout=_POLL_SECONDS):
            if self._is_ending.is_set():
                return
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            if not self._is_ending.is_set():
                self._work(task, self._is_ending.is_set)
        finally:
            sys.setswitchinterval(usual_s)
            _one_at_a_time.release()
