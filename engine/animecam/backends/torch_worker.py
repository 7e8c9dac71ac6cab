"""Compiles one network for one shape, in a process of its own (see `torch_compiler`), and leaves it in a file.

    python -m animecam.backends.torch_worker NETWORK.onnx FILE cuda:0 f16 1 3 512 512

It ends when its standard input does: with the program that started it, however that ends.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false, reportArgumentType=false
# torch is typed in part only, and what compiles ahead of time has no public name.

import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

import torch
import torch._inductor

from animecam.backends.torch_code import OnnxCode
from animecam.backends.torch_ops import read_model
from animecam.backends.torch_runs import blank

NICENESS = 19
"""Whoever draws goes first."""

KINDS = {"f16": torch.float16, "f32": torch.float32}


def main(arguments: Sequence[str]) -> None:
    """Compiles what the arguments name."""
    threading.Thread(target=_end_with_the_caller, name="caller", daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    model, target, where, kind, *sides = arguments
    device, shape = torch.device(where), tuple(map(int, sides))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    compile_network(Path(model), Path(target), device, KINDS[kind], shape)


def compile_network(model: Path, target: Path, device: torch.device, kind: torch.dtype, shape: tuple[int, ...]) -> None:
    """Compiles a network and writes it to a file, whole or not at all.

    Args:
        model: ONNX file.
        target: Where it is to be.
        device: Where it will run.
        kind: Of the pictures.
        shape: Of all pictures together.
    """
    code = OnnxCode(read_model(model), device).write(shape, kind)
    given = [blank(shape, kind, device), *code.weights]
    partial = target.with_name(f".partial-{os.getpid()}-{target.name}")
    with torch.no_grad():
        compiled = torch._inductor.standalone_compile(code.module, given, dynamic_shapes="from_example_inputs")
        compiled(*given)  # kernels are measured at their first run; what was chosen is kept beside them
    try:
        compiled.save(path=str(partial), format="binary")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _end_with_the_caller() -> None:
    while os.read(sys.stdin.fileno(), 1):  # not by sys.stdin, whose lock this thread would still hold at the end
        pass
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with the C compilers that it has started: they would go on for seconds
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told to the caller
        traceback.print_exc()
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        sys.exit(f"{type(error).__name__}: {reason}")  # PyTorch's own last lines are advice for its developers
