"""Sound of a kind that the container cannot hold is encoded anew, in step with the pictures."""

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from animecam.sinks.transcoder import layout_of

RATE_HZ = 44_100
SECONDS = 4
LOUD = 0.3  # above what encoders add around a beep
STEP_S = 0.03  # closer to the pictures than anybody sees
GAP_S = (1.5, 2.5)


def beeps(channels: int) -> np.ndarray:
    """Silence with 50 ms of a tone at the beginning of every second."""
    time_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    tone = np.where(time_s % 1 < 0.05, np.sin(2 * np.pi * 1000 * time_s) * 20_000, 0)
    return np.repeat(tone.astype(np.int16)[None], channels, axis=0)


def film(path: Path, codec: str, layout: str = "stereo", gap_s: tuple[float, float] = (0, 0)) -> Path:
    """Four seconds of pictures and beeps; nothing is said of the time in `gap_s`."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=25, width=32, height=32)
        may = {"strict": "experimental"}  # as FFmpeg calls its encoder of Vorbis
        sound = container.add_stream(codec, rate=RATE_HZ, layout=layout, bit_rate=128_000, options=may)
        container.start_encoding()
        context = sound.codec_context
        samples, size = beeps(context.layout.nb_channels), context.frame_size or 1024
        resampler = av.AudioResampler(context.format, context.layout, RATE_HZ)
        for start in range(0, samples.shape[1] - size + 1, size):
            if gap_s[0] <= start / RATE_HZ < gap_s[1]:
                continue
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[:, start : start + size]), format="s16p", layout=layout
            )
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            for even in resampler.resample(frame):
                container.mux(sound.encode(even))
        container.mux(sound.encode(None))
        for index in range(25 * SECONDS):
            picture = av.VideoFrame(32, 32, "yuv420p")
            picture.pts = index
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
    return path


def onsets_s(path: Path) -> list[float]:
    """When each beep begins, after the first picture."""
    found: list[float] = []
    with av.open(str(path)) as container:
        picture_s = 0.0 if path.suffix == ".avi" else next(container.decode(video=0)).time  # an AVI tells none
    resampler = None
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            resampler = resampler or av.AudioResampler("fltp", frame.layout, frame.sample_rate)
            for planar in resampler.resample(frame):
                loud = np.flatnonzero(np.abs(planar.to_ndarray()).max(axis=0) > LOUD)
                time_s = planar.time + loud[0] / planar.sample_rate - picture_s if loud.size else -1
                if loud.size and (not found or time_s - found[-1] > 0.5):
                    found.append(time_s)
    return found


def kind(path: Path) -> tuple[str, str]:
    with av.open(str(path)) as container:
        context = container.streams.audio[0].codec_context
        return context.codec.canonical_name, context.layout.name


@pytest.mark.parametrize(
    ("codec", "name", "extension", "becomes"),
    [
        ("wmav2", "in.wmv", "mp4", "aac"),
        ("wmav2", "in.wmv", "mkv", "aac"),
        ("wmav2", "in.wmv", "mov", "aac"),
        ("aac", "in.mp4", "webm", "opus"),
        ("pcm_s16be", "in.mov", "webm", "opus"),
        ("flac", "in.mkv", "mov", "aac"),  # FFmpeg says so only when it begins
        ("alac", "in.mov", "avi", "mp3"),
        ("adpcm_ms", "in.avi", "avi", "mp3"),
        ("eac3", "in.mp4", "avi", "mp3"),  # FFmpeg's muxer counts these wrongly
        ("vorbis", "in.mkv", "avi", "mp3"),
        ("vorbis", "in.mp4", "avi", "mp3"),
    ],
)
def test_sound_that_the_container_cannot_hold_stays_in_step(
    converted, tmp_path, caplog, codec, name, extension, becomes
):
    source = film(tmp_path / name, codec)
    out = converted(source, tmp_path / f"out.{extension}")
    assert kind(out) == (becomes, "stereo")
    got, expected = onsets_s(out), onsets_s(source)
    assert len(expected) == SECONDS
    assert got == pytest.approx(expected, abs=STEP_S)
    said = [record.getMessage() for record in caplog.records if "sound becomes" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith(f"{source}: its ")


@pytest.mark.parametrize(("codec", "name", "extension"), [("alac", "in.mov", "avi"), ("pcm_s16le", "in.mkv", "webm")])
def test_a_gap_in_it_stays(converted, tmp_path, codec, name, extension):
    """An AVI counts sound: what came after the gap came a second early."""
    source = film(tmp_path / name, codec, gap_s=GAP_S)
    out = converted(source, tmp_path / f"out.{extension}")
    assert kind(out)[0] in ("mp3", "opus")
    assert onsets_s(out) == pytest.approx([0, 1, 3], abs=STEP_S)


@pytest.mark.parametrize(
    ("codec", "name", "layout", "extension", "expected"),
    [
        ("wmav2", "in.wmv", "mono", "mp4", "mono"),
        ("aac", "in.mp4", "5.1", "webm", "5.1"),
        ("alac", "in.mov", "5.1", "avi", "stereo"),  # MP3 has two
        ("pcm_s16le", "in.mkv", "2.1", "webm", "3.0"),  # Opus takes neither of these
        ("pcm_s16le", "in.mov", "4.0", "webm", "quad"),
    ],
)
def test_its_channels_are_kept_as_far_as_the_encoder_goes(
    converted, tmp_path, codec, name, layout, extension, expected
):
    source = film(tmp_path / name, codec, layout)
    assert kind(converted(source, tmp_path / f"out.{extension}"))[1] == expected


CONVERT = """
import sys
from pathlib import Path
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
source, out = map(Path, sys.argv[1:])
for _ in range(3):  # what is freed twice may be noticed late
    film = open_file(source, SourceOptions(threads=1))
    sink = FileSink(str(out), film.format, SinkOptions(audio_from=source, threads=1, overwrite=True))
    while (frame := film.read()) is not None:
        sink.write(frame)
    sink.close(complete=True)
    film.close()
