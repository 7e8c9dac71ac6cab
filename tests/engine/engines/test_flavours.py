"""Which TensorRT serves which GPU, and what to install where none does."""

import importlib
import logging
from types import SimpleNamespace

import pytest

from animecam.engines import flavour as flavours
from animecam.engines.flavour import CLASSIC, RTX, choose_flavour, load_flavour, rtx_supports
from animecam.errors import BackendError
from animecam.once import tell_once

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
    assert '`backend="openvino"`' in caught.value.hint


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """Both packages are installed; after `both(RTX)` that one alone can be loaded, which gives its name."""
    tell_once.cache_clear()
    caplog.set_level(logging.INFO, logger="animecam")
    monkeypatch.setattr(flavours, "installed", lambda: (RTX, CLASSIC))

    def working(*names: str) -> None:
        def load(name: str) -> str:
            if name not in names:
                raise BackendError(f"{name} cannot be imported: libcudart.so.13", hint=f"pip install {name}")
            return name

        monkeypatch.setattr(flavours, "load_flavour", load)

    yield working
    tell_once.cache_clear()


def test_why_the_other_package_is_taken_for_a_gpu_is_said_once(both, caplog: pytest.LogCaptureFixture):
    both(RTX, CLASSIC)
    assert [choose_flavour((9, 0)) for _ in range(2)] == [CLASSIC] * 2
    (told,) = caplog.messages
    assert told.startswith("tensorrt is taken: tensorrt-rtx does not support compute capability 9.0")
    caplog.clear()
    assert choose_flavour((8, 9)) == RTX
    assert not caplog.messages


def test_a_package_that_cannot_be_loaded_leaves_the_gpu_to_the_other(both, caplog: pytest.LogCaptureFixture):
    both(CLASSIC)
    assert [choose_flavour((8, 9)) for _ in range(2)] == [CLASSIC] * 2
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert told.getMessage() == (
        "tensorrt-rtx is not usable, tensorrt is: "
        "tensorrt-rtx cannot be imported: libcudart.so.13; pip install tensorrt-rtx"
    )


def test_where_neither_can_be_loaded_the_first_choice_is_what_to_mend(both, monkeypatch: pytest.MonkeyPatch):
    both()
    with pytest.raises(BackendError, match="tensorrt-rtx cannot be imported") as caught:
        choose_flavour((8, 9))
    assert caught.value.__cause__ is None
    monkeypatch.setattr(flavours, "installed", lambda: (RTX,))
    with pytest.raises(BackendError, match="tensorrt-rtx cannot be imported"):
        choose_flavour((8, 9))


@pytest.mark.parametrize(
    ("name", "version", "needed"), [(RTX, "1.3.0.35", "1.4"), (RTX, "0.9", "1.4"), (CLASSIC, "10.9.0.34", "10.12")]
)
def test_a_package_that_is_too_old_says_what_to_do(monkeypatch: pytest.MonkeyPatch, name, version, needed):
    """Its bindings lack names that are used here, which would be told as an AttributeError."""
    monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace(__version__=version))
    with pytest.raises(BackendError, match=f"^{name} {version} is too old, {needed} is needed$") as caught:
        load_flavour.__wrapped__(name)  # what was loaded before is remembered
    assert caught.value.hint == f"pip install -U {name}"
