"""Preparing folders: what is dropped and why, what is written, and going on after an interruption."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animecam_training.config import AugmentConfig, DataConfig, Recipe
from animecam_training.data import prepare as preparing
from animecam_training.data import sets
from animecam_training.data.augment import choose_window, cut, cut_labels, degrade, smeared, vary_light
from animecam_training.data.crops import CropOptions, crop_head
from animecam_training.data.loading import batches
from animecam_training.data.names import list_photos, regions_of
from animecam_training.data.pictures import (
    list_pictures,
    read_labels,
    read_picture,
    resized,
    upper_square,
    write_labels,
    write_picture,
)
from animecam_training.data.prepare import PrepareOptions, prepare
from animecam_training.data.quality import DuplicateFilter, QualityLimits, find_fault, picture_hash
from animecam_training.data.sets import PairSet, PhotoSet, UnpairedSet
from animecam_training.errors import DataError
from animecam_training.faces import FoundFace, Image, Plane, eye_centres
from animecam_training.target.drawings import describe_drawing
from animecam_training.target.options import FlatOptions

LIMITS = QualityLimits()


def _colourful(seed: int, side: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((side // 8, side // 8, 1))).astype(np.uint8)


def test_faults_are_named() -> None:
    sound = _colourful(0)
    assert find_fault(sound, LIMITS) is None
    assert find_fault((sound * 0.05).astype(np.uint8), LIMITS) == "dark"
    assert find_fault(np.full((64, 64, 3), (200, 120, 90), np.uint8), LIMITS) == "blurred"
    assert find_fault(np.repeat(sound[..., :1], 3, axis=2), LIMITS) == "gray"


def test_a_copy_in_other_light_is_a_duplicate() -> None:
    seen = DuplicateFilter(LIMITS)
    assert seen.is_new(picture_hash(_colourful(0)))
    assert not seen.is_new(picture_hash((_colourful(0) * 0.9).astype(np.uint8)))
    assert seen.is_new(picture_hash(_colourful(1)))


def test_of_alike_pictures_the_largest_sound_one_stays(tmp_path: Path) -> None:
    """A thumbnail that came first, or a copy that is dropped as dark, took the good picture with it."""
    source = tmp_path / "in"
    source.mkdir()
    write_picture((_colourful(0) * 0.1).astype(np.uint8), source / "a_dark.png")
    write_picture(_colourful(0, 16), source / "b_thumb.png")
    write_picture(_colourful(0), source / "c_full.png")
    report = prepare(source, tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64)))
    assert (report.kept, report.dropped) == (1, {"dark": 1, "duplicate": 1})
    assert (tmp_path / "out/c_full.png").exists()


def test_styles_get_smoothed_copies_and_an_index(tmp_path: Path) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    (source / "sub").mkdir(parents=True)
    write_picture(_colourful(0), source / "a.png")
    write_picture(_colourful(0), source / "sub/a.png")
    write_picture(_colourful(1), source / "sub/b.png")
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


def test_pictures_of_every_format_are_read_or_counted(tmp_path: Path) -> None:
    """A folder of a phone's HEIC pictures was said to hold none, and its GIF, TIFF and AVIF ones went unmentioned."""
    source = tmp_path / "in"
    source.mkdir()
    for seed, suffix in enumerate((".jpe", ".tif", ".gif")):
        write_picture(_colourful(seed), source / f"x{suffix}")
    (source / "y.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    report = prepare(source, tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64)))
    assert (report.kept, report.dropped) == (3, {"unknown format": 1})


def test_links_are_followed_and_hidden_files_are_not(tmp_path: Path) -> None:
    """Pictures in linked folders were missed; `._x.jpg`, or half a picture of a killed run, was one to train on."""
    source, other = tmp_path / "in", tmp_path / "other"
    (source / ".thumbnails").mkdir(parents=True)
    other.mkdir()
    for seed, place in enumerate((source / ".thumbnails/a.png", source / "._b.png", source / "c.png", other / "d.png")):
        write_picture(_colourful(seed), place)
    (source / "linked").symlink_to(other)
    (other / "round").symlink_to(source)
    (source / "folder.png").mkdir()
    assert [path.relative_to(source).as_posix() for path in list_pictures(source)] == ["c.png", "linked/d.png"]


def test_a_picture_that_is_too_large_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise cv2.error("pixels <= CV_IO_MAX_IMAGE_PIXELS")

    write_picture(_colourful(0), tmp_path / "x.png")
    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(DataError, match=r"x\.png is larger"):
        read_picture(tmp_path / "x.png")


def test_a_second_run_only_does_what_is_new(tmp_path: Path) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    write_picture(_colourful(0), source / "a.png")
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    prepare(source, folder, options)
    with (folder / "index.jsonl").open("a") as file:
        file.write('{"picture": "interrup')
    (folder / "a.png").unlink()
    write_picture(_colourful(1), source / "b.png")
    done: list[tuple[int, int]] = []
    assert prepare(source, folder, options, lambda count, total: done.append((count, total))).kept == 2
    assert done == [(2, 2)]
    assert not (folder / "a.png").exists()  # it was in the index


def test_results_below_the_source_are_no_sources(tmp_path: Path) -> None:
    """`prepare . pairs`, given again to go on, made pairs of its own pairs."""
    write_picture(_colourful(0), tmp_path / "a.png")
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    reports = [prepare(tmp_path, tmp_path / "out", options) for _ in range(2)]
    assert [(report.kept, report.dropped) for report in reports] == [(1, {}), (1, {})]
    with pytest.raises(DataError, match="holds the pictures themselves"):
        prepare(tmp_path, tmp_path / "out/..", options)


def test_ink_drawings_are_kept_and_tiny_ones_are_not(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    write_picture(np.repeat(_colourful(0)[..., :1], 3, axis=2), source / "ink.png")
    write_picture(_colourful(1, side=24), source / "tiny.png")
    report = prepare(source, tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64)))
    assert (report.kept, report.dropped) == (1, {"too small": 1})


