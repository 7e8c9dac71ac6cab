"""Which files a conversion reads and writes."""

import av
import cv2
import numpy as np
import pytest

from animecam.cli.inputs import READABLE_SUFFIXES
from animecam.cli.jobs import Job, plan_conversion
from animecam.errors import SinkError
from animecam.sinks.paths import OutputKind, output_kind
from animecam.sources.opening import local_path


def plan_jobs(inputs, output, *, overwrite):
    return plan_conversion(inputs, output, overwrite=overwrite).jobs


def _names(jobs):
    return [(job.source.name, job.target.name) for job in jobs]


def test_one_file_to_a_named_file(clips, tmp_path):
    target = tmp_path / "out.mkv"
    assert plan_jobs([str(clips / "b.mp4")], target, overwrite=False) == (Job(clips / "b.mp4", target),)


@pytest.mark.parametrize("name", ["out", "out.mkv", "take.2"])
@pytest.mark.parametrize("inputs", [["b.mp4"], ["b.mp4", "c.jpg"]])
def test_a_slash_at_the_end_makes_it_a_folder_whatever_it_is_called(clips, tmp_path, name, inputs):
    folder = tmp_path / name
    jobs = plan_jobs([str(clips / one) for one in inputs], f"{folder}/", overwrite=False)
    assert [(job.target, job.folder) for job in jobs] == [(folder / one, folder) for one in inputs]


def test_a_slash_at_the_end_of_a_file_is_refused(clips):
    with pytest.raises(SinkError, match=r"c\.jpg is a file"):
        plan_jobs([str(clips / "b.mp4")], f"{clips / 'c.jpg'}/", overwrite=True)


def test_without_an_output_it_stands_beside_the_input(clips):
    assert _names(plan_jobs([str(clips / "a.MOV")], None, overwrite=False)) == [("a.MOV", "a-anime.MOV")]


def test_a_folder_is_taken_whole_without_what_we_made_ourselves(clips, tmp_path):
    jobs = plan_jobs([str(clips)], tmp_path / "out", overwrite=False)
    assert _names(jobs) == [("a.MOV", "a.MOV"), ("b.mp4", "b.mp4"), ("c.jpg", "c.jpg"), ("d.wmv", "d.mp4")]
    assert not (tmp_path / "out").exists()  # it is made once there is something to write


def test_hidden_files_are_taken_where_they_are_named(clips, tmp_path):
    for name in ("._c.jpg", ".b.mp4"):
        (clips / name).write_bytes(b"x")
    wanted = ["a.MOV", "b.mp4", "c.jpg", "d.wmv"]
    for found in (str(clips), str(clips / "*")):
        assert [job.source.name for job in plan_jobs([found], tmp_path / "out", overwrite=False)] == wanted
    for named in (str(clips / ".b.mp4"), str(clips / ".b*")):
        assert [job.source.name for job in plan_jobs([named], tmp_path / "out", overwrite=False)] == [".b.mp4"]


def test_a_pattern_is_expanded(clips, tmp_path):
    jobs = plan_jobs([str(clips / "*.jpg"), str(clips / "b.mp4")], tmp_path / "out", overwrite=False)
    assert [job.source.name for job in jobs] == ["c.jpg", "b.mp4"]


def test_a_file_that_is_named_twice_is_converted_once(clips, tmp_path):
    jobs = plan_jobs(
        [str(clips / "b.mp4"), str(clips / "b.mp4"), str(clips / "c.jpg")], tmp_path / "out", overwrite=False
    )
    assert [job.source.name for job in jobs] == ["b.mp4", "c.jpg"]


