"""Every file says that it was made here, whatever its kind, and is known by that."""

from dataclasses import replace

import av
import pytest

from animecam.sinks.image import ImageSink
from animecam.sinks.mark import MARK, is_marked
from animecam.sinks.options import SinkOptions
from animecam.types import PixelFormat

FILMS = ("mp4", "mov", "mkv", "webm", "avi")


def comment_of(path) -> str:
    with av.open(str(path)) as film:
        return next((told for tag, told in film.metadata.items() if tag.lower() == "comment"), "")


@pytest.mark.parametrize("kind", FILMS)
def test_a_film_is_marked(converted, tmp_path, make_clip, kind):
    source = make_clip(tmp_path / "in.mp4", frames=90)
    out = converted(source, tmp_path / f"out.{kind}")
    assert not is_marked(source)
    assert is_marked(out)
    assert comment_of(out) == MARK
    again = converted(out, tmp_path / f"again.{kind}")
    assert comment_of(again) == MARK


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_comment_of_its_source_stays(converted, tmp_path, make_clip, kind):
    """Matroska writes the name of the tag in capitals: both would be one, and the last one all that is left."""
    plain, source = make_clip(tmp_path / "plain.mp4"), tmp_path / f"in.{kind}"
    with av.open(str(plain)) as film, av.open(str(source), "w") as copy:
        track = copy.add_stream_from_template(film.streams.video[0])
        copy.metadata["comment"] = "A walk"
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = track
                copy.mux(packet)
    out = converted(source, tmp_path / f"out.{kind}")
    assert comment_of(out) == f"A walk; {MARK}"
    assert is_marked(out)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_a_picture_is_marked(tmp_path, stream_format, make_frame, kind):
    stream = replace(stream_format, width_px=640, height_px=480, pixel_format=PixelFormat.RGB24)
    sink = ImageSink(str(tmp_path / f"out.{kind}"), stream, SinkOptions())
    sink.write(make_frame(stream))
    sink.close(complete=True)
    assert is_marked(tmp_path / f"out.{kind}")


def test_what_cannot_be_read_is_not_marked(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert not is_marked(tmp_path / "empty.mp4")
    assert not is_marked(tmp_path / "nowhere.mp4")
