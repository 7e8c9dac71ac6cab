"""What the header of a TIFF says (TIFF 6.0): its size, and how its pixels are stored, which OpenCV keeps to itself."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

_LAB = (8, 9, 10)  # photometric interpretations: CIE L*a*b*, that of ICC, that of ITU
_MOST_SAMPLES = 4
_BYTE_BITS = 8
_APART = 2  # planar configuration: one colour after the other
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA = 256, 257, 258, 262, 277, 284, 338  # tags
_COMPRESSION, _FORMAT = 259, 339  # tags, too
_CMYK = 5  # a photometric interpretation
_FLOAT = 3  # a sample format
_MOST_BITS = 16  # of a sample that is decoded
_PACKERS = {
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
"""Compressions that OpenCV is not built with, and their names."""

_LETTERS = {1: "B", 3: "H", 4: "I"}  # field types of whole numbers: 8, 16 and 32 bits
INLINE_BYTES = 4  # a field's values stand in the field itself if they are no longer
FIELD_BYTES = 12


class Extra(IntEnum):
    """What the sample after the colours means; values are the file's."""

    UNSPECIFIED = 0  # no transparency
    MULTIPLIED = 1  # transparency; the colours are multiplied by it
    ALPHA = 2  # transparency, which left the colours alone


@dataclass(frozen=True, slots=True)
class TiffHeader:
    """The first picture of a TIFF.

    Attributes:
        width_px: Width as stored.
        height_px: Height as stored.
        bits: Of a sample.
        samples: Of a pixel.
        photometric: What the colours are.
        is_apart: Each colour is stored as a picture of its own.
        extra: What the sample after the colours means; None if the file does not say.
        compression: How the pixels are packed.
        is_float: A sample is a floating-point number.
    """

    width_px: int
    height_px: int
    bits: int
    samples: int
    photometric: int
    is_apart: bool
    extra: int | None
    compression: int
    is_float: bool

    @property
    def fault(self) -> str:
        """What OpenCV would get wrong, in a few words; empty if nothing."""
        if self.photometric in _LAB:
            return "stores its colours as Lab"
        if self.samples == 2:
            return "is a grey picture with transparency"
        if self.samples > _MOST_SAMPLES:
            return f"stores {self.samples} channels"
        if self.is_apart and self.samples > 1 and self.bits > _BYTE_BITS:
            return f"stores {self.bits} bits, one colour after the other"
        return ""

    @property
    def unread(self) -> str:
        """Why OpenCV gives nothing, if the file is not damaged, in a few words; empty if nobody knows."""
        if self.is_float:
            return "stores floating-point numbers"
        if self.bits > _MOST_BITS:
            return f"stores {self.bits} bits a colour"
        if self.compression in _PACKERS:
            return f"is a TIFF packed with {_PACKERS[self.compression]}"
        if self.photometric == _CMYK and self.bits > _BYTE_BITS:
            return f"stores CMYK of {self.bits} bits"
        return ""


def is_big_tiff(data: bytes) -> bool:
    """Whether this is a TIFF with room for more than 4 GB, whose header is another one."""
    return data[:4] in (b"II+\0", b"MM\0+")


def is_tiff(data: bytes) -> bool:
    """Whether this is a TIFF of less than 4 GB."""
    return byte_order(data) is not None


def byte_order(data: bytes) -> str | None:
    """Of the numbers in a TIFF of less than 4 GB, as `struct` has it; None if this is none."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])


def fields_of(data: bytes, order: str, start: int) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, number of values, and the place of these or of a pointer to them, of each field of a directory.

    Raises:
        struct.error: It is cut off.
    """
    for entry in range(struct.unpack_from(order + "H", data, start)[0]):
        at = start + 2 + FIELD_BYTES * entry
        yield *struct.unpack_from(order + "HHI", data, at), at + FIELD_BYTES - INLINE_BYTES


def tiff_header(data: bytes) -> TiffHeader | None:
    """What is told of the first picture, or None if not even its size is.

    Raises:
        struct.error: It is cut off.
    """
    if (order := byte_order(data)) is None:
        return None
    fields: dict[int, int] = {}
    for tag, kind, count, at in fields_of(data, order, struct.unpack_from(order + "I", data, 4)[0]):
        if (letter := _LETTERS.get(kind)) is None or not count:
            continue
        if count * struct.calcsize(letter) > INLINE_BYTES:
            at = struct.unpack_from(order + "I", data, at)[0]
        if at + struct.calcsize(letter) <= len(data):  # the first of them is all that is asked for
            fields[tag] = struct.unpack_from(order + letter, data, at)[0]
    if _WIDTH not in fields or _HEIGHT not in fields:
        return None
    return TiffHeader(
        width_px=fields[_WIDTH],
        height_px=fields[_HEIGHT],
        bits=fields.get(_BITS, 1),
        samples=fields.get(_SAMPLES, 1),
        photometric=fields.get(_PHOTOMETRIC, 1),
        is_apart=fields.get(_PLANAR) == _APART,
        extra=fields.get(_EXTRA),
        compression=fields.get(_COMPRESSION, 1),
        is_float=fields.get(_FORMAT) == _FLOAT,
    )
