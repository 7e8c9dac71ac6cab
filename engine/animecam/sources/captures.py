"""Ways to hear a microphone: a recording program through a pipe (Linux), FFmpeg's devices (macOS, Windows, a tone).

PyAV's wheel for Linux has no PulseAudio, and its ALSA looks for its configuration in a folder of the machine that built
it. `parec` and `arecord` belong to the system, know its sound server, and say in words what is wrong.
"""

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import av
import av.error
import numpy as np
from av import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from animecam.errors import SourceError
from animecam.sound import SOUND_RATE_HZ, Samples

OPEN_SECONDS = 5.0  # a sound server answers within one; a Bluetooth headset takes a few to change its profile
READ_SECONDS = 5.0  # a microphone is never silent in numbers: nothing for this long means that it is gone
CLOSE_SECONDS = 1.0
RETRY_SECONDS = 0.005  # pause before a device without sound is asked again
LATENCY_MS = 20  # of a chunk: small beside a picture's time, large beside the cost of a read
CHUNK_BYTES = 4 * SOUND_RATE_HZ * 2 * LATENCY_MS // 1000  # most that one read takes
LAST_WORDS_BYTES = 4096  # of what a program that ends said: the last line tells why
_SAMPLE_BYTES = 2
_FULL_SCALE = 32768.0


class Capture(Protocol):
    """An open microphone; one thread reads and closes it."""

    def read(self) -> Samples | None:
        """The next samples, or None at the end; waits for them.

        Raises:
            SourceError: The microphone is gone, or nothing came in time.
        """
        ...

    def stop(self) -> None:
        """Makes a read in another thread return soon."""
        ...

    def close(self) -> None:
        """Frees the device; may be called twice."""
        ...


class ProgramCapture:
    """What a program writes to its standard output: 16-bit samples, one channel.

    Args:
        name: Of the microphone, for messages.
        command: The program and its arguments.

    Raises:
        SourceError: The program ended, or nothing came, before the first sample.
    """

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self._name, self._rest = name, b""
        self._is_stopped = False
        # A pipe that nobody reads is full one day, and stops the program.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the capture
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for this program, which stops the other when the sound is saved
            )
        except OSError as error:
            self._said.close()
            raise SourceError(f"{name} cannot be opened: {command[0]}: {error.strerror}") from error
        assert self._process.stdout is not None, "it was started with a pipe"
        self._pipe = self._process.stdout.fileno()
        try:
            self._rest = self._more(OPEN_SECONDS)
        except BaseException:  # Ctrl-C, too: a program that hears nothing never notices that nobody listens to it
            self.close()
            raise

    def read(self) -> Samples | None:
        """See `Capture`."""
        data = self._rest
        while len(data) < _SAMPLE_BYTES:
            if self._is_stopped:
                return None
            data += self._more(READ_SECONDS)
        whole = len(data) // _SAMPLE_BYTES * _SAMPLE_BYTES
        self._rest = data[whole:]
        return np.frombuffer(data[:whole], "<i2").astype(np.float32) / np.float32(_FULL_SCALE)

    def stop(self) -> None:
        """See `Capture`."""
        self._is_stopped = True
        self._process.terminate()

    def close(self) -> None:
        """See `Capture`."""
        self._process.terminate()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _more(self, seconds: float) -> bytes:
        """What has been written; waits for it. Nothing only after `stop`."""
        ready, _, _ = select.select([self._pipe], [], [], seconds)
        if not ready:
            raise nothing_heard(self._name, seconds)
        data = os.read(self._pipe, CHUNK_BYTES)
        if not data and not self._is_stopped:
            raise self._ended()
        return data

    def _ended(self) -> SourceError:
        """What the program said before it ended."""
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
        said = self._said.read().decode(errors="replace").strip().splitlines()
        reason = said[-1].strip() if said else f"{self._process.args} ended"
        hint = "plug one in, or name another one with --audio; to list them: pactl list short sources, or arecord -L"
        return SourceError(f"{self._name} gives no sound: {reason}", hint=hint)


class DeviceCapture:
    """What FFmpeg hears.

    Args:
        name: Of the microphone, for messages.
        container: Open, with an audio stream; from now on the capture's.
        sleep: Waits for so many seconds.
    """

    def __init__(self, name: str, container: InputContainer, sleep: Callable[[float], None] = time.sleep) -> None:
        self._name, self._container, self._sleep = name, container, sleep
        self._frames: Iterator[AudioFrame] = container.decode(audio=0)
        self._resampler = AudioResampler(format="flt", layout="mono", rate=SOUND_RATE_HZ)
        self._is_stopped = False

    def read(self) -> Samples | None:
        """See `Capture`."""
        deadline_s = time.monotonic() + READ_SECONDS
        while not self._is_stopped:
            try:
                frame = next(self._frames, None)
                if frame is None:
                    return None
                parts = [part.to_ndarray().reshape(-1) for part in self._resampler.resample(frame)]
                return np.concatenate(parts).astype(np.float32, copy=False) if parts else np.zeros(0, np.float32)
            except av.error.BlockingIOError as error:  # no sound yet
                if time.monotonic() > deadline_s:
                    raise nothing_heard(self._name, READ_SECONDS) from error
                self._sleep(RETRY_SECONDS)
                self._frames = self._container.decode(audio=0)  # an error ends the iterator, not the container
            except av.error.FFmpegError as error:
                raise SourceError(f"{self._name} was unplugged: {error.strerror}", hint="plug it in again") from error
        return None

    def stop(self) -> None:
        """See `Capture`."""
        self._is_stopped = True

    def close(self) -> None:
        """See `Capture`."""
        self._container.close()


def nothing_heard(name: str, seconds: float) -> SourceError:
    """A microphone that is open and gives nothing."""
    return SourceError(f"{name} gave no sound for {seconds:g} s", hint="is it plugged in and allowed to be used?")
