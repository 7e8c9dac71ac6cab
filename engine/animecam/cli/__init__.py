"""The command line: `animecam`. Arguments become Settings; everything heavy is imported by the command that runs."""

import signal
from collections.abc import Sequence

from animecam.cli import bench, build, convert, demo, doctor, listing, live, serve
from animecam.cli.console import print_whatever_comes
from animecam.command_line import run_command_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Words after the program's name; None takes them from `sys.argv`.

    Returns:
        Exit status: 0 done, 1 run-time error, 2 usage.
    """
    print_whatever_comes()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill closes files like Ctrl-C
    return run_command_line(live.group, "animecam", arguments)


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
