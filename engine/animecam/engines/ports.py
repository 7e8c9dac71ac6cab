"""What goes into a network and comes out, as a runtime has read it: noted beside the engines.

To read a file takes a builder. That of `tensorrt` needs seconds to start, 1 to 2.6 GB of the host's memory and 0.2 to
0.75 GB of the GPU's ("Init builder kernel library" in its logs), and its bindings hold Python's lock meanwhile. Where
an engine is there already, none is needed.
"""

import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from animecam.backends.base import Port
from animecam.cache import write_whole
from animecam.cuda.turns import gpu_turn
from animecam.engines.flavour import Flavour
from animecam.engines.network import Ports, parse_network
from animecam.engines.store import network_name

PORTS_SUFFIX = ".ports"

TURN_SECONDS = 2.0
"""Longest wait for a turn to start a builder: no recording takes so long. Whoever has it for longer builds, maybe for
minutes, and records nothing; the style that is read here is wanted before, as the processor can draw it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and by what.

    Attributes:
        ports: Of the network.
        builder: The runtime's, which has read it; None: it was noted. While one lives, another one starts at once.
    """

    ports: Ports
    builder: Any


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who has read what; another one might read it otherwise, or refuse it."""

    onnx_sha256: str
    runtime: str
    version: str


def read_ports(flavour: Flavour, model: Path, folder: Path) -> Reading:
    """The ports of an ONNX file that a runtime takes, from the note if this version of it has read this file before.

    Else a builder is started, which uses the GPU, in a turn of its own.

    Args:
        flavour: The runtime.
        model: The file.
        folder: Where engines are kept; where it cannot be written, the next start reads the file again.

    Raises:
        BackendError: The file is damaged, has several inputs, or has an operator that the runtime does not know.
    """
    note, reader = _place(flavour, model, folder)
    ports = _noted(note, reader)
    if ports is not None:
        return Reading(ports, None)
    end_s = time.monotonic() + TURN_SECONDS
    with gpu_turn(lambda: time.monotonic() > end_s):
        parsed = parse_network(flavour, model)
    _note(note, reader, parsed.ports)
    return Reading(parsed.ports, parsed.builder)


def noted_ports(flavour: Flavour, model: Path, folder: Path) -> Ports | None:
    """As `read_ports`, without a builder: None where this version of the runtime has not read the file before."""
    return _noted(*_place(flavour, model, folder))


def _place(flavour: Flavour, model: Path, folder: Path) -> tuple[Path, _Reader]:
    """Where the note of a file lies, and who must have read it."""
    reader = _Reader(hashlib.sha256(model.read_bytes()).hexdigest(), flavour.name, flavour.version)
    return folder / f"{network_name(model)}-{flavour.name}{PORTS_SUFFIX}", reader


def _noted(note: Path, reader: _Reader) -> Ports | None:
    """None where there is no note, or one of something else."""
    try:
        values = cast(dict[str, Any], json.loads(note.read_text(encoding="utf-8")))
        if values["reader"] != asdict(reader):
            return None
        first, *rest = (_port(port) for port in values["ports"])
        return Ports(first, tuple(rest))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _note(note: Path, reader: _Reader, ports: Ports) -> None:
    told = [
        {"name": port.name, "shape": port.shape, "dtype": port.dtype.name} for port in (ports.input, *ports.outputs)
    ]
    try:
        write_whole(note, (json.dumps({"reader": asdict(reader), "ports": told}, indent=2) + "\n").encode())
    except OSError as error:
        log.info("what goes into %s is not noted: %s", note.stem, error.strerror)


def _port(values: dict[str, Any]) -> Port:
    shape = tuple(None if side is None else int(side) for side in values["shape"])
    return Port(str(values["name"]), shape, np.dtype(values["dtype"]))
