"""What a frame costs besides its network, as shares of what ran beside it: seconds would say more of the machine."""

import time
from functools import partial

import cv2
import numpy as np
import pytest

from animecam.drawing.networks import open_networks
from animecam.render.calm import Calm
from animecam.render.idle import Idle
from animecam.render.resample import resample
from animecam.settings import Look, Settings
from animecam.styles.card import FULL
from animecam.types import Region

SIZE_PX = 256
HEAD_PX = 1680  # of a head in a 2160p frame

pytestmark = pytest.mark.usefixtures("one_opencv_thread")


@pytest.fixture(scope="module")
def least_costs(costs):
    """Runtimes compute in threads of their own."""
    return partial(costs.least_costs, time.process_time)


@pytest.fixture(scope="module")
def networks():
    with open_networks(Settings(Look(size_px=SIZE_PX), threads=1)) as opened:
        yield opened


@pytest.fixture
def crops():
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX]
    first = np.stack([60 + x // 2, 60 + y // 2, 120 + 40 * np.sin(x / 9)], axis=2).astype(np.uint8)
    return first, np.roll(first, 1, axis=1)


def test_a_frame_is_made_small_for_less_than_one_average_of_all_its_pixels(least_costs):
    plane = np.random.default_rng(1).integers(0, 256, (2160, 3840)).astype(np.uint8)
    shrink = np.array([[20.0, 0.0, 0.0], [0.0, 20.0, 0.0]])
    ours, plain = least_costs(
        lambda: resample(plane, shrink, 192, 108),
        lambda: cv2.resize(plane, (192, 108), interpolation=cv2.INTER_AREA),
    )
    assert ours < 0.8 * plain  # 0.25 measured


def test_calming_costs_a_small_part_of_the_network(least_costs, networks, crops):
    calm, draw, region = Calm(), networks.draw("cel", FULL), Region(0, SIZE_PX, SIZE_PX, np.eye(2, 3))
    count = 0

    def calmed():
        nonlocal count
        count += 1
        crop = crops[count % 2]
        calm("cel", [region], [crop], [crop])

    calmed()
    calming, drawing = least_costs(calmed, lambda: draw([crops[0]]))
    assert calming < 0.25 * drawing  # 0.13 to 0.15 measured


def test_finding_out_that_the_network_may_rest_costs_next_to_nothing(least_costs, networks, crops):
    idle, draw, region = Idle(), networks.draw("cel"), Region(0, SIZE_PX, SIZE_PX, np.eye(2, 3))
    idle.remember(draw, [region], [crops[0]], [crops[0]])
    looking, drawing = least_costs(lambda: idle.kept(draw, [region], [crops[0]]), lambda: draw([crops[0]]))
    assert looking < 0.05 * drawing
