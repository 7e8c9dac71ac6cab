"""`animecam devices` and `animecam styles`: what there is to choose from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Column, Table

from animecam.cli.console import results, show_note
from animecam.cli.told_json import json_option, tell_json, told_devices, told_styles
from animecam.errors import SinkError, SourceError, UsageError

if TYPE_CHECKING:
    from animecam.sinks.virtual_cameras import VirtualCamera
    from animecam.sources.devices import CameraInfo
    from animecam.sources.microphones import MicrophoneInfo

NO_CAMERA = "no camera was found; try one without a device: animecam --input pattern:640x480@30"
NO_MICROPHONE = "no microphone was found; try the synthetic one: --audio tone:440"


@click.command()
@json_option
def devices(*, as_json: bool) -> None:
    """Lists cameras (on Linux with their modes), virtual cameras for meetings, and microphones."""
    from animecam.sources.devices import list_cameras

    cameras = list_cameras()
    virtual_cameras, no_virtual_camera = _virtual_cameras()
    microphones, no_microphone = _microphones()
    no_camera = "" if cameras else NO_CAMERA
    if as_json:
        notes = [note for note in (no_camera, no_virtual_camera, no_microphone) if note]
        tell_json(told_devices(cameras, virtual_cameras, microphones, notes))
        return
    _show_cameras(cameras, no_camera)
    _show_virtual_cameras(virtual_cameras, no_virtual_camera)
    _show_microphones(microphones, no_microphone)


def _virtual_cameras() -> "tuple[Sequence[VirtualCamera], str]":
    """Those there are, or why there are none."""
    from animecam.sinks.virtual_cameras import find_virtual_cameras

    try:
        return find_virtual_cameras(), ""
    except SinkError as error:
        return (), f"{error.message}; {error.hint}"


def _microphones() -> "tuple[Sequence[MicrophoneInfo], str]":
    """Those there are, or why there are none."""
    from animecam.sources.microphones import list_microphones

    try:
        microphones = list_microphones()
    except SourceError as error:  # of interest to few; who names one is told in full
        return (), error.message
    return microphones, "" if microphones else NO_MICROPHONE


def _show_cameras(cameras: "Sequence[CameraInfo]", why_none: str) -> None:
    if why_none:
        show_note(why_none)
        return
    results.print("cameras (--device N)")
    for camera in cameras:
        results.print(f"  [bold]{camera.index}[/]  {escape(camera.name)}  ({escape(camera.path)})", soft_wrap=True)
        for mode in camera.modes:
            results.print(f"       {escape(str(mode))}")


def _show_virtual_cameras(cameras: "Sequence[VirtualCamera]", why_none: str) -> None:
    if why_none:
        show_note(why_none)
        return
    results.print("virtual cameras, for meetings (--output URI)")
    for camera in cameras:
        busy = "  (another program writes to it)" if camera.is_busy else ""
        results.print(f"  [bold]{escape(camera.word)}[/]  {escape(camera.name)}{busy}", soft_wrap=True)
    free = next((camera for camera in cameras if not camera.is_busy), None)
    if free is not None:
        show_note(f"for example: animecam --device 0 --output {free.word} --output window:")


def _show_microphones(microphones: "Sequence[MicrophoneInfo]", why_none: str) -> None:
    if why_none:
        show_note(why_none)
        return
    results.print("microphones (--audio NAME)")
    for microphone in microphones:
        about = f"  {escape(microphone.description)}" if microphone.description else ""
        results.print(f"  [bold]{escape(microphone.name)}[/]{about}", soft_wrap=True)


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def styles(context: click.Context, *, as_json: bool) -> None:
    """Lists the styles; `styles add` brings one of your own."""
    if context.invoked_subcommand is not None:
        if as_json:
            raise UsageError(f"styles {context.invoked_subcommand} prints no JSON", hint="leave --json out")
        return
    from animecam.styles.registry import offered_styles, user_styles

    if as_json:
        tell_json(told_styles(offered_styles(), user_styles()))
        return

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
