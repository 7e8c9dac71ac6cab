"""The sound of a microphone in an output, in step with the pictures whatever the three clocks do.

Pictures have the camera's clock, sound has the sound card's, and both arrive by the processor's. Arrivals say where the
other two lie (`sound.LeastDelay`); what they drift apart is taken up by stretching the sound by a hair.
"""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false

from fractions import Fraction

import numpy as np
from av import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer

from animecam.errors import SinkError
from animecam.sinks.codecs import Container
from animecam.sound import SOUND_RATE_HZ, LeastDelay, Samples, SoundChunk, SoundFeed

BIT_RATE = 128_000  # of one voice; twice what it needs
SETTLED = SOUND_RATE_HZ * 3 // 1000  # samples: closer than this sound and picture are left alone
JUMP = SOUND_RATE_HZ * 30 // 1000  # samples: farther apart they are joined at once, below 40 ms where lips look wrong
MOST_STRETCH = 0.002  # of a chunk: three hundredths of a semitone, which nobody hears
MOST_LAG = SOUND_RATE_HZ // 2  # samples: sound that arrives later than this is silence; a muxer waits for it
LEAD = SOUND_RATE_HZ // 10  # samples: how far sound goes before the pictures, which arrive later for being drawn
_CODECS = {"webm": "libopus"}
_TIME_BASE = Fraction(1, SOUND_RATE_HZ)


class LiveSound:
    """One audio stream of an output, fed by a microphone.

    Args:
        feed: The microphone.
        output: Open, its header not yet written; the stream is added to it.
        container: What kind of output it is.
        delay_ms: How much later than its pictures sound is placed; below 0 earlier, which pictures are held back for.

    Raises:
        SinkError: It cannot hold sound that keeps its time.
    """

    def __init__(self, feed: SoundFeed, output: OutputContainer, container: Container, delay_ms: int = 0) -> None:
        if not container.keeps_time:
            raise SinkError(
                f"{container.muxer} files count frames: live sound would not stay with them",
                hint="record to .mp4 or .mkv",
            )
        self._feed, self._output = feed, output
        codec = _CODECS.get(container.muxer, "aac")
        stream = output.add_stream(codec, rate=SOUND_RATE_HZ, layout="mono", bit_rate=BIT_RATE)
        assert isinstance(stream, AudioStream), "both are sound"
        self._stream = stream
        if container.needs_global_header:
            self._stream.codec_context.flags |= Flags.global_header
        self._pictures = LeastDelay()
        self._delay_s = delay_ms / 1000
        self._most_lag = MOST_LAG + max(0, -delay_ms) * SOUND_RATE_HZ // 1000
        self._zero_s: float | None = None  # when the output's sound begins, by the clock of the chunks
        self._taken = 0
        self._heard: list[Samples] = []  # in place, not yet encoded
        self._placed = 0  # samples in place since the output's time began
        self._encoded = 0

    @property
    def rates(self) -> tuple[int, ...]:
        """Samples per second of each stream."""
        return (SOUND_RATE_HZ,)

    def follow(self, time_s: Fraction, captured_ns: int) -> None:
        """Notes when a picture of the output was taken."""
        self._zero_s = self._pictures.add(float(time_s), captured_ns / 1e9) - self._delay_s

    def copy_until(self, decode_s: Fraction) -> None:
        """Muxes what was heard so far, and silence where nothing came in time.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        self._take()
        now = round(decode_s * SOUND_RATE_HZ)
        self._silence(now - self._most_lag - self._placed)
        self._encode(now + LEAD)

    def copy_rest(self, end_s: Fraction, *, complete: bool) -> None:  # noqa: ARG002 - there is no more to be had
        """Muxes what is left, so that sound and pictures end together.

        Raises:
            av.error.FFmpegError: The output cannot be written.
        """
        self._take()
        end = round(end_s * SOUND_RATE_HZ)
        self._silence(end - self._placed)
        self._encode(end)
        self._output.mux(self._stream.encode(None))

    def close(self) -> None:
        """Nothing to free: the microphone is another's."""

    def _take(self) -> None:
        if self._zero_s is None:
            return
        chunks, self._taken = self._feed.since(self._taken)
        for chunk in chunks:
            self._place(chunk, self._zero_s)

    def _place(self, chunk: SoundChunk, zero_s: float) -> None:
        samples = chunk.samples
        late = round((chunk.start_s - zero_s) * SOUND_RATE_HZ) - self._placed
        if late > JUMP or (late > 0 and self._placed == 0):
            self._silence(late)
        elif late < -JUMP or (late < 0 and self._placed == 0):
            samples = samples[-late:]
        elif abs(late) > SETTLED:
            most = round(MOST_STRETCH * len(samples))
            samples = stretched(samples, len(samples) + min(max(late, -most), most))
        self._append(samples)

    def _silence(self, count: int) -> None:
        if count > 0:
            self._append(np.zeros(count, np.float32))

    def _append(self, samples: Samples) -> None:
        if len(samples):
            self._heard.append(samples)
            self._placed += len(samples)

    def _encode(self, end: int) -> None:
        """Encodes what is in place, up to a number of samples since the beginning."""
        count = min(end, self._placed) - self._encoded
        if count <= 0:
            return
        heard = np.concatenate(self._heard)
        samples, self._heard = heard[:count], [heard[count:]]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SOUND_RATE_HZ, _TIME_BASE, self._encoded
        self._encoded += len(samples)
        self._output.mux(self._stream.encode(frame))


def stretched(samples: Samples, count: int) -> Samples:
    """The same sound in another number of samples, by straight lines between them: good for a few in a thousand."""
    if count == len(samples) or not len(samples):
        return samples
    places = np.linspace(0, len(samples) - 1, count)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
