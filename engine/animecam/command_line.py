"""How a command line ends: what fails is told in one line, with a hint where there is one, and by an exit status.

`animecam` and `animecam-export` share it. It stands outside `animecam.cli`, whose import loads every command.
"""

import errno
import os
import sys
from collections.abc import Container, Sequence

import click
from rich.console import Console
from rich.markup import escape

from animecam.errors import AnimecamError
from animecam.wording import in_options

RUN_TIME_ERROR = 1
INTERRUPTED = 130  # as shells say it of a command that Ctrl-C ended: 128 and the number of the signal

PIPE_CLOSED = 141  # as shells say it of a command whose reader, such as `head`, has gone: 128 and SIGPIPE's number

messages = Console(stderr=True, highlight=False, emoji=False)  # a name may be ":smile:"


def run_command_line(command: click.Command, program: str, arguments: Sequence[str] | None) -> int:
    """Runs a command, or the one of its subcommands that is asked for.

    Args:
        command: What the arguments are for.
        program: Its name, which usage and errors begin with.
        arguments: Words after the program's name; None takes them from `sys.argv`.

    Returns:
        Exit status: what the command returned if that is a number, else 0; 1 run-time error, 2 usage, 130 interrupted,
        141 nobody reads the output any more.
    """
    outputs = sys.stdout, sys.stderr
    try:
        return _run(command, program, arguments)
    except SystemExit as end:  # rich and click both make it of a closed pipe, with the status of an error
        is_clicks = sys.stdout is not outputs[0]  # which puts something in its place that fails no more
        if not is_clicks and not isinstance(end.__context__, BrokenPipeError):
            raise
        sys.stdout, sys.stderr = outputs
        _drop_output()
        return PIPE_CLOSED


def _run(command: click.Command, program: str, arguments: Sequence[str] | None) -> int:
    words = list(arguments) if arguments is not None else None
    try:
        status = command.main(args=words, prog_name=program, standalone_mode=False)
    except click.ClickException as error:
        asked = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else program
        show_error(error.format_message(), f"{asked} --help", program=program)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        show_error("stopped", "", program=program)
        return INTERRUPTED
    except AnimecamError as error:
        options = _options(command)
        show_error(error.message, error.hint, program=program, options=options)
        for note in getattr(error, "__notes__", ()):
            show_error(note, "", program=program, options=options)
        return error.exit_status
    except OSError as error:
        if error.errno == errno.ENOSPC:
            problem, hint = "cannot write the output: no space is left on the device", "free some, or send it elsewhere"
        elif error.filename is not None:  # a folder without the right to look into it, a name that is too long
            problem, hint = f"{error.filename}: {error.strerror}", "check its name and its rights"
        else:
            raise
        show_error(problem, hint, program=program)
        return RUN_TIME_ERROR
    return status if isinstance(status, int) else 0


def _drop_output() -> None:
    """Sends to nowhere what is left of an output that nobody reads: Python's last flush would complain of it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _options(command: click.Command) -> frozenset[str]:
    """The options of a command and of those below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return frozenset(word for one in command.params for word in one.opts).union(*map(_options, below))


def show_error(message: str, hint: str, *, program: str = "animecam", options: Container[str] | None = None) -> None:
    """Prints an error in one line and, if there is one, its hint in a second; both name settings by their options.

    Args:
        message: What is wrong.
        hint: What to do; empty: nobody knows.
        program: Whose error it is.
        options: Those that the program has; None: it is animecam.
    """
    messages.print(f"[bold red]{program}:[/] {escape(in_options(message, options))}", soft_wrap=True)
    if hint:
        messages.print(f"[bold]hint:[/] {escape(in_options(hint, options))}", soft_wrap=True)
