"""Folders with folders in them, patterns that reach into those, and results that would have one name."""

import errno
import os
from pathlib import Path

import pytest

from animecam.cli import main
from animecam.cli.jobs import plan_conversion
from animecam.errors import SinkError, SourceError, UsageError


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    return _make(
        tmp_path / "h",
        *("a.jpg", "day1/c.mp4", "day2/c.mp4", "day2/night/d.mov", "notes.txt", "day1/x.HEIC", "day2/y.heic"),
        *(".thumbs/a.jpg", "day1/.c.mp4", "day1/.x.heic", "day2/c-anime.mp4", "day2/c.partial.mp4"),
    )


def _make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def _made(out: Path, *inputs: object) -> dict[str, str]:
    """Which input becomes which file of the output folder."""
    jobs = plan_conversion([str(one) for one in inputs], out, overwrite=False).jobs
    folder = Path(os.path.commonpath([job.source.parent for job in jobs]))
    return {str(job.source.relative_to(folder)): str(job.target.relative_to(out)) for job in jobs}


TREE = {name: name for name in ("a.jpg", "day1/c.mp4", "day2/c.mp4", "day2/night/d.mov")}


def test_a_folder_is_converted_with_those_in_it(holiday, tmp_path):
    assert _made(tmp_path / "out", holiday) == TREE
    assert not (tmp_path / "out").exists()


def test_its_parts_and_a_pattern_give_the_same(holiday, tmp_path, monkeypatch):
    by_the_shell = sorted(path for path in holiday.iterdir() if not path.name.startswith("."))
    media = [path for path in by_the_shell if path.name != "notes.txt"]
    assert _made(tmp_path / "out", *media) == TREE
    for pattern in ("**/*", "**", "**/**/*"):
        assert _made(tmp_path / "out", holiday / pattern) == TREE
    monkeypatch.chdir(holiday)
    for name in (".", "**/*"):
        assert _made(tmp_path / "out", name) == TREE
    assert list(_made(tmp_path / "out", "*/*.mp4").values()) == ["day1/c.mp4", "day2/c.mp4"]


def test_without_an_output_each_stands_beside_its_input(holiday):
    jobs = plan_conversion([str(holiday)], None, overwrite=False).jobs
    targets = [str(job.target.relative_to(holiday)) for job in jobs]
    assert targets == ["a-anime.jpg", "day1/c-anime.mp4", "day2/c-anime.mp4", "day2/night/d-anime.mov"]


def test_the_output_folder_is_no_input(holiday):
    out = holiday / "day2" / "out"
    _make(out, "a.jpg", "day1/c.mp4", "left.jpg", "left.txt")
    for taken in (holiday, holiday / "**/*", holiday / "**/*.*"):
        jobs = plan_conversion([str(taken)], out, overwrite=False)
        assert [job.source for job in jobs.jobs] == [holiday / name for name in TREE]
        assert [job.is_done for job in jobs.jobs] == [True, True, False, False]
        assert "2 .txt" not in jobs.passed_over


def test_links_that_go_in_circles_end_and_each_folder_is_taken_once(holiday, tmp_path):
    for place, end in (("again", "."), ("day1/up", ".."), ("day1/two", "../day2"), ("day2/one", "../day1")):
        (holiday / place).symlink_to(end)
    (holiday / "gone").symlink_to("nowhere")
    for taken in (holiday, holiday / "**/*"):
        assert _made(tmp_path / "out", taken) == TREE


def test_a_link_to_a_folder_elsewhere_is_followed(holiday, tmp_path):
    _make(tmp_path / "other", "deep/e.png")
    (holiday / "day1" / "more").symlink_to(tmp_path / "other")
    jobs = plan_conversion([str(holiday)], tmp_path / "out", overwrite=False).jobs
    assert tmp_path / "out" / "day1" / "more" / "deep" / "e.png" in [job.target for job in jobs]


def test_a_folder_that_cannot_be_looked_into_is_told(holiday, tmp_path, caplog, monkeypatch):
    listed = Path.iterdir

    def closed(folder):
        if folder.name == "day1":  # as one without the right to read it, which root has everywhere
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", closed)
    assert _made(tmp_path / "out", holiday) == {name: name for name in TREE if not name.startswith("day1")}
    assert f"folder {holiday / 'day1'} is passed over: Permission denied" in caplog.text
    with pytest.raises(SourceError, match="day1: Permission denied"):
        plan_conversion([str(holiday / "day1")], tmp_path / "out", overwrite=False)