def test_a_film_of_pictures_becomes_a_video(clips, tmp_path):
    (clips / "e.gif").write_bytes(b"x")
    (clips / "f.apng").write_bytes(b"x")
    assert {("e.gif", "e.mp4"), ("f.apng", "f.mp4")} <= set(
        _names(plan_jobs([str(clips)], tmp_path / "out", overwrite=False))
    )


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format"),
    [(".avif", "libsvtav1", "yuv420p"), (".gif", "gif", "rgb8"), (".apng", "apng", "rgb24")],
)
def test_what_may_be_a_picture_or_a_film_becomes_what_it_is(make_clip, tmp_path, suffix, codec, pixel_format):
    """A phone's photo became a film of one frame."""
    (tmp_path / "in").mkdir()
    for name, frames in (("photo", 1), ("film", 3)):
        make_clip(tmp_path / "in" / f"{name}{suffix}", codec=codec, pixel_format=pixel_format, frames=frames)
    (tmp_path / "in" / f"torn{suffix}").write_bytes(b"x")
    jobs = plan_jobs([str(tmp_path / "in")], None, overwrite=False)
    wanted = ("film-anime.mp4", "photo-anime.png", "torn-anime.mp4")
    assert _names(jobs) == [(name.partition("-")[0] + suffix, name) for name in wanted]


