"""Which TensorRT serves which GPU, and what to install where none does."""

import pytest

from animecam.engines import flavour as flavours
from animecam.engines.flavour import RTX, choose_flavour, rtx_supports
from animecam.errors import BackendError

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")


@pytest.mark.parametrize(
    ("capability", "supported"),
    [
        ((7, 0), False),
        ((7, 5), True),
        ((8, 0), True),
        ((8, 9), True),
        ((9, 0), False),
        ((10, 0), False),
        ((12, 0), True),
    ],
)
def test_rtx_lists_its_gpus(capability: tuple[int, int], supported: bool):
    assert rtx_supports(capability) is supported


def test_a_gpu_that_rtx_does_not_support_needs_the_other_package(monkeypatch: pytest.MonkeyPatch):
    assert choose_flavour((8, 6)).name == RTX
    monkeypatch.setattr(flavours, "installed", lambda: (RTX,))
    with pytest.raises(BackendError, match=r"does not support compute capability 9\.0") as caught:
        choose_flavour((9, 0))
    assert "animecam[tensorrt]" in caught.value.hint
    monkeypatch.setattr(flavours, "installed", tuple)
    with pytest.raises(BackendError, match="neither tensorrt-rtx nor tensorrt") as caught:
        choose_flavour((8, 6))
    assert "animecam[tensorrt-rtx]" in caught.value.hint
