"""Glasses: where they lie, what lenses do to the photo alone, and what a student is to draw of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam_training.data.glasses import Worn, wear_glasses
from animecam_training.data.lenses import lens_light
from animecam_training.data.names import bare_of, list_photos, worn_of
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import list_pictures, read_layer, read_picture, write_layer, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.data.sets import PairSet
from animecam_training.errors import DataError
from animecam_training.faces import FoundFace, Image, Plane, Points, eye_distance
from animecam_training.recipe.config import AugmentConfig, DataConfig
from animecam_training.target.geometry import LIPS, Sheet

PLAIN = AugmentConfig(colour=0, blur=0, noise=0, jpeg=0)
TRIES = 16  # frames drawn at random


def _mesh(turned: float = 0.0) -> Points:
    """Eyes 80 px apart, those on the right narrower by `turned` of their width, temples beyond them."""
    mesh = np.full((468, 2), 150, np.float32)
    for corners, centre, width in (((33, 133), 110, 30.0), ((362, 263), 190, 30.0 * (1 - turned))):
        mesh[list(corners)] = [(centre - width / 2, 150), (centre + width / 2, 150)]
    for lid, centre in (
        ((246, 161, 160, 159, 158, 157, 173, 7, 163, 144, 145, 153, 154, 155), 110),
        ((466, 388, 387, 386, 385, 384, 398, 249, 390, 373, 374, 380, 381, 382), 190),
    ):
        mesh[list(lid)] = (centre, 150)
    mesh[[127, 356]] = [(40, 150), (260, 150)]
    return mesh


def _width(cover: Image, columns: slice) -> int:
    """Columns that a frame covers there, from its first to its last."""
    covered = np.flatnonzero((cover[:, columns] > 127).any(0))
    return int(np.ptp(covered)) + 1


def test_glasses_lie_at_the_same_place_on_photo_and_drawing(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    white = np.full_like(photo, 255)
    for seed in range(TRIES):
        seen, worn = wear_glasses(photo, face.mesh, np.random.default_rng(seed))
        rims = worn.cover > 127
        assert 0 < rims.mean() < 0.15
        changed = np.abs(seen.astype(int) - photo).max(axis=-1) > 0
        assert changed[rims].mean() > 0.6  # a line is wider than the thinnest wire; what is drawn is on the photo
        assert np.array_equal(worn.over(white)[worn.cover == 0], white[worn.cover == 0])
        lips = face.mesh[list(LIPS)].astype(int)
        assert not changed[lips[:, 1], lips[:, 0]].any()
    again, worn_again = wear_glasses(photo, face.mesh, np.random.default_rng(TRIES - 1))
    assert np.array_equal(again, seen)
    assert np.array_equal(worn_again.cover, worn.cover)


def test_frames_that_are_hardly_seen_are_drawn_dark(portrait: tuple[Image, FoundFace, Plane]) -> None:
    """Those of clear plastic vanished: on the photo they are as light as skin."""
    photo, face, _ = portrait
    faint = 0
    for seed in range(TRIES):
        seen, worn = wear_glasses(photo, face.mesh, np.random.default_rng(seed))
        rims = worn.cover > 200
        drawn = float(worn.colour[rims].mean())
        difference = np.abs(seen.astype(int) - photo)[rims].mean()
        faint += difference < 30
        assert difference > 30 or drawn < 130, seed
    assert faint >= 2


def test_a_lens_is_as_narrow_as_the_eye_behind_it() -> None:
    photo, measured = np.full((300, 300, 3), 180, np.uint8), 0
    for seed in range(TRIES):
        front, turned = (
            wear_glasses(photo, _mesh(narrower), np.random.default_rng(seed))[1].cover for narrower in (0.0, 0.4)
        )
        rows = slice(160, 165)  # below the arms and the bridge
        if not (front[rows] > 127).any():
            continue  # rimless below
        measured += 1
        near, far = (_width(turned[rows], side) for side in (slice(0, 157), slice(157, 300)))
        left, right = (_width(front[rows], side) for side in (slice(0, 150), slice(150, 300)))
        assert abs(left - right) <= 3
        assert near > 1.25 * far
    assert measured > TRIES / 2


def test_the_arm_of_the_far_side_is_hidden() -> None:
    photo = np.full((300, 300, 3), 180, np.uint8)
    mesh = _mesh()
    mesh[356] = (195, 150)  # of a head turned to the right: the temple lies behind the lens
    for seed in range(TRIES):
        shown, hidden = (wear_glasses(photo, points, np.random.default_rng(seed))[1] for points in (_mesh(), mesh))
        assert (shown.cover[:, 250:] > 0).any()
        assert not (hidden.cover[:, 250:] > 0).any()
        assert np.array_equal(shown.cover[:, :140], hidden.cover[:, :140])


def test_light_on_lenses_stays_on_them(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    eye_px = eye_distance(face.mesh)
    sheet = Sheet(photo, face.mesh, person, eye_px, eye_px / 80)
    lenses = sheet.eyelids()
    changes: list[float] = []
    for seed in range(TRIES):
        lit = lens_light(photo.astype(np.float32), sheet, lenses, np.random.default_rng(seed))
        assert np.array_equal(lit[lenses == 0], photo[lenses == 0])
        changes.append(float(np.abs(lit - photo)[lenses > 0].max()))
    assert min(changes) == 0  # some lenses mirror nothing
    assert max(changes) > 100


def _worn_pair(folder: Path) -> tuple[Image, Image, Worn]:
    """A photo of glasses, the head without them, and the layer, written as `prepare` does."""
    rng = np.random.default_rng(0)
    bare = np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    cover = np.zeros((96, 96), np.uint8)
    cover[40:50, 10:80] = 255
    worn = Worn(np.full((96, 96, 3), 200, np.uint8), cover)
    seen = worn.over(255 - bare)
    write_picture(seen, folder / "a_0.in.png")
    write_picture(bare, bare_of(folder / "a_0.in.png"))
    write_layer(worn.colour, worn.cover, worn_of(folder / "a_0.in.png"))
    return seen, bare, worn


def test_a_student_is_shown_glasses_and_its_teacher_none(tmp_path: Path) -> None:
    seen, bare, worn = _worn_pair(tmp_path)
    data = DataConfig(str(tmp_path), batch=1, sizes_px=(96,), zooms=(1.0,))
    crops = PhotoSet(data, PLAIN, seed=0, batch_of_all=1)
    for index in range(6):
        crop = {name: part.numpy() for name, part in crops[index].items()}
        for turn in (slice(None), slice(None, None, -1)):
            if np.allclose(crop["photo"].transpose(1, 2, 0), seen[:, turn] / 127.5 - 1, atol=1e-6):
                break
        else:
            pytest.fail("the crop is neither the picture nor its mirror image")
        assert np.allclose(crop["clean"].transpose(1, 2, 0), bare[:, turn] / 127.5 - 1, atol=1e-6)
        assert np.array_equal(crop["cover"][0], worn.cover[:, turn] / np.float32(255))
        assert np.allclose(crop["worn"], 200 / 127.5 - 1, atol=1e-6)


def test_crops_with_and_without_glasses_make_one_batch(tmp_path: Path) -> None:
    _worn_pair(tmp_path)
    write_picture(read_picture(tmp_path / "a_0.in.png"), tmp_path / "plain.png")
    assert [path.name for path in list_photos(tmp_path)] == ["a_0.in.png", "plain.png"]
    data = DataConfig(str(tmp_path), batch=1, sizes_px=(64,), zooms=(1.0,))
    crops = PhotoSet(data, AugmentConfig(), seed=0, batch_of_all=1)
    shapes = [{name: part.shape for name, part in crops[index].items()} for index in range(12)]
    assert all(shape == shapes[0] for shape in shapes)
    covered = [bool(crops[index]["cover"].any()) for index in range(12)]
    assert any(covered)
    assert not all(covered)


def test_a_layer_goes_there_and_back_and_faults_are_named(tmp_path: Path) -> None:
    worn = _worn_pair(tmp_path)[2]
    layer = read_layer(tmp_path / "a_0.worn.png")
    assert np.array_equal(layer[..., :3], worn.colour)
    assert np.array_equal(layer[..., 3], worn.cover)
    with pytest.raises(DataError, match=r"a_0\.bare\.png is not a picture with transparency"):
        read_layer(tmp_path / "a_0.bare.png")
    write_layer(worn.colour[:50], worn.cover[:50], tmp_path / "a_0.worn.png")
    crops = PhotoSet(DataConfig(str(tmp_path), sizes_px=(64,)), PLAIN, seed=0, batch_of_all=1)
    with pytest.raises(DataError, match=r"a_0\.worn\.png is not of the size of its picture"):
        crops[0]


def test_heads_are_prepared_with_what_they_wear(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("photo", weights=shared / "weights", glasses=1.0, copies=2)
    prepare(one_portrait, tmp_path / "out", options)
    names = sorted(path.name for path in list_pictures(tmp_path / "out"))
    assert names == [f"x_{copy}.{part}.png" for copy in (0, 1) for part in ("bare", "in", "regions", "worn")]
    seen, bare = (read_picture(tmp_path / "out" / f"x_0.{part}.png") for part in ("in", "bare"))
    layer = read_layer(tmp_path / "out/x_0.worn.png")
    assert np.abs(seen.astype(int) - bare)[layer[..., 3] > 200].mean() > 3
    prepare(one_portrait, tmp_path / "plain", replace(options, glasses=0.0))
    assert np.array_equal(read_picture(tmp_path / "plain/x_0.in.png"), bare)  # glasses change nothing else
    with pytest.raises(DataError, match=r"glasses 1\.0 and not 0\.5"):
        prepare(one_portrait, tmp_path / "out", replace(options, glasses=0.5))


def test_pairs_wear_on_the_target_what_is_on_the_photo(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights", glasses=1.0)
    prepare(one_portrait, tmp_path / "out", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, glasses=0.0))
    layer = read_layer(tmp_path / "out/x_0.worn.png")
    worn = Worn(layer[..., :3], layer[..., 3])
    plain = read_picture(tmp_path / "plain/x_0.out.png")
    assert np.array_equal(read_picture(tmp_path / "out/x_0.out.png"), worn.over(plain))
    assert not np.array_equal(worn.over(plain), plain)
    data = DataConfig(str(tmp_path / "out"), batch=1, sizes_px=(320,), zooms=(1.0,))
    cover = PairSet(data, PLAIN, seed=0, batch_of_all=1)[0]["cover"][0].numpy()
    layer = worn.cover / np.float32(255)
    assert np.array_equal(cover, layer) or np.array_equal(cover, layer[:, ::-1])
    bare = PairSet(replace(data, photos=str(tmp_path / "plain")), PLAIN, seed=0, batch_of_all=1)[0]
    assert bare["cover"].shape == (1, 320, 320)
    assert not bare["cover"].any()


def test_what_an_earlier_attempt_left_is_not_believed(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    """A run that was cut off before its first verdict leaves files of other options."""
    options = PrepareOptions("photo", weights=shared / "weights", glasses=1.0)
    prepare(one_portrait, tmp_path / "out", options)
    (tmp_path / "out/index.jsonl").unlink()
    prepare(one_portrait, tmp_path / "out", replace(options, glasses=0.0))
    assert sorted(path.name for path in list_pictures(tmp_path / "out")) == ["x_0.in.png", "x_0.regions.png"]


def test_a_folder_from_before_there_were_glasses_is_another(
    shared: Path, one_portrait: Path, tmp_path: Path, forget_marks: Callable[..., None]
) -> None:
    options = PrepareOptions("photo", weights=shared / "weights")
    prepare(one_portrait, tmp_path / "out", options)
    forget_marks(tmp_path / "out", "expressions", "glasses", "even_light")
    assert prepare(one_portrait, tmp_path / "out", options).kept == 1
    with pytest.raises(DataError, match=r"even_light 0\.0 and not 0\.65"):
        prepare(one_portrait, tmp_path / "out", replace(options, even_light=0.65))


def test_a_folder_without_its_companions_is_another(tmp_path: Path) -> None:
    """A run that goes on would have other targets for the same crops."""
    _worn_pair(tmp_path)
    data = DataConfig(str(tmp_path), sizes_px=(64,))
    whole = PhotoSet(data, PLAIN, seed=0, batch_of_all=1).describe()
    layer = (tmp_path / "a_0.worn.png").read_bytes()
    (tmp_path / "a_0.worn.png").unlink()
    assert PhotoSet(data, PLAIN, seed=0, batch_of_all=1).describe() != whole
    (tmp_path / "a_0.worn.png").write_bytes(layer)
    (tmp_path / "a_0.bare.png").unlink()
    with pytest.raises(DataError, match=r"a_0\.bare\.png is missing"):
        PhotoSet(data, PLAIN, seed=0, batch_of_all=1)


def test_the_layer_lies_on_a_drawing_as_its_cover_says() -> None:
    cover = np.array([[0, 51, 255]], np.uint8)
    drawn = Worn(np.full((1, 3, 3), 100, np.uint8), cover).over(np.full((1, 3, 3), 200, np.uint8))
    assert drawn[0, :, 0].tolist() == [200, 180, 100]
