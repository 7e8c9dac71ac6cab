import numpy as np
import pytest

from animecam.color import HD_HEIGHT_PX, resolve_matrix, rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.types import Color, ColorMatrix

SD_HEIGHT_PX = 480
KR_KB = {
    ColorMatrix.BT601: (0.299, 0.114),
    ColorMatrix.BT709: (0.2126, 0.0722),
    ColorMatrix.BT2020: (0.2627, 0.0593),
}


def closed_form(y, cb, cr, kr, kb, full_range):
    """The equations of the standards, written out for one sample."""
    kg = 1 - kr - kb
    luma = y / 255 if full_range else (y - 16) / 219
    blue = (cb - 128) / (255 if full_range else 224)
    red = (cr - 128) / (255 if full_range else 224)
    return np.array(
        [
            luma + 2 * (1 - kr) * red,
            luma - 2 * kb * (1 - kb) / kg * blue - 2 * kr * (1 - kr) / kg * red,
            luma + 2 * (1 - kb) * blue,
        ]
    ) * 255  # fmt: skip


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", KR_KB)
def test_matrix_agrees_with_the_equations_of_its_standard(matrix, full_range):
    transform = yuv_to_rgb_matrix(Color(matrix, full_range), SD_HEIGHT_PX)
    for sample in ([16, 128, 128], [235, 128, 128], [81, 90, 240], [0, 255, 0], [255, 17, 200]):
        expected = closed_form(*sample, *KR_KB[matrix], full_range)
        np.testing.assert_allclose(transform @ [*sample, 1], expected, atol=1e-9)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", KR_KB)
def test_there_and_back_is_the_identity(matrix, full_range):
    color = Color(matrix, full_range)
    rgb = np.random.default_rng(1).uniform(0, 255, (3, 50))
    ones = np.ones((1, 50))
    yuv = rgb_to_yuv_matrix(color, SD_HEIGHT_PX) @ np.vstack((rgb, ones))
    np.testing.assert_allclose(yuv_to_rgb_matrix(color, SD_HEIGHT_PX) @ np.vstack((yuv, ones)), rgb, atol=1e-9)


def test_well_known_codes_of_narrow_bt601_red():
    assert np.round(rgb_to_yuv_matrix(Color(ColorMatrix.BT601), SD_HEIGHT_PX) @ [255, 0, 0, 1]).tolist() == [
        81,
        90,
        240,
    ]


def test_unnamed_matrix_is_bt709_from_hd_on():
    assert resolve_matrix(Color(), HD_HEIGHT_PX) is ColorMatrix.BT709
    assert resolve_matrix(Color(), HD_HEIGHT_PX - 2) is ColorMatrix.BT601
    assert resolve_matrix(Color(ColorMatrix.BT2020), HD_HEIGHT_PX) is ColorMatrix.BT2020
    np.testing.assert_array_equal(
        yuv_to_rgb_matrix(Color(), HD_HEIGHT_PX), yuv_to_rgb_matrix(Color(ColorMatrix.BT709), SD_HEIGHT_PX)
    )