"""


@pytest.mark.parametrize("extension", ["mp4", "mkv", "webm", "avi"])
def test_channels_in_an_order_of_their_own_do_not_end_the_program(tmp_path, extension):
    """PyAV frees their list more often than once, which broke off all of a batch."""
    source, out = film(tmp_path / "in.mov", "pcm_s16le", "3.0"), tmp_path / f"out.{extension}"
    told = (b"chan" + struct.pack(">2I", 0, tag << 16 | 3) for tag in (113, 114))  # left, right, centre; centre first
    source.write_bytes(source.read_bytes().replace(*told))
    done = subprocess.run([sys.executable, "-c", CONVERT, source, out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with av.open(str(out)) as container:  # nothing is asked of its channels in here
        length_s = sum(packet.duration * packet.time_base for packet in container.demux(audio=0) if packet.size)
    assert length_s == pytest.approx(SECONDS, abs=0.1)


def test_damage_costs_what_is_damaged(converted, tmp_path):
    source = film(tmp_path / "in.wmv", "wmav2")
    data = bytearray(source.read_bytes())
    place = len(data) // 2
    data[place : place + 2000] = bytes(2000)
    source.write_bytes(data)
    assert onsets_s(converted(source, tmp_path / "out.mp4"))[-1] == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize(("name", "is_kept"), [("stereo", False), ("5.1(side)", False), ("ambisonic 1", True)])
def test_only_a_layout_without_a_name_of_its_own_stays_for_good(name, is_kept):
    """A film in 5.1(side), as DVDs have it, would have left one behind with each of its frames."""
    layout = av.AudioLayout(name)
    before = sys.getrefcount(layout)
    layout_of(SimpleNamespace(layout=layout))
    assert sys.getrefcount(layout) - before == int(is_kept)
