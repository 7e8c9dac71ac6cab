"""How far a style is from the drawings of pairs: of whole heads, of regions, and as a poor webcam sees them."""

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from animecam_training.data.names import beard_of, list_pairs, parts_of, target_of
from animecam_training.data.pictures import read_mask, read_picture, write_mask, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.errors import DataError
from animecam_training.metrics.drawings import as_poor_webcam, draw_together, measure_pairs

LEFT = np.zeros((96, 96), np.uint8)
LEFT[:, :48] = 255


def _inverse(picture: Tensor) -> Tensor:
    """What the pairs of the fixture were drawn by."""
    return -picture


def test_who_draws_as_was_drawn_has_no_error_on_clear_photos(pairs: Path) -> None:
    figures = measure_pairs(_inverse, pairs)
    assert (figures.pairs, figures.bearded) == (3, 0)
    assert figures.clear.whole == 0
    assert 0 < figures.poor.whole < 0.1  # edges alone
    assert figures.small.whole < 0.01  # photo and drawing are rounded each by itself as they are enlarged
    others = {"drawing_l1_poor_webcam": figures.poor.whole, "drawing_l1_small": figures.small.whole}
    assert figures.by_name() == {"drawing_l1": 0} | others


def test_errors_count_where_they_are(pairs: Path) -> None:
    """Half a picture that is 51 levels off is off by 0.4 there, by 0.2 as a whole, and by nothing elsewhere."""
    photo = list_pairs(pairs)[0]
    write_picture(np.full((96, 96, 3), 100, np.uint8), photo)
    write_picture((155 + np.dstack([51 * (LEFT // 255)] * 3)).astype(np.uint8), target_of(photo))
    write_mask(LEFT, parts_of(photo))
    write_mask(255 - LEFT, beard_of(photo))
    write_mask(LEFT, parts_of(list_pairs(pairs)[1]))  # drawn well: half of the mean
    write_mask(np.zeros_like(LEFT), parts_of(list_pairs(pairs)[2]))  # a face beyond the border: it has no say
    figures = measure_pairs(_inverse, pairs)
    assert figures.bearded == 1
    assert figures.clear.whole == pytest.approx(0.2 / 3)
    assert figures.clear.parts == pytest.approx(0.2)
    assert figures.clear.beard == 0
    assert figures.small.whole == pytest.approx(0.2 / 3, abs=1e-3)
    assert figures.small.parts == pytest.approx(0.2, abs=1e-3)
    assert measure_pairs(_inverse, pairs, "a.").clear.parts == pytest.approx(0.4)
    assert set(figures.by_name()) >= {"drawing_l1_eyes_and_mouth", "drawing_l1_beard_poor_webcam"}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_small_heads_are_drawn_in_one_picture_and_cut_out_again(count: int) -> None:
    photos = [np.full((16, 16, 3), 40 * place + 20, np.uint8) for place in range(count)]
    seen: list[Tensor] = []

    def draw(picture: Tensor) -> Tensor:
        seen.append(picture)
        return -picture

    drawn = draw_together(draw, photos)
    assert [picture.shape for picture in seen] == [(1, 3, 32, 32)]
    assert len(drawn) == count
    for photo, drawing in zip(photos, drawn, strict=True):
        assert np.array_equal(drawing, 255 - photo)


def test_what_does_not_belong_together_is_named(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no pair in .*zebra"):
        measure_pairs(_inverse, pairs, "zebra")
    write_mask(LEFT[:40], parts_of(list_pairs(pairs)[1]))
    with pytest.raises(DataError, match=r"b\.parts\.png is not of the size of its picture"):
        measure_pairs(_inverse, pairs)
    write_picture(np.zeros((40, 96, 3), np.uint8), target_of(list_pairs(pairs)[0]))
    with pytest.raises(DataError, match=r"a\.out\.png is not of the size"):
        measure_pairs(_inverse, pairs)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        measure_pairs(_inverse, tmp_path / "empty")


def test_a_poor_webcam_moves_nothing_and_keeps_colours() -> None:
    shares: list[float] = []
    for side in (128, 256):
        photo = np.full((side, side, 3), (200, 120, 40), np.uint8)
        photo[side // 4 : -side // 4, side // 4 : -side // 4] = (20, 60, 180)
        seen = as_poor_webcam(photo)
        assert np.array_equal(seen, as_poor_webcam(photo))
        for place in (2, side // 2):
            assert np.abs(seen[place, place].astype(int) - photo[place, place]).max() <= 6
        assert np.abs(seen.astype(int) - seen[:, ::-1]).mean() < 1.5  # as much to the left as to the right
        edge = np.where(np.arange(side) < side // 2, 60, 200).astype(np.uint8)
        row = as_poor_webcam(np.broadcast_to(edge[None, :, None], photo.shape).copy())[side // 2, :, 0]
        shares.append(float((np.abs(row.astype(int) - edge) > 12).mean()))
    assert shares[0] > 0.02
    assert shares[0] == pytest.approx(shares[1], rel=0.1)  # of a larger head more pixels are smeared


def test_prepare_tells_where_it_grew_a_beard(shared: Path, one_portrait: Path, tmp_path: Path) -> None:
    bearded, plain = (
        PrepareOptions("pairs", weights=shared / "weights", copies=2, beards=share) for share in (1.0, 1e-9)
    )
    prepare(one_portrait, tmp_path / "bearded", bearded)
    prepare(one_portrait, tmp_path / "plain", plain)
    for photo in list_pairs(tmp_path / "plain"):
        assert not beard_of(photo).is_file()
        grown = tmp_path / "bearded" / photo.name
        change = np.abs(read_picture(target_of(grown)).astype(int) - read_picture(target_of(photo))).max(-1) > 12
        mask = read_mask(beard_of(grown))
        assert change[mask > 200].mean() > 0.8
        assert change[mask == 0].mean() < 0.01
    assert measure_pairs(lambda picture: picture, tmp_path / "bearded").bearded == 2
