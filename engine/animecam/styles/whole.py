"""ONNX files whose weights lie in other files beside them, as PyTorch's newer exporter writes them: made one file.

Reads and writes protobuf's wire format itself: the package `onnx` comes with some extras only, and a style must not
need them. What is not a weight that lies elsewhere is passed on byte for byte.
"""

from collections.abc import Iterator
from pathlib import Path

from animecam.errors import StyleError

LARGEST_BYTES = 2**31 - 1
"""Of an ONNX file: protobuf reads no more."""

_FIXED_BYTES = {1: 8, 5: 4}  # wire types of fixed size
_VARINT, _BYTES = 0, 2  # the other two
_MOST_VARINT_BITS = 63

_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {},
}
"""Messages of onnx.proto in which tensors may be found: the fields that lead on, and what is in them."""

_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14  # fields of a tensor
_EXTERNAL = 1  # a value of _DATA_LOCATION
_KEY, _VALUE = 1, 2  # of an entry of _EXTERNAL_DATA


def whole_network(file: Path) -> bytes | None:
    """An ONNX file with the weights in it that it keeps in files beside it.

    Args:
        file: The network.

    Returns:
        The new file; None where everything lies in the file itself, or it is no ONNX file, which its runtime can say.

    Raises:
        StyleError: A file beside it is missing or too short, lies elsewhere, or all is too large for one file.
        OSError: The file itself cannot be read.
    """
    if file.stat().st_size > LARGEST_BYTES:
        raise _too_large(file)
    content = file.read_bytes()
    try:
        whole = _filled(memoryview(content), "model", file)
    except ValueError:
        return None
    if len(whole) > LARGEST_BYTES:
        raise _too_large(file)
    return None if whole == content else whole


def _filled(message: memoryview, kind: str, file: Path) -> bytes:
    """A message with the weights in it."""
    fields = list(_fields(message))
    if kind == "tensor" and any(number == _DATA_LOCATION and value == _EXTERNAL for number, value, _ in fields):
        return _tensor(message, file)
    parts: list[bytes | memoryview] = []
    for number, value, field in fields:
        inner = _INSIDE[kind].get(number)
        if inner is None or isinstance(value, int):
            parts.append(field)
        else:
            parts.append(_bytes_field(number, _filled(value, inner, file)))
    return b"".join(parts)


def _tensor(message: memoryview, file: Path) -> bytes:
    """A tensor whose numbers lie in another file, with its numbers."""
    where: dict[str, str] = {}
    kept: list[bytes | memoryview] = []
    for number, value, field in _fields(message):
        if number == _EXTERNAL_DATA and not isinstance(value, int):
            entry = {key: bytes(text).decode() for key, text, _ in _fields(value) if not isinstance(text, int)}
            where[entry.get(_KEY, "")] = entry.get(_VALUE, "")
        elif number not in (_DATA_LOCATION, _RAW_DATA):
            kept.append(field)
    return b"".join([*kept, _bytes_field(_RAW_DATA, _weights(where, file))])


def _weights(where: dict[str, str], file: Path) -> bytes:
    """The bytes that an entry of a network names.

    Args:
        where: `location`, a path beside the network, and perhaps `offset` and `length` in bytes.
        file: The network.
    """
    name = where.get("location", "")
    beside, folder = (file.parent / name).resolve(), file.parent.resolve()
    if not name or not beside.is_relative_to(folder):
        message = f"{file} keeps its weights in {name!r}, which is not beside it"
        raise StyleError(message, hint="export it again, with its weights beside it or in it")
    start = int(where.get("offset", "0"))
    try:
        with beside.open("rb") as weights:
            room = beside.stat().st_size - start
            length = int(where["length"]) if "length" in where else room
            if length > LARGEST_BYTES:
                raise _too_large(file)
            if start < 0 or not 0 <= length <= room:
                message = f"{beside} is shorter than {file.name} says: it holds weights of that network"
                raise StyleError(message, hint="copy both files again")
            weights.seek(start)
            return weights.read(length)
    except OSError as error:
        message = f"{file} keeps its weights in {name}, which cannot be read: {error.strerror}"
        raise StyleError(message, hint=f"put {name} beside it: the two files are one network") from error


def _too_large(file: Path) -> StyleError:
    hint = "a network this large cannot be drawn live: export a smaller one"
    return StyleError(f"{file} with its weights is larger than 2 GiB, which no style can be", hint=hint)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """Number, value and bytes of each field of a message.

    Raises:
        ValueError: This is no message.
    """
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        value: int | memoryview
        wire_type = key & 7
        if wire_type == _VARINT:
            value, at = _varint(message, at)
        elif wire_type == _BYTES or wire_type in _FIXED_BYTES:
            size, at = _varint(message, at) if wire_type == _BYTES else (_FIXED_BYTES[wire_type], at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"there is no wire type {wire_type}")
        if at > len(message):
            raise ValueError("the message ends within a field")
        yield key >> 3, value, message[start:at]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length, and where the next thing begins."""
    number = shift = 0
    while at < len(message) and shift <= _MOST_VARINT_BITS:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
    raise ValueError("the message ends within a number")


def _bytes_field(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(content)) + content


def _as_varint(number: int) -> bytes:
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
