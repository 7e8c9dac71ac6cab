"""Engines that are loaded: each once in a process, as its weights take the GPU's memory, however many run it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The bindings ship no type information.

import hashlib
import threading
from dataclasses import dataclass
from typing import Any

from animecam.cuda.base import Gpu
from animecam.engines.flavour import Flavour
from animecam.engines.network import made

UPDATE = "update the NVIDIA driver and the runtime, or take another `backend`; animecam doctor says what runs here"
"""For an engine that was built just now: of one that was kept nobody hears, as it is built anew."""


@dataclass(frozen=True, slots=True)
class _Key:
    """Which engine it is, and where it lies."""

    runtime: str
    gpu: tuple[int, int]
    sha256: str


class _Loaded:
    """An engine on a GPU.

    Raises:
        BackendError: The runtime cannot load it.
        DeviceMemoryError: The memory of the GPU is full.
    """

    def __init__(self, flavour: Flavour, data: bytes) -> None:
        self._runtime: Any = made(flavour, lambda: flavour.api.Runtime(flavour.logger), "cannot start its runtime")
        self.engine: Any = self._runtime.deserialize_cuda_engine(data)
        if self.engine is None:
            raise flavour.failure("cannot load the engine: another version's, another GPU's, or damaged", UPDATE)
        self.shares = 0

    def free(self) -> None:
        """Takes it from the GPU; no context of it may be left."""
        self.engine = None  # first: it needs the runtime
        self._runtime = None


_loaded: dict[_Key, _Loaded] = {}
_changing = threading.Lock()  # of what is loaded, and of how many have a share in it


class SharedEngine:
    """A share in an engine; the last one that is closed takes it from the GPU.

    Contexts are their makers' own: each may run in a thread and on a stream of its own, beside those of other shares.
    Who loads takes turns (`gpu_turn`), so that nobody loads what another one is loading.

    Args:
        flavour: The runtime.
        gpu: Current in this thread, as it must be in the one that closes.
        data: The engine.

    Raises:
        BackendError: The engine is of another version or for another GPU, or damaged.
        DeviceMemoryError: The memory of the GPU is full.
    """

    def __init__(self, flavour: Flavour, gpu: Gpu, data: bytes) -> None:
        self._key = _Key(flavour.name, gpu.shared_as, hashlib.sha256(data).hexdigest())
        with _changing:
            loaded = _loaded.get(self._key)
            if loaded is not None:
                loaded.shares += 1
        if loaded is None:
            loaded = _Loaded(flavour, data)  # it takes seconds, for which nobody who closes is to wait
            with _changing:
                loaded = _loaded.setdefault(self._key, loaded)
                loaded.shares += 1
        self._loaded: _Loaded | None = loaded

    @property
    def engine(self) -> Any:
        """As the runtime has it; not to be kept beyond `close`."""
        assert self._loaded is not None, "the share is closed"
        return self._loaded.engine

    def close(self) -> None:
        """Gives the share back, when the contexts that were made with it are gone; may be called twice."""
        loaded, self._loaded = self._loaded, None
        if loaded is None:
            return
        with _changing:
            loaded.shares -= 1
            is_last = not loaded.shares
            if is_last:
                del _loaded[self._key]
        if is_last:
            loaded.free()
