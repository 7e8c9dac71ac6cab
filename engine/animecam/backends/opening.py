"""The one place that knows the backends: opens one by name or by trying, and tells what runs here."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from animecam.backends.base import Backend, BackendChoice, BackendOptions
from animecam.backends.status import BackendStatus
from animecam.errors import BackendError

AUTO_ORDER = (BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME)
"""What `auto` tries, the fastest first."""

GPU_CHOICES = (BackendChoice.TENSORRT,)
"""Those that compute on a graphics card."""

_log = logging.getLogger(__name__)


def open_backend(model: Path, choice: BackendChoice, options: BackendOptions) -> Backend:
    """Loads a network; whoever calls closes it.

    Args:
        model: ONNX file with one input.
        choice: A runtime, or `auto`: the first of `AUTO_ORDER` that works, which is logged.
        options: How it is to compute.

    Raises:
        BackendError: The file is missing, the named runtime is missing or refuses it, or `auto` found none that works.
    """
    if not model.is_file():
        raise BackendError(f"there is no network at {model}", hint="reinstall animecam, or add the style again")
    if choice is not BackendChoice.AUTO:
        return _OPENERS[choice](model, options)
    problems: list[str] = []
    for candidate in AUTO_ORDER:
        try:
            backend = _OPENERS[candidate](model, options)
        except BackendError as error:
            _log.warning("%s is not usable for %s: %s", candidate, model.name, error.message)
            problems.append(f"{candidate}: {error.message}")
            continue
        rank = "the first that works" if problems else "the fastest without a GPU"
        info = backend.info
        _log.info(
            "%s: chose %s %s on %s in %s, %s", model.name, info.name, info.version, info.device, info.precision, rank
        )
        return backend
    raise BackendError(f"no runtime loads {model}: {'; '.join(problems)}", hint="animecam doctor says what runs here")


def runs_on_gpu(choice: BackendChoice) -> bool:
    """Whether a choice computes on a graphics card here; `auto` does where one of its candidates can."""
    candidates = AUTO_ORDER if choice is BackendChoice.AUTO else ()
    return choice in GPU_CHOICES or any(one in GPU_CHOICES and _probe(one).usable for one in candidates)


def probe_backends() -> tuple[BackendStatus, ...]:
    """Every backend there is, with what it can do on this machine or why it cannot."""
    return tuple(_probe(choice) for choice in _PROBES)


def _probe(choice: BackendChoice) -> BackendStatus:
    try:
        return _PROBES[choice]()
    except BackendError as error:
        return BackendStatus(choice.value, usable=False, problem=error.message, hint=error.hint)


@contextmanager
def _importing(package: str) -> Generator[None]:
    """Turns a missing or broken package into an error that says what to install."""
    try:
        yield
    except ImportError as error:
        hint = f"pip install {package}"
        raise BackendError(f"{package} cannot be imported: {error}", hint=hint) from error


def _open_openvino(model: Path, options: BackendOptions) -> Backend:
    with _importing("openvino"):
        from animecam.backends.openvino_ import OpenVinoBackend
    return OpenVinoBackend(model, options)


def _open_onnxruntime(model: Path, options: BackendOptions) -> Backend:
    with _importing("onnxruntime"):
        from animecam.backends.onnxruntime_ import OnnxRuntimeBackend
    return OnnxRuntimeBackend(model, options)


def _open_tensorrt(model: Path, options: BackendOptions) -> Backend:  # noqa: ARG001 - the signature of an opener
    raise _no_tensorrt()


def _probe_openvino() -> BackendStatus:
    with _importing("openvino"):
        from animecam.backends.openvino_ import probe
    return probe()


def _probe_onnxruntime() -> BackendStatus:
    with _importing("onnxruntime"):
        from animecam.backends.onnxruntime_ import probe
    return probe()


def _probe_tensorrt() -> BackendStatus:
    raise _no_tensorrt()


def _no_tensorrt() -> BackendError:
    hint = "use --backend openvino or onnxruntime"
    return BackendError("the tensorrt backend, for NVIDIA GPUs, is not part of this version", hint=hint)


_OPENERS: dict[BackendChoice, Callable[[Path, BackendOptions], Backend]] = {
    BackendChoice.OPENVINO: _open_openvino,
    BackendChoice.ONNXRUNTIME: _open_onnxruntime,
    BackendChoice.TENSORRT: _open_tensorrt,
}

_PROBES: dict[BackendChoice, Callable[[], BackendStatus]] = {
    BackendChoice.OPENVINO: _probe_openvino,
    BackendChoice.ONNXRUNTIME: _probe_onnxruntime,
    BackendChoice.TENSORRT: _probe_tensorrt,
}
