"""What a drawn picture tells of the photo that it was made of (Exif 2.32, TIFF 6.0).

Only what is listed here is written, into a structure of its own: when and with what it was taken, and whose it is. So
nothing else can come along: no preview, which would show the bare face, no notes of the camera's maker, which hold
previews and numbers of that very camera, and no place unless somebody asked for it.
"""

import struct
from collections.abc import Container
from dataclasses import dataclass

from animecam.sinks.mark import MARK
from animecam.sources.tiff_header import FIELD_BYTES, INLINE_BYTES, byte_order, fields_of

_PREFIX = b"Exif\0\0"  # of the block in a JPEG, which some readers hand out with it
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 129: 1}  # bytes of a value, by the type of its field
_LONGEST_BYTES = 1024  # of a value: all of them fit into the 64 KB of a JPEG's block, and no preview does
_SHORT, _LONG = 3, 4  # types of fields
_ASCII = 2
_ORIENTATION, _SOFTWARE, _EXIF, _GPS = 0x0112, 0x0131, 0x8769, 0x8825
_UPRIGHT = 1
_FIRST_AT = 8  # where the first directory stands, behind the header

_PICTURE_TAGS = frozenset({0x010E, 0x010F, 0x0110, 0x0132, 0x013B, 0x8298})
"""Description, make, model, date, artist, copyright."""

_CAPTURE_TAGS = frozenset(
    {0x9000, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292}  # version; dates, their zones, fractions
    | {0x829A, 0x829D, 0x8822, 0x8827, 0x9201, 0x9202, 0x9204, 0x9205}  # exposure time, f-number, sensitivity, …
    | {0x9207, 0x9208, 0x9209, 0x920A, 0xA402, 0xA403, 0xA404, 0xA405, 0xA406}  # metering, flash, focal length, …
    | {0xA001, 0xA432, 0xA433, 0xA434}  # colour space; the lens, without its serial number
)

_PLACE_TAGS = range(0x20)  # all that GPS has


@dataclass(frozen=True, slots=True)
class _Field:
    kind: int
    count: int
    value: bytes


_Fields = dict[int, _Field]


def kept_exif(data: bytes, *, keeps_location: bool) -> bytes:
    """The EXIF data for what was drawn of a photo; whatever is damaged in the photo's own is left out.

    Args:
        data: EXIF data, from the header of the TIFF structure on; the whole of a TIFF file is such a structure, too.
        keeps_location: Where it was taken is written as well.

    Returns:
        A TIFF structure with one picture, which stands upright and is marked as drawn.
    """
    data = data.removeprefix(_PREFIX)
    if (order := byte_order(data)) is None:
        data, order = b"", "<"
    first = _read(data, order, _pointer(data, order, 4), (*_PICTURE_TAGS, _EXIF, _GPS))
    inner = {_EXIF: _read(data, order, _start(first.pop(_EXIF, None), order), _CAPTURE_TAGS)}
    gps = first.pop(_GPS, None)
    if keeps_location:
        inner[_GPS] = _read(data, order, _start(gps, order), _PLACE_TAGS)
    inner = {tag: fields for tag, fields in inner.items() if fields}
    first[_SOFTWARE] = _Field(_ASCII, len(MARK) + 1, MARK.encode() + b"\0")
    first[_ORIENTATION] = _Field(_SHORT, 1, struct.pack(order + "H", _UPRIGHT))
    return _written(order, first, inner)


def _written(order: str, first: _Fields, inner: dict[int, _Fields]) -> bytes:
    at = _FIRST_AT + _length(first | {tag: _Field(_LONG, 1, bytes(4)) for tag in inner})
    blocks: list[bytes] = []
    for tag, fields in inner.items():
        first[tag] = _Field(_LONG, 1, struct.pack(order + "I", at))
        blocks.append(_directory(order, fields, at))
        at += len(blocks[-1])
    header = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, _FIRST_AT)
    return b"".join([header, _directory(order, first, _FIRST_AT), *blocks])


def _read(data: bytes, order: str, start: int | None, wanted: Container[int]) -> _Fields:
    """The wanted fields of a directory, as far as they can be read."""
    fields: _Fields = {}
    if not start:
        return fields
    try:
        for tag, kind, count, at in fields_of(data, order, start):
            length = _SIZES.get(kind, 0) * count
            if tag not in wanted or not 0 < length <= _LONGEST_BYTES:
                continue
            place = at if length <= INLINE_BYTES else _pointer(data, order, at)
            if place is not None and place + length <= len(data):
                fields[tag] = _Field(kind, count, data[place : place + length])
    except struct.error:
        return fields  # cut off: what stands before is sound
    return fields


def _pointer(data: bytes, order: str, at: int) -> int | None:
    """A place in the data that is named at another one; None where they end before."""
    return struct.unpack_from(order + "I", data, at)[0] if at + 4 <= len(data) else None


def _start(pointer: _Field | None, order: str) -> int | None:
    """Where the directory is that a field points to."""
    return _pointer(pointer.value, order, 0) if pointer is not None else None


def _length(fields: _Fields) -> int:
    apart = sum(_even(len(field.value)) for field in fields.values() if len(field.value) > INLINE_BYTES)
    return 2 + FIELD_BYTES * len(fields) + 4 + apart


def _directory(order: str, fields: _Fields, start: int) -> bytes:
    """A directory that is the last one, and behind it the values that do not fit into their fields."""
    entries, apart = bytearray(), bytearray()
    values_at = start + 2 + FIELD_BYTES * len(fields) + 4
    for tag, field in sorted(fields.items()):
        entries += struct.pack(order + "HHI", tag, field.kind, field.count)
        if len(field.value) <= INLINE_BYTES:
            entries += field.value.ljust(INLINE_BYTES, b"\0")
        else:
            entries += struct.pack(order + "I", values_at + len(apart))
            apart += field.value.ljust(_even(len(field.value)), b"\0")
    return struct.pack(order + "H", len(fields)) + bytes(entries) + bytes(4) + bytes(apart)


def _even(length: int) -> int:
    return length + length % 2  # values begin at even places