def test_what_is_passed_over_is_counted(holiday, tmp_path):
    _make(holiday, "day1/README", *(f"z{number}.k{number}" for number in range(4)))
    plan = plan_conversion([str(holiday)], tmp_path / "out", overwrite=False)
    assert plan.passed_over == "2 .heic, 1 .k0, 1 .k1, 1 .k2, 1 .k3 and 2 others"
    assert not plan_conversion([str(holiday / "*")], tmp_path / "out", overwrite=False).passed_over


def test_a_link_to_nothing_is_counted(tmp_path):
    """Perhaps to a disk that is not plugged in: not to tell would be to lose a film."""
    _make(tmp_path / "h", "a.mp4")
    (tmp_path / "h" / "b.mp4").symlink_to("nowhere")
    plan = plan_conversion([str(tmp_path / "h")], tmp_path / "out", overwrite=False)
    assert [job.source.name for job in plan.jobs] == ["a.mp4"]
    assert plan.passed_over == "1 broken link"


def test_a_folder_with_nothing_to_convert_says_what_it_holds(tmp_path):
    _make(tmp_path / "h", "a.heic", "deep/b.heic", "empty")
    with pytest.raises(SourceError, match="holds no video or picture") as caught:
        plan_conversion([str(tmp_path / "h")], tmp_path / "out", overwrite=False)
    assert caught.value.hint == "it holds 2 .heic, 1 without an ending; name files, or another folder"


CLASH = {"e.mp4": "e.mp4", "e.mts": "e.mts.mp4", "E.vob": "E.vob.mp4", "e.png": "e.png", "e.bmp": "e.bmp.png"}


@pytest.mark.parametrize("taken", ["", "*", "**/*"])
def test_results_that_would_have_one_name_keep_their_old_ending(tmp_path, taken):
    folder = _make(tmp_path / "h", *CLASH, "f.mts", "deep/e.mts")
    made = _made(tmp_path / "out", folder / taken if taken else folder)
    others = {"f.mts": "f.mp4", "deep/e.mts": "deep/e.mp4"} if taken != "*" else {"f.mts": "f.mp4"}
    assert made == CLASH | others


def test_names_do_not_depend_on_which_of_a_folder_are_asked_for(tmp_path):
    """Else a second pattern would find the result of the first one and take it for its own."""
    folder = _make(tmp_path / "h", *CLASH)
    out = _make(tmp_path / "out", "e.mts.mp4")
    assert _made(out, folder / "*.mts") == {"e.mts": "e.mts.mp4"}
    (job,) = plan_conversion([str(folder / "*.mts")], out, overwrite=False).jobs
    assert job.is_done
    (job,) = plan_conversion([str(folder / "*.mp4")], out, overwrite=False).jobs
    assert job.target == out / "e.mp4"
    assert not job.is_done


def test_beside_the_inputs_as_well_and_again(tmp_path):
    folder = _make(tmp_path / "h", "e.mp4", "e.mts")
    jobs = plan_conversion([str(folder)], None, overwrite=False).jobs
    assert [job.target.name for job in jobs] == ["e-anime.mp4", "e.mts-anime.mp4"]
    _make(folder, "e-anime.mp4", "e.mts-anime.mp4")
    by_the_shell = sorted(map(str, folder.iterdir()))
    for taken in ([str(folder)], by_the_shell):
        again = plan_conversion(taken, None, overwrite=False).jobs
        assert [(job.source.name, job.is_done) for job in again] == [("e.mp4", True), ("e.mts", True)]


def test_where_nothing_is_behind_persons_results_are_files_that_can_say_so(tmp_path):
    folder = _make(tmp_path / "h", "a.jpg", "a.png", "b.webp", "c.mp4", "d.bmp", "e.JPEG")
    plan = plan_conversion([str(folder)], None, overwrite=False, is_transparent=True)
    names = ["a.jpg-anime.png", "a-anime.png", "b-anime.webp", "c-anime.webp", "d-anime.png", "e-anime.png"]
    assert [job.target.name for job in plan.jobs] == names
    _make(folder, *names)
    for is_transparent in (False, True):  # none of the results is taken for another picture
        again = plan_conversion([str(folder / "*")], None, overwrite=False, is_transparent=is_transparent)
        assert [job.source.name for job in again.jobs] == ["a.jpg", "a.png", "b.webp", "c.mp4", "d.bmp", "e.JPEG"]


def test_two_that_share_a_name_all_the_same_are_told_what_helps(holiday, tmp_path):
    with pytest.raises(UsageError, match="would both become") as caught:
        plan_conversion([str(holiday / "day1/c.mp4"), str(holiday / "day2/c.mp4")], tmp_path / "out", overwrite=False)
    assert "name a folder that holds both" in caught.value.hint
    _make(holiday / "day1", "c.mts", "c.mts.mp4")
    with pytest.raises(UsageError, match="would both become") as caught:
        plan_conversion([str(holiday / "day1")], tmp_path / "out", overwrite=False)
    assert caught.value.hint == "rename one of them"


