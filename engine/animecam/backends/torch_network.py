"""One network in PyTorch: drawn as it is at once, and compiled as soon as that is ready."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch is typed in part only.

import logging
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import onnx
import torch

from animecam.backends.base import BackendInfo, BackendOptions
from animecam.backends.later import Later
from animecam.backends.torch_code import Code, OnnxCode
from animecam.backends.torch_compiled import CompiledNetworks
from animecam.backends.torch_compiler import Compiler, compile_aside, problem_with_compiling
from animecam.backends.torch_runs import Compute, PlainRun, Recorder, Run, failures_of
from animecam.cuda.turns import gpu_turn
from animecam.errors import AnimecamError, BackendError
from animecam.once import tell_once

NAME = "torch"
KEPT_SHAPES = 8
COMPILED = ", compiled"
"""What the version says of compiled networks."""

log = logging.getLogger(__name__)


class TorchNetwork:
    """A network on a device for any shape, each made ready when it is first asked for; used by one thread at a time.

    Args:
        path: ONNX file, for the log and the cache.
        model: What is in it.
        device: Where to compute.
        kind: Of the pictures.
        options: `cache_dir` and `allow_compiling` are used.
        compiler: Compiles; None: a process of its own, on GPUs only.
        worth: Times that a shape is drawn before it is compiled.
        most_shapes: So many stay ready, those drawn last; None: all, as somebody may have recorded them.

    Raises:
        BackendError: It has an operator that only other runtimes know, or gets no place on the device.
    """

    def __init__(
        self,
        path: Path,
        model: onnx.ModelProto,
        device: torch.device,
        kind: torch.dtype,
        options: BackendOptions,
        compiler: Compiler | None,
        *,
        worth: int = 1,
        most_shapes: int | None = KEPT_SHAPES,
    ) -> None:
        self._most_shapes = most_shapes
        self.name, self._path, self._device, self._kind = f"{path.parent.name}/{path.name}", path, device, kind
        precision = "f16" if kind == torch.float16 else "f32"
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        self._info = BackendInfo(NAME, torch.__version__, name, precision)
        self._compiled_info = replace(self._info, version=f"{torch.__version__}{COMPILED}")
        with failures_of(path.name):
            self._code: OnnxCode | None = OnnxCode(model, device)
            self._recorder = Recorder(device) if device.type == "cuda" else None
        self._runs: OrderedDict[tuple[int, ...], Run] = OrderedDict()
        self._compiled: dict[tuple[int, ...], Run] = {}
        self._former: dict[tuple[int, ...], Run] = {}
        self._drawn, self._worth = Counter[tuple[int, ...]](), worth
        self._folder, self._stack = options.cache_dir, ExitStack()
        self._compiler = compiler or (compile_aside if device.type == "cuda" else None)
        self._later = Later[tuple[int, ...]](self._overtake, self._give_up, "torch-compile")
        if not options.allow_compiling or kind not in (torch.float16, torch.float32):
            self._compiler = None
        elif compiler is None and self._compiler is not None and (problem := problem_with_compiling(device)):
            told = f"PyTorch's networks are not compiled, which would make them faster: {problem}"
            tell_once(log, logging.INFO, told)
            self._compiler = None

    def info(self, shape: tuple[int, ...]) -> BackendInfo:
        """What computes a shape now."""
        return self._compiled_info if shape in self._compiled else self._info

    @property
    def is_settled(self) -> bool:
        """Whether what draws now will go on drawing."""
        return self._later.is_idle

    def run(self, shape: tuple[int, ...]) -> Run:
        """What draws a shape now, made ready if it is not; it stays good when another one takes over.

        Raises:
            BackendError: It is closed, or the GPU failed.
        """
        if self._code is None:
            raise BackendError(f"{self._path.name} is closed")
        if shape not in self._runs:
            self._make_room(shape)
        compiled = self._compiled.get(shape)
        if compiled is not None and self._runs.get(shape) is not compiled:
            if shape in self._runs:
                self._former[shape] = self._runs[shape]  # whoever has recorded it launches it, maybe
            self._runs[shape] = compiled
        if shape not in self._runs:
            with failures_of(self._path.name):
                code = self._code.write(shape, self._kind)
            self._runs[shape] = self._made(code, shape)
        self._runs.move_to_end(shape)
        return self._runs[shape]

    def note_drawn(self, shape: tuple[int, ...]) -> None:
        """A shape is drawn; after a while, and not only to try it, a compiled form is worth its while."""
        self._drawn[shape] += 1
        if self._drawn[shape] > self._worth and shape not in self._compiled and self._compiler is not None:
            self._later.ask(shape, urgency=shape[0])

    def end(self) -> None:
        """Lets what is being compiled end soon; nothing more will be."""
        self._later.end()

    def close(self) -> None:
        """Frees everything; may be called twice. Nothing of it may be running."""
        if not self._later.close():
            log.warning("%s is still being compiled: its memory is not freed", self.name)
            return
        self._code = None
        self._runs.clear()
        self._compiled.clear()
        self._former.clear()
        self._stack.close()

    def _make_room(self, shape: tuple[int, ...]) -> None:
        """Drops what was drawn longest ago, and what was compiled for shapes that had to go meanwhile."""
        while self._most_shapes is not None and len(self._runs) >= self._most_shapes:
            gone, _ = self._runs.popitem(last=False)
            self._former.pop(gone, None)
        for gone in set(self._compiled) - {*self._runs, shape}:
            del self._compiled[gone]

    def _made(self, compute: Compute, shape: tuple[int, ...]) -> Run:
        with failures_of(self._path.name), torch.inference_mode():
            if self._recorder is None:
                return PlainRun(compute, shape, self._kind)
            return self._recorder.record(compute, shape, self._kind)

    def _overtake(self, shape: tuple[int, ...], is_unwanted: Callable[[], bool]) -> None:
        """Gets the compiled form of a shape; in a thread of its own."""
        assert self._code is not None  # it is dropped when this thread has ended
        if self._folder is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="animecam-")))
        compute = self._compiled_form(self._code.write(shape, self._kind), shape, self._folder, is_unwanted)
        with gpu_turn(is_unwanted) as is_mine:
            if is_mine:
                self._compiled[shape] = self._made(compute, shape)
                log.info("%s at %s is drawn compiled now", self.name, "x".join(map(str, shape)))

    def _compiled_form(
        self, code: Code, shape: tuple[int, ...], folder: Path, is_unwanted: Callable[[], bool]
    ) -> Compute:
        assert self._compiler is not None
        forms = CompiledNetworks(self._path, self._info.precision, self._device, folder, self._compiler)
        with torch.cuda.device(self._device) if self._device.type == "cuda" else ExitStack():
            return forms.get(code, shape, self._kind, is_unwanted).compute

    def _give_up(self, error: AnimecamError) -> None:
        log.warning("%s is not drawn compiled, which would be faster: %s", self.name, error.message)
