"""Reads a new engine's types back and compares it with the fp32 network it was made from, on the GPU that runs it."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from animecam.backends.base import BackendChoice, BackendOptions, Port, Tensor
from animecam.cuda.base import Gpu
from animecam.engines.flavour import Flavour
from animecam.engines.host import HostSession
from animecam.engines.inspection import check_built_types, read_types
from animecam.engines.key import EngineKey, EngineParity, EngineTypes, compiled_file
from animecam.engines.network import Ports
from animecam.engines.parity import psnr_db, trial_pictures
from animecam.engines.session import EngineSession
from animecam.engines.store import LEAST_PSNR_DB, Check
from animecam.errors import EngineRefusedError

_HINT = 'update the runtime and the driver, or use `backend="onnxruntime"`; please report it'

log = logging.getLogger(__name__)


def engine_check(flavour: Flavour, gpu: Gpu, reference: Path, ports: Ports) -> Check:
    """A check for `EngineStore`.

    Args:
        flavour: The runtime.
        gpu: Current in the thread that builds.
        reference: The fp32 network, which ONNX Runtime computes on the processor.
        ports: Of the network that engines are built from.
    """

    def check(data: bytes, key: EngineKey, path: Path) -> tuple[EngineTypes, EngineParity]:
        jit = compiled_file(path, gpu.name)
        # In which mode a runtime records a graph of its own is not said: others may be at work beside this.
        session = EngineSession(flavour, gpu, data, max_batch=key.max_batch, shape=key.shape, own_graph=False, jit=jit)
        port = ports.input
        host = HostSession(gpu, session, Port(port.name, (None, *key.shape), port.dtype), ports.outputs)
        try:
            types = read_types(session.layer_information())
            if not types.is_known:
                log.info("types of the layers of the %s engine: %s", key.precision, types.note)
            check_built_types(key.precision, types, _HINT)
            pictures = _pictures(port, key)
            parity = _compared(_expected(reference, pictures), host.run(pictures)[0])
            if flavour.is_rtx:
                _compile(host, port, key, pictures.dtype)
        finally:
            host.close()
        return types, parity

    return check


def _compared(expected: Tensor, given: Tensor) -> EngineParity:
    """How near the worst picture is.

    Raises:
        EngineRefusedError: Not near enough.
    """
    worst_db = min(map(psnr_db, expected, given))
    if worst_db < LEAST_PSNR_DB:
        message = f"the engine draws something else than its network: {worst_db:.1f} dB, {LEAST_PSNR_DB:g} are wanted"
        raise EngineRefusedError(message, hint=_HINT)
    return EngineParity(round(worst_db, 1), len(given), "against fp32 in ONNX Runtime on the processor")


def _compile(host: HostSession, port: Port, key: EngineKey, dtype: np.dtype[Any]) -> None:
    """Lets tensorrt-rtx compile a good engine for each number of pictures, and keeps that for the starts to come."""
    for count in range(1, key.max_batch + 1):
        if port.shape[0] in (None, count):
            host.run(np.zeros((count, *key.shape), dtype))
    host.keep_compiled()


def _pictures(port: Port, key: EngineKey) -> Tensor:
    """The bundled portrait and noise for our own networks; for others, whose coding only their card knows, noise."""
    kind = port.dtype
    count = port.shape[0] or min(2, key.max_batch)  # a network may take a fixed number
    shape = (count, *key.shape)
    if key.precision == "f16":
        return trial_pictures(shape).astype(np.float16).astype(np.float32)  # both networks get the same numbers
    noise = np.random.default_rng(0).random(shape, np.float32)
    return (noise * 255).astype(kind) if kind == np.uint8 else noise.astype(kind)


def _expected(reference: Path, pictures: Tensor) -> Tensor:
    from animecam.backends.opening import open_backend  # it opens this package's backend, too

    backend = open_backend(reference, BackendChoice.ONNXRUNTIME, BackendOptions())
    try:
        step, pictures = backend.max_batch, pictures.astype(backend.input.dtype)  # a network may be half by itself
        return np.concatenate([backend.run(pictures[at : at + step])[0] for at in range(0, len(pictures), step)])
    finally:
        backend.close()
