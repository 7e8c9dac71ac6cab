"""What a container says of its tracks: tiles of a photo, the shape of pixels, interlaced pictures."""

import logging
from fractions import Fraction

import pytest

from animecam.errors import SourceError
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions

OPTIONS = SourceOptions(threads=1)


@pytest.mark.parametrize("thumbnail", [False, True])
def test_a_photo_in_tiles_does_not_become_a_film_of_one_tile(media, tmp_path, thumbnail):
    photo = media.make_tiled_photo(tmp_path / "a.heic", thumbnail=thumbnail)
    with pytest.raises(SourceError, match="is a photo stored in tiles") as caught:
        open_file(photo, OPTIONS)
    assert "JPEG" in caught.value.hint


def test_a_photo_that_is_whole_is_read_whatever_else_is_in_tiles(media, tmp_path):
    photo = media.make_tiled_photo(tmp_path / "a.heic", thumbnail=True, is_primary=False)
    source = open_file(photo, OPTIONS)
    assert (source.format.width_px, source.format.height_px) == (32, 32)
    source.close()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_the_shape_of_pixels_is_known(make_clip, tmp_path, name):
    clip = make_clip(tmp_path / name, options={"preset": "ultrafast", "aspect": "16/11"})
    source = open_file(clip, OPTIONS)
    assert source.format.pixel_aspect == Fraction(16, 11)
    source.close()


def test_pixels_of_which_nobody_says_a_shape_are_square(make_clip, tmp_path):
    source = open_file(make_clip(tmp_path / "a.mp4"), OPTIONS)
    assert source.format.pixel_aspect == 1
    source.close()


@pytest.mark.parametrize("is_interlaced", [True, False])
def test_interlaced_pictures_are_told_once(make_clip, tmp_path, caplog, is_interlaced):
    options = {"preset": "ultrafast"} | ({"x264-params": "interlaced=1"} if is_interlaced else {})
    source = open_file(make_clip(tmp_path / "a.mp4", frames=4, options=options), OPTIONS)
    while source.read() is not None:
        pass
    source.close()
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == is_interlaced
    assert all("is interlaced" in text and "-vf bwdif" in text for text in told)
