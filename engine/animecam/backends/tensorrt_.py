"""TensorRT on an NVIDIA GPU, by either of its packages: fed from the host, or between two steps on the GPU."""

import threading
from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from animecam.backends.base import BackendInfo, BackendOptions, Tensor
from animecam.backends.ports import check_batch, in_parts
from animecam.backends.status import BackendStatus
from animecam.cuda.current import context_kept
from animecam.cuda.gpu import open_gpu
from animecam.cuda.turns import gpu_turn
from animecam.engines.aside import aside
from animecam.engines.flavour import choose_flavour, installed
from animecam.engines.host import HostSession
from animecam.engines.loader import EngineLoader
from animecam.engines.session import EngineSession
from animecam.errors import BackendError

NAME = "tensorrt"
KEPT_SHAPES = 8
"""Engines that stay loaded: every crop size that the governor moves between, and a whole frame."""

WARM_UPS = 3
"""Runs of each number of pictures before an engine is called ready.

tensorrt-rtx compiles in the first one, records its CUDA graph in the second and launches it from the third on
(NVIDIA, "Working with RTX CUDA Graphs"). A recording among live frames would be ended by whoever loads meanwhile.
"""

_CHANNELS = 3


class TensorRtBackend:
    """One network in TensorRT, an engine for each input shape it meets.

    Numbers are outside as `model` has them, whatever the engine computes in: they are rounded on the way into pinned
    memory.

    Args:
        model: The network, in fp32 as a rule.
        half: Its fp16 form; None runs it as it is.
        options: `gpu` and `cache_dir` are used.

    Raises:
        BackendError: No driver, no GPU, no runtime that supports it, or a network that it refuses.
    """

    @context_kept()
    def __init__(self, model: Path, half: Path | None, options: BackendOptions) -> None:
        self._loader = EngineLoader(model, half, options)
        self._name = model.name
        ports = (self._loader.input, *self._loader.outputs)
        self.input, *outputs = (port if half is None else port.in_single() for port in ports)
        self.outputs = tuple(outputs)
        self.max_batch = self._loader.max_batch
        self.info = _info(self._loader)
        self._sessions: OrderedDict[tuple[int, ...], HostSession] = OrderedDict()
        self._using = threading.Lock()  # of the sessions: one thread runs while another may load
        self._is_open = True

    @context_kept()
    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network; see `Backend.run`. The first batch of a shape loads its engine, or builds it."""
        check_batch(batch, self.input, self._name)
        shape = batch.shape[1:]
        while True:
            with self._using:
                session = self._sessions.get(shape)
                if session is not None:
                    self._loader.gpu.use()
                    self._sessions.move_to_end(shape)
                    drawn = in_parts(session.run, batch, session.max_batch)
                    ports = zip(drawn, self.outputs, strict=True)
                    return tuple(numbers.astype(port.dtype, copy=False) for numbers, port in ports)
            self.prepare(shape)  # not held meanwhile; what another thread prepares may take the place of this one

    def is_ready(self, shape: tuple[int, ...]) -> bool:
        """Whether pictures of a shape are drawn at once."""
        return shape in self._sessions

    @context_kept()
    def prepare(self, shape: tuple[int, ...]) -> None:
        """Loads the engine for pictures of a shape, or builds it; another thread may run others meanwhile.

        Raises:
            BackendError: It cannot be built or run.
        """
        if not self._is_open:
            raise BackendError(f"{self._name} is closed")
        session = self._loader.host_session(shape)
        self.info = _info(self._loader, self.info)
        self._loader.gpu.use()
        with ExitStack() as on_failure:
            on_failure.callback(self._free, session)
            aside(lambda: self._warm_up(session, shape), self.end)  # it compiles for seconds, and tells of it
            on_failure.pop_all()
        with self._using:
            gone = self._sessions.pop(shape, None)  # another thread has prepared the same meanwhile
            if len(self._sessions) == KEPT_SHAPES:
                gone = self._sessions.popitem(last=False)[1]
            self._sessions[shape] = session
        if gone is not None:
            self._free(gone)

    def _free(self, session: HostSession) -> None:
        with gpu_turn(lambda: self._loader.is_ending):  # it may wait for the whole GPU
            self._loader.gpu.use()
            session.close()

    def _warm_up(self, session: HostSession, shape: tuple[int, ...]) -> None:
        """What a runtime compiles and records at first, it does now and not while somebody waits for a frame."""
        with gpu_turn(lambda: self._loader.is_ending) as is_mine:
            if not is_mine:
                raise BackendError(f"{self._name} is closed")
            self._loader.gpu.use()
            for batch in range(1, session.max_batch + 1):
                if self.input.shape[0] not in (None, batch):
                    continue
                for _ in range(WARM_UPS):
                    if self._loader.is_ending:
                        raise BackendError(f"{self._name} is closed")
                    session.run(np.zeros((batch, *shape), self.input.dtype))
        session.keep_compiled()

    def end(self) -> None:
        """Lets a build that is running end soon."""
        self._loader.end()

    @context_kept()
    def close(self) -> None:
        """Frees the engines; may be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        self._loader.end()
        self._loader.gpu.use()
        with self._using:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()
        self._loader.close()