def test_a_target_that_is_another_input_is_refused(tmp_path):
    folder = _make(tmp_path / "h", "c.mp4", "day1/c.mp4")
    words = [str(folder / "day1/c.mp4"), str(folder / "c.mp4")]
    with pytest.raises(UsageError, match="would overwrite the input"):
        plan_conversion(words[:1], folder / "day1", overwrite=True)
    with pytest.raises(UsageError, match="would overwrite the input"):
        plan_conversion([str(folder / "day1"), words[1]], folder, overwrite=True)


def test_an_output_folder_that_is_a_file(holiday, tmp_path):
    (tmp_path / "out").write_bytes(b"x")
    with pytest.raises(SinkError, match="out is a file"):
        plan_conversion([str(holiday)], tmp_path / "out", overwrite=False)
    with pytest.raises(SinkError, match="is not a folder"):
        plan_conversion([str(holiday)], tmp_path / "out" / "deep", overwrite=False)


@pytest.mark.usefixtures("own_folders")
def test_the_tree_is_made_with_its_results_alone(tmp_path, make_clip, capfd):
    folder, out = tmp_path / "h", tmp_path / "out"
    for name in ("day1/c.mp4", "day2/deep/c.mkv"):
        (folder / name).parent.mkdir(parents=True)
        make_clip(folder / name, width_px=64, height_px=48, frames=2)
    _make(folder, "broken/x.mp4", "readme.txt")
    words = ["convert", str(folder), "-o", str(out), "--scope", "frame", "--strength", "0"]
    assert main(words) == 1
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == [
        *("day1", "day1/c.mp4", "day2", "day2/deep", "day2/deep/c.mkv")
    ]
    message = capfd.readouterr().err
    assert "passed over: 1 .txt" in message
    assert "1 of 3 could not be converted" in message


@pytest.mark.usefixtures("own_folders")
@pytest.mark.parametrize("more", [["--style", "none-such"], ["--crf", "60"], ["--codec", "none-such"]])
def test_what_cannot_begin_leaves_no_folder(fails, people, tmp_path, more):
    fails("convert", people, "-o", tmp_path / "out", *more, status=2)
    assert not (tmp_path / "out").exists()


def test_where_all_is_done_no_network_is_opened(tmp_path, monkeypatch, capfd):
    def refuse(_settings):
        raise AssertionError("there is nothing to draw")

    monkeypatch.setattr("animecam.drawing.networks.open_networks", refuse)
    folder, out = _make(tmp_path / "h", "a.jpg", "b.mp4"), _make(tmp_path / "out", "a.jpg", "b.mp4")
    assert main(["convert", str(folder), "-o", str(out)]) == 0
    told = " ".join(capfd.readouterr().err.split())
    assert told.count("skipped") == 2
    assert " by " not in told


def test_what_was_drawn_before_is_passed_over_but_where_it_is_named(holiday, tmp_path):
    """Results in a folder of their own are told by no name: the next run over all of it drew them once more."""
    drawn = holiday / "day1" / "drawn.mp4"
    drawn.write_bytes(bytes(100_000) + b"\xa9cmt made by animecam" + bytes(50_000))
    plan = plan_conversion([str(holiday)], tmp_path / "out", overwrite=False)
    assert [job.source.name for job in plan.jobs] == [Path(name).name for name in TREE]
    assert "1 drawn already" in plan.passed_over
    for pattern in ("day1/*.mp4", "**/*.mp4"):
        plan = plan_conversion([str(holiday / pattern)], tmp_path / "out", overwrite=False)
        assert drawn not in [job.source for job in plan.jobs]
        assert plan.passed_over == "1 drawn already"
    assert [job.source for job in plan_conversion([str(drawn)], tmp_path / "out", overwrite=False).jobs] == [drawn]
    with pytest.raises(SourceError, match="all that matches it is drawn already: 1"):
        plan_conversion([str(holiday / "day1" / "d*.mp4")], tmp_path / "out", overwrite=False)
    results = tmp_path / "results"
    results.mkdir()
    drawn.rename(results / "a.mp4")
    with pytest.raises(SourceError, match="results: all videos and pictures in it are drawn already: 1") as caught:
        plan_conversion([str(results)], tmp_path / "out", overwrite=False)
    assert "name a file" in caught.value.hint
