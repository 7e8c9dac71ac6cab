"""What the benchmark measures TensorRT against: the naive form loads for every call, and does nothing beyond that."""

import importlib
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.styles.registry import find_style, verified_half
from animecam.types import Color, Frame, PixelFormat, allocate_planes

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
CEL = find_style("cel")


def test_the_naive_form_loads_an_engine_and_runs_it_once(gpu, runtime, warm_cache: Path, opened):
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    ways = importlib.import_module("gpu_ways")
    planes, packed = allocate_planes(PixelFormat.RGB24, 96, 96)
    packed[...] = np.random.default_rng(0).integers(0, 256, packed.shape, np.uint8)
    frame = Frame(planes, PixelFormat.RGB24, Color(), 0, 0, 0, 1, 0, packed=packed)
    with ExitStack() as stack:
        options = BackendOptions(cache_dir=warm_cache, gpu=0)
        files = CEL.model_path(), verified_half(CEL)
        naive = ways._naive(stack, gpu, CEL.card.contract, 32, *files, options, frame)
        naive()  # builds
        contexts = len(runtime.contexts)
        drawn = naive()
        assert [dict(context.ran) for context in runtime.contexts[contexts:] if context.ran] == [{1: 1}]
        assert not np.array_equal(drawn.planes[0], planes[0])