class TensorRtDevice:
    """`DeviceNetwork` in TensorRT, an engine for each size.

    Args:
        model: The fp32 network.
        half: Its fp16 form, which it must have.
        options: `gpu` and `cache_dir` are used.

    Raises:
        BackendError: As `TensorRtBackend`, or the network is not half in and out.
    """

    is_recordable = True

    @context_kept()
    def __init__(self, model: Path, half: Path | None, options: BackendOptions) -> None:
        self._loader = EngineLoader(model, half, options)
        self._sessions: dict[int, EngineSession] = {}
        self._bound: EngineSession | None = None
        self.max_batch = self._loader.max_batch
        self.info = _info(self._loader)
        ports = (self._loader.input, *self._loader.outputs)
        if any(port.dtype != np.float16 for port in ports) or self._loader.input.shape[1] != _CHANNELS:
            self._loader.close()
            hint = "animecam-export fp16 FOLDER gives a style of animecam-train one"
            raise BackendError(f"{model.name} has no fp16 form that takes NCHW pictures", hint=hint)

    @context_kept()
    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        """See `DeviceNetwork.bind`."""
        if size_px not in self._sessions:
            self._sessions[size_px] = self._loader.device_session((_CHANNELS, size_px, size_px))
            self.max_batch = min(self.max_batch, self._sessions[size_px].max_batch)
            self.info = _info(self._loader, self.info)
        session = self._sessions[size_px]
        session.set_batch(batch)
        session.bind(self._loader.input.name, input_address)
        session.bind(self._loader.outputs[0].name, output_address)
        self._bound = session

    def enqueue(self, stream_handle: int) -> None:
        """See `DeviceNetwork.enqueue`."""
        if self._bound is None:
            raise BackendError("nothing is bound")
        self._bound.enqueue(stream_handle)

    def keep_compiled(self) -> None:
        """See `Compiling`."""
        for session in self._sessions.values():
            session.keep_compiled()

    def end(self) -> None:
        """See `DeviceNetwork.end`."""
        self._loader.end()

    def close(self) -> None:
        """See `DeviceNetwork.close`."""
        self._bound = None
        self.keep_compiled()
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._loader.close()


def probe(gpu: int = 0) -> BackendStatus:
    """What TensorRT can do here."""
    if not installed():
        choose_flavour(None)  # says what to install
    device = open_gpu(gpu)
    try:
        flavour = choose_flavour(device.compute_capability)
        return BackendStatus(NAME, True, f"{flavour.name} {flavour.version}", device.name, ("f32", "f16"))
    finally:
        device.close()


def _info(loader: EngineLoader, before: BackendInfo | None = None) -> BackendInfo:
    """What computes now; the same value as before, unless the other package has taken over."""
    info = BackendInfo(loader.flavour.name, loader.flavour.version, loader.gpu.name, loader.precision)
    return before if before is not None and before == info else info
