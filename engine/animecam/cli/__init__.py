"""The command line: `animecam`. Arguments become Settings; everything heavy is imported by the command that runs."""

import signal
from collections.abc import Sequence
from types import FrameType

from animecam.cli import bench, build, convert, demo, doctor, listing, live, serve
from animecam.cli.console import print_whatever_comes
from animecam.command_line import run_command_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Words after the program's name; None takes them from `sys.argv`.

    Returns:
        Exit status: 0 done, 1 run-time error, 2 usage, 130 interrupted (a live run that Ctrl-C ends is done), 141
            nobody reads the output any more.
    """
    print_whatever_comes()
    _end_like_ctrl_c()
    return run_command_line(live.group, "animecam", arguments)


def _end_like_ctrl_c() -> None:
    """Lets a polite kill and a closed terminal finish files as Ctrl-C does; nohup keeps the latter away."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _hang_up)


def _hang_up(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # shell and system both tell it, and a second Ctrl-C would finish nothing
    signal.default_int_handler(number, frame)


_COMMANDS = (
    convert.convert,
    demo.demo,
    bench.bench,
    build.build,
    doctor.doctor,
    listing.devices,
    listing.styles,
    serve.serve,
)
for command in _COMMANDS:
    live.group.add_command(command)
