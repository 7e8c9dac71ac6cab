"""Pictures with transparent parts, as they are seen on white paper."""

import struct
from typing import Any, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

PAPER: Final = 255  # white
JPEG, PNG, TIFF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*")
PNG_COLOUR_TYPE, PNG_WITH_ALPHA = slice(25, 26), (b"\4", b"\6")  # where it stands, and those with a channel for it

# In EXIF data.
ORIENTATION, ENTRY_BYTES = 0x0112, 12
TRANSPOSED, FROM_RIGHT, FROM_BELOW = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)  # orientations: then mirrored so


def may_be_transparent(coded: bytes) -> bool:
    """Whether a picture has to be decoded once more to know; of the files that most trainings read, none has.

    A TIFF is taken for opaque: what its fourth channel is, and whether colours are multiplied by it, its header tells.
    """
    if coded.startswith((JPEG, *TIFF)):
        return False
    if coded.startswith(PNG):
        return coded[PNG_COLOUR_TYPE] in PNG_WITH_ALPHA or b"tRNS" in coded[: coded.find(b"IDAT")]
    return True


def laid_on_white(coded: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """A picture with transparent parts on white, upright as its EXIF data says.

    Args:
        coded: The bytes of its file.

    Returns:
        BGR uint8 [H, W, 3]; None where nothing is transparent.
    """
    decoded, kinds, parts = cv2.imdecodeWithMetadata(coded, flags=cv2.IMREAD_UNCHANGED)
    stored = cast("NDArray[Any] | None", decoded)  # whatever its stub says
    if stored is None or stored.ndim != 3 or stored.shape[2] != 4 or stored.dtype.kind != "u":
        return None
    full = np.iinfo(stored.dtype).max
    if (stored[..., 3] == full).all():
        return None
    cover = stored[..., 3:].astype(np.float32) / full
    laid = stored[..., :3].astype(np.float32) * (PAPER / full) * cover + PAPER * (1 - cover)
    exif = [part.tobytes() for kind, part in zip(kinds, parts, strict=True) if kind == cv2.IMAGE_METADATA_EXIF]
    return _upright(np.rint(laid).astype(np.uint8), _orientation(exif[0]) if exif else 1)


def _orientation(exif: bytes) -> int:
    """How a picture lies, 1 … 8; 1 is upright, and what is not told."""
    order = "<" if exif.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, start + 2 + entry * ENTRY_BYTES)
            if tag == ORIENTATION:
                return value
    except struct.error:  # damaged: the decoder turns nothing then, either
        pass
    return 1


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation in TRANSPOSED:
        pixels = pixels.transpose(1, 0, 2)
    pixels = pixels[:, ::-1] if orientation in FROM_RIGHT else pixels
    return pixels[::-1] if orientation in FROM_BELOW else pixels
