"""Ways to compute a network on a GPU, as far as a machine without one can tell them apart."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.errors import BackendError

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
