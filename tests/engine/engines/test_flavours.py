"""Which TensorRT serves which GPU, and what to install where none does."""

import pytest

from animecam.engines import flavour as flavours
from animecam.engines.flavour import CLASSIC, RTX, choose_flavour, rtx_supports
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


@pytest.mark.parametrize("names", [(), (RTX,), (CLASSIC,), (RTX, CLASSIC)])
@pytest.mark.parametrize("capability", [(6, 1), (7, 0)])
def test_for_a_gpu_that_is_too_old_nothing_is_to_be_installed(monkeypatch: pytest.MonkeyPatch, names, capability):
    monkeypatch.setattr(flavours, "installed", lambda: names)
    with pytest.raises(BackendError, match=r"from compute capability 7\.5 on, and this one has [67]\.[01]") as caught:
        choose_flavour(capability)
    assert "pip install" not in caught.value.hint
    assert "--backend openvino" in caught.value.hint
