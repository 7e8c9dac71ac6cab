"""Converts several files at a time: a process for each GPU, with networks of its own, that gets one file after another.

Processes, because most of what Python does for a frame would wait for its turn in one. Each has a pipe to this one,
which hands out files and shows what it is told; a pipe that ends tells of a process that is gone.
"""

import logging
import os
import signal
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from animecam.backends.opening import PROCESSOR_ORDER
from animecam.cli.conversion import Bar, Display, Outcome
from animecam.cli.crew_worker import Begun, Error, Free, Left, Logged, Message, Moved, Note, Sized, work
from animecam.cli.jobs import Job
from animecam.errors import UsageError
from animecam.settings import Settings
from animecam.sinks.options import SinkOptions

POLL_SECONDS = 1.0
END_SECONDS = 30.0
"""Longest wait for a process that has said that it is done; what it opened is closed by then."""

log = logging.getLogger(__name__)


def convert_on(
    gpus: Sequence[int], jobs: Sequence[Job], settings: Settings, display: Display, options: SinkOptions
) -> Outcome:
    """Converts files on several GPUs.

    Args:
        gpus: Their indices, as the driver counts them.
        jobs: What to convert; whichever GPU is free takes the next one.
        settings: For all; `gpu` is set for each.
        display: Is told, in this thread.
        options: How outputs are written.

    Raises:
        UsageError: The backend computes on no GPU.
        BackendError: One of the GPUs cannot be opened.
    """
    if settings.backend in PROCESSOR_ORDER:
        raise UsageError(f"--backend {settings.backend} computes on no GPU", hint="leave --gpus out")
    for gpu in gpus:
        check_gpu(gpu)
    return run_crew([replace(settings, gpu=gpu) for gpu in gpus], jobs, display, options)


def check_gpu(index: int) -> None:
    """Opens a GPU and closes it again.

    Raises:
        BackendError: It cannot be opened.
    """
    from animecam.cuda.gpu import open_gpu

    open_gpu(index).close()


def run_crew(settings: Sequence[Settings], jobs: Sequence[Job], display: Display, options: SinkOptions) -> Outcome:
    """Converts files in a process for each of the settings, or in fewer where there are fewer files.

    A first Ctrl-C lets every process finish the frames that are under way, a second one does not.
    """
    waiting, is_interrupted = deque(jobs), False
    with ExitStack() as stack:
        members = [_Member(one, options, display, stack) for one in settings[: len(jobs)]]
        while left := [member for member in members if not member.has_ended]:
            try:
                for ready in wait([member.pipe for member in left], POLL_SECONDS):
                    next(member for member in left if member.pipe is ready).listen(waiting)
            except KeyboardInterrupt:
                is_interrupted = True
                waiting.clear()
                for member in left:
                    member.interrupt()
    not_begun = Outcome(failures=len(waiting), is_interrupted=is_interrupted)
    return sum((member.outcome for member in members), not_begun)


class _Member:
    """One process, as seen from here.

    Args:
        settings: Its own.
        options: How outputs are written.
        display: Is told what it tells.
        stack: Ends it.
    """

    def __init__(self, settings: Settings, options: SinkOptions, display: Display, stack: ExitStack) -> None:
        self._gpu, self._display = settings.gpu, display
        self._shown = ExitStack()
        self._bar: Bar | None = None
        self._name = ""
        self._has_file = self._is_interrupted = False
        self.outcome = Outcome()
        self.has_ended = False
        context = get_context("spawn")  # a fork would share the locks and the devices of this process
        self.pipe, theirs = context.Pipe()
        level = logging.getLogger("animecam").level
        self._process: BaseProcess = context.Process(
            target=work, args=(theirs, settings, options, level), name=f"gpu-{settings.gpu}"
        )
        self._process.start()
        theirs.close()  # so that the pipe ends with the process
        stack.callback(self._end)

    def listen(self, waiting: deque[Job]) -> None:
        """Takes one message; a free process gets the next of the files that wait, or goes home."""
        try:
            message: Message = self.pipe.recv()
        except (EOFError, OSError):
            self._lose()
            return
        match message:
            case Free():
                self._hand_out(waiting)
            case Outcome():
                self.outcome += message
                self._has_file = False
            case Left():
                self.has_ended = True
            case _:
                self._show(message)

    def _hand_out(self, waiting: deque[Job]) -> None:
        job = waiting.popleft() if waiting else None
        self._has_file = False
        try:
            self.pipe.send(job)
            self._has_file = job is not None
        except OSError:
            if job is not None:
                waiting.appendleft(job)  # for the others
            self._lose()

    def interrupt(self) -> None:
        """Passes a Ctrl-C on."""
        self._is_interrupted = True
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGINT)

    def _show(self, message: Message) -> None:
        match message:
            case Note():
                self._display.note(f"GPU {self._gpu}: {message.text}")
            case Error():
                self._display.error(message.message, message.hint)
            case Logged():
                log.log(message.level, "GPU %d: %s", self._gpu, message.text)
            case Begun():
                self._name = message.name
                self._bar = self._shown.enter_context(self._display.bar(message.name))
            case Sized() if self._bar:
                self._bar.resize(message.total)
            case Moved() if self._bar:
                self._bar.move(message.done, message.rate)
            case _:
                self._hide()

    def _hide(self) -> None:
        self._shown.close()
        self._bar = None

    def _lose(self) -> None:
        """It is gone without a word: killed, or a library broke it."""
        self._process.join(END_SECONDS)
        self.has_ended = True
        if self._is_interrupted:
            self.outcome += Outcome(is_interrupted=True)
            return
        where = f" in {self._name}" if self._bar is not None else ""
        message = f"the process of GPU {self._gpu} ended{where} (exit status {self._process.exitcode})"
        self._display.error(message, "start it again to go on; without --gpus one process does all")
        self.outcome += Outcome(failures=int(self._has_file))

    def _end(self) -> None:
        self._hide()
        self._process.join(END_SECONDS if self.has_ended else 0.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self.pipe.close()
