"""The seam between the networks and the runtime that computes them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = NDArray[Any]
"""An array as a network takes or gives it: dtype and layout are the network's."""


class BackendChoice(StrEnum):
    """What the user asked for; only `auto` may choose."""

    AUTO = "auto"
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    TENSORRT = "tensorrt"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """How a runtime is to compute."""

    threads: int = 0  # CPU threads, 0: the runtime's own choice
    allow_bf16: bool = True  # bfloat16 where the processor computes it natively
    allow_int8: bool = True  # the INT8 form of a network, where it has one and the runtime gains by it
    allow_compiling: bool = True  # by PyTorch, in a process of its own, which takes over when it is ready
    sizes_change: bool = False  # a governor changes them: what is compiled for each size takes over when it is ready
    cache_dir: Path | None = None  # compiled models are kept here, a folder of ours; None: not kept
    gpu: int | None = None  # index of the GPU; None: `auto` takes none, a runtime that needs one takes the first


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What computes, for logs and reports.

    Attributes:
        name: "openvino", "onnxruntime", "torch", "tensorrt", "tensorrt-rtx".
        version: Version of the runtime.
        device: Name of the processor or GPU.
        precision: "f32", "bf16", "f16" or "int8".
    """

    name: str
    version: str
    device: str
    precision: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.precision}) on {self.device}"


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a network: its name, its shape with None for what is free, and its dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]

    def in_single(self) -> "Port":
        """The port as seen from outside of a backend that casts: what is half inside is single there."""
        return replace(self, dtype=np.dtype(np.float32)) if self.dtype == np.float16 else self


class Backend(Protocol):
    """One loaded network. Used by one thread at a time; whoever opened it closes it."""

    info: BackendInfo
    input: Port
    outputs: tuple[Port, ...]
    max_batch: int

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Computes the network.

        Args:
            batch: The input, shape and dtype as `input` says, C-contiguous.

        Returns:
            The outputs in the order of `outputs`; they belong to the caller and stay valid.

        Raises:
            BackendError: The shape is refused or the runtime failed.
        """
        ...

    def close(self) -> None:
        """Frees the network; may be called twice."""
        ...


@runtime_checkable
class Ending(Protocol):
    """A backend that may take minutes to get ready, in whatever thread draws with it first."""

    def end(self) -> None:
        """Lets what goes on in another thread end soon, with a BackendError there; nothing is drawn after it."""
        ...


@runtime_checkable
class Settling(Protocol):
    """A backend that something faster overtakes while it draws."""

    @property
    def is_settled(self) -> bool:
        """Whether what drew last will go on drawing."""
        ...
