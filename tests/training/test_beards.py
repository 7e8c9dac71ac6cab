"""Beards that grow on photo and drawing: where, of which colours, and which heads of a folder get one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam_training.data import heads
from animecam_training.data.beards import grow_beard
from animecam_training.data.pictures import list_pictures, read_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.errors import DataError
from animecam_training.faces import FoundFace, Image, Plane, Points
from animecam_training.target.face import find_growth
from animecam_training.target.geometry import CHIN, EYELIDS, LIP_GROOVE, LIPS, NOSE_TIP

TRIES = 24  # beards drawn at random
FULL_AND_DARK = 4  # the seed of such a one


def _around(plane: Plane, place: Points) -> Plane:
    x, y = place.astype(int)
    return plane[y - 1 : y + 2, x - 1 : x + 2]


def test_beards_grow_at_the_same_place_on_photo_and_drawing(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    white = np.full_like(photo, 255)
    for seed in range(TRIES):
        seen, beard = grow_beard(photo, face.mesh, np.random.default_rng(seed))
        change = np.abs(seen.astype(int) - photo).max(axis=-1)
        is_drawn = beard.shape > 0.5
        assert 0 < is_drawn.mean() < 0.25, seed
        assert (change[is_drawn] > 8).mean() > 0.6, seed
        assert (change[beard.shape == 0] > 8).mean() < 0.02, seed  # single strands reach beyond what is drawn
        above = slice(0, int(face.mesh[NOSE_TIP, 1]) - 2)
        middle = slice(int(face.mesh[EYELIDS[0][0][0], 0]), int(face.mesh[EYELIDS[1][0][0], 0]))
        assert not change[above, middle].any(), seed
        lips = face.mesh[list(LIPS)].mean(0).astype(int)
        assert change[lips[1], lips[0]] == 0, seed
        drawn = beard.over(white)
        assert np.array_equal(drawn[beard.shape == 0], white[beard.shape == 0])
        assert not np.array_equal(drawn, white)


def test_the_same_seed_grows_the_same_beard(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    one, another = (grow_beard(photo, face.mesh, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one[0], another[0])
    assert np.array_equal(one[1].over(photo), another[1].over(photo))


def test_a_beard_is_drawn_in_the_colour_that_is_seen(portrait: tuple[Image, FoundFace, Plane]) -> None:
    """A thin one lets skin through: drawn in the colour of its hair alone it would be black on a brown chin."""
    photo, face, _ = portrait
    lightness: list[float] = []
    for seed in range(TRIES):
        seen, beard = grow_beard(photo, face.mesh, np.random.default_rng(seed))
        mean = seen[beard.shape > 0.9].mean(0)
        assert np.abs(mean - beard.colour).max() < 20, seed
        lightness.append(float(beard.colour.mean()))
    assert min(lightness) < 60
    assert max(lightness) > 130  # gray and white ones, too


def test_beards_are_of_many_kinds(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, _ = portrait
    below = face.mesh[CHIN] + 0.25 * (face.mesh[CHIN] - face.mesh[LIP_GROOVE])
    kinds: set[tuple[bool, ...]] = set()
    for seed in range(2 * TRIES):
        shape = grow_beard(photo, face.mesh, np.random.default_rng(seed))[1].shape
        places = (face.mesh[LIP_GROOVE], face.mesh[199], face.mesh[58] * 0.7 + face.mesh[214] * 0.3, below)
        kinds.add(tuple(bool(_around(shape, place).mean() > 0.5) for place in places))
    lip, chin, jaw, long = zip(*kinds, strict=True)
    assert {(True, False, False, False), (True, True, False, False)} <= kinds  # a moustache alone, a goatee
    assert any(not on_lip and on_chin for on_lip, on_chin in zip(lip, chin, strict=True))
    assert any(jaw)
    assert any(long)


def test_pairs_have_on_the_target_the_beard_that_is_on_the_photo(
    shared: Path, one_portrait: Path, tmp_path: Path
) -> None:
    options = PrepareOptions("pairs", weights=shared / "weights", beards=1.0)
    prepare(one_portrait, tmp_path / "out", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, beards=0.0))
    (seen, bare), (drawn, shaven) = (
        [read_picture(tmp_path / folder / f"x_0.{part}.png").astype(int) for folder in ("out", "plain")]
        for part in ("in", "out")
    )
    on_photo, on_target = (np.abs(one - other).max(-1) > 8 for one, other in ((seen, bare), (drawn, shaven)))
    assert on_target.any()
    assert on_photo[on_target].mean() > 0.5
    with pytest.raises(DataError, match=r"beards 1\.0 and not 0\.5"):
        prepare(one_portrait, tmp_path / "out", replace(options, beards=0.5))


def test_a_short_beard_is_dropped_where_beards_are_to_be_learned(
    shared: Path, one_portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drawing has none: what others are drawn with would be unlearned."""
    monkeypatch.setattr(heads, "find_growth", lambda *_: "short beard")
    options = PrepareOptions("pairs", weights=shared / "weights", beards=0.5)
    with pytest.raises(DataError, match="1 short beard"):
        prepare(one_portrait, tmp_path / "out", options)
    assert prepare(one_portrait, tmp_path / "plain", replace(options, beards=0.0)).kept == 1


def test_a_short_beard_is_told_from_none_and_from_a_full_one(portrait: tuple[Image, FoundFace, Plane]) -> None:
    photo, face, person = portrait
    found: list[str] = []
    for share in (0.0, 0.3, 1.0):
        grown, beard = grow_beard(photo, face.mesh, np.random.default_rng(FULL_AND_DARK))
        assert _around(beard.shape, face.mesh[199]).mean() > 0.9
        seen = (photo + share * (grown.astype(float) - photo)).astype(np.uint8)
        found.append(find_growth(seen, face.mesh, person))
    assert found == ["none", "short beard", "beard"]


def test_heads_for_a_teacher_stay_as_they_are(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    """A teacher that paints over beards would teach just that."""
    options = PrepareOptions("photo", weights=shared / "weights", beards=1.0)
    prepare(one_portrait, tmp_path / "out", options)
    prepare(one_portrait, tmp_path / "plain", replace(options, beards=0.0))
    for path in list_pictures(tmp_path / "plain"):
        assert np.array_equal(read_picture(path), read_picture(tmp_path / "out" / path.name))
