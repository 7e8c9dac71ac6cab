"""`animecam doctor`: what runs here, what does not, and how to mend it."""

import click
from rich.markup import escape
from rich.table import Table

from animecam.cli.console import results

_COLOURS = {"works": "green", "absent, not needed": "yellow", "does not work": "red"}


@click.command()
def doctor() -> int:
    """Checks this machine part by part; exit status 1 when something that is needed does not work."""
    from animecam.doctor import State, examine

    findings = list(examine())
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
    return int(any(finding.state is State.BROKEN for finding in findings))
