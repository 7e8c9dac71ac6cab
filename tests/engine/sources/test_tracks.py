"""What a container says of its tracks: tiles of a photo, the shape of pixels, rates, interlaced pictures."""

import logging
from contextlib import closing
from fractions import Fraction

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from animecam.errors import SourceError
from animecam.sinks.opening import SinkOptions, open_sink
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions

OPTIONS = SourceOptions(threads=1)
NTSC = Fraction(30_000, 1001)


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
    assert source.format.pixel_aspect == source.read().pixel_aspect == Fraction(16, 11)
    source.close()


def test_pixels_of_which_nobody_says_a_shape_are_square(make_clip, tmp_path):
    source = open_file(make_clip(tmp_path / "a.mp4"), OPTIONS)
    assert source.format.pixel_aspect == source.read().pixel_aspect == 1
    source.close()


@pytest.mark.parametrize(("height_px", "pixel_format", "rate"), [(576, "yuv420p", 25), (480, "yuv411p", NTSC)])
def test_raw_dv_has_the_rate_of_its_pictures(make_clip, tmp_path, height_px, pixel_format, rate):
    kind = {"codec": "dvvideo", "pixel_format": pixel_format, "rate": rate}
    clip = make_clip(tmp_path / "a.dv", width_px=720, height_px=height_px, frames=3, **kind)
    source = open_file(clip, OPTIONS)
    assert source.format.rate == rate
    source.close()


def test_raw_dv_becomes_a_film(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.dv", width_px=720, height_px=576, frames=3, codec="dvvideo", rate=25)
    source = open_file(clip, OPTIONS)
    sink = open_sink(str(tmp_path / "a.mp4"), source.format, SinkOptions(audio_from=clip))
    while (frame := source.read()) is not None:
        sink.write(frame)
    sink.close(complete=True)  # with the time code of the tape, which FFmpeg refuses at more than 1000 a second
    source.close()
    made = open_file(tmp_path / "a.mp4", OPTIONS)
    assert made.format.rate == 25
    made.close()


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


def test_a_film_is_cropped_to_the_pixel(make_clip, tmp_path):
    """At all sides, as its encoder wrote: processors like rows to begin at rounder addresses than 16 bytes further."""
    whole, cropped = make_clip(tmp_path / "whole.mp4", width_px=96, height_px=64, frames=3), tmp_path / "cropped.mkv"
    with av.open(str(whole)) as source, av.open(str(cropped), "w") as target:
        track = target.add_stream_from_template(source.streams.video[0])
        crop = "h264_mp4toannexb,h264_metadata=crop_left=16:crop_right=4:crop_top=8:crop_bottom=2"
        cut = BitStreamFilterContext(crop, source.streams.video[0])
        for packet in source.demux(video=0):
            for one in cut.filter(packet):
                one.stream = track
                target.mux(one)
    shown, all_of_it = (open_file(path, OPTIONS) for path in (cropped, whole))
    with closing(shown), closing(all_of_it):
        assert (shown.format.width_px, shown.format.height_px) == (76, 54)
        for _ in range(3):
            mine, theirs = shown.read().planes, all_of_it.read().planes
            assert np.array_equal(mine[0], theirs[0][8:62, 16:92])
            assert np.array_equal(mine[1], theirs[1][4:31, 8:46])
