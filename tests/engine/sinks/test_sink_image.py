"""Still images and sequences."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from animecam.errors import SinkError, UsageError
from animecam.sinks.convert import to_rgb
from animecam.sinks.image import ImageSink
from animecam.sinks.options import SinkOptions
from animecam.types import PixelFormat


def load(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("rotation_deg", [0, 90])
@pytest.mark.parametrize(("extension", "tolerance"), [("png", 0), ("jpg", 12), ("webp", 12)])
def test_picture_is_upright_and_in_its_colours(tmp_path, stream_format, make_frame, extension, tolerance, rotation_deg):
    stream = replace(stream_format, rotation_deg=rotation_deg)
    frame = make_frame(stream)
    sink = ImageSink(str(tmp_path / f"o.{extension}"), stream, SinkOptions())
    sink.write(frame)
    assert [p.name for p in tmp_path.iterdir()] == [f"o.partial.{extension}"]
    sink.close(complete=True)
    assert [p.name for p in tmp_path.iterdir()] == [f"o.{extension}"]
    assert np.abs(load(tmp_path / f"o.{extension}").astype(int) - to_rgb(frame)).max() <= tolerance


@pytest.mark.parametrize("behind", ["blob", "picture.dat", "picture.jpg"])
def test_the_name_that_is_given_says_what_is_written_behind_a_link(tmp_path, stream_format, make_frame, behind):
    (tmp_path / "link.png").symlink_to(tmp_path / behind)
    sink = ImageSink(str(tmp_path / "link.png"), stream_format, SinkOptions())
    sink.write(make_frame(stream_format))
    sink.close(complete=True)
    assert (tmp_path / behind).read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["link.png", behind])


def test_odd_rgb_is_stored_as_it_is(tmp_path, stream_format, make_frame):
    stream = replace(stream_format, width_px=17, height_px=31, pixel_format=PixelFormat.RGB24)
    frame = make_frame(stream)
    sink = ImageSink(str(tmp_path / "o.png"), stream, SinkOptions())
    sink.write(frame)
    sink.close(complete=True)
    np.testing.assert_array_equal(load(tmp_path / "o.png"), frame.planes[0])


def test_jpeg_keeps_hard_edges_between_colours(tmp_path, stream_format, make_frame):
    stream = replace(stream_format, pixel_format=PixelFormat.RGB24)
    frame = make_frame(stream, level=(np.where(np.arange(96)[None, :, None] % 2, (250, 0, 0), (0, 0, 250)),))
    sink = ImageSink(str(tmp_path / "o.jpg"), stream, SinkOptions())
    sink.write(frame)
    sink.close(complete=True)
    assert np.abs(load(tmp_path / "o.jpg").astype(int) - frame.planes[0]).mean() < 6  # 60 with halved chroma


def test_sequence_has_no_holes_where_frames_were_dropped(tmp_path, stream_format, make_frame):
    sink = ImageSink(str(tmp_path / "f-%04d.png"), stream_format, SinkOptions())
    for index in (0, 1, 5):
        sink.write(make_frame(stream_format, index))
    sink.close(complete=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f-0000.png", "f-0001.png", "f-0002.png"]


@pytest.mark.parametrize("change", [{"frames": 2}, {"is_live": True}])
def test_one_picture_for_a_video_is_refused_at_once(tmp_path, stream_format, change):
    with pytest.raises(UsageError, match="holds one picture") as raised:
        ImageSink(str(tmp_path / "o.png"), replace(stream_format, **change), SinkOptions())
    assert "o-%05d.png" in raised.value.hint


def test_second_picture_is_refused_and_the_first_kept(tmp_path, stream_format, make_frame):
    sink = ImageSink(str(tmp_path / "o.png"), stream_format, SinkOptions())
    sink.write(make_frame(stream_format))
    with pytest.raises(SinkError, match="a second one arrived"):
        sink.write(make_frame(stream_format, 1))
    sink.close(complete=False)
    assert [p.name for p in tmp_path.iterdir()] == ["o.partial.png"]


def test_existing_picture_survives_an_interrupted_run(tmp_path, stream_format, make_frame):
    (tmp_path / "o.png").write_bytes(b"old")
    sink = ImageSink(str(tmp_path / "o.png"), stream_format, SinkOptions(overwrite=True))
    sink.write(make_frame(stream_format))
    sink.close(complete=False)
    assert (tmp_path / "o.png").read_bytes() == b"old"


def test_no_picture(tmp_path, stream_format):
    sink = ImageSink(str(tmp_path / "o.png"), stream_format, SinkOptions())
    with pytest.raises(SinkError, match="no picture arrived"):
        sink.close(complete=True)
    sink.close(complete=True)


def test_picture_too_large_for_its_format(tmp_path, stream_format, make_frame):
    stream = replace(stream_format, width_px=16_400, height_px=2)
    sink = ImageSink(str(tmp_path / "o.webp"), stream, SinkOptions())
    with pytest.raises(SinkError, match="cannot store 16400x2 pixels") as raised:
        sink.write(make_frame(stream))
    assert ".png" in raised.value.hint
    sink.close(complete=False)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_vanishes(tmp_path, stream_format, make_frame):
    (tmp_path / "sub").mkdir()
    sink = ImageSink(str(tmp_path / "sub" / "o.png"), stream_format, SinkOptions())
    (tmp_path / "sub").rmdir()
    with pytest.raises(SinkError, match="cannot write"):
        sink.write(make_frame(stream_format))


@pytest.mark.parametrize("complete", [True, False])
def test_what_is_left_of_a_longer_sequence_is_told_and_kept(tmp_path, stream_format, make_frame, caplog, complete):
    for frames, told in (
        (5, []),
        (2, ["after the 2 new pictures those of an earlier run follow, 3 from o-002.png on"]),
    ):
        sink = ImageSink(str(tmp_path / "o-%03d.png"), stream_format, SinkOptions(overwrite=True))
        for number in range(frames):
            sink.write(make_frame(stream_format, number))
        sink.close(complete=complete)
        sink.close(complete=complete)
        assert len(caplog.messages) == len(told)
        assert all(text in message for text, message in zip(told, caplog.messages, strict=True))
    assert len(list(tmp_path.iterdir())) == 5
