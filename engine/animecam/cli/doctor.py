"""`animecam doctor`: what runs here, what does not, and how to mend it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from animecam.cli.config import check_style, read_settings_file
from animecam.cli.console import results
from animecam.cli.told_json import json_option, tell_json, told_findings
from animecam.config import config_path
from animecam.errors import ConfigError
from animecam.wording import in_options

if TYPE_CHECKING:
    from animecam.doctor import Finding

_COLOURS = {"works": "green", "absent, not needed": "yellow", "does not work": "red"}


@click.command()
@click.option("--gpu", type=click.IntRange(min=0), default=0, show_default=True, help="Index of the GPU to look at.")
@json_option
def doctor(*, gpu: int, as_json: bool) -> int:
    """Checks this machine part by part; exit status 1 when something that is needed does not work."""
    from animecam.doctor import State, examine

    found = [*examine(gpu), _settings_file()]
    findings = [replace(one, detail=in_options(one.detail), hint=in_options(one.hint)) for one in found]
    if as_json:
        tell_json(told_findings(findings))
    else:
        _show(findings)
    return int(any(finding.state is State.BROKEN for finding in findings))


def _show(findings: "list[Finding]") -> None:
    table = Table("part", "state")
    table.add_column("what was found", overflow="fold")
    for finding in findings:
        state = finding.state.value
        table.add_row(escape(finding.subject), f"[{_COLOURS[state]}]{state}[/]", escape(finding.detail))
    results.print(table)
    mendable = [finding for finding in findings if finding.hint]
    if mendable:
        results.print("how to mend it")
    for finding in mendable:  # not in the table, whose cells wrap: a command must be whole to be copied
        results.print(f"  [bold]{escape(finding.subject)}[/]")
        results.print(f"    {escape(finding.hint)}", soft_wrap=True)


def _settings_file() -> "Finding":
    """Where the settings file is, and what it sets; looked at here, as the commands say what may stand in it."""
    from animecam.doctor import Finding, State

    try:
        file = read_settings_file()
        if file is None:
            return Finding("settings file", State.OPTIONAL, f"none: {config_path()}")
        for kept in (file.top, *file.tables.values()):
            if "style" in kept:
                check_style(file.path, kept["style"])
    except ConfigError as error:
        return Finding("settings file", State.BROKEN, error.message, error.hint)
    return Finding("settings file", State.WORKS, f"{file.path}: {file}")
