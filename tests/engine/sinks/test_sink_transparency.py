"""What is not there is not there in files either; outputs that cannot say so are refused."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam.errors import UsageError
from animecam.settings import Look
from animecam.sinks.convert import upright, with_squares
from animecam.sinks.fit import fitted
from animecam.sinks.image import ImageSink
from animecam.sinks.options import SinkOptions
from animecam.sinks.transparency import refuse_opaque
from animecam.types import PixelFormat


def _opacity(frame):
    """The upper left quarter is there, as stored; right of it half of each pixel."""
    opacity = np.zeros((frame.height_px, frame.width_px), np.uint8)
    opacity[: frame.height_px // 2] = 128
    opacity[: frame.height_px // 2, : frame.width_px // 2] = 255
    return opacity


@pytest.mark.parametrize("rotation_deg", [0, 90, 180])
@pytest.mark.parametrize("ending", ["png", "webp"])
def test_a_picture_is_as_transparent_as_its_frame(tmp_path, stream_format, make_frame, ending, rotation_deg):
    stream = replace(stream_format, rotation_deg=rotation_deg)
    frame = make_frame(stream)
    frame = replace(frame, opacity=_opacity(frame))
    sink = ImageSink(str(tmp_path / f"o.{ending}"), stream, SinkOptions())
    sink.write(frame)
    sink.close(complete=True)
    alpha = cv2.imread(str(tmp_path / f"o.{ending}"), cv2.IMREAD_UNCHANGED)[..., 3]
    np.testing.assert_array_equal(alpha, np.rot90(frame.opacity, rotation_deg // 90))


def test_transparency_is_drawn_out_with_its_picture(tmp_path, stream_format, make_frame):
    stream = replace(stream_format, pixel_aspect=Fraction(2))
    frame = replace(make_frame(stream), pixel_aspect=Fraction(2))
    frame = replace(frame, opacity=_opacity(frame))
    sink = ImageSink(str(tmp_path / "o.png"), stream, SinkOptions())
    sink.write(frame)
    sink.close(complete=True)
    alpha = cv2.imread(str(tmp_path / "o.png"), cv2.IMREAD_UNCHANGED)[..., 3]
    assert alpha.shape == (frame.height_px, 2 * frame.width_px)
    assert (alpha[: frame.height_px // 2, : frame.width_px - 2] == 255).all()
    assert not alpha[frame.height_px // 2 :].any()


def test_bars_beside_a_fitted_picture_are_not_there(stream_format, make_frame):
    frame = make_frame(replace(stream_format, pixel_format=PixelFormat.RGB24))
    frame = replace(frame, opacity=np.full((frame.height_px, frame.width_px), 255, np.uint8))
    wide = fitted(frame, 2 * frame.width_px, frame.height_px)
    assert wide.opacity.shape == wide.planes[0].shape[:2]
    assert not wide.opacity[:, : frame.width_px // 2].any()
    assert (wide.opacity[:, frame.width_px // 2 : -frame.width_px // 2] == 255).all()


@pytest.mark.parametrize(("turn", "pixel_aspect"), [(upright, 1), (with_squares, 2)])
def test_what_is_not_there_is_turned_and_drawn_out_with_its_frame(stream_format, make_frame, turn, pixel_aspect):
    frame = make_frame(replace(stream_format, rotation_deg=90, pixel_format=PixelFormat.RGB24))
    frame = replace(frame, pixel_aspect=Fraction(pixel_aspect))
    frame = turn(replace(frame, opacity=_opacity(frame)))
    assert frame.opacity.shape == frame.planes[0].shape[:2]
    assert (frame.opacity[-8:, :8] == 255).all()  # the upper left corner as stored
    assert not frame.opacity[:, -8:].any()


@pytest.mark.parametrize("output", ["a.png", "a.WebP", "a.gif", "f/%05d.png"])
def test_outputs_that_hold_transparency(output):
    refuse_opaque((output,), Look(background="transparent"))


@pytest.mark.parametrize("output", ["a.jpg", "a.mp4", "window:", "null:", "v4l2:///dev/video9", "f/%05d.jpg"])
def test_outputs_that_would_show_the_room_are_refused(output):
    refuse_opaque((output,), Look(background="green"))
    with pytest.raises(UsageError, match="cannot hold a transparent background") as caught:
        refuse_opaque(("a.png", output), Look(background="transparent"))
    assert "green" in caught.value.hint