def test_a_tall_picture_keeps_its_head_and_a_wide_one_its_middle() -> None:
    tall, wide = np.zeros((90, 60, 3), np.uint8), np.zeros((60, 90, 3), np.uint8)
    tall[:60], wide[:, 15:75] = 255, 255
    for picture in (tall, wide):
        square = upper_square(picture)
        assert square.shape == (60, 60, 3)
        assert square.min() == 255
    grown = resized(_colourful(0, side=16), 64)
    assert (grown[:, 1:] != grown[:, :-1]).any(-1).mean() > 0.5  # no staircase of repeated pixels


def test_pictures_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    (source / "a").mkdir(parents=True)
    for seed, name in enumerate(("x.png", "x.jpg", "a/b.png", "a_b.png", "y.png")):
        write_picture(_colourful(seed), source / name)
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    assert prepare(source, folder, options).kept == 5
    made = [path for path in folder.glob("*.png") if ".smooth" not in path.name]
    assert len(made) == 5
    assert (folder / "y.png").exists()  # a name that nobody shares stays as it is
    assert prepare(source, folder, options).kept == 5


def test_a_folder_is_made_of_one_source_in_one_way(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for seed, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        write_picture(_colourful(seed), tmp_path / name / "x.png")
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


def test_an_attempt_that_made_nothing_claims_no_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_picture(_colourful(0), tmp_path / "in/x.png")
    with pytest.raises(DataError, match="face_detection"):
        prepare(tmp_path / "in", tmp_path / "out", PrepareOptions("photo", weights=tmp_path))
    assert prepare(tmp_path / "in", tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=64))).kept == 1


def test_a_picture_that_was_taken_away_stops_nothing(tmp_path: Path) -> None:
    source, folder = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for seed, name in enumerate(("x.png", "y.png")):
        write_picture(_colourful(seed), source / name)
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    prepare(source, folder, options)
    (source / "x.png").unlink()
    write_picture(_colourful(2), source / "z.png")
    assert prepare(source, folder, options).kept == 3


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_picture(_colourful(0), tmp_path / "in/x.png")
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


def test_a_missing_face_network_is_named(tmp_path: Path) -> None:
    write_picture(_colourful(0), tmp_path / "in.png")
    with pytest.raises(DataError, match="face_detection"):
        prepare(tmp_path, tmp_path / "out", PrepareOptions("photo", weights=tmp_path))


def _face(eyes_px: float) -> FoundFace:
    mesh = np.full((468, 2), 60, np.float32)
    mesh[[33, 133]], mesh[[362, 263]] = (60 - eyes_px / 2, 60), (60 + eyes_px / 2, 60)
    return FoundFace(0.9, 2 * eyes_px, mesh)


