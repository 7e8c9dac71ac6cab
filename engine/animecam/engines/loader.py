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
from animecam.engines.flavour import RTX, Flavour, choose_flavour, other_flavour
from animecam.engines.host import HostSession
from animecam.engines.key import EngineKey, Target, compiled_file
from animecam.engines.ports import read_ports
from animecam.engines.session import EngineSession
from animecam.engines.store import MAX_BATCH, Engine, EngineStore, key_for
from animecam.errors import BackendError, DeviceMemoryError
from animecam.once import tell_once

_TOLD_SHARE = 0.25  # of a build, between two lines of the log

_refused: dict[tuple[str, Path, str], BackendError] = {}
"""Why a runtime, where there are two, does not run a network, by its name, the network's file and the GPU's name.

In this process it is not tried again: a build may take minutes, and each size and session would ask for one.
"""

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
        self.model, self._reference = half or model, model
        self._is_ending = threading.Event()
        with ExitStack() as stack:
            self.gpu: Gpu = open_gpu(options.gpu or 0)
            stack.callback(self.gpu.close)
            self._folder = options.cache_dir or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="animecam-"))
            )
            flavour = flavour_here(self.gpu, self.model)
            self._raise_refused(flavour)
            try:
                self._take(flavour)
            except BackendError as error:
                self._take_other(flavour, error)
            self._stack = stack.pop_all()

    def _take(self, flavour: Flavour) -> None:
        """Makes all engines to come with a runtime.

        Raises:
            BackendError: It refuses the network.
        """
        reading = read_ports(flavour, self.model, self._folder)
        self.flavour, self._ports = flavour, reading.ports
        # Engines are to be built, most likely: a builder that starts beside the frames stops them for seconds.
        self._builder = reading.builder
        self.input, self.outputs, self.precision = self._ports.input, self._ports.outputs, self._ports.precision
        self.max_batch = self.input.shape[0] or MAX_BATCH
        check = engine_check(flavour, self.gpu, self._reference, self._ports)
        self._store = EngineStore(flavour, self._folder, check)

    def _take_other(self, flavour: Flavour, error: BackendError) -> None:
        """Takes the other runtime, where one refuses the network or an engine of it.

        Raises:
            BackendError: There is no other, or it refuses the network, too, or would fail for the same reason.
        """
        if isinstance(error, DeviceMemoryError) or self._is_ending.is_set():
            raise error
        no_rtx = self._refusal(RTX)
        if no_rtx is not None and not flavour.is_rtx:
            error = BackendError(f"{no_rtx.message}; {error.message}", hint=no_rtx.hint)
            self._refuse(flavour, error)
            raise error from None
        other = other_flavour(flavour)
        if other is None:
            raise error
        log.info("%s: %s is tried now: %s", self.model.name, other.name, error.message)
        self._refuse(flavour, error)
        try:
            self._take(other)
        except BackendError as no_other:
            self._take_other(other, no_other)  # which raises

    def _refuse(self, flavour: Flavour, error: BackendError) -> None:
        _refused[flavour.name, self.model, self.gpu.name] = error

    def _refusal(self, name: str) -> BackendError | None:
        return _refused.get((name, self.model, self.gpu.name))

    def _raise_refused(self, flavour: Flavour) -> None:
        """Raises why nothing runs the network, if it is so."""
        refusal = self._refusal(flavour.name)
        if refusal is not None and not flavour.is_rtx:
            raise BackendError(refusal.message, hint=refusal.hint)

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
            self._raise_refused(self.flavour)
            while True:
                try:
                    return self._by_one_flavour(shape, make)
                except BackendError as error:
                    self._take_other(self.flavour, error)

    def _by_one_flavour(self, shape: tuple[int, ...], make: Callable[[Engine, int], Made]) -> Made:
        """What is made of an engine of the runtime that is taken now."""
        most = self._most_kept(shape)
        made = as_many_as_fit(most, self.input, self.model.name, lambda batch: self._with_engine(shape, batch, make))
        no_rtx = self._refusal(RTX)
        if no_rtx is not None and not self.flavour.is_rtx:  # it works, so that nothing else will be told
            tell_once(log, logging.WARNING, f"{RTX} is not usable, {self.flavour.name} is: {no_rtx.message}")
        return made

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


def flavour_here(gpu: Gpu, model: Path | None = None) -> Flavour:
    """The runtime that engines are made with on a GPU, by what is known in this process.

    Args:
        gpu: Where they run.
        model: The network's file; None: of any network.

    Raises:
        BackendError: As `choose_flavour`.
    """
    flavour = choose_flavour(gpu.compute_capability)
    is_refused = any(
        (name, where) == (flavour.name, gpu.name) and model in (None, refused) for name, refused, where in _refused
    )
    return (other_flavour(flavour) if is_refused else None) or flavour
