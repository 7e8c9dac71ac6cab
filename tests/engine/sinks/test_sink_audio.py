"""Sound is copied byte for byte, at its own times."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions

SAMPLES = 1024
AUDIO_RATE = 48_000
FRAMES = 30


def make_sound(path: Path, codecs=("aac",), seconds=1.0, first_pts=0, description=False) -> Path:
    """A file with noise on one track for each codec, and a video track as cameras' files have."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=30, width=32, height=32)
        tracks = [container.add_stream(codec, rate=AUDIO_RATE, layout="mono") for codec in codecs]
        for number, track in enumerate(tracks):
            track.metadata["language"] = ("deu", "fra")[number]
        if description:
            container.metadata["title"] = "A walk"
            part = {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "Start"}}
            container.set_chapters([part])
        container.start_encoding()
        for number, track in enumerate(tracks):
            generator = np.random.default_rng(number)
            size = track.codec_context.frame_size or SAMPLES
            for start in range(0, round(seconds * AUDIO_RATE), size):
                samples = (generator.standard_normal((1, size)) * 3000).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, first_pts + start, Fraction(1, AUDIO_RATE)
                resampler = av.AudioResampler(format=track.format.name, layout="mono", rate=AUDIO_RATE)
                for converted in resampler.resample(frame):
                    container.mux(track.encode(converted))
            container.mux(track.encode(None))
        for index in range(2):
            picture = av.VideoFrame(32, 32, "yuv420p")
            picture.pts = index
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return path


def write(path, stream, make_frame, audio_from, *, frames=FRAMES, complete=True) -> Path:
    sink = FileSink(str(path), stream, SinkOptions(audio_from=audio_from, threads=1))
    for index in range(frames):
        sink.write(make_frame(stream, index))
    sink.close(complete=complete)
    return path if complete else path.with_suffix(f".partial{path.suffix}")


@pytest.mark.parametrize("first_pts", [0, 12_345])
@pytest.mark.parametrize("extension", ["mp4", "mov"])
def test_packets_and_their_times_are_the_same(tmp_path, stream_format, make_frame, read_packets, extension, first_pts):
    source = make_sound(tmp_path / "in.mp4", first_pts=first_pts)
    out = write(tmp_path / f"out.{extension}", stream_format, make_frame, source)
    assert read_packets(out, "audio") == read_packets(source, "audio")
    (video,) = read_packets(out, "video")
    assert video.times_s == [Fraction(i, 30) for i in range(FRAMES)]  # sound that begins before zero moves no picture


def test_sound_with_time_units_that_do_not_divide_those_of_the_pictures(
    tmp_path, stream_format, make_frame, read_packets
):
    source = make_sound(tmp_path / "in.mp4", first_pts=777)
    stream = replace(stream_format, time_base=Fraction(1001, 24_000), rate=Fraction(24_000, 1001))
    out = write(tmp_path / "out.mp4", stream, make_frame, source)
    assert read_packets(out, "audio") == read_packets(source, "audio")
    assert read_packets(out, "video")[0].times_s == [Fraction(1001 * i, 24_000) for i in range(FRAMES)]


@pytest.mark.parametrize(
    ("codec", "extension"), [("aac", "mkv"), ("libopus", "mkv"), ("libopus", "webm"), ("mp3", "avi")]
)
def test_bytes_are_the_same_in_other_containers(tmp_path, stream_format, make_frame, read_packets, codec, extension):
    source = make_sound(tmp_path / "in.mkv", codecs=(codec,))
    out = write(tmp_path / f"out.{extension}", stream_format, make_frame, source)
    (got,), (expected,) = read_packets(out, "audio"), read_packets(source, "audio")
    assert got.data == expected.data


