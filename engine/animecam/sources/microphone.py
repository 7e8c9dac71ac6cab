"""A microphone that is heard in a thread of its own, so that no picture ever waits for sound."""

import logging
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import av
import av.error
from av.container import InputContainer
from av.device import DeviceInfo

from animecam.errors import SourceError
from animecam.sound import SOUND_RATE_HZ, LeastDelay, SoundChunk
from animecam.sources.captures import (
    LATENCY_MS,
    OPEN_SECONDS,
    READ_SECONDS,
    Capture,
    DeviceCapture,
    ProgramCapture,
)
from animecam.sources.ffmpeg_devices import FORMATS, NON_BLOCKING
from animecam.sources.microphones import list_sound_inputs

log = logging.getLogger(__name__)

DEFAULT = "default"
"""The microphone that the system would choose."""

TONE_SCHEME = "tone:"
"""`tone:440` is a synthetic microphone, as `pattern:` is a synthetic camera; the number is in Hz."""

BACKLOG_SECONDS = 10.0  # how late an output may ask for sound; no encoder holds the pictures up for so long
JOIN_SECONDS = 2.0
_ALSA_NAMES = ("hw:", "plughw:", "sysdefault:", "dsnoop:")
_LINUX_HINT = "sudo apt install pulseaudio-utils (for parec), or alsa-utils (for arecord)"


@dataclass(frozen=True, slots=True)
class SoundSystem:
    """What a microphone needs of its surroundings; a test gives its own.

    Attributes:
        platform: As `sys.platform`.
        find_program: As `shutil.which`.
        run: Hears what a program writes: name of the microphone and command line to an open capture.
        open: Opens a device as `av.open` does.
        list: PyAV's list of devices of a format.
    """

    platform: str = sys.platform
    find_program: Callable[[str], str | None] = shutil.which
    run: Callable[[str, Sequence[str]], Capture] = ProgramCapture
    open: Callable[..., InputContainer] = av.open
    list: Callable[[str], Sequence[DeviceInfo]] = av.enumerate_input_devices


def open_microphone(device: str = DEFAULT, system: SoundSystem | None = None) -> "Microphone":
    """Opens a microphone and begins to listen.

    Args:
        device: "default"; a name as `animecam devices` lists it, or on macOS and Windows a number or a part of the
            name; or `tone:440`.
        system: The surroundings.

    Raises:
        SourceError: There is no such microphone, or nothing that can hear it.
    """
    system = system or SoundSystem()
    name = f"microphone {device}"
    if device.startswith(TONE_SCHEME):
        return Microphone(name, _open_tone(name, device.removeprefix(TONE_SCHEME), system))
    if system.platform.startswith("linux"):
        return Microphone(name, system.run(name, _linux_command(name, device, system)))
    return Microphone(name, _open_device(name, device, system))


class Microphone:
    """Keeps the last seconds of sound for whoever asks; `animecam.sound.SoundFeed`. A context manager.

    When the microphone fails, that is told once and there is no more sound; the pictures go on.

    Args:
        name: For messages.
        capture: Open; from now on this object closes it.
        now_s: The clock, `time.perf_counter` but in tests.

    Attributes:
        name: As given.
    """

    def __init__(self, name: str, capture: Capture, now_s: Callable[[], float] = time.perf_counter) -> None:
        self.name = name
        self._capture, self._now_s = capture, now_s
        self._chunks: deque[SoundChunk] = deque()
        self._count = 0
        self._changing = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._listen, name="microphone", daemon=True)
        self._thread.start()

    def since(self, number: int) -> tuple[tuple[SoundChunk, ...], int]:
        """See `SoundFeed`."""
        with self._changing:
            first = self._count - len(self._chunks)
            return tuple(self._chunks)[max(0, number - first) :], self._count

    def close(self) -> None:
        """Ends the thread, which frees the device; may be called twice."""
        self._is_closed = True
        self._capture.stop()
        self._thread.join(JOIN_SECONDS)

    def __enter__(self) -> "Microphone":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> None:
        clock, heard = LeastDelay(), 0
        try:
            while not self._is_closed and (samples := self._capture.read()) is not None:
                # A chunk arrives with its last sample or later, never before it.
                zero_s = clock.add((heard + len(samples)) / SOUND_RATE_HZ, self._now_s())
                self._keep(SoundChunk(zero_s + heard / SOUND_RATE_HZ, samples))
                heard += len(samples)
            if not self._is_closed:
                log.warning("%s ended; the recording goes on without sound", self.name)
        except SourceError as error:
            if not self._is_closed:
                log.warning("%s; the recording goes on without sound", error.message)
        finally:
            self._capture.close()

    def _keep(self, chunk: SoundChunk) -> None:
        with self._changing:
            self._chunks.append(chunk)
            self._count += 1
            while chunk.start_s - self._chunks[0].start_s > BACKLOG_SECONDS:
                self._chunks.popleft()


