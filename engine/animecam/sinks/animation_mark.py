"""The mark in a GIF (a comment: GIF89a, 24) and in an animated WebP (Exif: WebP Container Specification).

FFmpeg writes neither: the finished file gets it.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from animecam.sinks.exif import kept_exif
from animecam.sinks.mark import MARK

_GIF_COMMENT, _GIF_END = b"\x21\xfe", b"\x3b"
_RIFF_BYTES, _CHUNK_BYTES = 12, 8
_EXTENDED, _EXTENDED_BYTES = b"VP8X", 10  # the first chunk of a film, which tells what else there is
_LOSSY, _SIZE_AT, _SIZE_MASK = b"VP8 ", 6, 0x3FFF  # that of one picture; where its sides are told (RFC 6386, 9.1)
_HEAD_BYTES = _RIFF_BYTES + _CHUNK_BYTES + _EXTENDED_BYTES  # as many hold the sides of one picture
_FLAGS_AT, _HAS_EXIF = _RIFF_BYTES + _CHUNK_BYTES, 0x08


def mark_animation(path: Path) -> None:
    """Adds the mark to a finished GIF or WebP, also to one in which nothing moves; one that is damaged stays as it is.

    Raises:
        OSError: It cannot be read or written.
    """
    with path.open("r+b") as file:
        if file.read(3) == b"GIF":
            _mark_gif(file)
        else:
            _mark_webp(file)


def _mark_gif(file: BinaryIO) -> None:
    file.seek(-len(_GIF_END), os.SEEK_END)
    if file.read() != _GIF_END:
        return
    file.seek(-len(_GIF_END), os.SEEK_END)
    comment = MARK.encode()
    file.write(_GIF_COMMENT + bytes([len(comment)]) + comment + b"\0" + _GIF_END)


def _mark_webp(file: BinaryIO) -> None:
    file.seek(0)
    head = bytearray(file.read(_HEAD_BYTES))
    if len(head) < _HEAD_BYTES:
        return
    if head.startswith(_LOSSY, _RIFF_BYTES):
        file.seek(_RIFF_BYTES)
        picture = file.read()  # one alone: it is small
        head[_RIFF_BYTES:] = _extended(bytes(head[_RIFF_BYTES + _CHUNK_BYTES :]))
        file.seek(_HEAD_BYTES)
        file.write(picture)
    elif not head.startswith(_EXTENDED, _RIFF_BYTES):
        return
    exif = kept_exif(b"", keeps_location=False)
    file.seek(0, os.SEEK_END)
    file.write(struct.pack("<4sI", b"EXIF", len(exif)) + exif + bytes(len(exif) % 2))
    head[_FLAGS_AT] |= _HAS_EXIF
    struct.pack_into("<I", head, 4, file.tell() - _CHUNK_BYTES)
    file.seek(0)
    file.write(head)


def _extended(picture: bytes) -> bytes:
    """The chunk that is to come before a single picture, given how that begins."""
    sides = (side & _SIZE_MASK for side in struct.unpack_from("<HH", picture, _SIZE_AT))
    told = b"".join((side - 1).to_bytes(3, "little") for side in sides)
    return struct.pack("<4sI", _EXTENDED, _EXTENDED_BYTES) + bytes(4) + told
