"""Entry point of the console script and of `python -m animecam`."""

import os
import sys
import threading
from contextlib import suppress

INTERRUPTED = 130
"""Exit status of a run that was stopped: INTERRUPTED of `animecam.command_line`, which is not imported yet."""

WAITING_IN_FFMPEG = frozenset({"capture", "opening"})
"""Threads that a run which Ctrl-C ended may leave: of `animecam.run.pipeline` and `animecam.sources.interruptible`."""


def run() -> None:
    """Runs the command line; Ctrl-C while it is still being imported, which takes half a second, is no failure."""
    try:
        from animecam.cli import main

        status = main()
    except KeyboardInterrupt:
        sys.stderr.write("animecam: stopped\n")
        status = INTERRUPTED
    _leave(status)


def _leave(status: int) -> None:
    """Ends the program, whose outputs are closed and flushed.

    A thread that waits in FFmpeg for a sender cannot be ended, and may crash while Python is taken apart around it.
    """
    if WAITING_IN_FFMPEG.isdisjoint(thread.name for thread in threading.enumerate()):
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads it any more
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