def test_a_batch_skips_what_is_done(clips, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.mp4").write_bytes(b"done")
    done = {job.source.name: job.is_done for job in plan_jobs([str(clips)], out, overwrite=False)}
    assert done == {"a.MOV": False, "b.mp4": True, "c.jpg": False, "d.wmv": False}
    assert not any(job.is_done for job in plan_jobs([str(clips)], out, overwrite=True))


def test_a_pattern_taken_twice_does_not_draw_drawings(clips):
    (clips / "folder.mp4").mkdir()
    assert _names(plan_jobs([str(clips / "*")], None, overwrite=False)) == [
        ("a.MOV", "a-anime.MOV"),
        ("b.mp4", "b-anime.mp4"),
        ("c.jpg", "c-anime.jpg"),
        ("d.wmv", "d-anime.mp4"),
    ]
    by_the_shell = [str(clips / name) for name in ("b-anime.mp4", "b.mp4")]
    assert _names(plan_jobs(by_the_shell, None, overwrite=True)) == [("b.mp4", "b-anime.mp4")]


def test_a_stopped_batch_does_not_draw_what_it_had_begun(clips, monkeypatch):
    monkeypatch.chdir(clips)
    for name in ("c.mp4", "b-anime.partial.mp4", "other.partial.mp4"):
        (clips / name).write_bytes(b"x")
    by_the_shell = ["b-anime.partial.mp4", "b.mp4", "c.mp4", "other.partial.mp4"]
    assert _names(plan_jobs(by_the_shell, None, overwrite=True)) == [
        ("b.mp4", "b-anime.mp4"),
        ("c.mp4", "c-anime.mp4"),
        ("other.partial.mp4", "other.partial-anime.mp4"),  # nothing of ours: its user named it so
    ]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("a.bmp", "a-anime.png"),
        ("a.TIF", "a-anime.png"),
        ("a.jfif", "a-anime.png"),
        ("a.ts", "a-anime.mp4"),
        ("a.3GP", "a-anime.mov"),
        ("a.3g2", "a-anime.mov"),
    ],
)
def test_what_cannot_be_written_becomes_its_like(tmp_path, name, made):
    (tmp_path / name).write_bytes(b"x")
    assert _names(plan_jobs([str(tmp_path / name)], None, overwrite=False)) == [(name, made)]


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp", ".tif"])
@pytest.mark.parametrize("name", ["photo", "photo.1"])
def test_a_photo_without_an_ending_becomes_a_picture(tmp_path, kind, name):
    (tmp_path / name).write_bytes(cv2.imencode(kind, np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    assert _names(plan_jobs([str(tmp_path / name)], None, overwrite=False)) == [(name, "photo-anime.png")]


def test_a_film_without_an_ending_becomes_a_film(tmp_path, make_clip):
    for kind, codec in (("mp4", "libx264"), ("apng", "apng")):
        (tmp_path / kind).mkdir()
        pixel_format = "rgb24" if kind == "apng" else "yuv420p"
        clip = make_clip(tmp_path / kind / f"film.{kind}", codec=codec, pixel_format=pixel_format, frames=2, options={})
        film = clip.rename(tmp_path / kind / "film")
        assert _names(plan_jobs([str(film)], None, overwrite=False)) == [("film", "film-anime.mp4")]


def test_what_an_old_phone_recorded_becomes_a_kind_that_holds_its_sound(tmp_path):
    (tmp_path / "a.3gp").write_bytes(b"x")
    (job,) = plan_jobs([str(tmp_path)], None, overwrite=False)
    with av.open(str(tmp_path / f"x{job.target.suffix}"), "w") as output:
        assert "amrnb" in output.supported_codecs


@pytest.mark.parametrize("suffix", ["mts", "M2TS", "vob", "dv", "ogv", "asf", "mxf", "3g2"])
def test_a_folder_is_searched_for_what_camcorders_and_discs_hold(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(b"x")
    assert [job.source.name for job in plan_jobs([str(tmp_path)], None, overwrite=False)] == [f"a.{suffix}"]


def test_every_target_is_of_a_kind_that_can_be_written(tmp_path):
    for suffix in READABLE_SUFFIXES:
        (tmp_path / f"{suffix[1:]}{suffix}").write_bytes(b"x")
    for job in plan_jobs([str(tmp_path)], None, overwrite=False):
        assert output_kind(str(job.target)) in (OutputKind.VIDEO, OutputKind.IMAGE)


@pytest.mark.parametrize(
    ("name", "made"),
    [("100%done.png", "100_done.png"), ("%05d.webp", "_05d.webp"), ("a%d%d.bmp", "a_d_d.png"), ("%d.mp4", "%d.mp4")],
)
def test_a_picture_is_not_taken_for_a_sequence_by_its_name(tmp_path, name, made):
    source, out = tmp_path / name, tmp_path / "out"
    source.write_bytes(b"x")
    (job,) = plan_jobs([str(source)], out, overwrite=False)
    assert job.target == out / made
    assert output_kind(str(job.target)) in (OutputKind.VIDEO, OutputKind.IMAGE)
    (beside,) = plan_jobs([str(source)], None, overwrite=False)
    assert output_kind(str(beside.target)) in (OutputKind.VIDEO, OutputKind.IMAGE)
    out.mkdir()
    job.target.write_bytes(b"x")
    (again,) = plan_jobs([str(tmp_path / "*.*")], out, overwrite=False)
    assert again.is_done


def test_names_that_become_one_keep_their_ending(tmp_path):
    for name in ("a%d.png", "a_d.png"):
        (tmp_path / name).write_bytes(b"x")
    jobs = plan_jobs([str(tmp_path)], tmp_path / "out", overwrite=False)
    assert _names(jobs) == [("a%d.png", "a_d.png.png"), ("a_d.png", "a_d.png")]


def test_the_longest_names_become_names_that_may_be(tmp_path):
    """One of them failed a batch of many."""
    names = [f"{'n' * 250}{letter}.mp4" for letter in "ab"]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (*names, "c.mp4"):
        (folder / name).write_bytes(b"x")
    jobs = plan_jobs([str(folder)], None, overwrite=False)
    targets = [job.target for job in jobs]
    for target in targets:
        target.write_bytes(b"x")  # the system takes it
    assert len(set(targets)) == 3
    assert all(target.name.endswith("-anime.mp4") for target in targets)
    assert all(job.is_done for job in plan_jobs([str(folder)], None, overwrite=False))
    assert [job.target.name for job in plan_jobs([str(folder)], tmp_path / "out", overwrite=False)] == ["c.mp4", *names]


@pytest.mark.parametrize("name", ["camera: mine.mp4", "Null: a film.mp4", "pattern: knitting.mp4", "HTTP: how.mp4"])
def test_a_file_is_not_taken_for_what_its_name_begins_with(clips, monkeypatch, name):
    monkeypatch.chdir(clips)
    (clips / name).write_bytes(b"x")
    for taken in (name, "."):
        jobs = plan_jobs([taken], None, overwrite=False)
        (job,) = (job for job in jobs if job.source.name == name)
        assert local_path(str(job.source)) == clips / name
        assert output_kind(str(job.target)) is OutputKind.VIDEO


def test_a_folder_named_after_its_year_is_no_camera(clips, monkeypatch):
    monkeypatch.chdir(clips)
    (clips / "2024").mkdir()
    (clips / "2024" / "a.mp4").write_bytes(b"x")
    assert _names(plan_jobs(["2024"], None, overwrite=False)) == [("a.mp4", "a-anime.mp4")]
