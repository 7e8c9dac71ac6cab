"""What runs on this machine, what does not, and how to mend it: each check is a function that yields findings."""

import importlib.util
import os
import platform
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum

from animecam.cache import model_cache
from animecam.cuda.presence import has_nvidia_driver
from animecam.engines.key import ENGINE_SUFFIX
from animecam.errors import AnimecamError, BackendError, CacheError, SinkError, StyleError

EXTRAS = {
    "tensorrt-rtx": ("tensorrt_rtx", "cuda.bindings"),
    "tensorrt": ("tensorrt", "cuda.bindings"),
    "torch": ("torch", "onnx", "cuda.bindings"),
    "pycuda": ("pycuda", "cuda.bindings"),
    "insightface": ("insightface",),
    "virtualcam": ("pyvirtualcam",),
    "web": ("aiohttp", "aiortc"),
    "train": ("torch", "onnx", "PIL", "skimage", "scipy", "tensorboard"),
    "export": ("torch", "onnx", "PIL"),
    "int8": ("torch", "onnx", "PIL", "nncf"),
    "metrics": ("torchmetrics", "torch_fidelity", "lpips"),
    "report": ("matplotlib",),
}
"""Extra of ours → the modules that it brings; it works when all of them are there, as many share torch."""

FOR_NVIDIA = frozenset({"tensorrt-rtx", "tensorrt", "torch", "pycuda"})
"""Extras that are of no use without an NVIDIA GPU."""

FOR_FEW = frozenset({"insightface", "train", "export", "int8", "metrics", "report"})
"""Extras that are advised only where a part of them is there already: most people need none of them."""


