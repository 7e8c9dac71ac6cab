"""DLPack both ways: memory that another library shares is read, and memory of ours is lent to it until it lets go.

The structures are those of the unversioned form (https://dmlc.github.io/dlpack/latest/c_api.html), which FFmpeg's
bindings, NumPy, PyTorch and CuPy all speak.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


# Functions of our own over Python's: those of `ctypes.pythonapi` are shared by all who use ctypes. A capsule that is
# being freed must not be counted again, so it goes by its address alone.
_make_capsule = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_pointer_in = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_is_called = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))


def rows_of(shared: Shared) -> Rows:
    """Where shared bytes lie; good for as long as `shared` lives.

    Args:
        shared: Bytes of shape [H, W] or [H, W, C] whose rows have no gaps within.

    Raises:
        ValueError: It holds something else.
    """
    capsule = shared.__dlpack__()  # given back, unused, when this returns
    pointer = _pointer_in(id(capsule), _NAME)
    tensor = ctypes.cast(pointer, ctypes.POINTER(_Managed)).contents.tensor
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
        self._address, self._shape, self._pitch = address, tuple(shape), pitch
        self._device, self._owner = device, owner

    def __dlpack__(self, *, stream: int | None = None) -> object:
        """As `Shared.__dlpack__`; nothing is in flight, so no stream has to wait."""
        axes = len(self._shape)
        shape = (ctypes.c_int64 * axes)(*self._shape)
        strides = (ctypes.c_int64 * axes)(self._pitch, *_steps(self._shape[1:]))
        tensor = _Tensor(
            self._address, _Device(*self._device), axes, _DataType(_UNSIGNED, _BYTE_BITS, 1), shape, strides, 0
        )
        managed = _Managed(tensor, None, ctypes.cast(_let_go, ctypes.c_void_p))
        pointer = ctypes.addressof(managed)
        _taken[pointer] = (managed, shape, strides, self._owner)
        return _make_capsule(pointer, _NAME, ctypes.cast(_drop, ctypes.c_void_p))

    def __dlpack_device__(self) -> tuple[int, int]:
        """As `Shared.__dlpack_device__`."""
        return self._device


_taken: dict[int, tuple[Any, ...]] = {}
"""What others hold, by the address of its structure, with all that must live as long.

One step of a dict is safe in any thread. A lock would not be: garbage collection may let go of bytes at any moment, in
the thread that is lending or letting go just then.
"""


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _let_go(pointer: int) -> None:
    """Whoever took the bytes is done with them; called from any thread, an encoder's too."""
    _taken.pop(pointer, None)


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _drop(capsule: int) -> None:
    """A capsule ends: if nobody has taken it, its bytes are let go with it."""
    if _is_called(capsule, _NAME):
        _let_go(_pointer_in(capsule, _NAME))


def _product(sides: Sequence[int]) -> int:
    product = 1
    for side in sides:
        product *= side
    return product


def _steps(sides: Sequence[int]) -> list[int]:
    """Strides of packed axes."""
    return [_product(sides[axis + 1 :]) for axis in range(len(sides))]
