"""Engines that are built ahead of time: those that are good are kept, and a style of one's own gets its own."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

from animecam.cli import main
from animecam.engines import ahead, ports
from animecam.engines.ahead import Networks, Place, build_ahead, is_built, open_place
from animecam.engines.build import quiet
from animecam.errors import BackendError, DeviceMemoryError, EngineRefusedError
from animecam.styles.card import LITE
from animecam.styles.registry import BUNDLED, find_style, verified_half, verified_model

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")


def test_the_build_command_keeps_what_is_good(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = ["build", "--style", "cel", "--size", "192"]
    assert main(words) == 0
    assert "in " in capsys.readouterr().out
    engines = list((tmp_path / "animecam" / "models").glob("*.engine"))
    assert [engine.name for engine in engines] == ["cel-model.fp16-3x192x192-b4-tensorrt-rtx-portable.engine"]
    written = engines[0].stat().st_mtime_ns
    assert main(words) == 0
    assert "kept" in capsys.readouterr().out
    assert engines[0].stat().st_mtime_ns == written
    assert main(["build", "--size", "250"]) == 2


@pytest.mark.parametrize("has_driver", [True, False])
def test_a_driver_that_fails_is_told_before_engines_are_built_for_others(tmp_path, monkeypatch, caplog, has_driver):
    def fail(index: int):
        raise BackendError("the NVIDIA driver knows CUDA up to 12, 13 is needed", hint="update the driver of this GPU")

    monkeypatch.setattr(ahead, "open_gpu", fail)
    monkeypatch.setattr(ahead, "has_nvidia_driver", lambda: has_driver)
    with ExitStack() as stack:
        place = open_place(None, tmp_path, stack)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    if has_driver:
        (told,) = warnings
        assert told.endswith(": the NVIDIA driver knows CUDA up to 12, 13 is needed; update the driver of this GPU")
        assert place.name == "other machines' GPUs, as the one here does not work"
    else:
        assert not warnings
        assert place.name == "other machines' GPUs, as there is none here"


def test_a_style_of_ones_own_is_built_in_fp32(tmp_path: Path):
    folder = tmp_path / "cel"
    shutil.copytree(BUNDLED / "cel", folder)
    with ExitStack() as stack:
        place = open_place(None, tmp_path, stack)
        if place.gpu is not None:
            pytest.skip("there is a GPU here: -m gpu tests it")
        (engine,) = build_ahead(place, Networks("cel", folder / "model.onnx", None), [64], quiet)
    assert engine.record.key.precision == "f32"
    layers = json.loads(engine.path.with_suffix(".json").read_text())["layers"]
    assert layers["CONVOLUTION FLOAT"] == 14 + 13  # the blocks and the head, and the mix in each LADE


def test_the_lite_networks_are_built_where_they_are_asked_for(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["build", "--style", "cel", "--size", "192", "--quality", "lite"]) == 0
    engines = (tmp_path / "animecam" / "models").glob("*.engine")
    assert [engine.name for engine in engines] == ["cel-lite.fp16-3x192x192-b4-tensorrt-rtx-portable.engine"]


@pytest.fixture
def on_fakes(fakes: ModuleType, tmp_path: Path):
    """The lite network of `cel`, and a place with a GPU and a runtime that are fakes."""
    style = find_style("cel")
    networks = Networks("cel", verified_model(style, LITE), verified_half(style, LITE))
    runtime = fakes.FakeRuntime(networks.model)
    place = Place(runtime.flavour, fakes.FakeGpu(), tmp_path)
    yield runtime, place, networks
    assert not place.gpu.open, "memory was not given back"


def test_what_was_compiled_of_a_good_engine_is_there_for_the_first_start(on_fakes, tmp_path: Path):
    runtime, place, networks = on_fakes
    (engine,) = build_ahead(place, networks, [64], quiet)
    (jit,) = tmp_path.glob("*.jit")
    assert jit.name == f"{engine.path.stem}-Fake-RTX-4090.jit"
    assert jit.read_bytes() == b"kernels"
    (session,) = runtime.sessions
    assert {count for context in session for count in context.ran} == {
        1,
        2,
        3,
        4,
    }  # each number of pictures is compiled for itself


@pytest.mark.parametrize("fails", ["build", "check"])
def test_short_memory_makes_an_engine_for_fewer_pictures_and_says_so(on_fakes, caplog, fails: str):
    runtime, place, networks = on_fakes
    setattr(runtime, "builds_refused" if fails == "build" else "contexts_refused", 2)
    (engine,) = build_ahead(place, networks, [64], quiet)
    assert engine.record.key.max_batch == 1
    assert is_built(place, networks.half, 64)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [text.rpartition("; ")[2] for text in told] == [
        f"{networks.half.name} takes {count} pictures at a time instead" for count in (2, 1)
    ]


def test_without_memory_for_one_picture_a_build_is_an_error(on_fakes, tmp_path: Path):
    runtime, place, networks = on_fakes
    runtime.builds_refused = 3
    with pytest.raises(DeviceMemoryError, match="cannot build an engine"):
        list(build_ahead(place, networks, [64], quiet))
    assert not list(tmp_path.glob("*.engine"))


def test_nothing_is_kept_of_an_engine_that_is_refused(on_fakes, tmp_path: Path):
    runtime, place, networks = on_fakes
    runtime.error = 0.2
    with pytest.raises(EngineRefusedError, match="draws something else"):
        list(build_ahead(place, networks, [64], quiet))
    assert not list(tmp_path.glob("*.jit"))


def test_whether_an_engine_is_there_is_found_out_without_a_builder(on_fakes, tmp_path: Path, monkeypatch):
    _, place, networks = on_fakes
    assert not is_built(place, networks.half, 64)
    list(build_ahead(place, networks, [64], quiet))
    monkeypatch.setattr(ports, "parse_network", lambda *_: pytest.fail("a builder takes seconds"))
    assert is_built(place, networks.half, 64)
    assert not is_built(place, networks.half, 72)
    assert not is_built(Place(place.flavour, None, tmp_path), networks.half, 64)