class State(Enum):
    """How a check came out."""

    WORKS = "works"
    OPTIONAL = "absent, not needed"
    BROKEN = "does not work"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: What was looked at.
        state: How it came out.
        detail: What was found.
        hint: How to mend it; empty when there is nothing to mend.
    """

    subject: str
    state: State
    detail: str
    hint: str = ""


def examine(gpu: int = 0) -> Iterator[Finding]:
    """Runs every check; a check that fails in a known way becomes a finding and the others go on.

    Args:
        gpu: Index of the GPU that is looked at.
    """
    checks = {
        "machine": _machine(),
        "backends": _backends(gpu),
        "styles": _styles(),
        "faces": _faces(),
        "encoder": _encoder(),
        "GPU video": _gpu_video(gpu),
        "display": _display(),
        "cameras": _cameras(),
        "virtual cameras": _virtual_cameras(),
        "cache": _cache(),
        "extras": _extras(),
    }
    for name, findings in checks.items():
        yield from _guarded(name, findings)


def _guarded(name: str, findings: Iterator[Finding]) -> Generator[Finding]:
    try:
        yield from findings
    except AnimecamError as error:
        yield Finding(name, State.BROKEN, error.message, error.hint)


def _machine() -> Iterator[Finding]:
    detail = f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores"
    yield Finding("machine", State.WORKS, detail)
    yield Finding("python", State.WORKS, sys.version.split()[0])


def _backends(gpu: int) -> Iterator[Finding]:
    from animecam.backends.opening import GPU_CHOICES, probe_backends

    has_driver = has_nvidia_driver()
    for status in probe_backends(gpu):
        state = State.WORKS if status.usable else State.OPTIONAL
        hint = status.hint if has_driver or status.name not in GPU_CHOICES else ""  # that of the driver comes first
        yield Finding(f"backend {status.name}", state, status.detail, hint)


def _styles() -> Iterator[Finding]:
    from animecam.styles.registry import look_through, verify_style

    for name, style in look_through():
        try:
            if isinstance(style, StyleError):
                raise style
            verify_style(style)
        except StyleError as error:  # one damaged style says nothing about the others
            yield Finding(f"style {name}", State.BROKEN, error.message, error.hint)
        else:
            yield Finding(f"style {name}", State.WORKS, "its file is as its card says")


def _faces() -> Iterator[Finding]:
    from animecam.backends.base import BackendChoice, BackendOptions
    from animecam.faces.opening import open_detector
    from animecam.portrait import load_portrait

    detector = open_detector("auto", BackendChoice.AUTO, BackendOptions(threads=1))
    try:
        faces = detector.detect(load_portrait(), min_score=0.5)
    finally:
        detector.close()
    if faces:
        yield Finding("faces", State.WORKS, f"{detector.name} finds the bundled portrait, score {faces[0].score:.2f}")
    else:
        hint = "reinstall animecam: its model file may be damaged"
        yield Finding("faces", State.BROKEN, f"{detector.name} does not find the bundled portrait", hint)


def _encoder() -> Iterator[Finding]:
    from animecam.sinks.codecs import probe_codec

    for codec in ("libx264", "h264_nvenc"):
        works = probe_codec(codec)
        state = State.WORKS if works else State.BROKEN if codec == "libx264" else State.OPTIONAL
        yield Finding(f"encoder {codec}", state, "opens" if works else "cannot be opened here")


def _gpu_video(index: int) -> Iterator[Finding]:
    from animecam.cuda.gpu import open_gpu
    from animecam.drawing.gpu_video import find_gpu_video

    try:
        gpu = open_gpu(index)
    except BackendError:
        return  # the backends have told
    try:
        video = find_gpu_video(gpu, index)
    finally:
        gpu.close()
    for doing, where in (("decodes", video.decoder), ("encodes", video.encoder)):
        works = where is not None
        detail = f"{gpu.name} {doing} video" if works else f"{gpu.name} does not: the processor {doing} video"
        hint = "" if works else "animecam --verbose convert FILE tells why"
        yield Finding(f"GPU {doing}", State.WORKS if works else State.OPTIONAL, detail, hint)


def _display() -> Iterator[Finding]:
    from animecam.sinks.display import find_display, is_answered

    display = find_display()
    hint = "write to a file or a virtual camera instead: --output out.mp4"
    if display is None:
        yield Finding("display", State.OPTIONAL, "none: no window can be opened", hint)
    elif not is_answered():
        yield Finding("display", State.OPTIONAL, f"{display} is set, but nobody answers there", hint)
    else:
        yield Finding("display", State.WORKS, display)


def _cameras() -> Iterator[Finding]:
    from animecam.sources.devices import list_cameras

    cameras = list_cameras()
    if not cameras:
        hint = "plug one in, or try without: animecam --input pattern:640x480@30"
        yield Finding("camera", State.OPTIONAL, "none was found", hint)
    for camera in cameras:
        readable = not camera.path.startswith("/") or os.access(camera.path, os.R_OK | os.W_OK)
        state = State.WORKS if readable else State.BROKEN
        detail = f"{camera.name}, {len(camera.modes)} modes"
        hint = "" if readable else "sudo usermod -aG video $USER, then log in again"
        yield Finding(f"camera {camera.index}", state, detail, hint)


def _virtual_cameras() -> Iterator[Finding]:
    from animecam.sinks.virtual_cameras import find_virtual_cameras

    try:
        cameras = find_virtual_cameras()
    except SinkError as error:
        hint = f"for a meeting: {error.hint}; docs/call.md tells how"
        yield Finding("virtual camera", State.OPTIONAL, error.message, hint)
        return
    for camera in cameras:
        busy = ", another program writes to it" if camera.is_busy else ""
        yield Finding("virtual camera", State.WORKS, f"{camera.name}: --output {camera.word}{busy}")


def _cache() -> Iterator[Finding]:
    try:
        folder = model_cache()
        engines = len(list(folder.glob(f"*{ENGINE_SUFFIX}")))
        compiled = len(list(folder.glob("torch/*.compiled")))
        yield Finding("cache", State.WORKS, f"{folder}, {engines} TensorRT engines, {compiled} compiled for PyTorch")
    except CacheError as error:  # it runs without, but starts slower
        yield Finding("cache", State.OPTIONAL, error.message, error.hint)


def _extras() -> Iterator[Finding]:
    has_driver = has_nvidia_driver()
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if not _is_installed(module)]
        if missing:
            is_begun = len(missing) < len(modules)
            hint = f"pip install 'animecam[{extra}]'" if _is_advised(extra, has_driver, is_begun) else ""
            yield Finding(f"extra {extra}", State.OPTIONAL, f"not installed: {', '.join(missing)}", hint)
        else:
            yield Finding(f"extra {extra}", State.WORKS, f"installed: {', '.join(modules)}")
    if has_driver:
        return
    yield Finding("NVIDIA GPU", State.OPTIONAL, "no driver is loaded: networks run on the processor", _driver_hint())


def _is_advised(extra: str, has_driver: bool, is_begun: bool) -> bool:
    """Whether an extra that is missing is of use on this machine.

    Args:
        extra: Its name.
        has_driver: There is a driver of NVIDIA.
        is_begun: A part of it is installed.
    """
    if extra in FOR_NVIDIA:
        return has_driver
    if extra == "virtualcam":
        return not sys.platform.startswith("linux")  # whose devices are written to without it
    return is_begun or extra not in FOR_FEW


def _driver_hint() -> str:
    if sys.platform == "darwin":
        return ""
    return "if it has one, install the NVIDIA driver; in a container, start it with --gpus all"


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is a part of
        return False
