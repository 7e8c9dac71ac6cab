"""Motion between small pictures: against pictures that were moved by a known map."""

import cv2
import numpy as np
import pytest

from animecam.render.motion import WINDOW_PX, find_motion

SIDE_PX = 128


@pytest.fixture
def picture():
    """Soft blobs of all sizes, as a face has them."""
    rng = np.random.default_rng(3)
    layers = [cv2.GaussianBlur(rng.normal(size=(SIDE_PX, SIDE_PX)), (0, 0), sigma) * sigma for sigma in (2, 5, 12)]
    return np.clip(128 + 60 * sum(layers), 0, 255).astype(np.uint8)


def _moved(picture, to_before):
    """The picture whose pixels lay in the given one where a map says; the map counts pixels from the middle of one."""
    return cv2.warpAffine(
        picture,
        np.float32(to_before),
        (SIDE_PX, SIDE_PX),
        flags=cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _errors_px(flow, to_before):
    """How far a flow is off the map at each of its pixels, those along the border left out."""
    at = np.arange(SIDE_PX // 2) * 2 + 0.5
    x, y = np.meshgrid(at, at)
    (xx, xy, x0), (yx, yy, y0) = to_before
    true = xx * x + xy * y + x0 - x, yx * x + yy * y + y0 - y
    off = np.hypot(flow[0] - true[0], flow[1] - true[1])
    return off[2 * WINDOW_PX : -2 * WINDOW_PX, 2 * WINDOW_PX : -2 * WINDOW_PX]


TURN = np.cos(0.02), np.sin(0.02)


@pytest.mark.parametrize(
    ("to_before", "most_px"),
    [
        ([[1, 0, 0], [0, 1, 0]], 0.01),
        ([[1, 0, 0.3], [0, 1, -0.2]], 0.1),
        ([[1, 0, -4.0], [0, 1, 2.5]], 0.2),
        ([[1.02, 0, -1.3], [0, 1.02, -1.3]], 0.15),
        ([[TURN[0], -TURN[1], 1.3], [TURN[1], TURN[0], -1.3]], 0.15),
    ],
    ids=["still", "part of a pixel", "pixels", "nearer", "turned"],
)
def test_a_known_motion_is_found(picture, to_before, most_px):
    flow = find_motion(picture, _moved(picture, to_before))
    assert flow[0].shape == flow[1].shape == (SIDE_PX // 2, SIDE_PX // 2)
    assert np.percentile(_errors_px(flow, to_before), 95) < most_px


def test_nothing_moves_on_a_plain_wall():
    rng = np.random.default_rng(4)
    wall, again = (np.clip(120 + rng.normal(0, 2, (SIDE_PX, SIDE_PX)), 0, 255).astype(np.uint8) for _ in range(2))
    assert np.hypot(*find_motion(wall, again)).max() < 0.5


def test_a_plain_picture_has_no_motion():
    flat = np.full((SIDE_PX, SIDE_PX), 77, np.uint8)
    across, down = find_motion(flat, flat + 9)
    assert not across.any()
    assert not down.any()