def _linux_command(name: str, device: str, system: SoundSystem) -> list[str]:
    """The program that hears a device, and its arguments."""
    is_alsa = device.startswith(_ALSA_NAMES)
    if not is_alsa and system.find_program("parec"):
        command = ["parec", "--raw", "--format=s16le", f"--rate={SOUND_RATE_HZ}", "--channels=1"]
        command += [f"--latency-msec={LATENCY_MS}", "--client-name=animecam"]
        return command if device == DEFAULT else [*command, f"--device={device}"]
    if system.find_program("arecord"):
        command = ["arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", str(SOUND_RATE_HZ), "-c", "1"]
        return [*command, f"--period-time={LATENCY_MS * 1000}", "-D", device]
    raise SourceError(f"{name} cannot be heard: there is no program that records sound", hint=_LINUX_HINT)


def _open_device(name: str, device: str, system: SoundSystem) -> Capture:
    device_format = FORMATS.get(system.platform)
    if device_format is None:
        raise SourceError(f"microphones cannot be opened on {system.platform}", hint="leave out --audio")
    path = _find(name, device, device_format, system)
    options = {"fflags": NON_BLOCKING}
    if device_format == "dshow":
        options["audio_buffer_size"] = str(LATENCY_MS)
    return _open(name, path, device_format, options, system)


def _find(name: str, device: str, device_format: str, system: SoundSystem) -> str:
    """How FFmpeg names the device that the user means."""
    if device_format == "avfoundation" and (device == DEFAULT or device.isdecimal()):
        return f":{device}"
    found = list_sound_inputs(system.platform, system.list)
    if device.isdecimal():
        matching = found[int(device) : int(device) + 1]
    else:
        wanted = "" if device == DEFAULT else device.casefold()
        matching = [each for each in found if wanted in (each.description or each.name).casefold()]
    if not matching:
        known = "; ".join(each.description or each.name for each in found)
        raise SourceError(f"{name} does not exist", hint=f"there is {known}" if known else "plug one in")
    return f"audio={matching[0].name}" if device_format == "dshow" else f":{matching[0].name}"


def _open_tone(name: str, text: str, system: SoundSystem) -> Capture:
    if not text.isdecimal():
        raise SourceError(f"{name}: {text!r} is no frequency", hint="for example tone:440")
    graph = f"sine=frequency={text}:sample_rate={SOUND_RATE_HZ},arealtime"
    return _open(name, graph, "lavfi", {}, system)


def _open(name: str, path: str, device_format: str, options: dict[str, str], system: SoundSystem) -> Capture:
    try:
        container = system.open(
            path, format=device_format, container_options=options, timeout=(OPEN_SECONDS, READ_SECONDS)
        )
    except av.error.FFmpegError as error:
        hint = "plug one in, and allow its use in the system's privacy settings, under Microphone"
        raise SourceError(f"{name} cannot be opened: {error.strerror}", hint=hint) from error
    if not container.streams.audio:
        container.close()
        raise SourceError(f"{name} gives no sound", hint="choose another one")
    return DeviceCapture(name, container)
