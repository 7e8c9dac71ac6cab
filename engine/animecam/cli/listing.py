"""`animecam devices` and `animecam styles`: what there is to choose from."""

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Column, Table

from animecam.cli.console import results, show_note
from animecam.errors import SinkError, SourceError

NO_MICROPHONE = "no microphone was found; try the synthetic one: --audio tone:440"


@click.command()
def devices() -> None:
    """Lists cameras (on Linux with their modes), virtual cameras for meetings, and microphones."""
    _list_cameras()
    _list_virtual_cameras()
    _list_microphones()


def _list_cameras() -> None:
    from animecam.sources.devices import list_cameras

    cameras = list_cameras()
    if cameras:
        results.print("cameras (--device N)")
    else:
        show_note("no camera was found; try one without a device: animecam --input pattern:640x480@30")
    for camera in cameras:
        results.print(f"  [bold]{camera.index}[/]  {escape(camera.name)}  ({escape(camera.path)})", soft_wrap=True)
        for mode in camera.modes:
            results.print(f"       {escape(str(mode))}")


def _list_virtual_cameras() -> None:
    from animecam.sinks.virtual_cameras import find_virtual_cameras

    try:
        cameras = find_virtual_cameras()
    except SinkError as error:
        show_note(f"{error.message}; {error.hint}")
        return
    results.print("virtual cameras, for meetings (--output URI)")
    for camera in cameras:
        busy = "  (another program writes to it)" if camera.is_busy else ""
        results.print(f"  [bold]{escape(camera.word)}[/]  {escape(camera.name)}{busy}", soft_wrap=True)
    free = next((camera for camera in cameras if not camera.is_busy), None)
    if free is not None:
        show_note(f"for example: animecam --device 0 --output {free.word} --output window:")


def _list_microphones() -> None:
    from animecam.sources.microphones import list_microphones

    try:
        microphones = list_microphones()
    except SourceError as error:  # of interest to few; who names one is told in full
        show_note(error.message)
        return
    if microphones:
        results.print("microphones (--audio NAME)")
    else:
        show_note(NO_MICROPHONE)
    for microphone in microphones:
        about = f"  {escape(microphone.description)}" if microphone.description else ""
        results.print(f"  [bold]{escape(microphone.name)}[/]{about}", soft_wrap=True)


@click.group(invoke_without_command=True)
@click.pass_context
def styles(context: click.Context) -> None:
    """Lists the styles; `styles add` brings one of your own."""
    if context.invoked_subcommand is not None:
        return
    from animecam.styles.registry import offered_styles, user_styles

    table = Table(Column("style", no_wrap=True), "what it is", "licence", "where from")
    for style in offered_styles():
        table.add_row(style.name, escape(style.description), escape(style.licence), escape(style.author))
    results.print(table)
    show_note(f"styles that you add lie in {user_styles()}")


@styles.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name to choose it by. [default: the file's name]")
@click.option("--overwrite", is_flag=True, help="Replace a style of that name that you added before.")
def add(*, file: Path, name: str | None, overwrite: bool) -> None:
    """Adds FILE, an image-to-image network or the folder of a style, to the styles.

    Of a network, FILE.onnx, it is found out how it is fed. It is copied, with a card that tells that, into your data
    folder; FILE.onnx is not needed again. Weights in a file beside it, such as FILE.onnx.data, come along.

    A folder that animecam-export wrote is copied with its card and all of its networks.
    """
    from animecam.styles.add import add_style

    report = add_style(file, name=name, overwrite=overwrite)
    for finding in report.findings:
        show_note(finding)
    results.print(f"try it: animecam demo --style {escape(report.card.name)}", soft_wrap=True)


@styles.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove(*, name: str, yes: bool) -> None:
    """Deletes the style NAME that you added."""
    from animecam.styles.own import remove_style
    from animecam.styles.registry import user_styles

    if not yes and (user_styles() / name).is_dir():
        click.confirm(f"delete {user_styles() / name}?", abort=True)
    results.print(f"deleted {escape(str(remove_style(name)))}", soft_wrap=True)
