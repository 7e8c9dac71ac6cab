"""The microphones of this machine, by the names that `--audio` takes."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from av.device import DeviceInfo

from animecam.errors import SourceError
from animecam.sources.ffmpeg_devices import FORMATS, list_devices

ALSA_DEVICES = Path("/proc/asound/pcm")
ASK_SECONDS = 3.0  # a sound server that answers at all does so at once

_MONITOR = ".monitor"  # what a loudspeaker plays, offered as a source
_ALSA_LINE = re.compile(r"(\d+)-(\d+): *([^:]*):.*capture")


@dataclass(frozen=True, slots=True)
class MicrophoneInfo:
    """A microphone.

    Attributes:
        name: What `--audio` takes.
        description: What a person calls it.
    """

    name: str
    description: str


def ask_program(command: Sequence[str]) -> str:
    """What a program says, in English; nothing where it fails."""
    english = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=english, capture_output=True, encoding="utf-8", timeout=ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout


@dataclass(frozen=True, slots=True)
class SoundDevices:
    """What is asked for microphones; a test gives its own.

    Attributes:
        platform: As `sys.platform`.
        find_program: As `shutil.which`.
        ask: See `ask_program`.
        alsa: Where Linux lists its sound devices.
        list: PyAV's list of devices of a format.
    """

    platform: str = sys.platform
    find_program: Callable[[str], str | None] = shutil.which
    ask: Callable[[Sequence[str]], str] = ask_program
    alsa: Path = ALSA_DEVICES
    list: Callable[[str], Sequence[DeviceInfo]] = av.enumerate_input_devices


def list_microphones(devices: SoundDevices | None = None) -> tuple[MicrophoneInfo, ...]:
    """Lists the microphones that can be heard here.

    Args:
        devices: What to ask.

    Raises:
        SourceError: The system cannot list its microphones.
    """
    devices = devices or SoundDevices()
    if devices.platform.startswith("linux"):
        return _of_sound_server(devices) or _of_alsa(devices)
    found = list_sound_inputs(devices.platform, devices.list)
    return tuple(MicrophoneInfo(device.description or device.name, "") for device in found)


def list_sound_inputs(platform: str, ask: Callable[[str], Sequence[DeviceInfo]]) -> list[DeviceInfo]:
    """FFmpeg's sound inputs on macOS and Windows, in the order by which they are numbered.

    Args:
        platform: As `sys.platform`.
        ask: PyAV's list of devices of a format.

    Raises:
        SourceError: The system or this build of PyAV has no such list.
    """
    device_format = FORMATS.get(platform)
    if device_format is None:
        raise SourceError(f"microphones cannot be listed on {platform}", hint="leave out --audio")
    return list_devices(device_format, "audio", ask)


def _of_sound_server(devices: SoundDevices) -> tuple[MicrophoneInfo, ...]:
    """Those of PulseAudio or PipeWire; `parec` is what hears them."""
    pactl = devices.find_program("pactl")
    if pactl is None or devices.find_program("parec") is None:
        return ()
    found: list[MicrophoneInfo] = []
    name = ""
    for line in devices.ask([pactl, "list", "sources"]).splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "Name":
            name = value
        elif key == "Description" and not name.endswith(_MONITOR):
            found.append(MicrophoneInfo(name, value))
    return tuple(found)


def _of_alsa(devices: SoundDevices) -> tuple[MicrophoneInfo, ...]:
    """Those of the kernel; `arecord` is what hears them."""
    if devices.find_program("arecord") is None or not devices.alsa.is_file():
        return ()
    matches = map(_ALSA_LINE.match, devices.alsa.read_text().splitlines())
    # "plug" has ALSA convert where the card itself does not know our rate or one channel alone.
    return tuple(MicrophoneInfo(f"plughw:{int(m[1])},{int(m[2])}", m[3].strip()) for m in matches if m)
