"""Video files keep time: every stamp and every length, in the clock of the container."""

import struct
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions

FAST = SinkOptions(threads=1, preset="ultrafast")
FRAMES = 12
NTSC = Fraction(30000, 1001)
HEADER_TOLERANCE_S = 0.001  # it counts in whole units


@pytest.mark.parametrize("extension", ["mp4", "mov"])
@pytest.mark.parametrize("first", [0, 7])
def test_every_time_stamp_of_ntsc_is_exact(
    tmp_path, stream_format, make_frame, read_packets, extension, first, write_all
):
    stream = replace(stream_format, time_base=1 / NTSC, rate=NTSC)
    path = tmp_path / f"out.{extension}"
    write_all(
        FileSink(str(path), stream, SinkOptions(threads=1)),  # the usual preset, which reorders frames
        [make_frame(stream, i, first + i) for i in range(FRAMES)],
    )
    (video,) = read_packets(path, "video")
    assert video.times_s == [(first + i) / NTSC for i in range(FRAMES)]


@pytest.mark.parametrize("lengths_known", [True, False])
@pytest.mark.parametrize("first", [0, 12345])
def test_variable_frame_rate_is_exact(
    tmp_path, stream_format, make_frame, read_packets, first, lengths_known, write_all
):
    stream = replace(stream_format, time_base=Fraction(1, 90_000))
    steps = np.random.default_rng(3).integers(1000, 20_000, 40).tolist()
    stamps = [first + sum(steps[:i]) for i in range(len(steps))]
    path = tmp_path / "out.mp4"
    frames = [make_frame(stream, i, t, d * lengths_known) for i, (t, d) in enumerate(zip(stamps, steps, strict=True))]
    write_all(FileSink(str(path), stream, SinkOptions(threads=1)), frames)
    (video,) = read_packets(path, "video")
    assert video.times_s == [Fraction(stamp, 90_000) for stamp in stamps]
    length_s = sum(steps[:-1], Fraction(0)) / 90_000 + (
        Fraction(steps[-1], 90_000) if lengths_known else 1 / stream.rate
    )
    assert film_s(path) == length_s
    assert end_s(path) == pytest.approx(float(Fraction(first, 90_000) + length_s), abs=HEADER_TOLERANCE_S)


@pytest.mark.parametrize(
    ("extension", "codec"),
    [
        ("mp4", "auto"),
        ("mkv", "auto"),
        ("webm", "auto"),
        ("mp4", "libx265"),
        ("mkv", "libsvtav1"),
        ("mp4", "libsvtav1"),
    ],
)
@pytest.mark.parametrize("is_rate_told", [True, False])
@pytest.mark.parametrize("fps", [5, 25, 50])
def test_a_key_frame_comes_every_two_seconds_however_many_live_pictures_do(
    tmp_path, stream_format, make_frame, write_all, extension, codec, is_rate_told, fps
):
    """Few where the machine draws some of them alone, or a network camera is not what FFmpeg makes up, 25 a second."""
    rate = Fraction(max(fps, 25) if is_rate_told else 25)
    units = Fraction(1, 1000)
    stream = replace(stream_format, is_live=True, rate=rate, is_rate_told=is_rate_told, time_base=units)
    path = tmp_path / f"out.{extension}"
    stamps = range(0, 7000, 1000 // fps)
    frames = [make_frame(stream, i, stamp) for i, stamp in enumerate(stamps)]
    write_all(FileSink(str(path), stream, replace(FAST, codec=codec)), frames)
    with av.open(str(path)) as container:
        keys = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.is_keyframe]
    assert keys == [0, 2, 4, 6]


