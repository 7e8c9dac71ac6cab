"""Video files: when they appear, what they are called, which encoder writes them and how well."""

import sys
from dataclasses import replace

import av
import pytest

from animecam.errors import SinkError, UsageError
from animecam.sinks import file
from animecam.sinks.codecs import quality
from animecam.sinks.file import FileSink
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions

FAST = SinkOptions(threads=1, preset="ultrafast")
FRAMES = 12


def test_file_appears_only_when_complete(tmp_path, stream_format, make_frame, decode):
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format))
    assert [p.name for p in tmp_path.iterdir()] == ["clip.partial.mp4"]
    sink.close(complete=True)
    sink.close(complete=True)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_interrupted_file_plays_and_keeps_its_temporary_name(tmp_path, stream_format, make_frame, decode, write_all):
    (tmp_path / "clip.mp4").write_bytes(b"an older film")
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, replace(FAST, overwrite=True))
    write_all(sink, [make_frame(stream_format, i) for i in range(FRAMES)], complete=False)
    assert len(decode(tmp_path / "clip.partial.mp4")) == FRAMES
    assert (tmp_path / "clip.mp4").read_bytes() == b"an older film"


def test_existing_file_is_replaced_when_asked_also_behind_a_link(
    tmp_path, stream_format, make_frame, decode, write_all
):
    (tmp_path / "real").mkdir()
    old = tmp_path / "real" / "clip.mp4"
    old.write_bytes(b"an older film")
    link = tmp_path / "link.mp4"
    link.symlink_to(old)
    write_all(FileSink(str(link), stream_format, replace(FAST, overwrite=True)), [make_frame(stream_format)])
    assert link.is_symlink()
    assert len(decode(old)) == 1


@pytest.mark.parametrize("behind", ["blob", "film.dat", "film.mkv"])
def test_the_name_that_is_given_chooses_the_container_and_not_the_one_behind_a_link(
    tmp_path, stream_format, make_frame, behind
):
    (tmp_path / "link.mp4").symlink_to(tmp_path / behind)
    sink = open_sink(str(tmp_path / "link.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format))
    assert (tmp_path / behind).with_suffix(".partial.mp4").exists()
    sink.close(complete=True)
    with av.open(str(tmp_path / behind)) as container:
        assert "mp4" in container.format.name
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["link.mp4", behind])


def test_file_that_appears_meanwhile_is_not_replaced(tmp_path, stream_format, make_frame, decode):
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format))
    (tmp_path / "clip.mp4").write_bytes(b"somebody else's")
    with pytest.raises(SinkError, match="appeared"):
        sink.close(complete=True)
    assert (tmp_path / "clip.mp4").read_bytes() == b"somebody else's"
    assert len(decode(tmp_path / "clip.partial.mp4")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot be renamed there, so none is held")
def test_a_file_is_written_by_one_run_at_a_time(tmp_path, stream_format, make_frame, decode):
    """The second one wrote into the middle of what the first had, and took its name: neither film was left."""
    first = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    first.write(make_frame(stream_format))
    with pytest.raises(SinkError, match=r"clip\.mp4 is being written by another run"):
        FileSink(str(tmp_path / "clip.mp4"), stream_format, replace(FAST, overwrite=True))
    first.close(complete=True)
    assert len(decode(tmp_path / "clip.mp4")) == 1
    again = FileSink(str(tmp_path / "clip.mp4"), stream_format, replace(FAST, overwrite=True))
    again.close(complete=False)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_file_that_could_not_be_opened_is_free_again(tmp_path, stream_format, make_frame, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(file, "Encoder", _refuse)
        with pytest.raises(SinkError, match="no such encoder"):
            FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    assert not list(tmp_path.iterdir())
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format))
    sink.close(complete=True)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def _refuse(*_arguments):
    raise SinkError("no such encoder")


@pytest.mark.parametrize("complete", [True, False])
def test_no_frame_no_file(tmp_path, stream_format, complete):
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    if complete:
        with pytest.raises(SinkError, match="no frame arrived"):
            sink.close(complete=True)
    sink.close(complete=False)
    assert list(tmp_path.iterdir()) == []


def test_name_with_colon_percent_and_spaces(tmp_path, stream_format, make_frame, decode, monkeypatch, write_all):
    monkeypatch.chdir(tmp_path)
    name = "http: 100%d ünï 'x'.mp4"
    write_all(FileSink(name, stream_format, FAST), [make_frame(stream_format)])
    assert [p.name for p in tmp_path.iterdir()] == [name]
    with (tmp_path / name).open("rb") as file, av.open(file) as container:
        assert sum(1 for _ in container.decode(video=0)) == 1


