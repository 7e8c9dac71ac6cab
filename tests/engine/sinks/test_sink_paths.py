"""What is wrong with an output is found before any work is done."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from animecam.errors import SinkError, UsageError
from animecam.sinks.null import NullSink
from animecam.sinks.opening import SinkOptions, check_output, open_sink
from animecam.sinks.paths import LONGEST_NAME_BYTES, OutputKind, Target, earlier, key_file, output_kind
from animecam.sinks.sequence import numbered

NOBODY = 65534


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("window:", OutputKind.WINDOW),
        ("null:", OutputKind.NULL),
        ("null://", OutputKind.NULL),
        ("virtualcam:", OutputKind.VIRTUALCAM),
        ("virtualcam:Unity Video Capture.mp4", OutputKind.VIRTUALCAM),
        ("v4l2:///dev/video9", OutputKind.V4L2),
        ("rtmp://host/app/key", OutputKind.STREAM),
        ("RTSP://host/x.mp4", OutputKind.STREAM),
        ("udp://239.0.0.1:1234", OutputKind.STREAM),
        ("out.mp4", OutputKind.VIDEO),
        ("dir.with.dots/OUT.MKV", OutputKind.VIDEO),
        (r"C:\films\out.webm", OutputKind.VIDEO),
        ("note: this.mp4", OutputKind.VIDEO),
        ("face.PNG", OutputKind.IMAGE),
        ("frames/%05d.png", OutputKind.IMAGE_SEQUENCE),
        ("100%.jpg", OutputKind.IMAGE),
    ],
)
def test_kinds(uri, kind):
    assert output_kind(uri) is kind


@pytest.mark.parametrize("stem", ["a" * 251, "ä" * 125 + "b", "a" * 240])
def test_the_longest_names_have_room_for_a_part(tmp_path, stem):
    target = Target.of(tmp_path / f"{stem}.mp4")
    assert target.final.name == f"{stem}.mp4"
    assert target.partial.name.endswith(".partial.mp4")
    target.partial.write_bytes(b"x")  # the system takes it
    check_output(str(target.final), tmp_path / "in.mp4")
    target.commit(overwrite=False)
    assert target.final.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("uri", "match"),
    [("out.xyz", "unknown ending .xyz"), ("out", "no ending"), ("http://host/x.mp4", "http://"), ("", "no output")],
)
def test_what_is_no_output_is_a_usage_error_with_what_is_known(uri, match):
    with pytest.raises(UsageError, match=match) as raised:
        check_output(uri)
    assert "\n" not in raised.value.message
    assert any(known in raised.value.hint for known in (".mp4", "rtmp:"))


def test_folder_is_no_output(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        check_output(str(tmp_path))
    with pytest.raises(UsageError, match=r"new\.mp4/ is a folder"):
        check_output(f"{tmp_path}/new.mp4/")


def test_missing_folder(tmp_path):
    with pytest.raises(SinkError, match="does not exist") as raised:
        check_output(str(tmp_path / "none" / "out.mp4"))
    assert "mkdir" in raised.value.hint


def test_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="is not a folder"):
        check_output(str(tmp_path / "file" / "out.mp4"))


def test_folder_without_permission():
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(SinkError, match=r"cannot write to the folder .*: Permission"):
                check_output(str(folder / "out.mp4"))
        finally:
            os.seteuid(user)
        assert list(folder.iterdir()) == []
    finally:
        folder.rmdir()


def test_existing_file(tmp_path):
    (tmp_path / "out.mp4").touch()
    with pytest.raises(SinkError, match="exists") as raised:
        check_output(str(tmp_path / "out.mp4"))
    assert "`overwrite=True`" in raised.value.hint
    check_output(str(tmp_path / "out.mp4"), overwrite=True)


@pytest.mark.parametrize("name", ["out.mp4", "out.png"])
def test_what_is_left_of_a_recording_is_kept_until_somebody_decides(tmp_path, stream_format, name):
    part = Target.of(tmp_path / name).partial
    part.write_bytes(b"all that the power cut left")
    with pytest.raises(SinkError, match=rf"{part.name} is left of a run that broke off") as raised:
        open_sink(str(tmp_path / name), replace(stream_format, is_live=True))
    assert "rename" in raised.value.hint
    assert "`overwrite=True`" in raised.value.hint
    assert part.read_bytes() == b"all that the power cut left"
    check_output(str(tmp_path / name), overwrite=True)


def test_a_recording_that_is_being_made_is_not_said_to_be_left(tmp_path, stream_format):
    """Whoever followed the advice would rename it under the hands of the run that writes it."""
    live = replace(stream_format, is_live=True)
    sink = open_sink(str(tmp_path / "out.mp4"), live)
    try:
        with pytest.raises(SinkError, match="is being written by another run"):
            check_output(str(tmp_path / "out.mp4"))
    finally:
        sink.close(complete=False)


def test_what_is_left_of_a_conversion_is_replaced_as_it_can_be_made_again(
    tmp_path, stream_format, make_frame, make_clip
):
    source = make_clip(tmp_path / "in.mp4", audio=True)
    Target.of(tmp_path / "out.mp4").partial.write_bytes(b"half of it")
    sink = open_sink(str(tmp_path / "out.mp4"), stream_format, SinkOptions(threads=1, audio_from=source))
    sink.write(make_frame(stream_format))
    sink.close(complete=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="such a link is replaced by the file there")
def test_a_link_that_comes_back_to_itself_is_told(tmp_path):
    (tmp_path / "out.mp4").symlink_to(tmp_path / "other.mp4")
    (tmp_path / "other.mp4").symlink_to(tmp_path / "out.mp4")
    with pytest.raises(SinkError, match="comes back to itself"):
        check_output(str(tmp_path / "out.mp4"))


@pytest.mark.parametrize("link", ["none", "symlink", "hardlink", "folder"])
def test_input_is_never_overwritten(tmp_path, link):
    source = tmp_path / "in.mp4"
    source.touch()
    out = tmp_path / "out.mp4"
    if link == "none":
        out = source
    elif link == "symlink":
        out.symlink_to(source)
    elif link == "hardlink":
        out.hardlink_to(source)
    else:
        (tmp_path / "way").symlink_to(tmp_path)
        out = tmp_path / "way" / "in.mp4"
    with pytest.raises(UsageError, match="would overwrite the input"):
        check_output(str(out), source, overwrite=True)


def test_input_under_the_temporary_name_is_never_overwritten(tmp_path):
    source = tmp_path / "out.partial.mp4"
    source.touch()
    with pytest.raises(UsageError, match="would overwrite the input"):
        check_output(str(tmp_path / "out.mp4"), source)


def test_special_files_are_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="no ordinary file"):
        check_output(str(tmp_path / "out.mp4"), overwrite=True)


def test_sequences(tmp_path):
    pattern = str(tmp_path / "%03d.png")
    (tmp_path / "notes.png").touch()
    check_output(pattern)
    (tmp_path / "007.png").touch()
    with pytest.raises(SinkError, match=r"holds 007\.png"):
        check_output(pattern)
    check_output(pattern, overwrite=True)
    with pytest.raises(UsageError, match="would overwrite the input"):
        check_output(pattern, tmp_path, overwrite=True)
    with pytest.raises(UsageError, match="more than one place"):
        check_output(str(tmp_path / "%d-%d.png"))
    assert numbered(Path(pattern), 12) == tmp_path / "012.png"


def test_the_folder_of_a_sequence_is_made_if_only_that_is_missing(tmp_path):
    check_output(str(tmp_path / "frames" / "%05d.png"))
    assert list((tmp_path / "frames").iterdir()) == []
    with pytest.raises(SinkError, match="does not exist") as raised:
        check_output(str(tmp_path / "none" / "frames" / "%05d.png"))
    assert "mkdir -p" in raised.value.hint
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="is not a folder"):
        check_output(str(tmp_path / "file" / "%05d.png"))


def sink_in_a_deleted_folder(folder, name, stream_format, frame):
    folder.mkdir()
    sink = open_sink(str(folder / name), replace(stream_format, frames=1), SinkOptions(threads=1))
    sink.write(frame)
    shutil.rmtree(folder)
    return sink


@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "o.png"])
def test_a_file_that_is_deleted_meanwhile_is_told_truly(tmp_path, stream_format, make_frame, name):
    sink = sink_in_a_deleted_folder(tmp_path / "out", name, stream_format, make_frame(stream_format))
    with pytest.raises(SinkError, match="is gone: it or its folder was deleted") as raised:
        sink.close(complete=True)
    assert raised.value.hint == "nothing is left of it: start again"


def test_the_folder_of_a_sequence_that_is_deleted_meanwhile_is_told_truly(tmp_path, stream_format, make_frame):
    sink = sink_in_a_deleted_folder(tmp_path / "out", "%d.png", stream_format, make_frame(stream_format))
    with pytest.raises(SinkError, match=r"cannot write .*1\.png") as raised:
        sink.write(make_frame(stream_format, 1))
    assert "folder was deleted" in raised.value.hint


def test_partial_name_keeps_the_ending(tmp_path):
    target = Target.of(tmp_path / "a.b.mp4")
    assert target.partial == tmp_path / "a.b.partial.mp4"


def test_names_that_are_no_text_share_no_partial_name(tmp_path):
    names = ["a.mp4", "a\udcfe.mp4", "a\udcff.mp4"]  # as Python has the bytes fe and ff in a name
    partials = {Target.of(tmp_path / name).partial for name in names}
    assert len(partials) == len(names)


@pytest.mark.parametrize("letter", ["n", "ü", "\udcff"])
def test_long_names_share_no_partial_name(tmp_path, letter):
    stem = letter * (LONGEST_NAME_BYTES // len(os.fsencode(letter)) - 6)
    partials = [Target.of(tmp_path / f"{stem}{last}.mp4").partial for last in "ab"]
    for path in (*partials, *map(earlier, partials), *map(key_file, partials)):
        assert len(os.fsencode(path.name)) <= LONGEST_NAME_BYTES
        assert ".partial." in path.name  # by which a folder passes it over
    assert len({place(partial) for partial in partials for place in (Path, earlier, key_file)}) == 6


def test_opening_checks_first(tmp_path, stream_format):
    (tmp_path / "out.mp4").write_bytes(b"old")
    with pytest.raises(SinkError, match="exists"):
        open_sink(str(tmp_path / "out.mp4"), stream_format)
    with pytest.raises(UsageError, match="overwrite the input"):
        open_sink(
            str(tmp_path / "out.mp4"), stream_format, SinkOptions(audio_from=tmp_path / "out.mp4", overwrite=True)
        )
    assert (tmp_path / "out.mp4").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["o.mp4", "o.png", "%d.jpg"])
def test_opening_finds_the_sink(tmp_path, stream_format, make_frame, name):
    sink = open_sink(str(tmp_path / name), replace(stream_format, frames=1), SinkOptions(threads=1))
    sink.write(make_frame(stream_format))
    sink.close(complete=True)
    assert [p.suffix for p in tmp_path.iterdir()] == [Path(name).suffix]


def test_null_counts(stream_format, make_frame):
    sink = open_sink("null:", stream_format)
    assert isinstance(sink, NullSink)
    for index in range(3):
        sink.write(make_frame(stream_format, index))
    sink.close(complete=True)
    sink.close(complete=False)
    assert (sink.frames, sink.is_complete) == (3, True)


def test_opening_imports_nothing_heavy():
    script = "import sys, animecam.sinks.opening; print(*{'av', 'cv2', 'pyvirtualcam'} & set(sys.modules))"
    search = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": search}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
