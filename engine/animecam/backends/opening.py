"""The one place that knows the backends: opens one by name or by trying, and tells what runs here."""

import functools
import logging
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from animecam.backends.base import Backend, BackendChoice, BackendInfo, BackendOptions
from animecam.backends.status import BackendStatus
from animecam.backends.switching import SwitchingBackend
from animecam.cuda.presence import has_nvidia_driver
from animecam.engines.flavour import MODULES
from animecam.errors import BackendError
from animecam.once import tell_once

PROCESSOR_ORDER = (BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME)
"""What `auto` tries on the processor, the fastest first."""

INSTALL_TORCH = "pip install 'animecam[torch]'"

GPU_CHOICES = (BackendChoice.TENSORRT, BackendChoice.TORCH)
"""Those that compute on a graphics card."""

WORTH_AN_ENGINE = 60
"""Pictures that are drawn before an engine is built for the way through the host, or a network compiled: two seconds of
a camera, more than it takes to try every style once, and for the frame path on the GPU to take over."""

GAIN_BY_INT8 = frozenset({BackendChoice.OPENVINO})
"""Runtimes that take a network's INT8 form: without VNNI OpenVINO needs 0.5 to 0.8 of the time in float32, ONNX Runtime
1.1 to 1.5 (one run each on a processor with AVX2)."""

log = logging.getLogger(__name__)


class _Forms(NamedTuple):
    """The files of one network, or of two that do the same: a GPU may draw with another one than a processor.

    Attributes:
        model: In fp32, for processors.
        int8: With 8-bit weights and maps, likewise; None where there is none, or it is not wanted.
        on_gpu: In fp32, for GPUs.
        half: In fp16, likewise; None where there is none.
    """

    model: Path
    int8: Path | None
    on_gpu: Path
    half: Path | None


def open_backend(
    model: Path,
    choice: BackendChoice,
    options: BackendOptions,
    *,
    half: Path | None = None,
    int8: Path | None = None,
    on_gpu: Path | None = None,
) -> Backend:
    """Loads a network; whoever calls closes it.

    Args:
        model: ONNX file with one input.
        choice: A runtime, or `auto`: on a GPU where the options name one and there is one, drawn by the processor
            until its engine is ready; else the first of `PROCESSOR_ORDER` that works. What is chosen is logged.
        options: How it is to compute.
        half: The fp16 form of the network that GPUs compute; None: they compute in fp32.
        int8: The network's INT8 form, for the runtimes that gain by it; None where there is none.
        on_gpu: The network that GPUs compute in its place, of the same ports; None: they compute the same.

    Raises:
        BackendError: The file is missing, the named runtime is missing or refuses it, or `auto` found none that works.
    """
    if not model.is_file():
        raise BackendError(f"there is no network at {model}", hint="reinstall animecam, or add the style again")
    forms = _Forms(model, int8 if options.allow_int8 else None, on_gpu or model, half)
    if choice is not BackendChoice.AUTO:
        return _OPENERS[choice](forms, options)
    processor = _open_first(forms, options, PROCESSOR_ORDER)
    if options.gpu is None:
        return processor
    try:
        return _open_gpu(forms, options, processor)
    except BackendError as error:
        level = logging.WARNING if has_nvidia_driver() else logging.INFO  # nobody who has no GPU minds
        tell_once(log, level, f"no GPU is used: {_with_hint(error)}")
        return processor


def on_processor(choice: BackendChoice) -> BackendChoice:
    """What computes the small networks beside a style's: 1 to 3 ms on a core, less than the way to a GPU is worth.

    Open them with options that name no GPU.
    """
    return choice if choice in PROCESSOR_ORDER else BackendChoice.AUTO


def runs_on_gpu(choice: BackendChoice, gpu: int = 0) -> bool:
    """Whether a choice computes on a graphics card here; `auto` does where there is one that a runtime supports.

    Args:
        choice: Of a runtime.
        gpu: Index of the card.
    """
    if choice is not BackendChoice.AUTO:
        return choice in GPU_CHOICES
    return _has_gpu(gpu) and any(_probe(one, gpu).usable for one in GPU_CHOICES)


def computes_on_gpu(info: BackendInfo) -> bool:
    """Whether it is a graphics card that computes."""
    return info.name in {*MODULES, BackendChoice.TORCH}


def probe_backends(gpu: int = 0) -> tuple[BackendStatus, ...]:
    """Every backend there is, with what it can do on this machine, on one graphics card of it, or why it cannot.

    Args:
        gpu: Index of the card.
    """
    return tuple(_probe(choice, gpu) for choice in (*_PROBES, *_GPU_PROBES))


@contextmanager
def importing(package: str, hint: str = "") -> Generator[None]:
    """Turns a missing or broken package into an error that says what to install."""
    try:
        yield
    except (ImportError, OSError) as error:  # OSError: a library that it loads itself is missing
        if isinstance(error.__cause__, KeyboardInterrupt):  # a module in C++ that Ctrl-C stopped reports it so
            raise KeyboardInterrupt from error
        raise BackendError(f"{package} cannot be imported: {error}", hint=hint or f"pip install {package}") from error