@pytest.mark.parametrize(
    ("codec", "error", "match"),
    [
        ("libx999", UsageError, "no encoder libx999"),
        ("aac", UsageError, "no video encoder"),
        ("h264_v4l2m2m", SinkError, "does not work here"),
        ("libvpx", SinkError, "cannot open"),
    ],
)
def test_codecs_that_cannot_be_used_are_named_at_once(tmp_path, stream_format, codec, error, match):
    with pytest.raises(error, match=match) as raised:
        FileSink(str(tmp_path / "o.mov"), stream_format, SinkOptions(codec=codec))
    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(16386, 64), (64, 16386)])
@pytest.mark.parametrize(("name", "codec"), [("o.mp4", "auto"), ("o.mp4", "libx264"), ("o.mkv", "libsvtav1")])
def test_sides_that_an_encoder_does_not_take_are_what_is_told(tmp_path, stream_format, size, name, codec):
    """What led nowhere: to choose the codec auto, which was chosen."""
    stream = replace(stream_format, width_px=size[0], height_px=size[1])
    with pytest.raises(SinkError, match=f"no pictures of {size[0]}x{size[1]} pixels") as raised:
        FileSink(str(tmp_path / name), stream, SinkOptions(codec=codec, threads=1))
    assert raised.value.hint == "scale it down to 16384 pixels a side"


@pytest.mark.parametrize(("broken", "hint"), [("libx264", "animecam doctor"), ("ffv1", "the codec auto")])
def test_who_has_the_usual_encoder_is_not_told_to_choose_it(tmp_path, stream_format, broken, hint):
    codec = "auto" if broken == "libx264" else broken
    sides = replace(stream_format, width_px=0)  # what no encoder opens with
    with pytest.raises(SinkError, match=f"{broken} does not work here") as raised:
        FileSink(str(tmp_path / "o.mkv"), sides, SinkOptions(codec=codec, threads=1))
    assert hint in raised.value.hint


def test_an_encoder_that_does_not_work_takes_no_older_part_with_it(tmp_path, stream_format):
    part = tmp_path / "o.partial.mov"
    part.write_bytes(b"an older film")
    with pytest.raises(SinkError, match="does not work here"):
        FileSink(str(tmp_path / "o.mov"), stream_format, SinkOptions(codec="h264_v4l2m2m", overwrite=True))
    assert part.read_bytes() == b"an older film"


@pytest.mark.parametrize("codec", ["libx265", "ffv1", "prores_ks"])
def test_other_codecs_by_name(tmp_path, stream_format, make_frame, decode, codec, write_all):
    frames = [make_frame(stream_format, i) for i in range(3)]
    write_all(FileSink(str(tmp_path / "o.mkv"), stream_format, SinkOptions(codec=codec, threads=1)), frames)
    assert len(decode(tmp_path / "o.mkv")) == 3


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("count", [1, 2])
def test_the_fewest_frames_go_into_h265(tmp_path, stream_format, make_frame, read_packets, ending, count, write_all):
    """Of fewer than three libx265 gave decoding times from memory that it never wrote to."""
    for number in range(6):
        path = tmp_path / f"{number}.{ending}"
        options = SinkOptions(codec="libx265", threads=1, preset="ultrafast")
        write_all(FileSink(str(path), stream_format, options), [make_frame(stream_format, i) for i in range(count)])
        (video,) = read_packets(path, "video")
        assert [float(time) for time in video.times_s] == pytest.approx([i / 30 for i in range(count)], abs=0.001)
        with av.open(str(path)) as film:
            assert 0 < film.duration / av.time_base < 0.2


def test_codec_that_the_container_never_holds_is_named_at_once(tmp_path, stream_format):
    with pytest.raises(SinkError, match="webm files cannot hold video of the encoder libx264"):
        FileSink(str(tmp_path / "o.webm"), stream_format, SinkOptions(codec="libx264"))
    assert list(tmp_path.iterdir()) == []


def test_quality_is_refused_where_the_encoder_has_none(tmp_path, stream_format):
    with pytest.raises(UsageError, match="constant quality") as caught:
        FileSink(str(tmp_path / "o.mkv"), stream_format, SinkOptions(codec="ffv1", crf=20))
    assert "leave the crf out" in caught.value.hint


@pytest.mark.parametrize(
    ("codec", "worst"), [("libx264", 51), ("libx265", 51), ("libvpx-vp9", 63), ("libsvtav1", 63), ("hevc_nvenc", 51)]
)
def test_quality_has_the_encoders_range(codec, worst):
    assert quality(codec, SinkOptions(crf=worst))
    for crf in (-1, worst + 1):
        with pytest.raises(UsageError, match=rf"crf {crf} is outside 0\.\.{worst}, the range of {codec}"):
            quality(codec, SinkOptions(crf=crf))


def test_the_best_quality_is_the_best_of_the_encoder():
    """Of SVT-AV1's numbers 0 means that none is given, which was as bad as 35."""
    assert dict(quality("libsvtav1", SinkOptions(crf=0)))["crf"] == "1"
    assert dict(quality("libx264", SinkOptions(crf=0)))["crf"] == "0"
