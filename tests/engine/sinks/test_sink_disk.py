"""Disks that fill up, and runs that are killed: what was written can be watched."""

import resource
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import animecam
from animecam.errors import SinkError
from animecam.sinks.file import FileSink
from animecam.sinks.image import ImageSink
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions

LOSSLESS = SinkOptions(threads=1, preset="ultrafast", crf=0)  # noise then needs several kilobytes a frame
LIMIT_BYTES = 300_000
ENOUGH_FRAMES = 400


@pytest.fixture
def full_disk(tmp_path):
    """A folder in which no file can grow beyond a limit; the system says so as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, hard))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, previous)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes, where the system lets us make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def noise(frame, index):
    for plane in frame.planes:
        plane[...] = np.random.default_rng(index).integers(0, 256, plane.shape)
    return frame


def fill(sink, stream, make_frame):
    """Writes until the sink fails; how many frames it took before."""
    for index in range(ENOUGH_FRAMES):
        try:
            sink.write(noise(make_frame(stream, index), index))
        except SinkError as error:
            return index, error
    raise AssertionError("the disk never filled up")


def playable_frames(path: Path) -> int:
    """Frames that a forgiving player shows: the last one may be cut off."""
    shown = 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                shown += len(packet.decode())
            except av.error.InvalidDataError:
                break
    return shown


@pytest.mark.parametrize("extension", ["mp4", "mkv", "mov"])
def test_what_fitted_on_a_small_disk_plays(small_disk, stream_format, make_frame, extension):
    path = small_disk / f"out.{extension}"
    sink = FileSink(str(path), stream_format, LOSSLESS)
    written, error = fill(sink, stream_format, make_frame)
    sink.close(complete=False)
    assert "disk is full" in error.message
    assert "free some space" in error.hint
    part = small_disk / f"out.partial.{extension}"
    assert part.name in error.hint
    assert not path.exists()
    assert playable_frames(part) > written // 3


@pytest.mark.parametrize("extension", ["mp4", "webm", "avi"])
def test_full_disk_never_harms_the_file_that_is_to_be_replaced(full_disk, stream_format, make_frame, extension):
    path = full_disk / f"out.{extension}"
    path.write_bytes(b"an older film")
    options = SinkOptions(threads=1, crf=0, preset="ultrafast", overwrite=True)
    sink = FileSink(str(path), stream_format, options)
    _, error = fill(sink, stream_format, make_frame)
    sink.close(complete=False)
    assert "disk is full" in error.message
    assert path.read_bytes() == b"an older film"


def test_disk_that_fills_at_the_very_end(full_disk, stream_format, make_frame):
    sink = FileSink(str(full_disk / "out.mp4"), stream_format, LOSSLESS)
    for index in range(28):  # less than a second, so that most is written on closing
        sink.write(noise(make_frame(stream_format, index), index))
    with pytest.raises(SinkError, match="disk is full"):
        sink.close(complete=True)
    assert not (full_disk / "out.mp4").exists()


def test_picture_on_a_full_disk(full_disk, stream_format, make_frame):
    large = replace(stream_format, width_px=640, height_px=480)
    sink = ImageSink(str(full_disk / "out.png"), large, SinkOptions())
    with pytest.raises(SinkError, match="disk is full") as caught:
        sink.write(noise(make_frame(large), 1))
    assert caught.value.hint == "free some space"
    sink.close(complete=False)
    assert list(full_disk.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "frames", "least"),
    [
        ("noise", 150, 60),  # all but the last second or two of five
        ("plain", 400, 250),  # 2 KB with key frames as far apart as the encoder lets them: all before the last of those
    ],
)
def test_film_of_a_killed_process_plays(tmp_path, content, frames, least):
    script = textwrap.dedent("""
        import os, signal, sys
        from fractions import Fraction
        import numpy as np
        from animecam.sinks.file import FileSink
        from animecam.sinks.options import SinkOptions
        from animecam.types import Color, Frame, PixelFormat, StreamFormat, allocate_planes

        rate = Fraction(30)
        stream = StreamFormat(64, 48, PixelFormat.YUV420P, Color(), 0, 1 / rate, rate, False)
        sink = FileSink(sys.argv[1], stream, SinkOptions(threads=1))
        for index in range(int(sys.argv[3])):
            planes, packed = allocate_planes(PixelFormat.YUV420P, 64, 48)
            for plane in planes:
                plane[...] = 90
                if sys.argv[2] == "noise":
                    plane[...] = np.random.default_rng(index).integers(0, 256, plane.shape)
            sink.write(Frame(planes, PixelFormat.YUV420P, Color(), 0, index, index, 1 / rate, 0, packed=packed))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    search = str(Path(animecam.__file__).parents[1])
    words = [str(tmp_path / "out.mp4"), content, str(frames)]
    run = subprocess.run([sys.executable, "-c", script, *words], env={"PYTHONPATH": search}, check=False)
    assert run.returncode == -signal.SIGKILL
    assert playable_frames(tmp_path / "out.partial.mp4") >= least


@pytest.mark.parametrize(("kind", "left"), [("gif", ["out.partial.gif"]), ("webp", [])])
def test_an_animation_on_a_full_disk_is_told_once(full_disk, stream_format, make_frame, write_all, kind, left):
    """A GIF plays as far as it goes; of a WebP, which is written at the end, nobody could show a part."""
    sink = open_sink(str(full_disk / f"out.{kind}"), replace(stream_format, time_base=Fraction(1, 10)))
    frames = (noise(make_frame(stream_format, index), index) for index in range(ENOUGH_FRAMES // 4))
    with pytest.raises(SinkError, match="the disk is full") as caught:
        write_all(sink, frames)
    sink.close(complete=False)
    assert [path.name for path in full_disk.iterdir()] == left
    assert ("what was written so far is in" in caught.value.hint) is bool(left)
