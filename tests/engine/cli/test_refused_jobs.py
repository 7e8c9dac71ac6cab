"""What a conversion refuses before it begins: inputs that it cannot read, and outputs that it must not write."""

import shlex
from contextlib import closing
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from animecam.cli import main
from animecam.cli.jobs import plan_conversion
from animecam.errors import SinkError, SourceError, UsageError
from animecam.sources.opening import open_source
from animecam.sources.options import SourceOptions


def test_a_single_existing_target_is_refused(clips, tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(SinkError, match="exists") as caught:
        plan_conversion([str(clips / "b.mp4")], target, overwrite=False)
    assert "--overwrite" in caught.value.hint
    assert target.read_bytes() == b"precious"


def test_inputs_are_not_taken_for_what_an_earlier_run_made_of_them(clips, tmp_path):
    """Into their own folder all were skipped, as if they were done."""
    with pytest.raises(UsageError, match="would overwrite the input"):
        plan_conversion([str(clips)], clips, overwrite=False)
    with pytest.raises(UsageError, match="would overwrite the input"):
        plan_conversion([str(clips / "b.mp4"), str(clips / "c.jpg")], clips, overwrite=True)


@pytest.mark.parametrize(
    ("text", "film"),
    [("shots", "film.mp4"), ("shots/*.png", "film.mp4"), ("shots", "film.gif"), ("shots", "film.webp")],
)
def test_whoever_wants_a_film_of_pictures_is_told_how(tmp_path, monkeypatch, text, film):
    monkeypatch.chdir(tmp_path)
    Path("shots").mkdir()
    for number in range(3):
        cv2.imwrite(
            f"shots/{number:03d}.png", np.full((48, 64, 3), 80 * number, np.uint8)
        )  # a WebP merges what is equal
    with pytest.raises(UsageError) as caught:
        plan_conversion([text], Path(film), overwrite=False)
    program, *words = shlex.split(caught.value.hint.partition("made by: ")[2])
    assert program == "animecam"
    assert main([*words, "--no-config", "--scope", "frame", "--strength", "0"]) == 0
    with closing(open_source(film, SourceOptions())) as made:
        assert len(list(iter(made.read, None))) == 3
    with pytest.raises(UsageError) as caught:
        plan_conversion([text], Path("film.png"), overwrite=False)
    assert caught.value.hint == "give a folder: -o FOLDER"


def test_many_inputs_need_a_folder(clips, tmp_path):
    with pytest.raises(UsageError, match="one file for 2 inputs"):
        plan_conversion([str(clips / "b.mp4"), str(clips / "c.jpg")], tmp_path / "out.mp4", overwrite=False)


def test_two_inputs_must_not_share_a_target(clips, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.mp4").write_bytes(b"x")
    with pytest.raises(UsageError, match="would both become"):
        plan_conversion([str(clips / "b.mp4"), str(other / "b.mp4")], tmp_path / "out", overwrite=False)


def test_an_output_folder_whose_parent_is_missing(clips, tmp_path):
    with pytest.raises(SinkError, match="does not exist") as caught:
        plan_conversion([str(clips / "b.mp4")], tmp_path / "no" / "where", overwrite=False)
    assert "mkdir" in caught.value.hint


@pytest.mark.parametrize("name", ["empty", "none*.mp4"])
def test_nothing_to_convert(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"holds no|nothing matches"):
        plan_conversion([str(tmp_path / name)], tmp_path / "out", overwrite=False)


def test_an_unknown_ending_makes_no_folder(clips, tmp_path):
    target = tmp_path / "out.wmv"
    with pytest.raises(UsageError, match=r"unknown ending \.wmv") as caught:
        plan_conversion([str(clips / "b.mp4")], target, overwrite=False)
    assert not target.exists()
    assert caught.value.hint.endswith(f"for a folder: -o {target}/")
    jobs = plan_conversion([str(clips)], tmp_path / "take.2", overwrite=False).jobs
    assert {job.folder for job in jobs} == {tmp_path / "take.2"}  # several inputs need a folder, whatever its name


def test_an_empty_name_is_not_the_current_folder(clips, monkeypatch):
    monkeypatch.chdir(clips)
    with pytest.raises(UsageError, match="no name"):
        plan_conversion([""], None, overwrite=False)


@pytest.mark.parametrize("live", ["0", "/dev/video0", "pattern:64x48@30", "rtsp://host/stream"])
def test_what_is_live_is_no_file(live):
    with pytest.raises(UsageError, match="is no file") as caught:
        plan_conversion([live], None, overwrite=False)
    assert f"--input {live} " in caught.value.hint


@pytest.mark.parametrize("is_output", [False, True])
def test_a_name_that_no_file_can_have(clips, tmp_path, is_output):
    endless = tmp_path / ("x" * 300 + ".mp4")
    source, target = (clips / "b.mp4", endless) if is_output else (endless, None)
    with pytest.raises(SourceError, match="too long") as caught:
        plan_conversion([str(source)], target, overwrite=False)
    assert caught.value.hint


@pytest.mark.parametrize("words", [["--codec", "libx265"], ["--crf", "30"], ["--seconds", "2"]])
def test_an_option_that_does_nothing_to_pictures_is_refused(tmp_path, fails, words):
    """It was dropped without a word."""
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    told = f"{words[0]} does nothing to {tmp_path / 'x.png'}: it is for videos"
    assert told in fails("convert", tmp_path / "a.png", "-o", tmp_path / "x.png", *words, status=2)
    assert f"{words[0]} does nothing to these 2 pictures" in fails("convert", tmp_path, *words, status=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_an_option_for_the_videos_among_pictures_is_taken(tmp_path, make_clip):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), np.uint8))
    make_clip(tmp_path / "b.mp4", frames=2)
    words = ["--codec", "libx265", "--crf", "30", "--seconds", "2", "--strength", "0"]
    assert main(["convert", str(tmp_path), "-o", str(tmp_path / "out"), *words]) == 0
    with av.open(str(tmp_path / "out" / "b.mp4")) as film:
        assert film.streams.video[0].codec_context.name == "hevc"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bogus", "hint: there are anime, cel, soft, television, toon"),
        ("ANIM", "hint: did you mean anime?"),
        ("toonn", "hint: did you mean toon?"),
    ],
)
def test_an_unknown_style_is_told_what_there_is_on_offer(tmp_path, own_folders, fails, name, told):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), np.uint8))
    message = fails("convert", tmp_path / "a.png", "--style", name, status=2)
    assert f"there is no style '{name}'" in message
    assert told in message
    assert "starter" not in message
