"""The size of a picture from its first bytes, before anything is decoded, and whether it is a film of several.

A file of a few kilobytes can claim to be a picture of a terapixel; its header tells before memory is spent on it.
Formats: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), WebP (RFC 9649), BMP, TIFF 6.0, AVIF (ISO/IEC 14496-12 and 23008-12).
"""

import struct
from collections.abc import Callable

from animecam.sources.tiff_header import is_tiff, tiff_header

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""Names of still pictures, in lower case."""

_JPEG_MARK = 0xFF  # begins each marker, and fills up before one
_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_JPEG_FRAMES = range(0xC0, 0xD0)  # markers of a start of frame, which tells the size
_JPEG_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # tables among those
_OLD_BMP_BYTES = 12  # of a header as OS/2 and Windows 2 wrote it, with sides of 16 bits
_ALPHA_BMP_BYTES = 56  # of the shortest header with a place for transparency
_WEBP_ANIMATION = 0x02  # among the flags of VP8X


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as stored, or None if this is no picture of a known kind, or ends too early."""
    for matches, size in _KINDS:
        if matches(data):
            try:
                return size(data)
            except (struct.error, IndexError):
                return None
    return None


def is_animated(data: bytes) -> bool:
    """Whether this is an animated WebP or PNG, whose first picture is all that our decoders would give."""
    if _is_webp(data):
        return data[12:16] == b"VP8X" and bool(int.from_bytes(data[20:21]) & _WEBP_ANIMATION)
    if is_png(data):
        count = data[: data.find(b"IDAT")].partition(b"acTL")[2][:4]  # APNG: tells how many pictures follow
        return bool(count) and int.from_bytes(count) != 1
    return False


def is_still(data: bytes) -> bool:
    """Whether this begins as a picture of a known kind that is not animated."""
    return any(matches(data) for matches, _ in _KINDS) and not is_animated(data)


def is_still_avif(data: bytes) -> bool:
    """Whether this is an AVIF of one picture; one of several, a film, says so among the kinds that it names."""
    if data[4:8] != b"ftyp":
        return False
    kinds = data[8 : int.from_bytes(data[:4], "big")]
    brands = {kinds[at : at + 4] for at in (0, *range(8, len(kinds), 4))}
    return b"avif" in brands and b"avis" not in brands


def is_png(data: bytes) -> bool:
    """Whether this is a PNG, animated or not."""
    return data.startswith(b"\x89PNG\r\n\x1a\n")


def is_opaque(data: bytes) -> bool:
    """Whether a picture has no transparency by its kind: a JPEG; a BMP whose fourth byte of a pixel means nothing."""
    is_bmp = data.startswith(b"BM")
    return data.startswith(b"\xff\xd8") or (is_bmp and int.from_bytes(data[14:18], "little") < _ALPHA_BMP_BYTES)


def grey_key(data: bytes) -> tuple[int, int] | None:
    """The grey that stands for "nothing here" in a PNG of greys, and its bits; None of any other picture."""
    if not is_png(data) or data[25:26] != b"\0":  # the kind of its colours: grey
        return None
    key = data[: data.find(b"IDAT")].partition(b"\0\0\0\x02tRNS")[2][:2]
    return (int.from_bytes(key), data[24]) if key else None


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _bmp(data: bytes) -> tuple[int, int]:
    is_old = struct.unpack_from("<I", data, 14)[0] == _OLD_BMP_BYTES
    width, height = struct.unpack_from("<HH" if is_old else "<ii", data, 18)
    return abs(width), abs(height)  # a negative height: stored top down


def _jpeg(data: bytes) -> tuple[int, int] | None:
    position = 2
    while True:
        while data[position] != _JPEG_MARK:
            position += 1
        while data[position] == _JPEG_MARK:
            position += 1
        marker = data[position]
        position += 1
        if marker in _JPEG_STANDALONE:
            continue
        if marker in _JPEG_FRAMES and marker not in _JPEG_NO_FRAME:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
        position += struct.unpack_from(">H", data, position)[0]


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[start : start + 3], "little") + 1 for start in (24, 27))
        return width, height
    return None


def _tiff(data: bytes) -> tuple[int, int] | None:
    header = tiff_header(data)
    return None if header is None else (header.width_px, header.height_px)


_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], tuple[int, int] | None]], ...] = (
    (is_png, _png),
    (lambda data: data.startswith(b"\xff\xd8\xff"), _jpeg),
    (_is_webp, _webp),
    (lambda data: data.startswith(b"BM"), _bmp),
    (is_tiff, _tiff),
)
