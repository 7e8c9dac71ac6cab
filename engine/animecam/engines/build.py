"""Builds an engine from an ONNX file."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The bindings ship no type information.

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animecam.backends.base import Port
from animecam.cache import write_whole
from animecam.engines.flavour import Flavour
from animecam.engines.key import PORTABLE, TURING, EngineKey
from animecam.engines.network import check_types, count_types, fix_shape, parse_network
from animecam.errors import BackendError

Progress = Callable[[float], bool]
"""Takes the share that is done, 0 to 1, growing; gives False to end the build. Called from any thread."""


@dataclass(frozen=True, slots=True)
class BuiltEngine:
    """An engine and what is known of it.

    Attributes:
        data: As it goes into a file.
        layers: As of `count_types`.
        seconds: How long it took.
    """

    data: bytes
    layers: dict[str, int]
    seconds: float


def quiet(_: float) -> bool:
    """Progress that nobody sees."""
    return True


def build_engine(
    flavour: Flavour, model: Path, key: EngineKey, *, progress: Progress = quiet, timings: Path | None = None
) -> BuiltEngine:
    """Builds an engine. For tensorrt the GPU must be the calling thread's; tensorrt-rtx needs none.

    Args:
        flavour: The runtime.
        model: The ONNX file.
        key: What it is to be good for.
        progress: Told how far it is.
        timings: File of measured layers of earlier builds (tensorrt only), read and rewritten; None: not kept.

    Raises:
        BackendError: The runtime refuses the network, its types are not as promised, or the build failed or was ended.
        DeviceMemoryError: The build found too little memory.
    """
    start_s = time.perf_counter()
    with flavour.fresh_messages():
        data, layers = _built(flavour, model, key, progress, timings)
    return BuiltEngine(data, layers, time.perf_counter() - start_s)


def _built(
    flavour: Flavour, model: Path, key: EngineKey, progress: Progress, timings: Path | None
) -> tuple[bytes, dict[str, int]]:
    """The engine, and the layers of its network as of `count_types`."""
    parsed = parse_network(flavour, model)
    fix_shape(flavour, parsed, key.shape)
    layers = count_types(flavour, parsed)
    check_types(key.precision, layers)
    config = parsed.builder.create_builder_config()
    if config is None:
        raise flavour.error("cannot make a configuration")
    _set_batch(flavour, parsed.builder, config, parsed.ports.input, key)
    _forbid_tf32(flavour, config)
    # The engine keeps what its layers are, to be read back; one of tensorrt-rtx is not a byte larger for it.
    config.profiling_verbosity = flavour.api.ProfilingVerbosity.DETAILED
    if flavour.is_rtx:
        _set_rtx(flavour, config, key)
    monitor = _make_monitor(flavour.api, progress)
    config.progress_monitor = monitor
    cache = None if flavour.is_rtx or timings is None else _load_timings(flavour, config, timings)
    data = parsed.builder.build_serialized_network(parsed.network, config)
    if data is None:
        if monitor.is_stopped:
            raise BackendError(f"the build of {model.name} was ended before it was done")
        raise flavour.failure(f"cannot build an engine from {model.name}", hint="animecam doctor says what runs here")
    if cache is not None and timings is not None:
        _keep_timings(cache, timings)
    return bytes(data), layers


def _set_batch(flavour: Flavour, builder: Any, config: Any, port: Port, key: EngineKey) -> None:
    """One picture is what it is tuned for, up to the key's number is what it takes."""
    if port.shape[0] is not None:
        return
    profile = builder.create_optimization_profile()
    if profile is None:
        raise flavour.error("cannot make a profile")
    profile.set_shape(port.name, (1, *key.shape), (1, *key.shape), (key.max_batch, *key.shape))
    if config.add_optimization_profile(profile) < 0:
        raise flavour.error("refuses the profile of batches")


def _forbid_tf32(flavour: Flavour, config: Any) -> None:
    """What the network has in fp32 is computed in it: builders may round it to 10 bits before they multiply, and do."""
    tf32 = getattr(flavour.api.BuilderFlag, "TF32", None)  # 10.12 and 11 have it, and tensorrt-rtx 1.7
    if tf32 is not None:
        config.clear_flag(tf32)


def _set_rtx(flavour: Flavour, config: Any, key: EngineKey) -> None:
    """The caller brings the memory, without which nothing can be captured in a CUDA graph."""
    config.set_flag(flavour.api.BuilderFlag.REQUIRE_USER_ALLOCATION)
    if key.gpu == PORTABLE:
        return
    major, minor = TURING
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(getattr(flavour.api.ComputeCapability, f"SM{major}{minor}"), 0):
        raise flavour.error(f"does not build for {key.gpu}")


def _load_timings(flavour: Flavour, config: Any, timings: Path) -> Any:
    """The cache of measured layers, empty where there is none that fits this GPU and version."""
    known = b""
    with contextlib.suppress(OSError):  # none yet, or somebody else's
        known = timings.read_bytes()
    cache = config.create_timing_cache(known)
    if cache is None or not config.set_timing_cache(cache, False):  # another GPU's, or damaged
        flavour.messages.clear()
        cache = config.create_timing_cache(b"")
        if cache is None or not config.set_timing_cache(cache, False):
            raise flavour.error("cannot keep the times that it measures")
    return cache


def _keep_timings(cache: Any, timings: Path) -> None:
    """Keeps what was measured; where that fails the next build takes longer and nothing else."""
    measured = cache.serialize()
    if measured is None:
        return
    with contextlib.suppress(OSError):
        write_whole(timings, bytes(measured))


def _make_monitor(api: Any, progress: Progress) -> Any:
    """The runtime's phases, which are nested and counted each for itself, as one share that only grows."""

    class Monitor(api.IProgressMonitor):
        def __init__(self) -> None:
            api.IProgressMonitor.__init__(self)
            self.is_stopped = False
            self._phases: list[list[Any]] = []  # name, steps, steps done; outermost first
            self._told = 0.0
            self._telling = threading.Lock()

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:  # noqa: ARG002 - the runtime's call
            with self._telling:
                self._phases.append([name, max(1, steps), 0])

        def phase_finish(self, name: str) -> None:
            with self._telling:
                self._phases = [phase for phase in self._phases if phase[0] != name]

        def step_complete(self, name: str, step: int) -> bool:
            with self._telling:
                for phase in self._phases:
                    if phase[0] == name:
                        phase[2] = step + 1
                share = 0.0
                for _, steps, done in reversed(self._phases):
                    share = min(1.0, (done + share) / steps)
                self._told = max(self._told, share)
                if not self.is_stopped:
                    self.is_stopped = not progress(self._told)
                return not self.is_stopped

    return Monitor()
