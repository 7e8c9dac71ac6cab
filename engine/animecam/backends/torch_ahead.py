"""Compiles networks for PyTorch before they are needed."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import torch

from animecam.backends.torch_code import OnnxCode
from animecam.backends.torch_compiled import Compiled, CompiledNetworks
from animecam.backends.torch_compiler import Compiler, compile_aside, problem_with_compiling
from animecam.backends.torch_ops import read_model
from animecam.backends.torch_runs import failures_of
from animecam.errors import BackendError

_CHANNELS = 3


def compile_ahead(
    model: Path,
    half: Path | None,
    sizes_px: Sequence[int],
    device: str,
    folder: Path,
    is_unwanted: Callable[[], bool],
    compiler: Compiler = compile_aside,
) -> Generator[Compiled]:
    """Gives the compiled network of a style for each size, one picture at a time, from the cache if it is there.

    Args:
        model: In fp32.
        half: In fp16; None takes the other one.
        sizes_px: Sides of the square pictures.
        device: Where it will run: "cuda:0".
        folder: The cache.
        is_unwanted: Asked now and then; a true answer ends it.
        compiler: Compiles.

    Raises:
        BackendError: Nothing can be compiled here, or what is compiled draws something else.
    """
    path, place = half or model, torch.device(device)
    if problem := problem_with_compiling(place):
        raise BackendError(f"nothing can be compiled for PyTorch here: {problem}")
    kind = torch.float16 if half is not None else torch.float32
    with failures_of(path.name):
        network = OnnxCode(read_model(path), place)
    forms = CompiledNetworks(path, "f16" if half is not None else "f32", place, folder, compiler)
    for size_px in sizes_px:
        shape = (1, _CHANNELS, size_px, size_px)
        with failures_of(path.name):
            code = network.write(shape, kind)
        yield forms.get(code, shape, kind, is_unwanted, try_again=True)