def film_s(path):
    """How long a player takes the film to be."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return video.duration * video.time_base


def end_s(path):
    """When a film ends by its header, which many players show; it is another number in the file."""
    box = path.read_bytes().rpartition(b"mvhd")[2]
    assert box[0] == 0  # the version whose numbers have 32 bits
    _, _, timescale, duration = struct.unpack(">4I", box[4:20])
    return duration / timescale


@pytest.mark.parametrize("extension", ["mp4", "mov"])
@pytest.mark.parametrize("frames", [1, 2, 6, 20, 70])
@pytest.mark.parametrize("last_ms", [1, 5000])
def test_a_last_picture_that_stands_for_seconds_is_not_cut(
    tmp_path, stream_format, make_frame, extension, frames, last_ms, write_all
):
    """Its length went to whichever picture is decoded last: a film of six seconds was one of one."""
    stream = replace(stream_format, time_base=Fraction(1, 1000))
    path = tmp_path / f"out.{extension}"
    lengths_ms = [40] * (frames - 1) + [last_ms]
    drawn = [make_frame(stream, i, 40 * i + 80, length) for i, length in enumerate(lengths_ms)]
    write_all(FileSink(str(path), stream, SinkOptions(threads=1)), drawn)
    assert film_s(path) == Fraction(sum(lengths_ms), 1000)
    assert end_s(path) == pytest.approx(0.080 + sum(lengths_ms) / 1000, abs=HEADER_TOLERANCE_S)


@pytest.mark.parametrize("frames", [6, 7, 20, 21, 70])
def test_a_film_that_gets_slow_ends_with_its_last_picture(tmp_path, stream_format, make_frame, frames, write_all):
    """As that of a screen does: its header said that it ends many seconds later, when nothing is shown any more."""
    stream = replace(stream_format, time_base=Fraction(1, 1000))
    path = tmp_path / "out.mp4"
    lengths_ms = [40] * (frames - 5) + [3000, 3000, 3000, 3000, 40]
    drawn = [make_frame(stream, i, sum(lengths_ms[:i]), length) for i, length in enumerate(lengths_ms)]
    write_all(FileSink(str(path), stream, SinkOptions(threads=1)), drawn)
    assert film_s(path) == Fraction(sum(lengths_ms), 1000)
    assert end_s(path) == pytest.approx(sum(lengths_ms) / 1000, abs=HEADER_TOLERANCE_S)


@pytest.mark.parametrize("extension", ["mp4", "mov"])
@pytest.mark.parametrize("frames", [1, 31, 32, 33, 61, 62, 92])
def test_players_show_every_frame_whatever_the_length(
    tmp_path, stream_format, make_frame, extension, frames, write_all
):
    """The last one, too: where a fragment ended amid reordered frames, the edit list left it out."""
    path = tmp_path / f"out.{extension}"
    write_all(
        FileSink(str(path), stream_format, SinkOptions(threads=1)),
        [make_frame(stream_format, i) for i in range(frames)],
    )
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames


def test_b_frames_are_used_and_keep_their_times(tmp_path, stream_format, make_frame, write_all):
    path = tmp_path / "out.mp4"
    write_all(
        FileSink(str(path), stream_format, SinkOptions(threads=1)), [make_frame(stream_format, i) for i in range(20)]
    )
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert any(later.pts < earlier.pts for earlier, later in pairwise(packets)), "no frame was reordered"


def test_matroska_is_right_to_the_millisecond(tmp_path, stream_format, make_frame, read_packets, write_all):
    stream = replace(stream_format, time_base=1 / NTSC, rate=NTSC)
    write_all(FileSink(str(tmp_path / "out.mkv"), stream, FAST), [make_frame(stream, i, 5 + i) for i in range(FRAMES)])
    (video,) = read_packets(tmp_path / "out.mkv", "video")
    errors = [abs(time - (5 + i) / NTSC) for i, time in enumerate(video.times_s)]
    assert max(errors) <= Fraction(1, 2000)


def test_avi_counts_frames(tmp_path, stream_format, make_frame, read_packets, decode, write_all):
    stream = replace(stream_format, time_base=Fraction(1, 90_000))
    stamps = [0, 3000, 6100, 8900, 12_000]
    write_all(FileSink(str(tmp_path / "o.avi"), stream, FAST), [make_frame(stream, i, t) for i, t in enumerate(stamps)])
    assert len(decode(tmp_path / "o.avi")) == len(stamps)
    (video,) = read_packets(tmp_path / "o.avi", "video")
    assert [time - video.times_s[0] for time in video.times_s] == [Fraction(i, 30) for i in range(len(stamps))]


def test_camera_time_starts_at_zero(tmp_path, live_format, make_frame, read_packets, write_all):
    boot_us = 98_765_432_101
    stamps = [0, 33_412, 66_001, 66_001, 99_000]  # the clock stands still once
    path = tmp_path / "out.mp4"
    write_all(
        FileSink(str(path), live_format, FAST), [make_frame(live_format, i, boot_us + t) for i, t in enumerate(stamps)]
    )
    (video,) = read_packets(path, "video")
    assert video.times_s == [Fraction(t, 1_000_000) for t in (0, 33_412, 66_001, 66_002, 99_000)]
