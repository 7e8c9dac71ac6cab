"""What `styles`, `devices` and `doctor` tell programs: JSON whose keys stay as they are; new ones may come."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import animecam
from animecam.settings import DEFAULT_STYLE

if TYPE_CHECKING:
    from animecam.doctor import Finding
    from animecam.sinks.virtual_cameras import VirtualCamera
    from animecam.sources.devices import CameraInfo
    from animecam.sources.microphones import MicrophoneInfo
    from animecam.styles.registry import Style

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def tell_json(told: dict[str, Any]) -> None:
    """Prints an object on standard output, in ASCII, which every encoding of an output holds."""
    click.echo(json.dumps({"version": animecam.__version__, **told}, indent=2))


def told_styles(styles: Iterable["Style"], folder: Path) -> dict[str, Any]:
    """The styles on offer, in the order of the window's number keys.

    Args:
        styles: They.
        folder: Where the user's own lie.
    """
    return {
        "styles": [
            {
                "name": style.name,
                "title": style.card.title,
                "description": style.description,
                "licence": style.licence,
                "author": style.author,
                "is_bundled": style.is_bundled,
                "folder": str(style.folder),
            }
            for style in styles
        ],
        "default": DEFAULT_STYLE,
        "folder": str(folder),
    }


def told_devices(
    cameras: Iterable["CameraInfo"],
    virtual_cameras: Iterable["VirtualCamera"],
    microphones: Iterable["MicrophoneInfo"],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What `--device`, `--output` and `--audio` take.

    Args:
        cameras: Of this machine.
        virtual_cameras: Those that a meeting can be given.
        microphones: Of this machine.
        notes: Why there are none of a kind, for people.
    """
    return {
        "cameras": [
            {
                "device": camera.index,
                "name": camera.name,
                "path": camera.path,
                "modes": [
                    {
                        "format": mode.format,
                        "width": mode.width_px,
                        "height": mode.height_px,
                        "fps": [float(rate) for rate in mode.rates],
                    }
                    for mode in camera.modes
                ],
            }
            for camera in cameras
        ],
        "virtual_cameras": [
            {"output": camera.uri, "name": camera.name, "is_busy": camera.is_busy} for camera in virtual_cameras
        ],
        "microphones": [{"audio": microphone.name, "name": microphone.description} for microphone in microphones],
        "notes": list(notes),
    }


def told_findings(findings: Iterable["Finding"]) -> dict[str, Any]:
    """What doctor found."""
    from animecam.doctor import State

    words = {State.WORKS: "works", State.OPTIONAL: "absent", State.BROKEN: "broken"}
    told = [
        {"part": one.subject, "state": words[one.state], "detail": one.detail, "hint": one.hint} for one in findings
    ]
    return {"is_fine": all(one["state"] != "broken" for one in told), "parts": told}