def _open_first(forms: _Forms, options: BackendOptions, candidates: Iterable[BackendChoice]) -> Backend:
    """The first that works, with the reasons why others before it do not."""
    model = forms.model
    problems: list[str] = []
    for candidate in candidates:
        try:
            backend = _OPENERS[candidate](forms, options)
        except BackendError as error:
            log.warning("%s is not usable for %s: %s", candidate, model.name, error.message)
            problems.append(f"{candidate}: {error.message}")
            continue
        rank = "the first that works" if problems else "the fastest without a GPU"
        info = backend.info
        log.info(
            "%s: chose %s %s on %s in %s, %s", model.name, info.name, info.version, info.device, info.precision, rank
        )
        return backend
    raise BackendError(f"no runtime loads {model}: {'; '.join(problems)}", hint="animecam doctor says what runs here")


def _open_gpu(forms: _Forms, options: BackendOptions, processor: Backend) -> Backend:
    """TensorRT, with the processor drawing until an engine is ready; else PyTorch.

    Raises:
        BackendError: There is no driver, no GPU, or no runtime that supports it.
    """
    from animecam.backends.tensorrt_ import TensorRtBackend
    from animecam.cuda.gpu import look_at_gpu

    look_at_gpu(options.gpu or 0)  # before anything that takes seconds to import
    try:
        fast = TensorRtBackend(forms.on_gpu, forms.half, options)
    except BackendError as no_tensorrt:
        try:
            backend = _open_torch(forms, options)
        except BackendError:
            raise no_tensorrt from None  # PyTorch is the second choice: what to mend is the first
        tell_once(log, logging.WARNING, f"tensorrt is not usable, torch is: {_with_hint(no_tensorrt)}")
        processor.close()
        return backend
    log.info("%s: %s %s on %s follows when its engine is ready", forms.on_gpu.name, *_named(fast))
    return SwitchingBackend(fast, processor, worth=WORTH_AN_ENGINE)


@functools.cache
def _has_gpu(index: int) -> bool:
    """Whether there is such a GPU; asked before anything that takes seconds to import."""
    from animecam.cuda.gpu import look_at_gpu

    try:
        look_at_gpu(index)
    except BackendError:
        return False
    return True


def _named(backend: Backend) -> tuple[str, str, str]:
    return backend.info.name, backend.info.version, backend.info.device


def _with_hint(error: BackendError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _probe(choice: BackendChoice, gpu: int = 0) -> BackendStatus:
    try:
        return _GPU_PROBES[choice](gpu) if choice in _GPU_PROBES else _PROBES[choice]()
    except BackendError as error:
        return BackendStatus(choice.value, usable=False, problem=error.message, hint=error.hint)


def _form_for(choice: BackendChoice, forms: _Forms) -> Path:
    """The file of a network that suits a runtime of the processor."""
    return forms.int8 if forms.int8 is not None and choice in GAIN_BY_INT8 else forms.model


def _open_openvino(forms: _Forms, options: BackendOptions) -> Backend:
    with importing("openvino"):
        from animecam.backends.openvino_ import OpenVinoBackend
    backend = OpenVinoBackend(_form_for(BackendChoice.OPENVINO, forms), options)
    if forms.int8 is None or not options.sizes_change:
        return backend
    try:
        return SwitchingBackend(backend, OpenVinoBackend(forms.model, options))
    except BackendError:
        backend.close()
        raise


def _open_onnxruntime(forms: _Forms, options: BackendOptions) -> Backend:
    with importing("onnxruntime"):
        from animecam.backends.onnxruntime_ import OnnxRuntimeBackend
    return OnnxRuntimeBackend(_form_for(BackendChoice.ONNXRUNTIME, forms), options)


def _open_tensorrt(forms: _Forms, options: BackendOptions) -> Backend:
    from animecam.backends.tensorrt_ import TensorRtBackend  # which imports no runtime

    return TensorRtBackend(forms.on_gpu, forms.half, options)


def _open_torch(forms: _Forms, options: BackendOptions) -> Backend:
    with importing("torch", INSTALL_TORCH):
        from animecam.backends.torch_ import TorchBackend
    return TorchBackend(forms.on_gpu, forms.half, options, worth=WORTH_AN_ENGINE)


def _probe_openvino() -> BackendStatus:
    with importing("openvino"):
        from animecam.backends.openvino_ import probe
    return probe()


def _probe_onnxruntime() -> BackendStatus:
    with importing("onnxruntime"):
        from animecam.backends.onnxruntime_ import probe
    return probe()


def _probe_tensorrt(gpu: int) -> BackendStatus:
    from animecam.backends.tensorrt_ import probe

    return probe(gpu)


def _probe_torch(gpu: int) -> BackendStatus:
    with importing("torch", INSTALL_TORCH):
        from animecam.backends.torch_ import probe
    return probe(gpu)


_OPENERS: dict[BackendChoice, Callable[[_Forms, BackendOptions], Backend]] = {
    BackendChoice.OPENVINO: _open_openvino,
    BackendChoice.ONNXRUNTIME: _open_onnxruntime,
    BackendChoice.TENSORRT: _open_tensorrt,
    BackendChoice.TORCH: _open_torch,
}

_PROBES: dict[BackendChoice, Callable[[], BackendStatus]] = {
    BackendChoice.OPENVINO: _probe_openvino,
    BackendChoice.ONNXRUNTIME: _probe_onnxruntime,
}

_GPU_PROBES: dict[BackendChoice, Callable[[int], BackendStatus]] = {
    BackendChoice.TENSORRT: _probe_tensorrt,
    BackendChoice.TORCH: _probe_torch,
}
