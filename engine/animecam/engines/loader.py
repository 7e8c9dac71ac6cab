"""From a network and a GPU to engines that run: one a size, built where there is none, smaller if memory is short."""

import logging
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from animecam.backends.base import BackendOptions, Port
from animecam.cuda.base import Gpu
from animecam.cuda.gpu import open_gpu
from animecam.cuda.turns import gpu_turn
from animecam.engines.aside import aside
from animecam.engines.build import Progress
from animecam.engines.check import engine_check
from animecam.engines.fitting import as_many_as_fit, counts_down
from animecam.engines.flavour import Flavour, choose_flavour
from animecam.engines.host import HostSession
from animecam.engines.key import EngineKey, Target, compiled_file
from animecam.engines.ports import read_ports
from animecam.engines.session import EngineSession
from animecam.engines.store import MAX_BATCH, Engine, EngineStore, key_for
from animecam.errors import BackendError, DeviceMemoryError

_TOLD_SHARE = 0.25  # of a build, between two lines of the log

log = logging.getLogger(__name__)

Made = TypeVar("Made", EngineSession, HostSession)


class EngineLoader:
    """Engines of one network on one GPU. Loads may run in any thread; in a process there is one at a time.

    Args:
        model: The fp32 network.
        half: Its fp16 form; None runs it in fp32.
        options: `gpu` and `cache_dir` are used.

    Raises:
        BackendError: No driver, no GPU, no runtime that supports it, or a network that it refuses.
    """

    def __init__(self, model: Path, half: Path | None, options: BackendOptions) -> None:
        self.model = half or model
        self._is_ending = threading.Event()
        with ExitStack() as stack:
            self.gpu: Gpu = open_gpu(options.gpu or 0)
            stack.callback(self.gpu.close)
            self.flavour: Flavour = choose_flavour(self.gpu.compute_capability)
            folder = options.cache_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="animecam-")))
            reading = read_ports(self.flavour, self.model, folder)
            self._ports = reading.ports
            # Engines are to be built, most likely: a builder that starts beside the frames stops them for seconds.
            self._builder = reading.builder
            self.input, self.outputs, self.precision = self._ports.input, self._ports.outputs, self._ports.precision
            self.max_batch = self.input.shape[0] or MAX_BATCH
            check = engine_check(self.flavour, self.gpu, model, self._ports)
            self._store = EngineStore(self.flavour, folder, check)
            self._stack = stack.pop_all()

    @property
    def target(self) -> Target:
        """The GPU."""
        return Target(self.gpu.name, self.gpu.compute_capability)

    def host_session(self, shape: tuple[int, ...]) -> HostSession:
        """An engine for pictures of one shape, fed from the host; the caller closes it.

        Raises:
            BackendError: It cannot be built or run.
            DeviceMemoryError: Not even one picture at a time fits into the GPU's memory.
        """

        def make(engine: Engine, batch: int) -> HostSession:
            port = Port(self.input.name, (None, *shape), self.input.dtype)
            return HostSession(self.gpu, self._session(engine, batch, shape, own_graph=True), port, self.outputs)

        return aside(lambda: self._loaded(shape, make), self.end)

    def device_session(self, shape: tuple[int, ...]) -> EngineSession:
        """An engine for pictures of one shape that the caller feeds on the GPU, and closes.

        Raises:
            BackendError: As `host_session`.
            DeviceMemoryError: As `host_session`.
        """

        def make(engine: Engine, batch: int) -> EngineSession:
            return self._session(engine, batch, shape, own_graph=False)

        return aside(lambda: self._loaded(shape, make), self.end)

    @property
    def is_ending(self) -> bool:
        """Whether nothing is to be loaded any more."""
        return self._is_ending.is_set()

    def end(self) -> None:
        """Lets a build that is running end soon; nothing can be loaded any more."""
        self._is_ending.set()

    def close(self) -> None:
        """Gives the GPU back; may be called twice."""
        self.end()
        self._builder = None
        self._stack.close()

    def _loaded(self, shape: tuple[int, ...], make: Callable[[Engine, int], Made]) -> Made:
        # A build measures layers on the GPU and takes every core: two at a time would spoil each other.
        with gpu_turn(self._is_ending.is_set) as is_mine:
            if not is_mine:
                raise BackendError(f"{self.model.name} is closed")
            self.gpu.use()
            most = self._most_kept(shape)
            return as_many_as_fit(
                most, self.input, self.model.name, lambda batch: self._with_engine(shape, batch, make)
            )

    def _most_kept(self, shape: tuple[int, ...]) -> int:
        """The most pictures at a time that an engine is there for; as many as are wanted where there is none.

        Where a build found too little memory, no start is to wait for the same again: `animecam build` tries again.
        """
        counts = counts_down(self.max_batch, self.input)
        kept = (count for count in counts if not self._store.problem(self.model, self._key(shape, count)))
        return next(kept, self.max_batch)

    def _key(self, shape: tuple[int, ...], batch: int) -> EngineKey:
        return key_for(self.flavour, self.target, self.model, self._ports, shape, batch)

    def _with_engine(self, shape: tuple[int, ...], batch: int, make: Callable[[Engine, int], Made]) -> Made:
        key = self._key(shape, batch)
        engine = self._store.engine(self.model, key, self._progress(shape))
        try:
            return make(engine, batch)
        except DeviceMemoryError:
            raise
        except BackendError as error:
            if engine.is_new:
                raise
            rebuilt = self._store.engine(self.model, key, self._progress(shape), anew=error.message)
            return make(rebuilt, batch)

    def _session(self, engine: Engine, batch: int, shape: tuple[int, ...], *, own_graph: bool) -> EngineSession:
        jit = compiled_file(engine.path, self.gpu.name)
        return EngineSession(
            self.flavour, self.gpu, engine.data, max_batch=batch, shape=shape, own_graph=own_graph, jit=jit
        )

    def _progress(self, shape: tuple[int, ...]) -> Progress:
        """Tells the log how far a build is, now and then, and ends it when the loader ends."""
        told = -_TOLD_SHARE
        size = "x".join(map(str, shape))

        def progress(share: float) -> bool:
            nonlocal told
            if share >= told + _TOLD_SHARE:
                told = share
                log.info("building %s for %s: %.0f %%", self.model.name, size, share * 100)
            return not self._is_ending.is_set()

        return progress
