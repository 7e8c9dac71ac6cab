"""Runs the benchmarks' scripts in this process, on a style that costs nothing, and keeps what they wrote."""

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from animecam.measure import networks
from animecam.styles.card import FULL, Contract, Rights, StyleCard, Variant
from animecam.styles.registry import file_sha256, user_styles

ROOT = Path(__file__).parents[2]
STYLE = "negative"
LITE = "lite"
TINY = "pattern:160x120@30?live=0"
WIDER = "pattern:200x120@30?live=0"
STYLED = ("--style", STYLE, "--size", "192")
EVEN_DELAY_MS = 20.0
SCRIPTS = {
    "stages": ("stages", (TINY, WIDER, "--frames", "4", *STYLED)),
    "backends": ("backends", ("--style", STYLE, "--size", "64", "--rounds", "3")),
    "scaling": ("scaling", ("--sweep", "faces", "--sweep", "scope", "--sweep", "palette", "--frames", "2", *STYLED)),
    "soak": ("soak", ("pattern:160x120@60", "--minutes", "0.03", "--window", "0.1", *STYLED)),
    "light": ("light", STYLED),
    "flicker": ("flicker", (TINY, "--frames", "4", *STYLED)),
    "pipeline": ("pipeline", ("pattern:160x120@30", "--seconds", "0.5", *STYLED)),
    "convert": ("pipeline", ("pattern:160x120@30?live=0&frames=4", "--encode", *STYLED)),
}
"""Name of the result → script and arguments: a second or two each."""


@pytest.fixture(scope="session")
def bench() -> Callable[[str], ModuleType]:
    """Loads a module of benchmarks/, which is no package; its scripts import each other by bare name."""
    folder = str(ROOT / "benchmarks")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module


@pytest.fixture(scope="session", autouse=True)
def negative_style(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A style that turns colours around; its lite network does so by nine tenths only. It is the reference, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        folder = user_styles() / STYLE
        folder.mkdir(parents=True)
        variants = tuple(_variant(folder, quality, gain) for quality, gain in ((FULL, -1.0), (LITE, -0.9)))
        card = StyleCard(STYLE, "Negative", "For tests.", Contract(), Rights("MIT", "", ""), variants)
        card.save(folder)
        patch.setattr(networks, "REFERENCE_STYLE", STYLE)  # the real one takes a tenth of a second and more a call
        yield


def _variant(folder: Path, quality: str, gain: float) -> Variant:
    path = folder / f"{quality}.onnx"
    shape = ["n", 3, "height", "width"]
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("in", "out")]
    weights = onnx.numpy_helper.from_array((gain * np.eye(3, dtype=np.float32))[:, :, None, None], "weights")
    node = onnx.helper.make_node("Conv", ["in", "weights"], ["out"])
    graph = onnx.helper.make_graph([node], "negative", ports[:1], ports[1:], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return Variant(quality, path.name, file_sha256(path))


@pytest.fixture(scope="session")
def run_script(bench: Callable[[str], ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """`run_script(script, *arguments)`: what the script wrote as JSON, once it ended well."""

    def run(script: str, *arguments: str) -> Any:
        report = tmp_path_factory.mktemp(script) / "report.json"
        result = CliRunner().invoke(bench(script).main, ["--json", str(report), *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(report.read_text(encoding="utf-8"))

    return run


@pytest.fixture(scope="session")
def written(run_script: Callable[..., Any], bench: Callable[[str], ModuleType]) -> Callable[[str], Any]:
    """`written(name)`: what one of SCRIPTS wrote; each runs once, the soak with frames that all come equally late."""
    kept: dict[str, Any] = {}
    soak = bench("soak")

    class EvenSink(soak.DelaySink):
        """How late they come in two seconds is up to whoever shares the cores, and what is said of it with that."""

        def take(self) -> list[float]:
            return [EVEN_DELAY_MS] * len(super().take())

    class EvenWork(soak.Work):
        """Likewise."""

        def take(self) -> float:
            return EVEN_DELAY_MS / 2

    def get(name: str) -> Any:
        if name not in kept:
            script, arguments = SCRIPTS[name]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(soak, "DelaySink", EvenSink)
                patch.setattr(soak, "Work", EvenWork)
                kept[name] = run_script(script, *arguments)
        return kept[name]

    return get


@pytest.fixture(scope="session")
def spoken_clip(tmp_path_factory: pytest.TempPathFactory, load_module: Callable[[str], ModuleType]) -> Path:
    """A clip of the portrait with a sound track, made by tests/engine/media.py."""
    media = load_module("engine/media.py")
    path = tmp_path_factory.mktemp("clip") / "spoken.mp4"
    return media.make_clip(path, width_px=160, height_px=120, frames=4, audio=True, content=media.portrait)


class HandClock:
    """Stands for the module `time`: passes when somebody works or sleeps."""

    def __init__(self) -> None:
        self._now_ns = 0

    def work(self, ms: int) -> None:
        self._now_ns += ms * 1_000_000

    def sleep(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    def perf_counter_ns(self) -> int:
        return self._now_ns

    def monotonic(self) -> float:
        return self._now_ns / 1e9


@pytest.fixture
def clock() -> HandClock:
    """A clock that only the test moves."""
    return HandClock()


@pytest.fixture
def report(bench: Callable[[str], ModuleType]) -> ModuleType:
    """benchmarks/report.py."""
    return bench("report")
