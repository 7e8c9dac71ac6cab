"""Crops of heads and of pictures: the same place of all that belongs together, in every light and quality."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam_training.data import heads
from animecam_training.data.augment import choose_window, cut, cut_labels, degrade, smeared, vary_light
from animecam_training.data.crops import CropOptions, crop_head
from animecam_training.data.names import list_photos
from animecam_training.data.pictures import write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.faces import FoundFace, Image, Plane, eye_centres
from animecam_training.recipe.config import AugmentConfig


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


def test_a_cut_shows_the_same_place_of_all_pictures(colourful: Callable[..., np.ndarray]) -> None:
    image = colourful(0)
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
    for growth, copies in (("none", 1), ("beard", 2)):
        monkeypatch.setattr(heads, "find_growth", lambda *_, growth=growth: growth)
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

    def look(photo: Image, mesh: np.ndarray, _person: Plane) -> str:
        across = eye_centres(mesh)[1] - eye_centres(mesh)[0]
        seen.append((photo.shape, float(np.degrees(np.arctan2(across[1], across[0])))))
        return "beard"

    monkeypatch.setattr(heads, "find_growth", look)
    prepare(tmp_path / "in", tmp_path / "out", options)
    ((shape, tilt_deg),) = seen
    assert shape == (options.crop.side_px, options.crop.side_px, 3)
    assert abs(tilt_deg) < 5


@pytest.mark.parametrize("zoom", [1.0, 1.5, 2.0])
def test_regions_are_cut_where_the_picture_is(zoom: float, colourful: Callable[..., np.ndarray]) -> None:
    # Blocks of 12 px, each a region of its own colour: the labels must name the colours of the crop.
    image, labels = colourful(0), np.kron(np.arange(64).reshape(8, 8), np.ones((12, 12))).astype(np.uint16)
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


@pytest.mark.parametrize(("mirror", "mirrored"), [(0.0, {False}), (0.5, {False, True}), (1.0, {True})])
def test_as_many_windows_are_mirrored_as_are_asked_for(mirror: float, mirrored: set[bool]) -> None:
    rng = np.random.default_rng(0)
    assert {choose_window((64, 64), 32, 1.5, rng, mirror=mirror).mirrored for _ in range(50)} == mirrored


def test_light_changes_both_and_quality_one(colourful: Callable[..., np.ndarray]) -> None:
    picture = colourful(0).astype(np.float32) / 255
    config = AugmentConfig(colour=1, blur=1, noise=1, jpeg=1)
    a, b = vary_light([picture, picture], config, np.random.default_rng(0))
    assert np.array_equal(a, b)
    assert not np.allclose(a, picture, atol=0.02)
    assert not np.allclose(degrade(a, config, np.random.default_rng(0)), a, atol=0.02)
    none = AugmentConfig(colour=0, blur=0, noise=0, jpeg=0)
    assert np.array_equal(degrade(picture, none, np.random.default_rng(0)), picture)


def test_haze_takes_contrast_and_leaves_other_recipes_their_crops(colourful: Callable[..., np.ndarray]) -> None:
    sharp = colourful(3).astype(np.float32) / 255
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


def test_motion_leaves_other_recipes_their_crops(colourful: Callable[..., np.ndarray]) -> None:
    sharp = colourful(3).astype(np.float32) / 255
    plain = AugmentConfig(blur=0, noise=0, jpeg=0)
    moved = degrade(sharp, replace(plain, motion=1.0), np.random.default_rng(0))
    assert moved.std() < sharp.std()
    np.testing.assert_array_equal(degrade(sharp, plain, np.random.default_rng(0)), sharp)


def test_compression_takes_red_for_red_and_darkens_nothing() -> None:
    """Red was coded as blue, of which JPEG keeps least, and fractions of levels were cut off."""
    rng = np.random.default_rng(0)
    config = AugmentConfig(blur=0, noise=0, jpeg=1)
    colours = rng.random((64, 64, 3)).astype(np.float32)
    change = np.abs(degrade(colours, config, np.random.default_rng(1)) - colours).mean((0, 1))
    assert change[2] > 1.15 * change[0]
    grays = np.kron(rng.uniform(0.1, 0.9, (40, 40, 1)), np.ones((8, 8, 3))).astype(np.float32)
    assert abs(float((degrade(grays, config, np.random.default_rng(1)) - grays).mean())) * 255 < 0.2
