"""Compiled networks in the user's cache: one that is missing is compiled by a process that disturbs nobody.

Compiling takes some 20 s of a processor, and loading what was compiled one or two.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false
# torch is typed in part only, and what loads compiled networks has no public name.

import importlib.metadata
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch

import animecam
from animecam.backends.torch_code import Code
from animecam.backends.torch_runs import Compute
from animecam.errors import BackendError

COMPILED_SUFFIX = ".compiled"
MOST_SECONDS = 600.0
"""Longest time that a network may take to be compiled: on slow, busy cores ten times what it takes elsewhere."""

WORKER = ("-P", "-m", "animecam.backends.torch_worker")
"""What Python is to run, without a look into the folder where it happens to be."""

LEAST_CAPABILITY = (7, 0)  # of a GPU that Triton writes for

_MOST_WORKERS = 4
_POLL_SECONDS = 0.1
_END_SECONDS = 10.0
_FOLDER = "torch"
_CACHE = "TORCHINDUCTOR_CACHE_DIR"  # PyTorch is told in no other way where to keep what it compiles
_TRITON_CACHE = "TRITON_CACHE_DIR"  # which it sets by itself, if nobody has
_C_COMPILERS = ("cc", "gcc", "clang")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be compiled.

    Attributes:
        model: ONNX file.
        target: Where it will be.
        device: Where it will run: "cuda:0".
        precision: "f16" or "f32".
        shape: Of all pictures together.
    """

    model: Path
    target: Path
    device: str
    precision: str
    shape: tuple[int, ...]


Compiler = Callable[[Job, Callable[[], bool]], None]
"""Leaves a compiled network at its target. Asks now and then whether it is still wanted; raises BackendError."""


def problem_with_compiling(device: torch.device) -> str:
    """Why nothing can be compiled here, in words; empty when it can."""
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            return "Triton is not installed"
        if torch.cuda.get_device_capability(device) < LEAST_CAPABILITY:
            return f"Triton does not know {torch.cuda.get_device_name(device)}"
    named = os.environ.get("CC")
    if sys.platform != "win32" and not any(map(shutil.which, [named] if named else _C_COMPILERS)):
        return "there is no C compiler (cc, gcc or clang)"
    return ""


def compiler_version() -> str:
    """Versions of all that has a say in what comes out."""
    try:
        return f"{torch.__version__} triton {importlib.metadata.version('triton')}"
    except importlib.metadata.PackageNotFoundError:
        return torch.__version__


def compile_aside(job: Job, is_unwanted: Callable[[], bool]) -> None:
    """`Compiler` in a process of its own, which is ended with this one, or when it takes too long.

    Raises:
        BackendError: It failed, took too long or is not wanted any more.
    """
    sides = map(str, job.shape)
    command = [sys.executable, *WORKER, str(job.model), str(job.target), job.device, job.precision, *sides]
    start_s = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = _start(command, _environment(job.target.parent), said)
        try:
            while process.poll() is None:
                if is_unwanted():
                    raise BackendError(f"{job.model.name} is compiled no more: nobody waits for it")
                if time.perf_counter() - start_s > MOST_SECONDS:
                    raise BackendError(f"compiling {job.model.name} took longer than {MOST_SECONDS:g} s")
                time.sleep(_POLL_SECONDS)
        finally:
            _end(process)
        if process.returncode != 0 or not job.target.is_file():
            raise BackendError(f"{job.model.name} cannot be compiled: {_last_words(said, process.returncode)}")
    log.info("compiled %s for %s in %.1f s", job.model.name, _size(job.shape), time.perf_counter() - start_s)


def load_compiled(path: Path, code: Code) -> Compute:
    """What a process has compiled.

    Args:
        path: Its file.
        code: Of the same network and shape, which has the weights.

    Raises:
        BackendError: It is damaged, or of another version.
    """
    with _kept_in(path.parent):
        try:
            compiled = torch._inductor.CompiledArtifact.load(path=str(path), format="binary")
        except Exception as error:  # it is unpickled, which may fail in any way
            raise BackendError(f"{path.name} cannot be loaded: {_words(error)}") from error
    weights, folder, has_run = code.weights, path.parent, False

    def compute(pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        nonlocal has_run
        if has_run:
            return tuple(compiled(pictures, *weights))
        with _kept_in(folder):  # which of its kernels are the fastest is looked up at its first run
            try:
                results = tuple(compiled(pictures, *weights))
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception as error:  # it loads kernels or compiles missing ones, which may fail in any way
                raise BackendError(f"{path.name} does not run: {_words(error)}") from error
        has_run = True
        return results

    return compute


def compiled_folder(cache: Path) -> Path:
    """Where compiled networks and their kernels are kept, made if it is missing."""
    folder = cache / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _environment(folder: Path) -> dict[str, str]:
    ours = str(Path(animecam.__file__).parents[1])  # programs may have found this package in ways of their own
    others = os.environ.get("PYTHONPATH")
    workers = str(max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) // 2)))
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([ours, others] if others else [ours]),
        "TORCHINDUCTOR_COMPILE_THREADS": workers,
        _CACHE: str(folder),
    }


def _start(command: list[str], environment: dict[str, str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        # A session of its own: a Ctrl-C is for the program, which ends this one, with all that it has started.
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            creationflags=flags,
        )
    except OSError as error:
        raise BackendError(f"no process can be started that compiles: {error.strerror}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # it waits in a driver, and ends when that lets it
            log.warning("process %d, which compiled a network, does not end", process.pid)
    if process.stdin is not None:
        process.stdin.close()


def _last_words(said: IO[bytes], status: int) -> str:
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit status {status}"


@contextmanager
def _kept_in(folder: Path) -> Generator[None]:
    before = {name: os.environ.get(name) for name in (_CACHE, _TRITON_CACHE)}
    os.environ[_CACHE] = str(folder)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
