"""Pictures that are enlarged a lot: warped coarsely and enlarged, which must be as good as to warp every pixel."""

from math import cos, sin

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from animecam.render.resample import COARSE_STEP, coarseness, make_ready, resample

SIDE = 96
MEAN_DB = 48.0  # where blocks were as large as an output sample it was 35 to 57, and 10 dB less at most steps
FINE = 8  # exact means are of so many samples a side
LEAST_SHARE = 0.67  # of the error of warping every pixel: 1.7 dB


def _turned(scale: float, width_px: int, height_px: int, turn: float = 0.1) -> np.ndarray:
    """Maps output pixels to a picture of SIDE that is enlarged by `scale` and turned about its middle."""
    across, aside = cos(turn) / scale, sin(turn) / scale
    affine = np.array([[across, aside, 0.0], [-aside, across, 0.0]])
    affine[:, 2] = SIDE / 2 - affine[:, :2] @ (width_px / 2, height_px / 2)
    return affine


def _drawing() -> np.ndarray:
    """Dark lines and flat areas, as sharp as a network draws them."""
    picture = np.full((SIDE * 4, SIDE * 4), 190, np.uint8)
    cv2.circle(picture, (180, 200), 110, 120, -1, cv2.LINE_AA)
    cv2.circle(picture, (180, 200), 110, 20, 10, cv2.LINE_AA)
    cv2.line(picture, (20, 60), (370, 300), 20, 8, cv2.LINE_AA)
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("step", [1.7, 2.6, 3.0, 3.9, 5.0, 6.2, 8.0, 10.0])
def test_what_shrinks_is_near_to_exact_means(step):
    large = cv2.resize(_drawing(), (SIDE * 8, SIDE * 8), interpolation=cv2.INTER_CUBIC)
    side = int(SIDE * 8 / step * 0.8)
    across, aside = cos(0.14) * step, sin(0.14) * step
    affine = np.array([[across, -aside, 0.0], [aside, across, 0.0]])
    affine[:, 2] = SIDE * 4 - affine[:, :2] @ (side / 2, side / 2)
    y, x = (np.mgrid[: side * FINE, : side * FINE] + 0.5) / FINE
    places = [row[0] * x + row[1] * y + row[2] - 0.5 for row in affine]
    points = map_coordinates(large.astype(float), places[::-1], order=1, mode="nearest")
    exact = points.reshape(side, FINE, side, FINE).mean(axis=(1, 3))
    error = np.square(resample(large, affine, side, side) - exact).mean()
    assert 10 * np.log10(255**2 / error) >= MEAN_DB


@pytest.mark.parametrize(("scale", "every"), [(1.0, 1), (2.5, 1), (2.7, 2), (5.1, 2), (5.5, 4), (11.0, 8)])
def test_coarse_pictures_keep_more_samples_than_their_source(scale, every):
    affine = _turned(scale, 400, 300)
    assert coarseness(affine) == every
    assert every == 1 or scale / every >= COARSE_STEP


@pytest.mark.parametrize("scale", [2.8, 3.6, 5.5])
def test_an_enlarged_drawing_is_as_near_to_a_spline_as_a_warped_one(scale):
    width, height = 4 * round(SIDE * scale / 6), 4 * round(SIDE * scale / 7)
    affine, drawing = _turned(scale, width, height), _drawing()
    y, x = np.mgrid[:height, :width] + 0.5
    places = [row[0] * x + row[1] * y + row[2] - 0.5 for row in affine]
    exact = map_coordinates(drawing.astype(float), places[::-1], order=5, mode="nearest").clip(0, 255)
    errors = [
        np.square(
            make_ready(drawing, affine, width, height, sharp=True, is_picture=is_picture).part(0, 0, width, height)
            - exact
        ).mean()
        for is_picture in (True, False)
    ]
    assert errors[1] > LEAST_SHARE * errors[0]


@pytest.mark.parametrize("channels", [1, 2])
def test_parts_of_an_enlarged_picture_make_up_the_whole(channels):
    drawing = _drawing() if channels == 1 else np.dstack([_drawing()] * channels)
    ready = make_ready(drawing, _turned(5.5, 301, 203), 301, 203, is_picture=True)
    assert ready.every > 1
    whole = ready.part(0, 0, 301, 203)
    for left, top, width, height in ((0, 0, 10, 7), (33, 50, 101, 19), (255, 170, 46, 33)):
        part = ready.part(left, top, width, height)
        assert part.shape == whole[top : top + height, left : left + width].shape
        # Warps round places to 1/32 of a sample, from where a part begins.
        assert np.abs(part.astype(int) - whole[top : top + height, left : left + width]).max() <= 6
