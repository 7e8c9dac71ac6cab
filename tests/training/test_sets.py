"""What is trained on: crops by number from folders, with their regions and copies, within the memory there is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animecam_training.data import sets
from animecam_training.data.loading import batches
from animecam_training.data.names import list_photos, regions_of
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import list_pictures, read_labels, read_picture, write_labels, write_picture
from animecam_training.data.sets import PairSet
from animecam_training.data.unpaired import UnpairedSet
from animecam_training.errors import DataError
from animecam_training.recipe.config import AugmentConfig, DataConfig


def test_style_pictures_keep_colours_and_their_copies_stay_beside(
    tmp_path: Path, colourful: Callable[..., np.ndarray]
) -> None:
    style = colourful(3)
    (tmp_path / "style").mkdir()
    write_picture(style, tmp_path / "style/s.png")
    write_picture(255 - style, tmp_path / "style/s.smooth.png")
    (tmp_path / "photo").mkdir()
    write_picture(colourful(4), tmp_path / "photo/p.png")
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


def test_superpixels_lie_beside_the_photo_and_are_used(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    image = colourful(0)
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


def test_label_maps_go_there_and_back_and_faults_are_named(
    tmp_path: Path, colourful: Callable[..., np.ndarray]
) -> None:
    labels = np.arange(70 * 90).reshape(70, 90) * 10
    write_labels(labels, tmp_path / "l.png")
    assert np.array_equal(read_labels(tmp_path / "l.png"), labels)
    with pytest.raises(DataError, match="65537 regions"):
        write_labels(np.array([[65536]]), tmp_path / "m.png")
    write_picture(colourful(0), tmp_path / "p.png")
    with pytest.raises(DataError, match=r"p\.png is not a map of regions"):
        read_labels(tmp_path / "p.png")


@pytest.fixture
def pairs_in(colourful: Callable[..., np.ndarray]) -> Callable[[Path], DataConfig]:
    """`pairs_in(folder)`: writes three pictures and their negatives there."""

    def write(folder: Path) -> DataConfig:
        for i in range(3):
            write_picture(colourful(i), folder / f"{i}.in.png")
            write_picture(255 - colourful(i), folder / f"{i}.out.png")
        return DataConfig(photos=str(folder), batch=2, sizes_px=(64, 72))

    return write


def test_batches_are_numbered_and_split_between_processes(
    tmp_path: Path, pairs_in: Callable[[Path], DataConfig]
) -> None:
    data = pairs_in(tmp_path)
    alone = PairSet(data, AugmentConfig(), seed=1, batch_of_all=4)
    wide = PairSet(DataConfig(str(tmp_path), batch=4, sizes_px=(64, 72)), AugmentConfig(), seed=1, batch_of_all=4)
    whole = list(batches(wide, first_step=0, steps=3))
    parts = [list(batches(alone, first_step=1, steps=3, rank=rank, ranks=2)) for rank in (0, 1)]
    for step in (1, 2):
        joined = np.concatenate([part[step - 1]["photo"].numpy() for part in parts])
        assert np.array_equal(joined, whole[step]["photo"].numpy())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_long_run_begins_at_once(pairs: Path, workers: int) -> None:
    """The numbers of all its crops were written down first: a gibibyte for a million steps of 32."""
    data = DataConfig(str(pairs), batch=2, sizes_px=(64,), workers=workers)
    crops = PairSet(data, AugmentConfig(), seed=0, batch_of_all=2)
    batch = next(batches(crops, first_step=10**6, steps=10**9))
    for place in range(2):
        assert torch.equal(batch["photo"][place], crops[2 * 10**6 + place]["photo"])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_picture_is_named_in_one_line(workers: int, pairs: Path) -> None:
    data = DataConfig(str(pairs), batch=2, sizes_px=(64,), workers=workers)
    crops = PairSet(data, AugmentConfig(), seed=0, batch_of_all=2)
    for path in pairs.glob("*.in.png"):
        path.write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"\.in\.png is not a picture$") as caught:
        next(batches(crops, first_step=0, steps=1))
    assert caught.value.hint


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


def test_pictures_are_kept_as_long_as_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colourful: Callable[..., np.ndarray]
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        write_picture(colourful(0), path)
    monkeypatch.setattr(sets, "MOST_KEPT_BYTES", 2 * colourful(0).nbytes)
    crops = PhotoSet(DataConfig(photos=str(tmp_path)), AugmentConfig(), seed=0, batch_of_all=1)
    assert [crops.read(path) is crops.read(path) for path in paths] == [True, True, False]
    crops = PhotoSet(DataConfig(photos=str(tmp_path), workers=2), AugmentConfig(), seed=0, batch_of_all=1)
    assert [crops.read(path) is crops.read(path) for path in paths] == [True, False, False]  # there are two of it


def test_regions_are_kept_as_long_as_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colourful: Callable[..., np.ndarray]
) -> None:
    """All were kept: those of a folder of a phone's photos filled the memory."""
    for folder, suffixes in (("photo", (".png",)), ("style", (".png", ".smooth.png"))):
        (tmp_path / folder).mkdir()
        for suffix in suffixes:
            write_picture(colourful(0), tmp_path / folder / f"x{suffix}")
    crops = UnpairedSet(
        DataConfig(str(tmp_path / "photo"), str(tmp_path / "style")), AugmentConfig(), seed=0, batch_of_all=1
    )
    assert crops.regions(crops.inputs[0]) is crops.regions(crops.inputs[0])
    monkeypatch.setattr(sets, "MOST_KEPT_BYTES", 0)
    crops = UnpairedSet(crops.data, AugmentConfig(), seed=0, batch_of_all=1)
    assert crops.regions(crops.inputs[0]) is not crops.regions(crops.inputs[0])


def test_the_method_of_two_folders_wants_the_second(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> None:
    """An empty name is the working directory, and was searched to its depths."""
    write_picture(colourful(0), tmp_path / "a.png")
    with pytest.raises(DataError, match="no pictures of the style are named"):
        UnpairedSet(DataConfig(photos=str(tmp_path)), AugmentConfig(), seed=0, batch_of_all=1)


def test_missing_smoothed_copies_are_named(tmp_path: Path, pairs_in: Callable[[Path], DataConfig]) -> None:
    data = pairs_in(tmp_path)
    styles = DataConfig(photos=data.photos, styles=data.photos)
    with pytest.raises(DataError, match="no edge-smoothed copy"):
        UnpairedSet(styles, AugmentConfig(), seed=0, batch_of_all=1)


def test_reading_what_is_no_picture_names_it(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"x\.png"):
        read_picture(list_pictures(tmp_path)[0])
