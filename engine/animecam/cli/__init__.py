"""The command line: `animecam`. Arguments become Settings; everything heavy is imported by the command that runs."""

import errno
import signal
from collections.abc import Sequence

import click

from animecam.cli import bench, build, convert, demo, doctor, listing, live, serve
from animecam.cli.console import print_whatever_comes, show_error
from animecam.errors import AnimecamError

RUN_TIME_ERROR = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Words after the program's name; None takes them from `sys.argv`.

    Returns:
        Exit status: 0 done, 1 run-time error, 2 usage.
    """
    print_whatever_comes()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill closes files like Ctrl-C
    try:
        words = list(arguments) if arguments is not None else None
        status = live.group.main(args=words, prog_name="animecam", standalone_mode=False)
    except click.ClickException as error:
        asked = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "animecam"
        show_error(error.format_message(), f"{asked} --help")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        show_error("stopped", "")
        return RUN_TIME_ERROR
    except AnimecamError as error:
        show_error(error.message, error.hint)
        for note in getattr(error, "__notes__", ()):
            show_error(note, "")
        return error.exit_status
    except OSError as error:
        if error.errno == errno.ENOSPC:
            show_error("cannot write the output: no space is left on the device", "free some, or send it elsewhere")
        elif error.filename is not None:  # a folder without the right to look into it, a name that is too long
            show_error(f"{error.filename}: {error.strerror}", "check its name and its rights")
        else:
            raise
        return RUN_TIME_ERROR
    return status if isinstance(status, int) else 0


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
