"""What is fp32 in a network is computed in fp32, and engines of before that may do otherwise are built anew."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from animecam.engines import build
from animecam.engines.build import build_engine
from animecam.engines.flavour import RTX, Flavour, load_flavour
from animecam.engines.network import parse_network
from animecam.engines.store import key_for
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")


class WithoutTf32:
    """The module `tensorrt_rtx` of a version that has no such flag."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.BuilderFlag = SimpleNamespace(REQUIRE_USER_ALLOCATION=real.BuilderFlag.REQUIRE_USER_ALLOCATION)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize("has_flag", [True, False])
def test_builders_are_told_not_to_round_fp32(monkeypatch: pytest.MonkeyPatch, has_flag: bool):
    configs, set_batch = [], build._set_batch

    def note(flavour: Flavour, builder: Any, config: Any, *rest: Any) -> None:
        configs.append(config)
        set_batch(flavour, builder, config, *rest)

    monkeypatch.setattr(build, "_set_batch", note)
    rtx, model = load_flavour(RTX), verified_half(find_style("cel"))
    flavour = rtx if has_flag else replace(rtx, api=WithoutTf32(rtx.api))
    key = key_for(flavour, None, model, parse_network(flavour, model).ports, (3, 32, 32), 4)
    assert build_engine(flavour, model, key).data
    (config,) = configs
    assert config.get_flag(rtx.api.BuilderFlag.TF32) is not has_flag


def test_an_engine_of_before_is_built_anew_once_and_says_why(gpu, runtime, tmp_path: Path, opened, pictures, caplog):
    def run() -> None:
        gpu.is_closed = False
        backend = opened(tmp_path)
        backend.run(pictures())
        backend.close()

    run()
    (record,) = tmp_path.glob("*.json")
    values = json.loads(record.read_text())
    del values["key"]["settings"]
    record.write_text(json.dumps(values))
    run()
    run()
    (told,) = (line for line in caplog.messages if "built anew" in line)
    assert told.endswith("built anew: it was built for something else: settings default is not TF32 off")
