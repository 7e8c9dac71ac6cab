"""How long an animated WebP (WebP Container Specification) is: FFmpeg's encoder guesses it from its other pictures."""

import struct
from pathlib import Path

_RIFF_BYTES, _CHUNK_BYTES = 12, 8
_PICTURE = b"ANMF"
_DURATION_AT, _DURATION_BYTES = 12, 3  # in such a chunk, in milliseconds
_LONGEST_MS = (1 << 8 * _DURATION_BYTES) - 1


def set_webp_length(path: Path, length_ms: int) -> None:
    """Shows the last picture of a finished WebP until its end; one in which nothing moves stays as it is.

    Args:
        path: The file.
        length_ms: From the first picture to the end of the last one.

    Raises:
        OSError: It cannot be read or written.
    """
    with path.open("r+b") as file:
        at, before_ms, last_ms, last_at = _RIFF_BYTES, 0, 0, 0
        file.seek(at)
        while len(head := file.read(_CHUNK_BYTES)) == _CHUNK_BYTES:
            kind, size = struct.unpack("<4sI", head)
            if kind == _PICTURE:
                last_at, before_ms = at + _CHUNK_BYTES + _DURATION_AT, before_ms + last_ms
                file.seek(last_at)
                last_ms = int.from_bytes(file.read(_DURATION_BYTES), "little")
            at += _CHUNK_BYTES + size + size % 2  # chunks begin at even places
            file.seek(at)
        if last_at and length_ms > before_ms:
            file.seek(last_at)
            file.write(min(length_ms - before_ms, _LONGEST_MS).to_bytes(_DURATION_BYTES, "little"))
