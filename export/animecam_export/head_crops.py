"""Crops of heads out of a folder of photos, cut as a live run cuts them."""

import re
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from time import perf_counter_ns

import cv2
import numpy as np

from animecam.faces.align import head_pose
from animecam.faces.opening import open_follower
from animecam.render.cpu import CpuImageOps
from animecam.types import WHOLE_FRAME, Color, Frame, Image, PixelFormat
from animecam_export.errors import ExportError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
_MADE = ("out", "regions", "smooth", "bare", "worn", "parts", "beard", "background")
MADE_SUFFIXES = tuple(f".{name}.png" for name in _MADE)
"""Target, superpixels, smoothed copy of a picture, a head bare of glasses, those, eyes and mouth, a beard, what is
behind the person."""
_COPY = re.compile(r"(_\d+)?\.in$")  # how the stems of prepared crops end
MIN_SCORE = 0.5


def list_photos(folder: Path) -> list[Path]:
    """The photos below a folder, sorted by path, without what `animecam-train prepare` makes of each beside it.

    Raises:
        ExportError: There is none.
    """
    found = (path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    photos = sorted(path for path in found if not path.name.endswith(MADE_SUFFIXES))
    if not photos:
        raise ExportError(f"no photos are in {folder}", hint="name a folder of JPEG, PNG, WebP or BMP files with faces")
    return photos


def sitter(photo: Path) -> Path:
    """What all crops that were prepared of one photo have in common; of any other photo its own path."""
    return photo.with_name(_COPY.sub("", photo.stem))


def head_crops(photos: list[Path], size_px: int) -> Iterator[Image]:
    """The largest head of each photo; photos without one, or that cannot be read, are passed over.

    Args:
        photos: Files.
        size_px: Side of a crop, a multiple of 8.

    Yields:
        RGB, uint8 [size_px, size_px, 3].
    """
    ops = CpuImageOps()
    with closing(open_follower()) as detector:
        for path in photos:
            try:
                coded = np.fromfile(path, np.uint8)
                picture = cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB) if coded.size else None
            except (OSError, cv2.error):  # a link to nowhere, a folder of that name; larger than OpenCV reads
                continue
            if picture is None:
                continue
            found = detector.detect(np.asarray(picture, np.uint8), MIN_SCORE)
            if found:
                largest = max(found, key=lambda face: face.box_px.bottom - face.box_px.top)
                yield ops.crop(_frame(np.asarray(picture, np.uint8)), head_pose(largest).region(WHOLE_FRAME, size_px))


def _frame(picture: Image) -> Frame:
    return Frame(
        planes=(picture,),
        pixel_format=PixelFormat.RGB24,
        color=Color(full_range=True),
        rotation_deg=0,
        index=0,
        pts=0,
        time_base=Fraction(1),
        captured_ns=perf_counter_ns(),
    )
