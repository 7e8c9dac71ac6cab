"""From a network to its compiled form that is proved to draw the same: looked up, else compiled, then compared."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch is typed in part only.

import hashlib
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from animecam.backends.torch_code import Code
from animecam.backends.torch_compiler import (
    COMPILED_SUFFIX,
    Compiler,
    Job,
    compiled_folder,
    compiler_version,
    load_compiled,
)
from animecam.backends.torch_runs import Compute, failures_of, measuring
from animecam.cache import write_whole
from animecam.cuda.turns import gpu_turn
from animecam.engines.key import RECORD_SUFFIX, EngineKey, EngineParity, EngineRecord, EngineTypes
from animecam.engines.parity import psnr_db, trial_pictures
from animecam.engines.refusal import forget_refusal, remember_refusal, remembered_refusal
from animecam.engines.store import ABSENT, LEAST_PSNR_DB, network_name, problem_with
from animecam.errors import BackendError, CacheError, DeviceMemoryError, EngineRefusedError

CODE_VERSION = 1
"""Of `torch_code` and `torch_ops`: another one writes other code of the same network."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled network.

    Attributes:
        compute: Draws what its network draws.
        path: Its file.
        psnr_db: How near it is to the network.
        seconds: How long it took to compile; 0 where it was there.
    """

    compute: Compute
    path: Path
    psnr_db: float
    seconds: float


class CompiledNetworks:
    """The compiled forms of one network on one device.

    Args:
        model: Its ONNX file.
        precision: "f16" or "f32".
        device: Where it runs.
        folder: Where compiled networks are kept.
        compiler: Compiles.

    Raises:
        CacheError: The folder cannot be written.
    """

    def __init__(self, model: Path, precision: str, device: torch.device, folder: Path, compiler: Compiler) -> None:
        self._model, self._precision, self._device = model, precision, device
        with _writing(folder):
            self._folder, self._compiler = compiled_folder(folder), compiler
        self._sha256 = hashlib.sha256(model.read_bytes()).hexdigest()

    def get(
        self,
        code: Code,
        shape: tuple[int, ...],
        kind: torch.dtype,
        is_unwanted: Callable[[], bool],
        *,
        try_again: bool = False,
    ) -> Compiled:
        """The compiled form for a shape.

        Args:
            code: The network for that shape, to compare with.
            shape: Of all pictures together.
            kind: Of the pictures.
            is_unwanted: Asked now and then; a true answer ends it.
            try_again: Compile one that was found wrong before.

        Raises:
            BackendError: It cannot be compiled or loaded, or draws something else; or so it was when last compiled.
            CacheError: The folder cannot be written.
        """
        key = self._key(shape)
        path = self._folder / Path(key.file_name(network_name(self._model))).with_suffix(COMPILED_SUFFIX)
        problem = problem_with(path, key)
        refused = remembered_refusal(path, key) if problem else ""
        if refused and not try_again:
            raise BackendError(refused, hint="animecam build --backend torch tries again")
        if not problem:
            try:
                return self._checked(path, key, code, kind, is_unwanted, seconds=0.0)
            except (EngineRefusedError, DeviceMemoryError):  # compiling takes more memory still
                raise
            except BackendError as error:
                if is_unwanted():
                    raise
                problem = error.message
        if problem != ABSENT:
            log.warning("%s is compiled anew: %s", path.name, problem)
        start_s = time.perf_counter()
        with _writing(self._folder):
            self._compiler(Job(self._model, path, str(self._device), self._precision, shape), is_unwanted)
        seconds = time.perf_counter() - start_s
        return self._checked(path, key, code, kind, is_unwanted, seconds=seconds)

    def _checked(
        self, path: Path, key: EngineKey, code: Code, kind: torch.dtype, is_unwanted: Callable[[], bool], seconds: float
    ) -> Compiled:
        """Loads, runs and compares it; what is new is recorded."""
        with gpu_turn(is_unwanted) as is_mine:  # it loads kernels
            if not is_mine or is_unwanted():
                raise BackendError("the network is closed")
            pictures = _pictures((key.max_batch, *key.shape), kind, self._device)
            compute = load_compiled(path, code)
            # cuDNN keeps what it took for a convolution first: it must have been measured then.
            with failures_of(path.name), torch.inference_mode(), measuring():
                expected, given = ([part.double().cpu().numpy() for part in run(pictures)] for run in (code, compute))
            worst_db = min(map(psnr_db, expected, given))
        if worst_db < LEAST_PSNR_DB:
            reason = f"compiled, it draws something else: {worst_db:.1f} dB, {LEAST_PSNR_DB:g} are wanted"
            remember_refusal(path, key, reason)
            path.unlink(missing_ok=True)
            raise EngineRefusedError(reason, hint="please report it")
        if seconds:
            parity = EngineParity(round(worst_db, 1), len(pictures), "against the network uncompiled")
            with _writing(self._folder):
                forget_refusal(path)
                _record(path, key, seconds, parity)
        return Compiled(compute, path, worst_db, seconds)

    def _key(self, shape: tuple[int, ...]) -> EngineKey:
        return EngineKey(
            onnx_sha256=self._sha256,
            runtime="torch",
            version=f"{compiler_version()} code {CODE_VERSION}",
            gpu=_place(self._device),
            precision=self._precision,
            shape=shape[1:],
            max_batch=shape[0],
        )


def _record(path: Path, key: EngineKey, seconds: float, parity: EngineParity) -> None:
    record = EngineRecord(
        key=key,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        built=datetime.now(UTC).date().isoformat(),
        seconds=round(seconds, 1),
        layers={},
        types=EngineTypes({}, False, "not told by PyTorch"),
        parity=parity,
    )
    write_whole(path.with_suffix(RECORD_SUFFIX), record.to_json().encode())


@contextmanager
def _writing(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot keep compiled networks in {folder}: {error.strerror or error}"
        raise CacheError(message, hint="set XDG_CACHE_HOME to a folder of yours with space") from error


def _place(device: torch.device) -> str:
    """The GPU by model and index: compiled networks name the index that they launch on."""
    if device.type != "cuda":
        return device.type
    major, minor = torch.cuda.get_device_capability(device)
    return f"{torch.cuda.get_device_name(device)} sm_{major}{minor} {device.index or 0}"


def _pictures(shape: tuple[int, ...], kind: torch.dtype, device: torch.device) -> Tensor:
    pictures = torch.from_numpy(trial_pictures(shape)).to(device, kind)
    return pictures.to(memory_format=torch.channels_last) if pictures.ndim == 4 and device.type == "cuda" else pictures
