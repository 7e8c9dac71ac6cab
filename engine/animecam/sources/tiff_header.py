"""What the header of a TIFF says (TIFF 6.0): its size, and how its pixels are stored, which OpenCV keeps to itself."""

import struct
from dataclasses import dataclass
from enum import IntEnum

_LAB = (8, 9, 10)  # photometric interpretations: CIE L*a*b*, that of ICC, that of ITU
_MOST_SAMPLES = 4
_BYTE_BITS = 8
_APART = 2  # planar configuration: one colour after the other
_LETTERS = {1: "B", 3: "H", 4: "I"}  # field types of whole numbers: 8, 16 and 32 bits
_INLINE_BYTES = 4  # a field's values stand in the field itself if they are no longer
_FIELD_BYTES = 12


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
    """

    width_px: int
    height_px: int
    bits: int
    samples: int
    photometric: int
    is_apart: bool
    extra: int | None

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


def is_tiff(data: bytes) -> bool:
    """Whether this is a TIFF of less than 4 GB."""
    return data[:4] in (b"II*\0", b"MM\0*")


def tiff_header(data: bytes) -> TiffHeader | None:
    """What is told of the first picture, or None if not even its size is.

    Raises:
        struct.error: It is cut off.
    """
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack_from(order + "I", data, 4)[0]
    fields: dict[int, int] = {}
    for entry in range(struct.unpack_from(order + "H", data, start)[0]):
        at = start + 2 + _FIELD_BYTES * entry
        tag, kind, count = struct.unpack_from(order + "HHI", data, at)
        if (letter := _LETTERS.get(kind)) is None or not count:
            continue
        at += 8
        if count * struct.calcsize(letter) > _INLINE_BYTES:
            at = struct.unpack_from(order + "I", data, at)[0]
        if at + struct.calcsize(letter) <= len(data):  # the first of them is all that is asked for
            fields[tag] = struct.unpack_from(order + letter, data, at)[0]
    if 256 not in fields or 257 not in fields:
        return None
    return TiffHeader(
        width_px=fields[256],
        height_px=fields[257],
        bits=fields.get(258, 1),
        samples=fields.get(277, 1),
        photometric=fields.get(262, 1),
        is_apart=fields.get(284) == _APART,
        extra=fields.get(338),
    )
