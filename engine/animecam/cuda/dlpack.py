"""DLPack both ways: memory that another library shares is read, and memory of ours is lent to it until it lets go.

The structures are those of the unversioned form (https://dmlc.github.io/dlpack/latest/c_api.html), which FFmpeg's
bindings, NumPy, PyTorch and CuPy all speak.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

HOST = (1, 0)
"""The host's memory, as DLPack counts devices: kind and index."""

CUDA = 2
"""DLPack's kind of an NVIDIA GPU's memory."""

_NAME = b"dltensor"  # until somebody takes it; whoever does renames the capsule and calls the deleter himself
_UNSIGNED, _BYTE_BITS = 1, 8


class Shared(Protocol):
    """Anything that shares its memory by DLPack."""

    def __dlpack__(self, *, stream: int | None = None) -> object:
        """A capsule of an unversioned tensor."""
        ...

    def __dlpack_device__(self) -> tuple[int, int]:
        """Kind and index of the device that it lies on."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """Bytes in rows, somewhere.

    Attributes:
        address: Of the first byte.
        pitch: Bytes from one row to the next.
        width: Bytes of a row.
        height: Rows.
    """

    address: int
    pitch: int
    width: int
    height: int


class _Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("index", ctypes.c_int32))


class _DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


# A function of our own over Python's: those of `ctypes.pythonapi` are shared by all who use ctypes.
_pointer_in = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def rows_of(shared: Shared) -> Rows:
    """Where shared bytes lie; good for as long as `shared` lives.

    Args:
        shared: Bytes of shape [H, W] or [H, W, C] whose rows have no gaps within.

    Raises:
        ValueError: It holds something else.
    """
    capsule = shared.__dlpack__()  # given back, unused, when this returns
    tensor = _tensor_in(capsule)
    shape = [tensor.shape[axis] for axis in range(tensor.ndim)]
    if (tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes) != (_UNSIGNED, _BYTE_BITS, 1):
        raise ValueError(f"the memory shared holds numbers of {tensor.dtype.bits} bits, not bytes")
    height, *inner = shape
    width = _product(inner)
    pitch, *steps = (tensor.strides[axis] for axis in range(tensor.ndim)) if tensor.strides else (width, *_steps(inner))
    if list(steps) != _steps(inner):
        raise ValueError(f"the memory shared has gaps within its rows: steps {list(steps)} of shape {shape}")
    return Rows(int(tensor.data) + tensor.byte_offset, pitch, width, height)


class Lent:
    """Bytes of ours as others take them; whoever takes them keeps `owner` alive until it lets go.

    Args:
        address: Of the first byte.
        shape: [H, W] or [H, W, C], without gaps within a row.
        pitch: Bytes from one row to the next.
        device: Kind and index, as DLPack counts them.
        owner: What the memory belongs to.
    """

    def __init__(
        self, address: int, shape: Sequence[int], *, pitch: int, device: tuple[int, int], owner: object
    ) -> None:
        strides = (pitch, *_steps(shape[1:]))
        self._bytes: NDArray[np.uint8] = np.asarray(_Memory(address, tuple(shape), strides, owner))
        self._device = device

    def __dlpack__(self, *, stream: int | None = None) -> object:
        """As `Shared.__dlpack__`; nothing is in flight, so no stream has to wait."""
        # NumPy's own capsule, which says where the memory is in truth: it may end while an error is on its way, and
        # NumPy lets go in C then. Whatever Python does in that moment fails, and takes the place of that error.
        capsule = self._bytes.__dlpack__()
        device = _tensor_in(capsule).device
        device.kind, device.index = self._device
        return capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        """As `Shared.__dlpack_device__`."""
        return self._device


class _Memory:
    """What NumPy needs to know of bytes that it did not allocate; it never looks at them."""

    def __init__(self, address: int, shape: tuple[int, ...], strides: tuple[int, ...], owner: object) -> None:
        self._owner = owner
        place = {"data": (address, False), "typestr": "|u1", "shape": shape, "strides": strides}
        self.__array_interface__ = {**place, "version": 3}


def _tensor_in(capsule: object) -> Any:
    """The `_Tensor` of a capsule that nobody has taken; good for as long as that lives."""
    pointer = _pointer_in(capsule, _NAME)
    return ctypes.cast(pointer, ctypes.POINTER(_Managed)).contents.tensor


def _product(sides: Sequence[int]) -> int:
    product = 1
    for side in sides:
        product *= side
    return product


def _steps(sides: Sequence[int]) -> list[int]:
    """Strides of packed axes."""
    return [_product(sides[axis + 1 :]) for axis in range(len(sides))]
