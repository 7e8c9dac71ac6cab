"""The INT8 networks that ship: what OpenVINO makes of them, at more than one size, is what float32 draws."""

from contextlib import closing
from importlib import resources

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.styles.network import open_style
from animecam.styles.registry import list_styles, verified_int8

LEAST_DB = 35.0
QUANTISED = [style.name for style in list_styles() if verified_int8(style) is not None]


def test_some_ship():
    assert {"cel", "starter"} <= {*QUANTISED}


@pytest.mark.parametrize("name", QUANTISED)
def test_it_draws_what_float32_draws(name):
    with resources.as_file(resources.files("animecam") / "assets/astronaut.jpg") as file:
        portrait = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    options = BackendOptions(threads=1)
    with (
        closing(open_style(name, BackendChoice.OPENVINO, options)) as quantised,
        closing(open_style(name, BackendChoice.ONNXRUNTIME, options)) as exact,
    ):
        assert quantised.info.precision == "int8"
        for width_px, height_px in ((192, 192), (256, 256), (320, 240), (192, 192)):
            picture = cv2.resize(portrait, (width_px, height_px), interpolation=cv2.INTER_AREA)
            pairs = zip(quantised((picture, picture)), exact((picture, picture)), strict=True)
            for drawn, wanted in pairs:
                error = np.mean((drawn.astype(float) - wanted) ** 2)
                assert 10 * np.log10(255**2 / error) > LEAST_DB
