"""Entry point of the console script and of `python -m animecam`."""

import sys

INTERRUPTED = 130
"""Exit status of a run that was stopped: INTERRUPTED of `animecam.command_line`, which is not imported yet."""


def run() -> None:
    """Runs the command line; Ctrl-C while it is still being imported, which takes half a second, is no failure."""
    try:
        from animecam.cli import main

        status = main()
    except KeyboardInterrupt:
        sys.stderr.write("animecam: stopped\n")
        status = INTERRUPTED
    sys.exit(status)


if __name__ == "__main__":
    run()
