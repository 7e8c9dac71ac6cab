"""Builds engines before they are needed: on the user's GPU, or for other people's without one."""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from animecam.backends.base import Port
from animecam.cuda.base import Gpu
from animecam.cuda.gpu import open_gpu
from animecam.cuda.presence import has_nvidia_driver
from animecam.engines.build import Progress
from animecam.engines.check import engine_check
from animecam.engines.fitting import as_many_as_fit, counts_down
from animecam.engines.flavour import CLASSIC, Flavour, choose_flavour, installed, other_flavour
from animecam.engines.key import Target
from animecam.engines.ports import noted_ports, read_ports
from animecam.engines.store import MAX_BATCH, Engine, EngineStore, key_for
from animecam.errors import BackendError, DeviceMemoryError
from animecam.once import tell_once

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Networks:
    """A style's network files.

    Attributes:
        name: For people.
        model: The fp32 network.
        half: Its fp16 form; None where it has none.
    """

    name: str
    model: Path
    half: Path | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where engines are built and for whom.

    Attributes:
        flavour: The runtime.
        gpu: The GPU, open; None: for all that tensorrt-rtx builds for, without one.
        folder: Where they are kept.
        has_failed: There is a driver, and yet no GPU that it opens.
    """

    flavour: Flavour
    gpu: Gpu | None
    folder: Path
    has_failed: bool = False

    @property
    def name(self) -> str:
        """For people."""
        if self.gpu is not None:
            return self.gpu.name
        return f"other machines' GPUs, as {'the one here does not work' if self.has_failed else 'there is none here'}"


def open_place(index: int | None, folder: Path, stack: ExitStack) -> Place:
    """Finds out where engines are to be built.

    Args:
        index: Of the GPU; None takes the first one, or does without where there is none, or none that works.
        folder: Where engines are kept.
        stack: Closes the GPU.

    Raises:
        BackendError: No runtime is installed, or there is no such GPU.
    """
    if index is None and CLASSIC in installed() and len(installed()) == 1:
        index = 0  # only on the GPU that an engine is for can tensorrt build it
    try:
        gpu = open_gpu(index or 0)
    except BackendError as error:
        if index is not None:
            raise
        place = Place(choose_flavour(None), None, folder, has_failed=has_nvidia_driver())
        if place.has_failed:  # whoever has a GPU expects engines for it, which are compared there and then
            why = f"{error.message}; {error.hint}" if error.hint else error.message
            log.warning("engines are built for other machines' GPUs: %s", why)
        else:
            log.info("engines are built without a GPU: %s", error.message)
        return place
    stack.callback(gpu.close)
    return Place(choose_flavour(gpu.compute_capability), gpu, folder)


def build_ahead(place: Place, networks: Networks, sizes_px: Sequence[int], progress: Progress) -> Generator[Engine]:
    """Gives an engine for each size, from the folder if one there is good, else built; smaller if memory is short.

    Args:
        place: Where.
        networks: Of a style.
        sizes_px: Sides of the square crops.
        progress: Told how far the engine is that is being built.

    Raises:
        BackendError: One cannot be built, or does not draw what the network draws.
        DeviceMemoryError: Not even one picture at a time fits into the GPU's memory.
        CacheError: The folder cannot be written.
    """
    if place.gpu is not None:
        place.gpu.use()
    made: Callable[[int], Engine] | None = None
    for size_px in sizes_px:
        while True:
            try:
                made = made or _maker(place, networks, progress)
                engine = made(size_px)
                break
            except BackendError as error:
                place, made = _other_place(place, error, progress), None
        yield engine


def _other_place(place: Place, error: BackendError, progress: Progress) -> Place:
    """The same with the other runtime, where one refuses a network or an engine of it.

    Raises:
        BackendError: There is no other, or nobody waits any more, or it would fail for the same reason.
    """
    other = other_flavour(place.flavour) if place.gpu is not None else None
    if other is None or isinstance(error, DeviceMemoryError) or not progress(0.0):
        raise error
    tell_once(log, logging.WARNING, f"{place.flavour.name} is not usable, {other.name} is tried: {error.message}")
    return replace(place, flavour=other)


def _maker(place: Place, networks: Networks, progress: Progress) -> Callable[[int], Engine]:
    """What gives the engine for a size, made with the runtime of the place."""
    model = networks.half or networks.model
    ports = read_ports(place.flavour, model, place.folder).ports
    gpu = place.gpu
    target = Target(gpu.name, gpu.compute_capability) if gpu is not None else None
    check = engine_check(place.flavour, gpu, networks.model, ports) if gpu is not None else None
    store = EngineStore(place.flavour, place.folder, check, must_keep=True)

    def made(size_px: int) -> Engine:
        shape = _shape(ports.input, size_px)

        def made_for(count: int) -> Engine:
            key = key_for(place.flavour, target, model, ports, shape, count)
            return store.engine(model, key, progress, try_again=True)

        return as_many_as_fit(MAX_BATCH, ports.input, model.name, made_for)

    return made


def is_built(place: Place, model: Path, size_px: int) -> bool:
    """Whether an engine for crops of a size is there, found out without a builder.

    Args:
        place: With a GPU.
        model: What engines of the network are built from.
        size_px: Side of the square crops.
    """
    ports, gpu = noted_ports(place.flavour, model, place.folder), place.gpu
    if ports is None or gpu is None:
        return False
    target, shape = Target(gpu.name, gpu.compute_capability), _shape(ports.input, size_px)
    keys = (key_for(place.flavour, target, model, ports, shape, count) for count in counts_down(MAX_BATCH, ports.input))
    store = EngineStore(place.flavour, place.folder)
    return any(not store.problem(model, key) for key in keys)


def _shape(port: Port, size_px: int) -> tuple[int, ...]:
    """One picture: what the network leaves free is the side, whatever the order of its axes."""
    return tuple(size_px if side is None else side for side in port.shape[1:])
