"""Guards against getting slower: ratios of costs within one run, never seconds.

A cost is the processor time of the calling thread, everything on one thread, and the least of several turns: what other
programs do on the same cores does not count, so the limits can be tight enough to notice a broken property.
"""

import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.faces.geometry import upright_region
from animecam.render.base import FindPersons
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.settings import Look
from animecam.styles.card import FULL, LITE
from animecam.styles.registry import find_style
from animecam.types import Color, Frame, PixelFormat, Region, allocate_planes

VGA, UHD = (854, 480), (3840, 2160)  # twenty times the pixels
HEAD_PX, CROP_PX = 300.0, 256
HEAD_LOOK = Look()

SMALL_SHARE = 0.3  # of the full DTGAN; measured: 0.19 to 0.20
LITE_SHARE = 0.45  # of the style's own network, at the size that is drawn; measured: 0.39 to 0.42
SIZE_GROWTH = (2.5, 6.0)  # four times the pixels; measured: 4.0 to 4.1. The governor counts on it
FRAME_GROWTH_CROP = 2.5  # of what a crop costs; measured: 0.8 to 1.4
FRAME_GROWTH_PASTE = 3.5  # of what putting back costs; measured: 1.7
FACES_GROWTH = 1.5  # over proportion; measured: 1.0 to 1.1
SCAN_GROWTH = 11.0  # of the small copy in which faces are looked for, which averages all pixels; measured: 5.9 to 7.4

pytestmark = pytest.mark.usefixtures("one_opencv_thread")


@pytest.fixture(scope="module")
def least_costs(costs):
    """The calling thread does all of the work."""
    return partial(costs.least_costs, time.thread_time)


def filmed(width_px: int, height_px: int) -> Frame:
    planes, packed = allocate_planes(PixelFormat.YUV420P, width_px, height_px)
    packed[:] = np.random.default_rng(1).integers(16, 235, packed.shape, np.uint8)
    return Frame(planes, PixelFormat.YUV420P, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed)


def heads(count: int) -> tuple[Region, ...]:
    """Heads of one size in frame pixels, one beside the other, a little turned."""
    scale, turn = HEAD_PX / CROP_PX, 0.1
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return tuple(
        Region(number, CROP_PX, CROP_PX, np.column_stack([matrix, (60.0 + number * 350.0, 40.0)]))
        for number in range(count)
    )


def network(style: str, size_px: int, quality: str = FULL) -> Callable[[], object]:
    path = find_style(style).model_path(quality)
    backend = open_backend(path, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    batch = np.zeros((1, 3, size_px, size_px), np.float32)
    return lambda: backend.run(batch)


def test_the_style_for_processors_costs_a_fraction_of_the_full_network(least_costs):
    small, full = least_costs(network("cel", 128), network("starter", 128))
    assert small < SMALL_SHARE * full


def test_a_lite_network_costs_less_than_half_of_the_style_s_own(least_costs):
    lite, full = least_costs(network("cel", 256, LITE), network("cel", 256))
    assert lite < LITE_SHARE * full


def test_the_network_grows_with_the_pixels_of_the_crop(least_costs):
    small, large = least_costs(network("cel", 128), network("cel", 256))
    assert SIZE_GROWTH[0] < large / small < SIZE_GROWTH[1]


def test_a_crop_costs_the_same_whatever_the_frame(least_costs):
    ops, (head,) = CpuImageOps(), heads(1)
    small, large = (filmed(*size) for size in (VGA, UHD))
    at_vga, at_uhd = least_costs(lambda: ops.crop(small, head), lambda: ops.crop(large, head))
    assert at_uhd < FRAME_GROWTH_CROP * at_vga


def compositing(persons: FindPersons, frame: Frame, regions: tuple[Region, ...]) -> Callable[[], object]:
    """Puts drawings back into a frame: match, mask, paste."""
    ops = CpuImageOps()
    compose = Compositor(ops, persons)
    pictures = tuple(ops.crop(frame, region) for region in regions)
    drawn = tuple(255 - picture for picture in pictures)
    return lambda: compose(frame, regions, pictures, drawn, HEAD_LOOK)


def test_putting_a_head_back_costs_the_head_and_at_most_a_copy_of_the_frame(least_costs, no_persons):
    """A frame that others may still read is copied, once. A full-frame conversion would be twenty times the cost."""
    at_vga, at_uhd = least_costs(*(compositing(no_persons, filmed(*size), heads(1)) for size in (VGA, UHD)))
    assert at_uhd < FRAME_GROWTH_PASTE * at_vga


def test_faces_cost_in_proportion(least_costs):
    frame = filmed(*UHD)
    ops = CpuImageOps()

    def cropping(regions: tuple[Region, ...]) -> Callable[[], object]:
        return lambda: [ops.crop(frame, region) for region in regions]

    one, eight = least_costs(cropping(heads(1)), cropping(heads(8)))
    assert eight < 8 * FACES_GROWTH * one


def test_the_copy_in_which_faces_are_looked_for_costs_less_than_the_pixels_it_averages(least_costs):
    """A conversion of the whole frame before it is made small would cost as many times more as there are pixels."""
    ops = CpuImageOps()
    small, large = (filmed(*size) for size in (VGA, UHD))
    at_vga, at_uhd = least_costs(
        lambda: ops.glimpse(small, upright_region(small, 192)), lambda: ops.glimpse(large, upright_region(large, 192))
    )
    assert at_uhd < SCAN_GROWTH * at_vga
