"""Ways to compute a network on a GPU, as far as a machine without one can tell them apart."""

import importlib
import sys
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.errors import BackendError
from animecam.styles.registry import find_style, verified_model

CUDA, PROCESSOR = "CUDAExecutionProvider", "CPUExecutionProvider"


class Session:
    """Stands for a session of an ONNX Runtime with CUDA, which has the providers that could be loaded."""

    def __init__(self, loaded):
        self._loaded = loaded

    def get_providers(self):
        return self._loaded

    def get_inputs(self):
        return [SimpleNamespace(name="picture")]

    def run(self, outputs, inputs):
        return [inputs["picture"]]


@pytest.fixture
def opened(bench, monkeypatch, tmp_path):
    """`opened(providers)`: the way by an ONNX Runtime that could load those."""

    def open_way(loaded):
        runtime = SimpleNamespace(
            get_available_providers=lambda: [CUDA, PROCESSOR],
            InferenceSession=lambda path, providers: Session(loaded),
        )
        monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
        batch = np.zeros((1, 3, 8, 8), np.float32)
        return bench("gpu_ways")._onnxruntime(tmp_path / "model.onnx", BackendOptions(gpu=0), batch)

    return open_way


def test_an_onnx_runtime_that_fell_back_to_the_processor_is_not_timed_as_cuda(opened):
    with pytest.raises(BackendError, match="cannot load its CUDA provider"):
        opened([PROCESSOR])


def test_an_onnx_runtime_with_cuda_is_a_way(opened):
    (drawn,) = opened([CUDA, PROCESSOR])()
    assert drawn.shape == (1, 3, 8, 8)


def test_without_torch_the_other_ways_are_there(bench, monkeypatch, capsys):
    """As on a machine that has TensorRT and never had PyTorch."""
    ways = bench("gpu_ways")
    for name in [name for name in sys.modules if name.startswith("animecam.backends.torch_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    others = ("ours", "onnxruntime", "naive")
    opened = dict.fromkeys(others, lambda: None)

    def ours(_stack, choice, *_):
        if choice is BackendChoice.TORCH:
            raise BackendError("torch cannot be imported")
        return opened["ours"]

    monkeypatch.setattr(ways, "_ours", ours)
    for name in others[1:]:
        monkeypatch.setattr(ways, f"_{name}", lambda *_, name=name: opened[name])
    with ExitStack() as stack:
        found = ways.network_ways(stack, None, "negative", 8, BackendOptions(gpu=0), None)
    assert list(found) == ["TensorRT", "ONNX Runtime, CUDA", "naive"]
    said = capsys.readouterr().out
    for name in ("torch, half, compiled", "torch, eager, fp32"):
        assert f"without {name}: torch cannot be imported" in said


def test_single_precision_is_not_rounded_to_tf32(bench, monkeypatch, one_torch_thread):
    """Where the network runs, and only there: the other ways keep what they had."""
    torch, code = importlib.import_module("torch"), importlib.import_module("animecam.backends.torch_code")
    cudnn, seen = torch.backends.cudnn, []
    usual = code.Code.__call__

    def noted(self, pictures):
        seen.append((cudnn.allow_tf32, cudnn.conv.fp32_precision, cudnn.enabled, cudnn.benchmark))
        return usual(self, pictures)

    monkeypatch.setattr(code.Code, "__call__", noted)
    batch = np.random.default_rng(0).uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)
    model = verified_model(find_style("negative"))
    with cudnn.flags(enabled=True, benchmark=True, allow_tf32=True):
        way = bench("gpu_ways").in_single(model, torch.device("cpu"), batch)
        (drawn,) = way()
        assert cudnn.allow_tf32
        assert cudnn.benchmark
    np.testing.assert_array_equal(drawn.numpy(), -batch)
    ((allows, precision, is_enabled, is_chosen),) = seen
    assert not allows
    assert precision != "tf32"
    assert is_enabled
    assert is_chosen
