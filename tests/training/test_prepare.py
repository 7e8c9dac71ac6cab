"""Preparing folders: what is dropped and why, what is written, and going on after an interruption."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam_training.data.crops import CropOptions
from animecam_training.data.index import INDEX_FILE
from animecam_training.data.pictures import list_pictures, read_picture, resized, upper_square, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.errors import DataError
from animecam_training.faces import FoundFace, Image, Plane
from animecam_training.recipe.config import Recipe
from animecam_training.target.drawings import describe_drawing, describe_drawing_formerly
from animecam_training.target.options import FlatOptions


def test_of_alike_pictures_the_largest_sound_one_stays(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    """A thumbnail that came first, or a copy that is dropped as dark, took the good picture with it."""
    source = tmp_path / "in"
    source.mkdir()
    write_picture((colourful(0) * 0.1).astype(np.uint8), source / "a_dark.png")
    write_picture(colourful(0, 16), source / "b_thumb.png")
    write_picture(colourful(0), source / "c_full.png")
    report = prepare(source, tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64)))
    assert (report.kept, report.dropped) == (1, {"dark": 1, "duplicate": 1})
    assert (tmp_path / "out/c_full.png").exists()


def test_styles_get_smoothed_copies_and_an_index(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    write_picture(colourful(0), source / "a.png")
    write_picture(colourful(0), source / "sub/a.png")
    write_picture(colourful(1), source / "sub/b.png")
    write_picture(np.zeros((64, 64, 3), np.uint8), source / "dark.png")
    (source / "broken.jpg").write_bytes(b"not a picture")
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    report = prepare(source, folder, options)
    assert report.kept == 2
    assert report.dropped == {"duplicate": 1, "dark": 1, "unreadable": 1}
    assert sorted(path.name for path in folder.glob("*.png")) == [
        *("a.png", "a.smooth.png", "sub_b.png", "sub_b.smooth.png")
    ]
    assert read_picture(folder / "a.png").shape == (64, 64, 3)
    assert "copies" not in (folder / INDEX_FILE).read_text().splitlines()[0]


def test_pictures_of_every_format_are_read_or_counted(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    """A folder of a phone's HEIC pictures was said to hold none, and its GIF, TIFF and AVIF ones went unmentioned."""
    source = tmp_path / "in"
    source.mkdir()
    for seed, suffix in enumerate((".jpe", ".tif", ".gif")):
        write_picture(colourful(seed), source / f"x{suffix}")
    (source / "y.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    report = prepare(source, tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64)))
    assert (report.kept, report.dropped) == (3, {"unknown format": 1})


def test_links_are_followed_and_hidden_files_are_not(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    """Pictures in linked folders were missed; `._x.jpg`, or half a picture of a killed run, was one to train on."""
    source, other = tmp_path / "in", tmp_path / "other"
    (source / ".thumbnails").mkdir(parents=True)
    other.mkdir()
    for seed, place in enumerate((source / ".thumbnails/a.png", source / "._b.png", source / "c.png", other / "d.png")):
        write_picture(colourful(seed), place)
    (source / "linked").symlink_to(other)
    (other / "round").symlink_to(source)
    (source / "folder.png").mkdir()
    assert [path.relative_to(source).as_posix() for path in list_pictures(source)] == ["c.png", "linked/d.png"]


def test_a_picture_that_is_too_large_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colourful: Callable[..., np.ndarray]
) -> None:
    def refuse(*_: object) -> None:
        raise cv2.error("pixels <= CV_IO_MAX_IMAGE_PIXELS")

    write_picture(colourful(0), tmp_path / "x.png")
    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(DataError, match=r"x\.png is larger"):
        read_picture(tmp_path / "x.png")


def test_a_second_run_only_does_what_is_new(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    write_picture(colourful(0), source / "a.png")
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    prepare(source, folder, options)
    with (folder / "index.jsonl").open("a") as file:
        file.write('{"picture": "interrup')
    (folder / "a.png").unlink()
    write_picture(colourful(1), source / "b.png")
    done: list[tuple[int, int]] = []
    assert prepare(source, folder, options, lambda count, total: done.append((count, total))).kept == 2
    assert done == [(2, 2)]
    assert not (folder / "a.png").exists()  # it was in the index


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is held there")
def test_a_second_run_into_the_folder_is_refused_while_one_goes_on(
    tmp_path: Path, colourful: Callable[..., np.ndarray]
) -> None:
    """Both did every picture, and the index named each twice."""
    source, folder = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    write_picture(colourful(0, 256), source / "a.png")
    options = PrepareOptions("style", crop=CropOptions(side_px=256))
    second = [sys.executable, "-m", "animecam_training.cli", "prepare", str(source), str(folder), "--kind", "style"]
    others: list[subprocess.CompletedProcess[str]] = []

    def prepare_again(*_: object) -> None:
        others.append(subprocess.run(second, capture_output=True, text=True, timeout=120, check=False))

    prepare(source, folder, options, prepare_again)
    assert [other.returncode for other in others] == [1]
    assert "is being prepared by another run" in others[0].stderr
    assert prepare(source, folder, options, prepare_again).kept == 1
    assert len((folder / "index.jsonl").read_text().splitlines()) == 2


def test_results_below_the_source_are_no_sources(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    """`prepare . pairs`, given again to go on, made pairs of its own pairs."""
    write_picture(colourful(0), tmp_path / "a.png")
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    reports = [prepare(tmp_path, tmp_path / "out", options) for _ in range(2)]
    assert [(report.kept, report.dropped) for report in reports] == [(1, {}), (1, {})]
    with pytest.raises(DataError, match="holds the pictures themselves"):
        prepare(tmp_path, tmp_path / "out/..", options)


def test_ink_drawings_are_kept_and_tiny_ones_are_not(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    source = tmp_path / "in"
    source.mkdir()
    write_picture(np.repeat(colourful(0)[..., :1], 3, axis=2), source / "ink.png")
    write_picture(colourful(1, side=24), source / "tiny.png")
    report = prepare(source, tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64)))
    assert (report.kept, report.dropped) == (1, {"too small": 1})


def test_a_tall_picture_keeps_its_head_and_a_wide_one_its_middle(colourful: Callable[..., np.ndarray]) -> None:
    tall, wide = np.zeros((90, 60, 3), np.uint8), np.zeros((60, 90, 3), np.uint8)
    tall[:60], wide[:, 15:75] = 255, 255
    for picture in (tall, wide):
        square = upper_square(picture)
        assert square.shape == (60, 60, 3)
        assert square.min() == 255
    grown = resized(colourful(0, side=16), 64)
    assert (grown[:, 1:] != grown[:, :-1]).any(-1).mean() > 0.5  # no staircase of repeated pixels


def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    (source / "a").mkdir(parents=True)
    for seed, name in enumerate(("x.png", "x.jpg", "a/b.png", "a_b.png", "y.png")):
        write_picture(colourful(seed), source / name)
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    assert prepare(source, folder, options).kept == 5
    made = [path for path in folder.glob("*.png") if ".smooth" not in path.name]
    assert len(made) == 5
    assert (folder / "y.png").exists()  # a name that nobody shares stays as it is
    assert prepare(source, folder, options).kept == 5


def test_a_folder_is_made_of_one_source_in_one_way(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    folder = tmp_path / "out"
    for seed, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        write_picture(colourful(seed), tmp_path / name / "x.png")
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    prepare(tmp_path / "one", folder, options)
    with pytest.raises(DataError, match=r"was prepared with source .*one and not .*two"):
        prepare(tmp_path / "two", folder, options)
    with pytest.raises(DataError, match="size 64 and not 128"):
        prepare(tmp_path / "one", folder, replace(options, crop=CropOptions(side_px=128)))
    index = folder / "index.jsonl"
    index.write_text(index.read_text().partition("\n")[2])  # as earlier versions wrote it
    assert prepare(tmp_path / "one", folder, options).kept == 1


def test_a_folder_of_pairs_has_one_drawing(
    shared: Path, portrait: tuple[Image, FoundFace, Plane], tmp_path: Path
) -> None:
    """Half a folder painted over another teacher would go unnoticed until the style looks odd."""
    (tmp_path / "in").mkdir()
    write_picture(portrait[0], tmp_path / "in/x.png")
    flat = Recipe(drawing="flat")
    options = PrepareOptions("pairs", weights=shared / "weights", drawn_by=describe_drawing(flat))
    folder = tmp_path / "out"
    assert prepare(tmp_path / "in", folder, options).kept == 1
    assert prepare(tmp_path / "in", folder, options).kept == 1
    (tmp_path / "cel.onnx").write_bytes(b"cel")
    for other, difference in (
        (replace(flat, flat=FlatOptions(line_ink=0.9)), "flat.line_ink 0.5 and not 0.9"),
        (replace(flat, teacher=str(tmp_path / "cel.onnx")), "teacher none and not sha256"),
        (replace(flat, drawing="anime"), "drawing flat and not anime"),
    ):
        with pytest.raises(DataError, match=difference):
            prepare(tmp_path / "in", folder, replace(options, drawn_by=describe_drawing(other)))


def test_a_teacher_is_known_by_what_it_is_and_not_by_its_place(tmp_path: Path) -> None:
    here, there = tmp_path / "last.pt", tmp_path / "style"
    there.mkdir()
    here.write_bytes(b"step 1")
    (there / "card.json").write_bytes(b"step 1")
    before, moved = (describe_drawing(Recipe(drawing="flat", teacher=str(path))) for path in (here, there))
    assert before == moved
    here.write_bytes(b"step 2")
    assert describe_drawing(Recipe(drawing="flat", teacher=str(here))) != before
    with pytest.raises(DataError, match="cannot read the teacher"):
        describe_drawing(Recipe(drawing="flat", teacher=str(tmp_path / "lost.pt")))


def test_a_style_teaches_by_its_network_and_not_by_its_card(tmp_path: Path, one_portrait: Path, shared: Path) -> None:
    """Its card changes when a lite network is exported beside it; a folder that was half prepared could not go on."""
    style, folder = tmp_path / "style", tmp_path / "out"
    style.mkdir()
    (style / "model.onnx").write_bytes(b"network")
    (style / "card.json").write_bytes(b"one variant")
    recipe = Recipe(drawing="flat", teacher=str(style))

    def options() -> PrepareOptions:
        told = {"drawn_by": describe_drawing(recipe), "drawn_formerly": describe_drawing_formerly(recipe)}
        return PrepareOptions("pairs", weights=shared / "weights", **told)

    prepare(one_portrait, folder, options())
    by_network = (folder / INDEX_FILE).read_text()
    by_card = by_network.replace(options().drawn_by["teacher"], options().drawn_formerly["teacher"])
    assert by_card != by_network
    (folder / INDEX_FILE).write_text(by_card)  # as earlier versions told it
    assert prepare(one_portrait, folder, options()).kept == 1
    (style / "card.json").write_bytes(b"two variants")
    with pytest.raises(DataError, match="teacher sha256"):
        prepare(one_portrait, folder, options())
    (folder / INDEX_FILE).write_text(by_network)
    assert prepare(one_portrait, folder, options()).kept == 1
    (style / "model.onnx").write_bytes(b"another network")
    with pytest.raises(DataError, match="teacher sha256"):
        prepare(one_portrait, folder, options())


def test_an_attempt_that_made_nothing_claims_no_folder(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    (tmp_path / "in").mkdir()
    write_picture(colourful(0), tmp_path / "in/x.png")
    with pytest.raises(DataError, match="face_detection"):
        prepare(tmp_path / "in", tmp_path / "out", PrepareOptions("photo", weights=tmp_path))
    assert prepare(tmp_path / "in", tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64))).kept == 1


def test_a_picture_that_was_taken_away_stops_nothing(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for seed, name in enumerate(("x.png", "y.png")):
        write_picture(colourful(seed), source / name)
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    prepare(source, folder, options)
    (source / "x.png").unlink()
    write_picture(colourful(2), source / "z.png")
    assert prepare(source, folder, options).kept == 3


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    (tmp_path / "in").mkdir()
    write_picture(colourful(0), tmp_path / "in/x.png")
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(DataError, match=r"cannot make the folder .*out"):
        prepare(tmp_path / "in", tmp_path / "out", PrepareOptions("style"))


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_no_pictures_is_an_error_that_names_the_folder(tmp_path: Path, make: object) -> None:
    make(tmp_path / "photos")
    with pytest.raises(DataError, match="photos"):
        prepare(tmp_path / "photos", tmp_path / "out", PrepareOptions("style"))


def test_nothing_usable_says_why(tmp_path: Path) -> None:
    write_picture(np.zeros((64, 64, 3), np.uint8), tmp_path / "in.png")
    with pytest.raises(DataError, match="1 dark"):
        prepare(tmp_path, tmp_path / "out", PrepareOptions("style"))


def test_a_missing_face_network_is_named(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    write_picture(colourful(0), tmp_path / "in.png")
    with pytest.raises(DataError, match="face_detection"):
        prepare(tmp_path, tmp_path / "out", PrepareOptions("photo", weights=tmp_path))
    assert not (tmp_path / "out").exists()  # nothing was begun: it was told of after every picture had been read