def test_matroska_keeps_sound_and_pictures_together(tmp_path, stream_format, make_frame, read_packets):
    source = make_sound(tmp_path / "in.mp4")
    out = write(tmp_path / "out.mkv", stream_format, make_frame, source)
    (sound,), (expected,), (video,) = (
        read_packets(out, "audio"),
        read_packets(source, "audio"),
        read_packets(out, "video"),
    )
    shift_s = video.times_s[0]  # Matroska begins at zero, so what begins before it moves everything
    errors = [abs(got - shift_s - want) for got, want in zip(sound.times_s, expected.times_s, strict=True)]
    assert max(errors) <= Fraction(1, 1000)


def test_all_tracks_with_language_chapters_and_title(tmp_path, stream_format, make_frame, read_packets):
    source = make_sound(tmp_path / "in.mp4", codecs=("aac", "mp3"), description=True)
    out = write(tmp_path / "out.mp4", stream_format, make_frame, source)
    assert [p.data for p in read_packets(out, "audio")] == [p.data for p in read_packets(source, "audio")]
    with av.open(str(out)) as container:
        assert [stream.language for stream in container.streams.audio] == ["deu", "fra"]
        assert container.metadata["title"] == "A walk"
        (chapter,) = container.chapters()
        assert chapter["end"] * chapter["time_base"] == Fraction(400, 1000)
        assert chapter["metadata"]["title"] == "Start"


def test_sound_longer_than_the_pictures_is_kept_when_complete(tmp_path, stream_format, make_frame, read_packets):
    source = make_sound(tmp_path / "in.mp4", seconds=2)
    out = write(tmp_path / "out.mp4", stream_format, make_frame, source, frames=10)
    assert read_packets(out, "audio") == read_packets(source, "audio")


def test_sound_of_an_interrupted_run_ends_with_the_pictures(tmp_path, stream_format, make_frame, read_packets):
    source = make_sound(tmp_path / "in.mp4", seconds=2)
    out = write(tmp_path / "out.mp4", stream_format, make_frame, source, frames=10, complete=False)
    (sound,), (whole,) = read_packets(out, "audio"), read_packets(source, "audio")
    assert sound.data == whole.data[: len(sound.data)]
    end_s = Fraction(10, 30)
    assert sound.times_s[-1] < end_s <= sound.times_s[-1] + Fraction(SAMPLES, AUDIO_RATE)


def test_sound_and_pictures_are_interleaved(tmp_path, stream_format, make_frame):
    source = make_sound(tmp_path / "in.mkv", seconds=3)
    out = write(tmp_path / "out.mkv", stream_format, make_frame, source, frames=90)
    times_s = {"audio": 0.0, "video": 0.0}
    apart_s = 0.0
    with av.open(str(out)) as container:
        for packet in container.demux():
            if packet.size:
                times_s[packet.stream.type] = float(packet.pts * packet.time_base)
                apart_s = max(apart_s, abs(times_s["audio"] - times_s["video"]))
    assert apart_s < 0.5  # a player reads from one place; pictures are stored up to eight frames ahead


def test_input_without_sound(tmp_path, stream_format, make_frame, read_packets):
    source = make_sound(tmp_path / "in.mp4", codecs=())
    out = write(tmp_path / "out.mp4", stream_format, make_frame, source)
    assert read_packets(out, "audio") == []


def test_sound_that_breaks_off_ends_early_and_says_so(tmp_path, stream_format, make_frame, read_packets, caplog):
    source = make_sound(tmp_path / "in.mkv", seconds=2)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    out = write(tmp_path / "out.mkv", stream_format, make_frame, source)
    (sound,), (half,) = read_packets(out, "audio"), read_packets(source, "audio")
    assert sound.data == half.data


def test_input_that_is_no_media(tmp_path, stream_format):
    (tmp_path / "in.mp4").write_bytes(b"nothing to hear")
    with pytest.raises(SinkError, match="cannot read the sound"):
        FileSink(str(tmp_path / "out.mp4"), stream_format, SinkOptions(audio_from=tmp_path / "in.mp4"))
