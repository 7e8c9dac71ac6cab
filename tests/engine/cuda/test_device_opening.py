"""Which styles the frame path on a GPU takes: its kernels write and read pictures in one way only."""

from dataclasses import replace

import pytest

from animecam.backends import tensorrt_
from animecam.backends.base import BackendChoice, BackendOptions
from animecam.drawing import device_opening
from animecam.drawing.device_opening import open_device_style
from animecam.errors import BackendError
from animecam.styles.card import Layout, PixelType
from animecam.styles.registry import find_style

SIZE_PX = 192


@pytest.mark.parametrize("port", ["input", "output"])
@pytest.mark.parametrize(
    ("change", "is_taken"),
    [({"layout": Layout.NHWC}, False), ({"black": 0.0}, False), ({"pixel_type": PixelType.FLOAT16}, True)],
)
def test_only_pictures_that_lie_as_crops_do_are_taken(port, change, is_taken, monkeypatch):
    style = find_style("cel")
    coding = replace(getattr(style.card.contract, port), **change)
    card = replace(style.card, contract=replace(style.card.contract, **{port: coding}))
    monkeypatch.setattr(device_opening, "find_style", lambda _: replace(style, card=card))
    monkeypatch.setattr(tensorrt_, "TensorRtDevice", lambda *_: "opened")
    if is_taken:
        assert open_device_style("cel", SIZE_PX, BackendOptions(), BackendChoice.TENSORRT) == "opened"
        return
    with pytest.raises(BackendError, match="as they are cropped"):
        open_device_style("cel", SIZE_PX, BackendOptions(), BackendChoice.TENSORRT)
