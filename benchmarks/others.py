"""Other programs that keep cores busy, as a meeting or a build does while somebody is live."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

BUSY = "while True: pass"
END_SECONDS = 10.0


@contextmanager
def others(count: int) -> Generator[None]:
    """Keeps so many programs running, each of which takes all that it gets of a core."""
    programs: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            programs.append(subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True))
        yield
    finally:
        for program in programs:
            program.kill()
        for program in programs:
            program.wait(END_SECONDS)
