"""The INT8 networks that ship: what OpenVINO makes of them, at more than one size, is what float32 draws."""

import time
from contextlib import closing
from dataclasses import replace
from importlib import resources

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.styles.card import FULL, LITE
from animecam.styles.network import open_style
from animecam.styles.registry import list_styles, verified_int8

LEAST_DB = 35.0
WAIT_SECONDS = 120.0  # of a busy machine
QUANTISED = [
    (style.name, variant.quality)
    for style in list_styles()
    for variant in style.card.variants
    if style.is_bundled and verified_int8(style, variant.quality) is not None
]


def test_some_ship():
    assert {("cel", FULL), ("cel", LITE), ("starter", FULL)} <= {*QUANTISED}


@pytest.mark.parametrize(("name", "quality"), QUANTISED)
def test_it_draws_what_float32_draws(name, quality):
    with resources.as_file(resources.files("animecam") / "assets/astronaut.jpg") as file:
        portrait = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    options = BackendOptions(threads=1)
    with (
        closing(open_style(name, BackendChoice.OPENVINO, options, quality)) as quantised,
        closing(open_style(name, BackendChoice.ONNXRUNTIME, options, quality)) as exact,
    ):
        assert quantised.info.precision == "int8"
        for width_px, height_px in ((192, 192), (256, 256), (320, 240), (192, 192)):
            picture = cv2.resize(portrait, (width_px, height_px), interpolation=cv2.INTER_AREA)
            pairs = zip(quantised((picture, picture)), exact((picture, picture)), strict=True)
            for drawn, wanted in pairs:
                error = np.mean((drawn.astype(float) - wanted) ** 2)
                assert 10 * np.log10(255**2 / error) > LEAST_DB


def test_where_sizes_change_float32_draws_until_the_bytes_are_ready():
    picture = np.full((64, 64, 3), 90, np.uint8)
    options = BackendOptions(threads=1, sizes_change=True, allow_bf16=False)
    with closing(open_style("cel", BackendChoice.OPENVINO, options, LITE)) as net:
        assert net.info.precision == "f32"
        net((picture,))
        end_s = time.monotonic() + WAIT_SECONDS
        while not net.is_settled:
            assert time.monotonic() < end_s
            net((picture,))
        assert net.info.precision == "int8"
        (drawn,) = net((picture,))
        net((np.full((72, 72, 3), 90, np.uint8),))
        assert net.info.precision == "f32"  # for another size
    with closing(open_style("cel", BackendChoice.OPENVINO, replace(options, sizes_change=False), LITE)) as net:
        np.testing.assert_array_equal(drawn, net((picture,))[0])
