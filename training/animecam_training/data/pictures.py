"""Reading pictures, with errors that name the file."""

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.data.paper import laid_on_white
from animecam_training.errors import DataError
from animecam_training.faces import Image
from animecam_training.progress import Tell, tracked

Labels = NDArray[np.integer[Any]]
"""Number of the region that each pixel belongs to, [H, W], from 0."""
Mask = NDArray[np.uint8]
"""How far each pixel belongs to something, [H, W], 0 … 255."""

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
FOREIGN_SUFFIXES = (".heic", ".heif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw")
"""Of pictures too, but OpenCV reads none of them: `prepare` says how many it met."""

REPAIR_HINT = "remove it, or prepare the folder again"
MOST_LABELS = 1 << 16  # what a 16-bit PNG can count


def list_pictures(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """All pictures below a folder, sorted, so that every machine sees the same order.

    Links are followed; hidden files and folders are passed over: other programs keep thumbnails there, a run that was
    killed may have left half a picture.

    Args:
        folder: Where to look.
        suffixes: Endings of the names, in lower case.

    Raises:
        DataError: No such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}", hint="name a folder of pictures")
    found = sorted(path for path in _visible_files(folder) if path.suffix.lower() in suffixes)
    if not found:
        raise DataError(f"no pictures in {folder}", hint="looked for " + ", ".join(suffixes))
    return found


def _visible_files(folder: Path) -> Iterator[Path]:
    """The files below a folder, those in linked folders too, each folder once: links may go round in a circle."""
    met: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if (real := os.path.realpath(place)) in met:
            folders.clear()
            continue
        met.add(real)
        yield from (Path(place, name) for name in names if not name.startswith("."))


def read_picture(path: Path) -> Image:
    """RGB uint8 [H, W, 3], upright as its EXIF data says; what is transparent shows white paper, but of a TIFF.

    Raises:
        DataError: The file is missing or not a picture.
    """
    bgr = _decode(path, cv2.IMREAD_COLOR, on_white=True)
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)


def check_readable(paths: Collection[Path], tell: Tell) -> None:
    """Decodes pictures and forgets them, in as many threads as help.

    Args:
        paths: The files.
        tell: Is told of those that are sound.

    Raises:
        DataError: One is missing or not a picture: the first in their order.
    """
    with ThreadPoolExecutor() as pool:
        read = pool.map(_read_and_forget, paths)
        for _ in tracked(paths, tell):
            next(read)


def _read_and_forget(path: Path) -> None:
    read_picture(path)  # what it returned would be kept until all are read


def write_picture(image: Image, path: Path) -> None:
    """Write RGB uint8 [H, W, 3] beside, then rename: a picture that exists is whole.

    Raises:
        DataError: The disk is full or not writable.
    """
    _write_coded(image[..., ::-1], path)


def read_layer(path: Path) -> Image:
    """A picture with transparency as `write_layer` stores it, RGBA uint8 [H, W, 4].

    Raises:
        DataError: The file is missing or not such a picture.
    """
    pixels = _decode(path, cv2.IMREAD_UNCHANGED)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
        raise DataError(f"{path} is not a picture with transparency", hint=REPAIR_HINT)
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3]]).astype(np.uint8)


def write_layer(colour: Image, cover: Image, path: Path) -> None:
    """Write RGB uint8 [H, W, 3] and its cover uint8 [H, W] as a PNG with transparency, as `write_picture` does.

    Raises:
        DataError: The disk is full or not writable.
    """
    _write_coded(np.dstack([colour[..., ::-1], cover]), path)


def read_mask(path: Path) -> Mask:
    """A mask as `write_mask` stores it, uint8 [H, W].

    Raises:
        DataError: The file is missing or not such a mask.
    """
    return _decode_plane(path, np.dtype(np.uint8), "mask").astype(np.uint8)


def write_mask(mask: Mask, path: Path) -> None:
    """Write a mask uint8 [H, W] as a gray PNG, as `write_picture` does.

    Raises:
        DataError: The disk is full or not writable.
    """
    _write_coded(mask, path)


def read_labels(path: Path) -> Labels:
    """A label map as `write_labels` stores it, uint16 [H, W].

    Raises:
        DataError: The file is missing or not such a map.
    """
    return _decode_plane(path, np.dtype(np.uint16), "map of regions").astype(np.uint16)


def write_labels(labels: Labels, path: Path) -> None:
    """Write a label map [H, W] as a gray PNG of 16 bits, beside first as `write_picture` does.

    Raises:
        DataError: More labels than 16 bits can count, or the disk is full or not writable.
    """
    if int(labels.max()) >= MOST_LABELS:
        raise DataError(f"{path.name} has {int(labels.max()) + 1} regions", hint="prepare smaller crops: --size")
    _write_coded(labels.astype(np.uint16), path)


def check_same_size(other: NDArray[Any], image: Image, path: Path) -> None:
    """Refuses what lies beside a picture and is of another height or width.

    Args:
        other: What lies there, [H, W, …].
        image: The picture.
        path: Where the other lies.

    Raises:
        DataError: It is of another size.
    """
    if other.shape[:2] != image.shape[:2]:
        raise DataError(f"{path} is not of the size of its picture", hint="prepare the folder again")


def upper_square(image: Image) -> Image:
    """The largest square of a picture: the middle of a wide one, of a tall one the top, where the head is.

    Args:
        image: uint8 [H, W, 3].

    Returns:
        A view of it, [S, S, 3].
    """
    height, width = image.shape[:2]
    side = min(height, width)
    left = (width - side) // 2
    return image[:side, left : left + side]


def resized(image: Image, side_px: int) -> Image:
    """A picture as a square, uint8 [side_px, side_px, 3]: averaged where it shrinks, smooth where it grows."""
    if image.shape[:2] == (side_px, side_px):
        return image
    how = cv2.INTER_AREA if min(image.shape[:2]) > side_px else cv2.INTER_CUBIC
    return cv2.resize(image, (side_px, side_px), interpolation=how).astype(np.uint8)


def check_ending(path: Path) -> None:
    """Refuses a file name that says of no picture format how to write it.

    Raises:
        DataError: Its ending is unknown.
    """
    # The ending alone: OpenCV brings the program down with a name that is not in UTF-8.
    if not path.suffix.isascii() or not cv2.haveImageWriter(f"picture{path.suffix}"):
        raise DataError(f"{path}: the ending {path.suffix!r} is of no picture", hint="use .png or .jpg")


def _decode(path: Path, mode: int, *, on_white: bool = False) -> NDArray[Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint=REPAIR_HINT) from error
    pixels = laid_on_white(data) if on_white else None
    try:
        if data and pixels is None:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise DataError(f"{path} is larger than OpenCV reads", hint="make it smaller") from error
    if pixels is None:
        raise DataError(f"{path} is not a picture", hint=REPAIR_HINT)
    return pixels


def _decode_plane(path: Path, kind: np.dtype[Any], what: str) -> NDArray[Any]:
    pixels = _decode(path, cv2.IMREAD_UNCHANGED)
    if pixels.ndim != 2 or pixels.dtype != kind:
        raise DataError(f"{path} is not a {what}", hint=REPAIR_HINT)
    return pixels


def _write_coded(pixels: NDArray[Any], path: Path) -> None:
    partial = path.with_name(f".{path.name}.partial{path.suffix}")
    check_ending(path)
    sound, coded = cv2.imencode(path.suffix, pixels)
    if not sound:
        raise DataError(f"cannot encode {path}", hint="use .png or .jpg")
    try:
        partial.write_bytes(coded.tobytes())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror}", hint="free some space and run again") from error
