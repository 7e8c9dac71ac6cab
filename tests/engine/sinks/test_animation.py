"""GIF and animated WebP, read by OpenCV, which is not what wrote them."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from animecam.cli import main
from animecam.errors import SinkError
from animecam.sinks.animation import AnimationSink
from animecam.sinks.convert import to_rgb
from animecam.sinks.image import ImageSink
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions

KINDS = ("gif", "webp")
FEWEST_DB = {"gif": 26, "webp": 32}  # 256 colours and dots; halved colour
FRAMES = 12


def read(path: Path):
    is_read, animation = cv2.imreadanimation(str(path))
    assert is_read
    return [frame[..., 2::-1] for frame in animation.frames], [int(ms) for ms in animation.durations], animation


def psnr_db(a, b) -> float:
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_there_for_its_time(tmp_path, stream_format, make_frame, write_all, kind):
    frames = [make_frame(stream_format, index) for index in range(FRAMES)]
    write_all(open_sink(str(tmp_path / f"out.{kind}"), stream_format), frames)
    pictures, durations_ms, animation = read(tmp_path / f"out.{kind}")
    assert len(pictures) == FRAMES
    assert animation.loop_count == 0  # again and again
    assert sum(durations_ms) == pytest.approx(FRAMES * 1000 / 30, abs=10)
    assert max(durations_ms) - min(durations_ms) <= 10  # a GIF counts hundredths
    for picture, frame in zip(pictures, frames, strict=True):
        assert psnr_db(picture, to_rgb(frame)) > FEWEST_DB[kind]
    assert [path.name for path in tmp_path.iterdir()] == [f"out.{kind}"]


@pytest.mark.parametrize("rotation_deg", [0, 90])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_is_transparent_and_leaves_nothing_behind(
    tmp_path, stream_format, make_frame, write_all, kind, rotation_deg
):
    """What was there in the frame before must not be seen where nothing is now."""
    stream = replace(stream_format, rotation_deg=rotation_deg)
    frames = []
    for index in range(FRAMES):
        frame = make_frame(stream, index)
        rows, columns = np.mgrid[: frame.height_px, : frame.width_px]
        away_px = np.hypot(rows - frame.height_px / 2, columns - 8 - 4 * index)  # of a disc that moves to the right
        frames.append(replace(frame, opacity=np.clip((12 - away_px) * 64, 0, 255).astype(np.uint8)))
    write_all(open_sink(str(tmp_path / f"out.{kind}"), stream), frames)
    with Image.open(tmp_path / f"out.{kind}") as animation:
        shown = [np.asarray(picture.convert("RGBA")) for picture in ImageSequence.Iterator(animation)]
    for rgba, frame in zip(shown, frames, strict=True):
        opacity = np.rot90(frame.opacity, rotation_deg // 90)
        wanted = np.where(opacity >= 128, 255, 0) if kind == "gif" else opacity
        np.testing.assert_array_equal(rgba[..., 3], wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_times_that_are_uneven_are_kept(tmp_path, stream_format, make_frame, write_all, kind):
    stream = replace(stream_format, time_base=Fraction(1, 1000))
    times_ms = (500, 700, 740, 1500)
    frames = [make_frame(stream, index, pts=at) for index, at in enumerate(times_ms)]
    write_all(open_sink(str(tmp_path / f"out.{kind}"), stream), frames)
    _, durations_ms, _ = read(tmp_path / f"out.{kind}")
    assert durations_ms[:3] == [200, 40, 760]


@pytest.mark.parametrize("is_complete", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_picture_stands_as_long_as_it_did(tmp_path, stream_format, make_frame, write_all, kind, is_complete):
    """Who made an animation often lets it rest there before it begins again."""
    stream = replace(stream_format, time_base=Fraction(1, 1000))
    frames = [make_frame(stream, index, pts=100 * index) for index in range(4)]
    frames[-1] = replace(frames[-1], duration=3000)
    write_all(open_sink(str(tmp_path / f"out.{kind}"), stream), frames, complete=is_complete)
    assert read(tmp_path / (f"out.{kind}" if is_complete else f"out.partial.{kind}"))[1] == [100, 100, 100, 3000]


@pytest.mark.parametrize(("kind", "ms"), [("gif", 20), ("webp", 10)])
def test_the_last_picture_is_not_shorter_than_browsers_show(tmp_path, stream_format, make_frame, write_all, kind, ms):
    stream = replace(stream_format, time_base=Fraction(1, 1000))
    frames = [replace(make_frame(stream, index, pts=100 * index), duration=1) for index in range(2)]
    write_all(open_sink(str(tmp_path / f"out.{kind}"), stream), frames)
    assert read(tmp_path / f"out.{kind}")[1] == [100, ms]


def test_what_browsers_would_show_too_slowly_is_left_out(tmp_path, stream_format, make_frame, write_all, caplog):
    stream = replace(stream_format, time_base=Fraction(1, 100))
    frames = [make_frame(stream, index) for index in range(10)]
    write_all(open_sink(str(tmp_path / "out.gif"), stream), frames)
    assert read(tmp_path / "out.gif")[1][:4] == [20] * 4
    assert "at most 50 frames a second: 5 of 10 left out" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_sound_is_left_out_with_a_line(tmp_path, stream_format, make_frame, make_clip, write_all, caplog, kind):
    source = make_clip(tmp_path / "in.mp4", audio=True)
    sink = open_sink(str(tmp_path / f"out.{kind}"), stream_format, SinkOptions(audio_from=source))
    write_all(sink, [make_frame(stream_format)])
    assert f"{source}: its sound does not go into {tmp_path / f'out.{kind}'}" in caplog.text


def test_turned_pictures_stand_upright(tmp_path, stream_format, make_frame, write_all):
    stream = replace(stream_format, rotation_deg=90)
    write_all(open_sink(str(tmp_path / "out.gif"), stream), [make_frame(stream, index) for index in range(2)])
    assert read(tmp_path / "out.gif")[0][0].shape == (96, 64, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_stopped_keeps_another_name(tmp_path, stream_format, make_frame, write_all, kind):
    sink = open_sink(str(tmp_path / f"out.{kind}"), stream_format)
    write_all(sink, [make_frame(stream_format, index) for index in range(5)], complete=False)
    assert len(read(tmp_path / f"out.partial.{kind}")[0]) == 5
    assert not (tmp_path / f"out.{kind}").exists()


def test_without_a_frame_nothing_is_left(tmp_path, stream_format):
    sink = open_sink(str(tmp_path / "out.gif"), stream_format)
    with pytest.raises(SinkError, match="no frame arrived"):
        sink.close(complete=True)
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_write_one_file(tmp_path, stream_format, make_frame, write_all):
    first = open_sink(str(tmp_path / "out.gif"), stream_format)
    with pytest.raises(SinkError, match="is being written by another run"):
        open_sink(str(tmp_path / "out.gif"), stream_format, SinkOptions(overwrite=True))
    write_all(first, [make_frame(stream_format, index) for index in range(2)])
    assert len(read(tmp_path / "out.gif")[0]) == 2


def test_webp_is_a_picture_of_one_and_a_film_of_several(tmp_path, stream_format):
    for frames, kind in ((1, ImageSink), (2, AnimationSink), (0, AnimationSink)):  # 0: nobody knows how many
        sink = open_sink(str(tmp_path / "out.webp"), replace(stream_format, frames=frames))
        assert isinstance(sink, kind)
        sink.close(complete=False)


def test_convert_writes_them_by_name(tmp_path, make_clip, capfd):
    source = make_clip(tmp_path / "in.mp4", frames=6)
    for name in ("out.gif", "out.webp"):
        assert main(["convert", str(source), "-o", str(tmp_path / name)]) == 0
        assert len(read(tmp_path / name)[0]) == 6
    assert main(["convert", str(tmp_path / "out.gif")]) == 0
    assert (tmp_path / "out-anime.mp4").exists()  # by itself a GIF becomes a film
