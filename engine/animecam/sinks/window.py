"""A window on the screen, drawn by a process of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from animecam.errors import SinkError
from animecam.sinks.base import SinkClosed
from animecam.sinks.display import find_display
from animecam.sinks.options import SinkOptions
from animecam.sinks.talk import Panel, Talk
from animecam.sinks.viewer import PICTURES_FILE, TALK_FILE
from animecam.sinks.viewport import Viewport, WindowState
from animecam.types import Frame, StreamFormat

OPEN_SECONDS = 20.0  # a cold start of Python and OpenCV on a slow disk
CLOSE_SECONDS = 2.0  # the viewer looks up every few milliseconds
_TICK_SECONDS = 0.01
_MEMORY_FOLDER = Path("/dev/shm")  # Linux keeps files here in memory; elsewhere the cache does as well
_PACKAGE_FOLDER = Path(__file__).parents[2]


class WindowSink:
    """Shows frames upright, with square pixels, the newest at once; q, Esc or the window's button end the run.

    Args:
        uri: `window:`.
        stream: What the frames will be.
        options: The title, and what the keys act on.
        environment: Of the window's process; None is this process's own.

    Attributes:
        uri: As opened.
        shows_view: It is for the user's own eyes.

    Raises:
        SinkError: There is no display, or the window does not open.
    """

    shows_view = True

    def __init__(
        self, uri: str, stream: StreamFormat, options: SinkOptions, environment: Mapping[str, str] | None = None
    ) -> None:
        self.uri = uri
        environment = dict(os.environ if environment is None else environment)
        if find_display(environment) is None:
            raise SinkError(
                "there is no display for a window (DISPLAY is not set)",
                hint="write to a file with --output FILE, use a browser with animecam serve, or log in with ssh -X",
            )
        self._panel = options.panel
        self._events_taken = 0
        self._text = ""
        self._is_closed = False
        try:
            self._folder, self._viewport, self._talk = _make_shared(stream)
        except OSError as error:
            raise SinkError(f"cannot open a window: {error.strerror}") from error
        try:
            self._process = self._start(options.window_title, environment)
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise SinkError(f"cannot open a window: {error.strerror}") from error
        try:
            self._wait_for_window()
        except BaseException:  # Ctrl-C, too: the folder is memory that nobody else would give back
            self.close(complete=False)
            raise

    def write(self, frame: Frame) -> None:
        """Hands one frame to the window, does what its keys ask for, and returns at once.

        Raises:
            SinkClosed: The user closed the window.
            SinkError: The window is gone for another reason.
        """
        if self._viewport.state is WindowState.CLOSED:
            raise SinkClosed(self.uri)
        if self._process.poll() is not None:
            raise SinkError(f"the window broke down: {self._last_words()}", hint="write to a file, or to null:")
        if self._panel is not None:
            frame = self._exchange(self._panel, frame)
        self._viewport.put(frame)

    def _exchange(self, panel: Panel, frame: Frame) -> Frame:
        """Brings the panel up to date; gives what is to be shown."""
        shown = panel.shown(frame)
        events, self._events_taken = self._talk.events_since(self._events_taken)
        for event in events:
            panel.take(event)
        if panel.text != self._text:
            self._text = panel.text
            self._talk.tell(self._text)
        return shown

    def close(self, *, complete: bool) -> None:  # noqa: ARG002 - a window is never complete
        """Closes the window; may be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        assert self._process.stdin is not None, "it was started with a pipe"
        self._process.stdin.close()  # which the viewer takes as the end
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, title: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        search = [str(_PACKAGE_FOLDER), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(search)
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                # -P: modules are not looked for in the folder that the user happens to be in.
                [sys.executable, "-P", "-m", "animecam.sinks.viewer", str(self._folder), title],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
            )

    def _wait_for_window(self) -> None:
        deadline = time.monotonic() + OPEN_SECONDS
        while self._viewport.state is WindowState.OPENING:
            if self._process.poll() is not None:
                raise SinkError(
                    f"cannot open a window: {self._last_words()}",
                    hint="write to a file with --output FILE, or to null:",
                )
            if time.monotonic() > deadline:
                raise SinkError(f"no window opened within {OPEN_SECONDS:.0f} s", hint="write to a file, or to null:")
            time.sleep(_TICK_SECONDS)

    def _last_words(self) -> str:
        lines = (self._folder / "log").read_text(errors="replace").split("\n")
        spoken = [line.strip() for line in lines if line.strip()]
        if not spoken:
            return f"its process ended with status {self._process.returncode}"
        # Python's account of a failure ends with the cause; the window system's begins with it.
        return spoken[-1] if any(line.startswith("Traceback") for line in spoken) else spoken[0]


def _make_shared(stream: StreamFormat) -> tuple[Path, Viewport, Talk]:
    """A folder and what both processes share in it: in memory, or on the disk where that has too little room.

    Raises:
        OSError: There is no room on the disk, either.
    """
    if _MEMORY_FOLDER.is_dir():
        with suppress(OSError):  # containers have 64 MiB of it, or may not write there
            return _make_shared_in(_MEMORY_FOLDER, stream)
    return _make_shared_in(None, stream)


def _make_shared_in(parent: Path | None, stream: StreamFormat) -> tuple[Path, Viewport, Talk]:
    folder = Path(tempfile.mkdtemp(prefix="animecam-", dir=parent))
    try:
        viewport = Viewport.create(folder / PICTURES_FILE, stream.width_px, stream.height_px)
        return folder, viewport, Talk.create(folder / TALK_FILE)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
