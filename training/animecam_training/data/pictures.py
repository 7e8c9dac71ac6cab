"""Reading pictures, with errors that name the file."""

from pathlib import Path

import cv2
import numpy as np

from animecam_training.errors import DataError
from animecam_training.faces import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
REPAIR_HINT = "remove it, or prepare the folder again"


def list_pictures(folder: Path) -> list[Path]:
    """All pictures below a folder, sorted, so that every machine sees the same order.

    Raises:
        DataError: No such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}", hint="name a folder of pictures")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"no pictures in {folder}", hint="looked for " + ", ".join(SUFFIXES))
    return found


def read_picture(path: Path) -> Image:
    """RGB uint8 [H, W, 3].

    Raises:
        DataError: The file is missing or not a picture.
    """
    try:
        coded = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}", hint="remove it, or prepare the folder again"
        ) from error
    bgr = cv2.imdecode(coded, cv2.IMREAD_COLOR) if coded.size else None
    if bgr is None:
        raise DataError(f"{path} is not a picture", hint=REPAIR_HINT)
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)


def write_picture(image: Image, path: Path) -> None:
    """Write RGB uint8 [H, W, 3] beside, then rename: a picture that exists is whole.

    Raises:
        DataError: The disk is full or not writable.
    """
    partial = path.with_name(f".{path.name}.partial{path.suffix}")
    sound, coded = cv2.imencode(path.suffix, image[..., ::-1])
    if not sound:
        raise DataError(f"cannot encode {path}", hint="use .png or .jpg")
    try:
        partial.write_bytes(coded.tobytes())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror}", hint="free some space and run again") from error
