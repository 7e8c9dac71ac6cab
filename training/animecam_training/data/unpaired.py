"""What the method DTGAN learns from: photos, and pictures of a style that belong to none of them."""

# pyright: reportUnknownMemberType=false

import logging
from pathlib import Path

import numpy as np
import torch

from animecam_training.data.augment import choose_window, cut, cut_labels, degrade, vary_light
from animecam_training.data.names import SMOOTHED_SUFFIX, regions_of, smoothed_of
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import Labels, list_pictures, read_labels
from animecam_training.data.sets import (
    PHOTO_STREAM,
    STYLE_STREAM,
    Batch,
    describe_pictures,
    to_tensor,
    to_unit,
)
from animecam_training.errors import DataError
from animecam_training.ops.superpixels import find_superpixels
from animecam_training.recipe.config import AugmentConfig, DataConfig

log = logging.getLogger(__name__)


class UnpairedSet(PhotoSet):
    """Photos with their superpixels, and style pictures with their edge-smoothed copies.

    The superpixels are those of the whole photo, as `animecam-train prepare --kind photo` stores them; where they are
    not stored they are found when a photo is first met. Style pictures keep their colours; their copies shrink with the
    zoom, unlike those of the paper: see `smooth_edges`.

    Raises:
        DataError: No folder of style pictures is named, or one of them has no edge-smoothed copy.
    """

    def __init__(self, data: DataConfig, augment: AugmentConfig, *, seed: int, batch_of_all: int) -> None:
        super().__init__(data, augment, seed=seed, batch_of_all=batch_of_all)
        if not data.styles:
            raise DataError("no pictures of the style are named", hint="--styles FOLDER, or data.styles in the recipe")
        pictures = list_pictures(Path(data.styles))
        self.styles = [path for path in pictures if not path.name.endswith(SMOOTHED_SUFFIX)]
        missing = [path for path in self.styles if not smoothed_of(path).is_file()]
        if missing:
            raise DataError(
                f"{missing[0]} has no edge-smoothed copy", hint="run: animecam-train prepare --kind style SRC DST"
            )
        without = sum(not regions_of(path).is_file() for path in self.inputs)
        if without:
            log.info("%d photos without stored superpixels: found as they are met", without)

    def describe(self) -> str:
        """Which photos and style pictures the crops are of."""
        return f"{super().describe()} and {describe_pictures(self.styles, Path(self.data.styles))}"

    def files(self) -> list[Path]:
        """The photos, and the pictures of the style with their smoothed copies."""
        return [*super().files(), *self.styles, *map(smoothed_of, self.styles)]

    def regions(self, path: Path) -> Labels:
        """The superpixels of a photo [H, W], from memory after the first time as long as there is room."""

        def find(stored: Path) -> Labels:
            return read_labels(stored) if stored.is_file() else find_superpixels(self.read(path))

        return self.keep(regions_of(path), find)

    def __getitem__(self, index: int) -> Batch:
        """Crop `index`: "photo", "clean", "anime", "smoothed" [3, S, S], and "regions" int64 [S, S]."""
        rng, size_px = np.random.default_rng((self.seed, PHOTO_STREAM, index)), self.size_px(index)
        photo, window = self.choose(rng, size_px)
        (image,) = cut([self.read(photo)], size_px, window)
        (clean,) = vary_light([to_unit(image)], self.augment, rng)
        batch = {"photo": to_tensor(degrade(clean, self.augment, rng)), "clean": to_tensor(clean)}
        regions = torch.from_numpy(cut_labels(self.regions(photo), size_px, window))
        rng = np.random.default_rng((self.seed, STYLE_STREAM, index))
        path = self.styles[int(rng.integers(len(self.styles)))]
        style = self.read(path)
        window = choose_window(
            style.shape, size_px, float(rng.choice(self.data.zooms)), rng, mirror=self.augment.mirror
        )
        anime, smoothed = cut([style, self.read_beside(style, smoothed_of(path))], size_px, window)
        return batch | {
            "anime": to_tensor(to_unit(anime)),
            "smoothed": to_tensor(to_unit(smoothed)),
            "regions": regions,
        }
