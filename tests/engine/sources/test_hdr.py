"""HDR comes as SDR that looks the same."""

import numpy as np
import pytest

from animecam.sources.pixels import Unwrapper

PQ, HLG = 16, 18
CURVES = pytest.mark.parametrize("curve", [HLG, PQ])


@CURVES
def test_greys_stay_grey_and_follow_the_recommended_curve(hdr, curve):
    nits = np.array([0, 0.5, 2, 5, 10, 26, 60, 100, 150, 203, 300, 450, 700, 1000])
    made = hdr.seen(hdr.greys(nits), curve)
    np.testing.assert_allclose(made - made.mean(axis=1, keepdims=True), 0, atol=0.01)
    below = nits <= 120  # where nothing is compressed: the look is the same to the level
    np.testing.assert_allclose(made[below, 0], 255 * (nits[below] / hdr.WHITE) ** (1 / 2.4), atol=1.0)
    np.testing.assert_allclose(made[:, 0], 255 * hdr.toned(nits), atol=12)
    assert (np.diff(made[:, 0]) > 1).all()


@CURVES
def test_diffuse_white_is_light_and_the_brightest_is_white(hdr, curve):
    white, brightest = hdr.seen(hdr.greys([hdr.WHITE, 1000]), curve)[:, 0] / 255
    assert 0.92 < white < 0.96
    assert brightest == pytest.approx(1, abs=0.005)


def test_white_and_mid_grey_of_hlg_are_the_signals_that_bt_2408_names(hdr):
    frame = hdr.film_frame(hdr.patches(hdr.greys([0.38, 0.75])), HLG)
    mid, white = hdr.rgb(Unwrapper("a film", 1)(frame).planes)[8, 8 :: hdr.PATCH_PX, 0] / 255
    assert mid == pytest.approx(0.426, abs=0.006)
    assert white == pytest.approx(0.936, abs=0.006)


@CURVES
def test_skin_looks_as_in_sdr(hdr, curve):
    np.testing.assert_allclose(hdr.seen(hdr.shown_in_hdr(hdr.SKINS), curve), 255 * hdr.SKINS, atol=2.5)


@CURVES
def test_other_colors_look_as_in_sdr(hdr, curve):
    colors = np.random.default_rng(0).uniform(0.1, 0.8, (300, 3))
    error = np.abs(hdr.seen(hdr.shown_in_hdr(colors), curve) - 255 * colors)
    assert error.mean() < 1.2  # a code of chroma in eight bits is 1.8 of these levels
    assert np.percentile(error, 99) < 6
    assert error.max() < 16  # where a part is nearly nothing


@CURVES
def test_saturated_colors_of_sdr_stay_saturated(hdr, curve):
    primaries = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]], float)
    made = hdr.seen(hdr.shown_in_hdr(primaries * 0.8), curve) / 255
    np.testing.assert_allclose(made[primaries == 1], 0.8, atol=0.02)
    assert made[primaries == 0].max() < 0.2


@CURVES
def test_highlights_keep_their_hue_and_are_not_flat(hdr, curve):
    warm = np.array([1.0, 0.75, 0.5])
    made = hdr.seen(warm**2.4 @ hdr.TO_2020.T * np.array([150, 250, 400, 700, 1000])[:, None], curve)
    assert (np.diff(made @ np.array([0.2126, 0.7152, 0.0722])) > 0.5).all()
    np.testing.assert_allclose(made / made[:, :1], np.broadcast_to(warm, made.shape), atol=0.015)


@CURVES
def test_colors_that_sdr_has_not_come_to_its_edge_in_order(hdr, curve):
    """From grey to each corner of BT.2020: ever more saturated, of one hue, and no part wraps round."""
    for corner in np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]], float):
        made = hdr.seen(100 * (1 - np.linspace(0, 1, 9)[:, None] * (1 - corner)), curve)
        assert made.min() > -6
        assert made.max() < 261
        largest, least = made[:, corner == 1].mean(axis=1), made[:, corner == 0].min(axis=1)
        saturation = (largest - least) / largest
        assert (np.diff(saturation) > -0.02).all()
        assert saturation[-1] > 0.93


@CURVES
def test_slopes_show_no_steps(hdr, curve):
    """Eight codes of ten bits to the pixel column: rounded to eight bits without dither, columns would be equal."""
    nits = np.linspace(20, 24, 256)
    picture = np.repeat(hdr.greys(nits)[None], 64, axis=0)
    luma = Unwrapper("a film", 1)(hdr.film_frame(hdr.stored(picture, curve), curve)).planes[0]
    wanted = 16 + 219 * (nits / hdr.WHITE) ** (1 / 2.4)
    areas = luma.reshape(64, 16, 16).mean(axis=(0, 2))
    assert np.ptp(wanted) > 5
    np.testing.assert_allclose(areas, wanted.reshape(16, 16).mean(axis=1), atol=0.2)


@CURVES
def test_a_picture_is_what_it_would_be_pixel_by_pixel(hdr, media, curve):
    picture = media.portrait(0, 256, 256).astype(float) / 255 * 0.85
    made = hdr.rgb(Unwrapper("a film", 1)(hdr.film_frame(hdr.stored(hdr.shown_in_hdr(picture), curve), curve)).planes)
    # What 4:2:0 alone does to it is no fault of the conversion: its luma is what counts.
    error = (made - 255 * picture) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(error).mean() < 0.8
    assert np.percentile(np.abs(error), 99) < 5
    assert abs(error.mean()) < 0.4
