"""The process of a Chromium that is driven over its DevTools protocol: found, started, ended."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_SECONDS = 30.0
END_SECONDS = 5.0  # longest wait for a browser that was told to end
POLL_SECONDS = 0.05
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
    "--use-fake-device-for-media-stream",
)


class PageError(Exception):
    """The browser did not start, a script in a page threw, or the page did not get where it was expected."""


def find_chromium() -> str | None:
    """Path of the browser, None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Running:
    """A browser's process, to which `connected` talks."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None


@contextmanager
def started(*flags: str, camera: Path | None = None) -> Generator[Running]:
    """Starts a browser with a profile of its own and ends it with the block.

    Args:
        flags: More command-line flags.
        camera: Clip that its camera plays in a loop (.y4m or .mjpeg); None plays Chromium's own test picture.

    Raises:
        PageError: There is no Chromium, or it does not start.
    """
    program = find_chromium()
    if program is None:
        raise PageError(f"none of {', '.join(NAMES)} is installed")
    playing = [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        arguments = (*FLAGS, *flags, *playing, f"--user-data-dir={profile}", "about:blank")
        quiet = subprocess.DEVNULL
        with subprocess.Popen((program, *arguments), stdout=quiet, stderr=quiet) as process:
            try:
                yield Running(_devtools_url(Path(profile)), process)
            finally:
                _end(process)


def _devtools_url(profile: Path) -> str:
    told = profile / "DevToolsActivePort"
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        lines: Sequence[str] = told.read_text().splitlines() if told.exists() else ()
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(POLL_SECONDS)
    raise PageError("Chromium did not start")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
