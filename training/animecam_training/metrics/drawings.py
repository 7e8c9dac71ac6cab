"""How far a style's pictures are from the drawings it was to learn, on pairs that it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from animecam_training.data.augment import compressed, smeared
from animecam_training.data.mosaics import ACROSS, TILES
from animecam_training.data.names import beard_of, list_pairs, parts_of, target_of
from animecam_training.data.pictures import Mask, check_same_size, read_mask, read_picture
from animecam_training.errors import DataError
from animecam_training.faces import Image
from animecam_training.metrics.evaluate import Draw, stylize_images
from animecam_training.ops.levels import HALF_RANGE
from animecam_training.progress import Tell, ignore, tracked

# What a poor webcam makes of a head of REFERENCE_PX: it moves sideways, is out of focus and coded.
REFERENCE_PX, SMEAR_PX, BLUR_PX, JPEG_QUALITY = 256, 9.0, 1.6, 40
SMALL_PX = 128  # side of a head in a picture of several


@dataclass(frozen=True, slots=True)
class DrawingErrors:
    """Mean absolute differences (L1) to the drawings, of values in [-1, 1]: from 0 to 2.

    Attributes:
        whole: Of whole heads.
        parts: In eyes and mouth; None where no pair says where they are.
        beard: Where a beard was grown; None where none was.
    """

    whole: float
    parts: float | None
    beard: float | None

    def by_name(self, ending: str = "") -> dict[str, float]:
        """What was measured, under the names that a style's card gives it, each with an ending."""
        regions = {"": self.whole, "_eyes_and_mouth": self.parts, "_beard": self.beard}
        return {f"drawing_l1{region}{ending}": error for region, error in regions.items() if error is not None}


@dataclass(frozen=True, slots=True)
class PairFigures:
    """How well a style draws what it was to learn.

    Attributes:
        pairs: How many there are.
        bearded: On how many of them a beard was grown.
        clear: Errors on the photos as they are.
        poor: Errors on the same photos, smeared, blurred and compressed; the drawings stay.
        small: Errors on four of the photos in one picture, as small as heads are in a frame that is drawn whole.
    """

    pairs: int
    bearded: int
    clear: DrawingErrors
    poor: DrawingErrors
    small: DrawingErrors

    def by_name(self) -> dict[str, float]:
        """What was measured, under the names that a style's card gives it."""
        return self.clear.by_name() | self.poor.by_name("_poor_webcam") | self.small.by_name("_small")


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair that `prepare` wrote, all of one size.

    Attributes:
        photo: RGB, uint8 [H, W, 3].
        wanted: Its drawing, likewise.
        parts: Where eyes and mouth are, uint8 [H, W]; None where nothing says so.
        beard: Where a beard was grown, likewise.
    """

    photo: Image
    wanted: Image
    parts: Mask | None
    beard: Mask | None

    @classmethod
    def read(cls, path: Path) -> "Pair":
        """The pair of a photo.

        Raises:
            DataError: A file cannot be read, or is of another size.
        """
        photo, wanted = read_picture(path), read_picture(target_of(path))
        check_same_size(wanted, photo, target_of(path))
        return cls(photo, wanted, read_region(parts_of(path), photo), read_region(beard_of(path), photo))

    def small(self) -> "Pair":
        """The same, SMALL_PX a side."""
        regions = (None if region is None else _small(region) for region in (self.parts, self.beard))
        return Pair(_small(self.photo), _small(self.wanted), *regions)


@dataclass(slots=True)
class ErrorSums:
    """Errors of each pair so far, those of a region from the pairs that have it."""

    whole: list[float] = field(default_factory=list[float])
    parts: list[float] = field(default_factory=list[float])
    beard: list[float] = field(default_factory=list[float])

    def add(self, drawn: Image, wanted: Image, parts: Mask | None, beard: Mask | None) -> None:
        """Count a picture; both of one size, the regions too, where there are any."""
        error = np.abs(drawn.astype(np.float32) - wanted).mean(-1) / HALF_RANGE
        self.whole.append(float(error.mean()))
        for region, errors in ((parts, self.parts), (beard, self.beard)):
            if region is not None and region.any():
                errors.append(float(np.average(error, weights=region)))

    def means(self) -> DrawingErrors:
        """Over the pictures so far, one at least."""
        return DrawingErrors(float(np.mean(self.whole)), _mean(self.parts), _mean(self.beard))


def measure_pairs(draw: Draw, folder: Path, only: str = "", tell: Tell = ignore) -> PairFigures:
    """Measure a style on pairs that `prepare --kind pairs` wrote.

    Args:
        draw: The style.
        folder: Of the pairs, their sides multiples of 8. Read one after another: there may be thousands.
        only: Pairs whose file name contains this; empty takes all.
        tell: Is told of the groups of pairs that were measured.

    Raises:
        DataError: No pairs, or files that do not belong together.
    """
    photos = [path for path in list_pairs(folder) if only in path.name]
    if not photos:
        raise DataError(f"no pair in {folder} is called {only!r}", hint="check --only")
    clear, poor, small = ErrorSums(), ErrorSums(), ErrorSums()
    for start in tracked(range(0, len(photos), TILES), tell):
        pairs = [Pair.read(path) for path in photos[start : start + TILES]]
        for pair in pairs:
            drawn = stylize_images(draw, [pair.photo, as_poor_webcam(pair.photo)])
            for sums, seen in zip((clear, poor), drawn, strict=True):
                sums.add(seen, pair.wanted, pair.parts, pair.beard)
        pairs = [pair.small() for pair in pairs]
        for seen, pair in zip(draw_together(draw, [pair.photo for pair in pairs]), pairs, strict=True):
            small.add(seen, pair.wanted, pair.parts, pair.beard)
    return PairFigures(len(photos), len(clear.beard), clear.means(), poor.means(), small.means())


def draw_together(draw: Draw, photos: Sequence[Image]) -> list[Image]:
    """Draws up to four small photos in one picture, RGB uint8 [S, S, 3] each, and cuts their drawings out of it.

    Where there are fewer, the first ones fill its places.
    """
    side = photos[0].shape[0]
    tiles = [photos[place % len(photos)] for place in range(TILES)]
    picture = np.vstack([np.hstack(tiles[first : first + ACROSS]) for first in range(0, TILES, ACROSS)])
    (drawn,) = stylize_images(draw, [picture])
    corners = [(place // ACROSS * side, place % ACROSS * side) for place in range(len(photos))]
    return [drawn[top : top + side, left : left + side] for top, left in corners]


def _small(pixels: Image) -> Image:
    return cv2.resize(pixels, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA).astype(np.uint8)


def as_poor_webcam(photo: Image) -> Image:
    """A head as a poor webcam shows it while it moves, RGB uint8 [H, W, 3]: the same each time."""
    scale = min(photo.shape[:2]) / REFERENCE_PX
    blurred = cv2.GaussianBlur(photo.astype(np.float32), (0, 0), BLUR_PX * scale)
    moved = smeared(blurred.astype(np.float32), SMEAR_PX * scale, angle=0.0)
    levels = np.clip(moved + 0.5, 0, 255).astype(np.uint8)
    return compressed(levels, JPEG_QUALITY)


def read_region(path: Path, photo: Image) -> Mask | None:
    """The map of a region that lies beside a photo; None where there is none.

    Raises:
        DataError: It is of another size.
    """
    if not path.is_file():
        return None
    mask = read_mask(path)
    check_same_size(mask, photo, path)
    return mask


def _mean(errors: Sequence[float]) -> float | None:
    return float(np.mean(errors)) if errors else None
