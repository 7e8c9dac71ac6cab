"""Which file of a prepared folder is what."""

from pathlib import Path

from animecam_training.data.pictures import list_pictures
from animecam_training.errors import DataError

INPUT_SUFFIX, TARGET_SUFFIX, REGIONS_SUFFIX, SMOOTHED_SUFFIX = ".in.png", ".out.png", ".regions.png", ".smooth.png"
BARE_SUFFIX, WORN_SUFFIX = ".bare.png", ".worn.png"  # a head as a teacher sees it, and glasses to be drawn over it
PARTS_SUFFIX = ".parts.png"  # where the eyes and the mouth of a pair are
BEARD_SUFFIX = ".beard.png"  # where a beard was grown on a pair
BACKGROUND_SUFFIX = ".background.png"  # what lies behind the person
COMPANIONS = (TARGET_SUFFIX, REGIONS_SUFFIX, BARE_SUFFIX, WORN_SUFFIX, PARTS_SUFFIX, BEARD_SUFFIX, BACKGROUND_SUFFIX)
"""Endings of what `prepare` lays beside a photo."""


def list_photos(folder: Path) -> list[Path]:
    """The photos of a prepared or plain folder, without what `prepare` lays beside them.

    Raises:
        DataError: No such folder, or no photo in it.
    """
    photos = [path for path in list_pictures(folder) if not path.name.endswith(COMPANIONS)]
    if not photos:
        raise DataError(f"no photos in {folder}", hint="name a folder of portraits")
    return photos


def list_pairs(folder: Path) -> list[Path]:
    """The photos of a folder of which a target lies beside them.

    Raises:
        DataError: No such folder, or no pair in it.
    """
    pairs = [path for path in list_pictures(folder) if path.name.endswith(INPUT_SUFFIX) and target_of(path).is_file()]
    if not pairs:
        raise DataError(f"no pairs in {folder}", hint="make them with: animecam-train prepare --kind pairs SRC DST")
    return pairs


def stem_of(photo: Path) -> str:
    """How the names begin of all heads that were cut out of the picture which this one was cut out of."""
    return photo.name.removesuffix(INPUT_SUFFIX).rpartition("_")[0]


def regions_of(photo: Path) -> Path:
    """Where the superpixels of a photo lie."""
    return photo.with_name(photo.stem.removesuffix(Path(INPUT_SUFFIX).stem) + REGIONS_SUFFIX)


def target_of(photo: Path) -> Path:
    """Where the target of a pair's photo lies."""
    return photo.with_name(photo.name.removesuffix(INPUT_SUFFIX) + TARGET_SUFFIX)


def bare_of(photo: Path) -> Path:
    """Where the head of a photo lies as a teacher sees it: without glasses and gloss that were put on, evenly lit."""
    return photo.with_name(photo.name.removesuffix(INPUT_SUFFIX) + BARE_SUFFIX)


def worn_of(photo: Path) -> Path:
    """Where lies what is to be drawn of the glasses of a photo."""
    return photo.with_name(photo.name.removesuffix(INPUT_SUFFIX) + WORN_SUFFIX)


def parts_of(photo: Path) -> Path:
    """Where the map of the eyes and the mouth of a pair's photo lies."""
    return photo.with_name(photo.name.removesuffix(INPUT_SUFFIX) + PARTS_SUFFIX)


def beard_of(photo: Path) -> Path:
    """Where the map of the beard lies that was grown on a pair's photo; of others there is none."""
    return photo.with_name(photo.name.removesuffix(INPUT_SUFFIX) + BEARD_SUFFIX)


def background_of(photo: Path) -> Path:
    """Where the layer lies of what is behind the person on a photo: its colour, and how much of a pixel it is."""
    return photo.with_name(photo.name.removesuffix(INPUT_SUFFIX) + BACKGROUND_SUFFIX)


def smoothed_of(style: Path) -> Path:
    """Where the edge-smoothed copy of a style picture lies."""
    return style.with_name(style.stem + SMOOTHED_SUFFIX)
