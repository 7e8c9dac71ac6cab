"""Every file says that it was made here, whatever its kind, and is known by that."""

from dataclasses import replace

import av
import cv2
import pytest

from animecam.cli.inputs import find_inputs
from animecam.errors import SourceError
from animecam.sinks.animation_mark import mark_animation
from animecam.sinks.image import ImageSink
from animecam.sinks.mark import MARK, is_marked
from animecam.sinks.opening import open_sink
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


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_is_marked_and_shows_what_it_did(tmp_path, stream_format, make_frame, write_all, kind):
    path = tmp_path / f"out.{kind}"
    write_all(open_sink(str(path), stream_format), [make_frame(stream_format, index) for index in range(4)])
    assert is_marked(path)
    is_read, animation = cv2.imreadanimation(str(path))
    assert is_read
    assert len(animation.frames) == 4
    if kind == "webp":
        assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8
        _, kinds, parts = cv2.imreadWithMetadata(str(path), flags=cv2.IMREAD_COLOR)
        exif = dict(zip(kinds, parts, strict=True))[cv2.IMAGE_METADATA_EXIF]
        assert MARK.encode() in exif.tobytes()
    else:
        assert path.read_bytes().endswith(MARK.encode() + b"\0\x3b")


def test_a_folder_s_own_animations_are_passed_over(tmp_path, stream_format, make_frame, write_all):
    for kind in ("gif", "webp"):
        frames = [make_frame(stream_format, index) for index in range(2)]
        write_all(open_sink(str(tmp_path / f"clip.{kind}"), stream_format), frames)
    with pytest.raises(SourceError, match="drawn already: 2"):
        find_inputs([str(tmp_path)], None)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_film_in_which_nothing_moves_is_marked(tmp_path, stream_format, make_frame, write_all, frames):
    """The encoder makes a picture of it, without the header that tells of Exif."""
    path = tmp_path / "out.webp"
    still = [make_frame(stream_format, 0, pts=index) for index in range(frames)]
    write_all(open_sink(str(path), stream_format), still)
    assert is_marked(path)
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8
    picture, kinds, parts = cv2.imreadWithMetadata(str(path), flags=cv2.IMREAD_COLOR)
    assert picture.shape[:2] == (stream_format.height_px, stream_format.width_px)
    assert MARK.encode() in dict(zip(kinds, parts, strict=True))[cv2.IMAGE_METADATA_EXIF].tobytes()
    with av.open(path) as container:
        assert container.streams.video[0].width == stream_format.width_px


@pytest.mark.parametrize(
    "damage",
    [b"GIF89a cut off", b"RIFF\0\0\0\0WEBPVP8 cut off", b"RIFF\0\0\0\0WEBPVP8X", b"RIFF\0\0\0\0WEBPVP8L lossless", b""],
)
def test_what_is_no_whole_animation_stays_as_it_is(tmp_path, damage):
    (tmp_path / "a").write_bytes(damage)
    mark_animation(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == damage


def test_what_cannot_be_read_is_not_marked(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert not is_marked(tmp_path / "empty.mp4")
    assert not is_marked(tmp_path / "nowhere.mp4")