def test_a_crop_puts_the_eyes_where_the_template_has_them() -> None:
    image = np.zeros((120, 120, 3), np.uint8)
    image[58:63, 43:48] = image[58:63, 73:78] = 255
    options = CropOptions(side_px=100, eyes=(0.2, 0.2), tilt_deg=0, shift=0)
    crop = crop_head(image, _face(30), options, np.random.default_rng(0))
    assert crop is not None
    rows, columns = np.nonzero(crop[..., 0] > 128)
    assert rows.mean() == pytest.approx(46.9, abs=0.7)
    assert columns[columns < 50].mean() == pytest.approx(40, abs=0.7)


def test_a_face_too_small_gives_no_crop() -> None:
    assert crop_head(np.zeros((120, 120, 3), np.uint8), _face(4), CropOptions(), np.random.default_rng(0)) is None


def test_a_cut_shows_the_same_place_of_all_pictures() -> None:
    image = _colourful(0)
    for seed in range(5):
        window = choose_window(image.shape, 32, 1.5, np.random.default_rng(seed))
        a, b = cut([image, 255 - image], 32, window)
        assert a.shape == (32, 32, 3)
        assert np.abs(a.astype(int) + b - 255).max() <= 1


def test_a_beard_asks_for_more_copies(
    portrait: tuple[Image, FoundFace, Plane], shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    write_picture(portrait[0], tmp_path / "in/one.png")
    options = PrepareOptions("photo", weights=shared / "weights", beard_copies=2)
    for is_bearded, copies in ((False, 1), (True, 2)):
        monkeypatch.setattr(preparing, "has_beard", lambda *_, is_bearded=is_bearded: is_bearded)
        prepare(tmp_path / "in", tmp_path / f"out{copies}", options)
        assert len(list_photos(tmp_path / f"out{copies}")) == copies


def test_a_beard_is_looked_for_on_an_upright_head(
    portrait: tuple[Image, FoundFace, Plane], shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a whole photo it took seconds for each megapixel, and a head that lies has its chin beside its nose."""
    image, options = portrait[0], PrepareOptions("photo", weights=shared / "weights", beard_copies=2)
    turned = cv2.warpAffine(
        image, cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), 25, 1), image.shape[1::-1]
    )
    (tmp_path / "in").mkdir()
    write_picture(cv2.resize(turned, None, fx=2, fy=2), tmp_path / "in/one.png")
    seen: list[tuple[tuple[int, ...], float]] = []

    def look(photo: Image, mesh: np.ndarray, _person: Plane) -> bool:
        across = eye_centres(mesh)[1] - eye_centres(mesh)[0]
        seen.append((photo.shape, float(np.degrees(np.arctan2(across[1], across[0])))))
        return True

    monkeypatch.setattr(preparing, "has_beard", look)
    prepare(tmp_path / "in", tmp_path / "out", options)
    ((shape, tilt_deg),) = seen
    assert shape == (options.crop.side_px, options.crop.side_px, 3)
    assert abs(tilt_deg) < 5


def test_style_pictures_keep_colours_and_their_copies_stay_beside(tmp_path: Path) -> None:
    style = _colourful(3)
    (tmp_path / "style").mkdir()
    write_picture(style, tmp_path / "style/s.png")
    write_picture(255 - style, tmp_path / "style/s.smooth.png")
    (tmp_path / "photo").mkdir()
    write_picture(_colourful(4), tmp_path / "photo/p.png")
    config = AugmentConfig(colour=1, blur=1, noise=1, jpeg=1)
    data = DataConfig(str(tmp_path / "photo"), str(tmp_path / "style"), batch=1)
    crops = UnpairedSet(replace(data, sizes_px=(64,), zooms=(1.0, 1.5)), config, seed=0, batch_of_all=1)
    widths: set[int] = set()
    for index in range(8):
        crop = crops[index]
        # What was smoothed is the same window of the same picture: the two sum to white everywhere.
        torch.testing.assert_close(crop["anime"] + crop["smoothed"], torch.zeros(3, 64, 64), atol=0.02, rtol=0)
        assert not torch.equal(crop["photo"], crop["clean"])  # degraded, and the target of the content is not
        edges = (crop["anime"][0, 32].diff().abs() > 0.3).nonzero().flatten()
        widths.add(int(edges.diff().max()))
    assert len(widths) > 1  # strokes of several widths are seen


@pytest.mark.parametrize("zoom", [1.0, 1.5, 2.0])
def test_regions_are_cut_where_the_picture_is(zoom: float) -> None:
    # Blocks of 12 px, each a region of its own colour: the labels must name the colours of the crop.
    image, labels = _colourful(0), np.kron(np.arange(64).reshape(8, 8), np.ones((12, 12))).astype(np.uint16)
    for seed in range(5):
        window = choose_window(image.shape, 48, zoom, np.random.default_rng(seed))
        cut_one = cut_labels(labels, 48, window)
        assert cut_one.max() + 1 == len(np.unique(cut_one))
        inside = image[window.top :, window.left :][: window.side, : window.side]
        number = labels[window.top :, window.left :][: window.side, : window.side]
        colours = np.stack([inside[number == old].mean(0) for old in np.unique(number)])
        (crop,) = cut([image], 48, window)
        wrong = np.abs(colours[cut_one] - crop).max(2) > 1
        assert wrong.mean() < (0.01 if zoom == 1 else 0.35)  # scaling mixes colours along the borders
        assert not wrong[:2, :2].any() or zoom != 1


def test_superpixels_lie_beside_the_photo_and_are_used(tmp_path: Path) -> None:
    image = _colourful(0)
    labels = np.zeros(image.shape[:2], np.uint16)
    labels[:, 48:] = 300
    write_picture(image, tmp_path / "a_0.in.png")
    write_labels(labels, regions_of(tmp_path / "a_0.in.png"))
    write_picture(image, tmp_path / "plain.png")
    (tmp_path / "style").mkdir()
    for name in ("s.png", "s.smooth.png"):
        write_picture(image, tmp_path / "style" / name)
    assert [path.name for path in list_photos(tmp_path)] == ["a_0.in.png", "plain.png", "s.png", "s.smooth.png"]
    data = DataConfig(str(tmp_path), str(tmp_path / "style"), batch=1, sizes_px=(96,), zooms=(1.0,))
    crops = UnpairedSet(data, AugmentConfig(), seed=0, batch_of_all=1)
    assert np.array_equal(crops.regions(tmp_path / "a_0.in.png"), labels)
    assert len(np.unique(crops.regions(tmp_path / "plain.png"))) > 10  # not stored: found
    seen = {len(crops[index]["regions"].unique()) for index in range(12)}
    assert 2 in seen
    assert max(seen) > 10


def test_label_maps_go_there_and_back_and_faults_are_named(tmp_path: Path) -> None:
    labels = np.arange(70 * 90).reshape(70, 90) * 10
    write_labels(labels, tmp_path / "l.png")
    assert np.array_equal(read_labels(tmp_path / "l.png"), labels)
    with pytest.raises(DataError, match="65537 regions"):
        write_labels(np.array([[65536]]), tmp_path / "m.png")
    write_picture(_colourful(0), tmp_path / "p.png")
    with pytest.raises(DataError, match=r"p\.png is not a map of regions"):
        read_labels(tmp_path / "p.png")


def test_light_changes_both_and_quality_one() -> None:
    picture = _colourful(0).astype(np.float32) / 255
    config = AugmentConfig(colour=1, blur=1, noise=1, jpeg=1)
    a, b = vary_light([picture, picture], config, np.random.default_rng(0))
    assert np.array_equal(a, b)
    assert not np.allclose(a, picture, atol=0.02)
    assert not np.allclose(degrade(a, config, np.random.default_rng(0)), a, atol=0.02)
    none = AugmentConfig(colour=0, blur=0, noise=0, jpeg=0)
    assert np.array_equal(degrade(picture, none, np.random.default_rng(0)), picture)


def _pairs(folder: Path) -> DataConfig:
    for i in range(3):
        write_picture(_colourful(i), folder / f"{i}.in.png")
        write_picture(255 - _colourful(i), folder / f"{i}.out.png")
    return DataConfig(photos=str(folder), batch=2, sizes_px=(64, 72))


def test_batches_are_numbered_and_split_between_processes(tmp_path: Path) -> None:
    data = _pairs(tmp_path)
    alone = PairSet(data, AugmentConfig(), seed=1, batch_of_all=4)
    wide = PairSet(DataConfig(str(tmp_path), batch=4, sizes_px=(64, 72)), AugmentConfig(), seed=1, batch_of_all=4)
    whole = list(batches(wide, first_step=0, steps=3))
    parts = [list(batches(alone, first_step=1, steps=3, rank=rank, ranks=2)) for rank in (0, 1)]
    for step in (1, 2):
        joined = np.concatenate([part[step - 1]["photo"].numpy() for part in parts])
        assert np.array_equal(joined, whole[step]["photo"].numpy())


def test_photos_too_large_for_crops_are_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Crops of a holiday picture show wall and sky."""
    for number in range(3):
        write_picture(np.zeros((400, 700, 3), np.uint8), tmp_path / f"{number}.png")
    crops = PhotoSet(
        DataConfig(photos=str(tmp_path), sizes_px=(64,), zooms=(1.0,)), AugmentConfig(), seed=0, batch_of_all=1
    )
    assert [crops[number]["photo"].shape for number in range(4)] == [(3, 64, 64)] * 4
    (record,) = caplog.records
    assert "700 x 400 pixels, and a crop shows 64: animecam-train prepare --kind photo" in record.getMessage()


def test_pictures_are_kept_as_long_as_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        write_picture(_colourful(0), path)
    monkeypatch.setattr(sets, "MOST_KEPT_BYTES", 2 * _colourful(0).nbytes)
    crops = PhotoSet(DataConfig(photos=str(tmp_path)), AugmentConfig(), seed=0, batch_of_all=1)
    assert [crops.read(path) is crops.read(path) for path in paths] == [True, True, False]


def test_regions_are_kept_as_long_as_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All were kept: those of a folder of a phone's photos filled the memory."""
    for folder, suffixes in (("photo", (".png",)), ("style", (".png", ".smooth.png"))):
        (tmp_path / folder).mkdir()
        for suffix in suffixes:
            write_picture(_colourful(0), tmp_path / folder / f"x{suffix}")
    crops = UnpairedSet(
        DataConfig(str(tmp_path / "photo"), str(tmp_path / "style")), AugmentConfig(), seed=0, batch_of_all=1
    )
    assert crops.regions(crops.inputs[0]) is crops.regions(crops.inputs[0])
    monkeypatch.setattr(sets, "MOST_KEPT_BYTES", 0)
    crops = UnpairedSet(crops.data, AugmentConfig(), seed=0, batch_of_all=1)
    assert crops.regions(crops.inputs[0]) is not crops.regions(crops.inputs[0])


def test_the_method_of_two_folders_wants_the_second(tmp_path: Path) -> None:
    """An empty name is the working directory, and was searched to its depths."""
    write_picture(_colourful(0), tmp_path / "a.png")
    with pytest.raises(DataError, match="no pictures of the style are named"):
        UnpairedSet(DataConfig(photos=str(tmp_path)), AugmentConfig(), seed=0, batch_of_all=1)


def test_missing_smoothed_copies_are_named(tmp_path: Path) -> None:
    data = _pairs(tmp_path)
    styles = DataConfig(photos=data.photos, styles=data.photos)
    with pytest.raises(DataError, match="no edge-smoothed copy"):
        UnpairedSet(styles, AugmentConfig(), seed=0, batch_of_all=1)


def test_reading_what_is_no_picture_names_it(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"x\.png"):
        read_picture(list_pictures(tmp_path)[0])


def test_haze_takes_contrast_and_leaves_other_recipes_their_crops() -> None:
    sharp = _colourful(3).astype(np.float32) / 255
    plain = AugmentConfig(blur=0, noise=0, jpeg=0)
    hazed = degrade(sharp, replace(plain, haze=1.0), np.random.default_rng(0))
    assert hazed.std() < sharp.std()
    assert hazed.min() >= 0
    assert hazed.max() <= 1
    untouched, drawn = np.random.default_rng(5), np.random.default_rng(5)
    degrade(sharp, plain, untouched)
    drawn.random(3)  # blur, noise and jpeg each ask once
    assert untouched.random() == drawn.random()


def test_motion_smears_along_its_way_and_keeps_the_light() -> None:
    point = np.zeros((31, 31, 3), np.float32)
    point[15, 15] = 1.0
    level = smeared(point, 8.0, 0.0)
    assert level.sum() == pytest.approx(3.0, abs=1e-4)
    assert not level[[14, 16]].any()
    assert (level[15, 12:19] > 0.12).all()
    assert not level[15, :10].any()
    np.testing.assert_allclose(smeared(point, 8.0, np.pi / 2), level.transpose(1, 0, 2), atol=1e-6)


def test_motion_leaves_other_recipes_their_crops() -> None:
    sharp = _colourful(3).astype(np.float32) / 255
    plain = AugmentConfig(blur=0, noise=0, jpeg=0)
    moved = degrade(sharp, replace(plain, motion=1.0), np.random.default_rng(0))
    assert moved.std() < sharp.std()
    np.testing.assert_array_equal(degrade(sharp, plain, np.random.default_rng(0)), sharp)
