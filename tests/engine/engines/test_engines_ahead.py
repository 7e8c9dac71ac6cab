"""Engines that are built ahead of time: those that are good are kept, and a style of one's own gets its own."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from animecam.cli import main
from animecam.engines.ahead import Networks, build_ahead, open_place
from animecam.engines.build import quiet
from animecam.styles.registry import BUNDLED

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
