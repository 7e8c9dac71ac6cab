"""Training pictures by number: crop n of a run is always the same, on every machine and after every resume."""

# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from animecam_training.data.augment import Picture, choose_window, cut, degrade, vary_light
from animecam_training.data.mosaics import TILES, mosaic_of
from animecam_training.data.names import (
    list_pairs,
    parts_of,
    target_of,
    worn_of,
)
from animecam_training.data.pictures import (
    check_same_size,
    read_layer,
    read_mask,
    read_picture,
)
from animecam_training.errors import DataError
from animecam_training.faces import Image
from animecam_training.recipe.config import AugmentConfig, DataConfig

SIZE_STREAM, PHOTO_STREAM, STYLE_STREAM = 0, 1, 2  # independent streams of random numbers

DIGEST_DIGITS = 8
MOST_KEPT_BYTES = 2 << 30  # of pictures and maps of regions, over all processes that read them for one that trains

Batch = dict[str, Tensor]
"""float32 [N, 3, S, S], RGB in [-1, 1], by name: "photo", "clean", "worn", "target", "anime", "smoothed"; "cover" and
"parts" [N, 1, S, S], 0 … 1; "tint" [N, 3, S, S], from 0 on; "regions" int64 [N, S, S]."""


def to_tensor(picture: Picture) -> Tensor:
    """RGB float32 [H, W, 3], 0 … 1, to [3, H, W] in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)) * 2 - 1).float()


class Crops(Dataset[Batch]):
    """What all sets share: the size of a step's crops, and pictures kept in memory once read.

    Each of `data.workers` processes keeps pictures of its own: together they keep at most `MOST_KEPT_BYTES`.
    """

    def __init__(self, data: DataConfig, augment: AugmentConfig, *, seed: int, batch_of_all: int) -> None:
        self.data = data
        self.augment = augment
        self.seed = seed
        self.batch_of_all = batch_of_all
        self.inputs: list[Path] = []
        self._kept: dict[Path, NDArray[Any]] = {}
        self._kept_bytes = 0

    def size_px(self, index: int) -> int:
        """Side of crop `index`; all crops of a step agree."""
        rng = np.random.default_rng((self.seed, SIZE_STREAM, index // self.batch_of_all))
        return int(rng.choice(self.data.sizes_px))

    def describe(self) -> str:
        """Which pictures the crops are of: their number, and a digest of their names."""
        return describe_pictures(self.inputs, Path(self.data.photos))

    def weigh(self) -> str:
        """A digest of how large the files are that the crops are made of: of others with the same names it differs."""
        sizes = ",".join(str(path.stat().st_size) for path in self.files())
        return sha256(sizes.encode()).hexdigest()[:DIGEST_DIGITS]

    def files(self) -> list[Path]:
        """The files that the crops are made of, always in the same order."""
        raise NotImplementedError

    def whole(self, path: Path) -> Batch:
        """A picture of `inputs` as it is, with its companions, under the names that its crops have, [3, H, W] each."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> Batch:
        """Crop `index`, or in its place four smaller ones side by side, by `augment.mosaic`."""
        rng, size_px = np.random.default_rng((self.seed, PHOTO_STREAM, index)), self.size_px(index)
        # Without mosaics no number is drawn: recipes from before them see the same crops.
        if self.augment.mosaic > 0 and rng.random() < self.augment.mosaic:
            return mosaic_of([self.crop(rng, size_px) for _ in range(TILES)])
        return self.crop(rng, size_px)

    def crop(self, rng: np.random.Generator, size_px: int) -> Batch:
        """A random crop with its companions, [3, S, S] or [1, S, S] each."""
        raise NotImplementedError

    def read(self, path: Path, decode: Callable[[Path], Image] = read_picture) -> Image:
        """A picture, from memory after the first time as long as there is room."""
        return self.keep(path, decode)

    def keep(self, path: Path, decode: Callable[[Path], NDArray[Any]]) -> NDArray[Any]:
        """What `decode` makes of a file, from memory after the first time as long as there is room."""
        if path in self._kept:
            return self._kept[path]
        pixels = decode(path)
        if self._kept_bytes + pixels.nbytes <= MOST_KEPT_BYTES // max(1, self.data.workers):
            self._kept[path] = pixels
            self._kept_bytes += pixels.nbytes
        return pixels

    def read_beside(self, image: Image, companion: Path, decode: Callable[[Path], Image] = read_picture) -> Image:
        """The picture that belongs to `image`, of the same size.

        Raises:
            DataError: It is of another size.
        """
        other = self.read(companion, decode)
        check_same_size(other, image, companion)
        return other


class PairSet(Crops):
    """Photos with the target drawn from each, as `animecam-train prepare --kind pairs` writes them.

    Args:
        data: Folder `photos` and how crops are cut.
        augment: Changes of the crops.
        seed: Of the whole run.
        batch_of_all: Crops a step, over all processes.
        with_parts: Whether crops come with "parts", where the eyes and the mouth are.

    Raises:
        DataError: The folder holds no pairs, or one without the map of its parts that is asked for.
    """

    def __init__(
        self, data: DataConfig, augment: AugmentConfig, *, seed: int, batch_of_all: int, with_parts: bool = False
    ) -> None:
        super().__init__(data, augment, seed=seed, batch_of_all=batch_of_all)
        self.inputs = list_pairs(Path(data.photos))
        self._worn = {path for path in self.inputs if worn_of(path).is_file()}
        self._with_parts = with_parts
        without = [path for path in self.inputs if with_parts and not parts_of(path).is_file()]
        if without:
            raise DataError(
                f"{parts_of(without[0])} is missing: where the eyes and the mouth are",
                hint="prepare into a new folder, or set pair_weights.parts = 0 in the recipe",
            )

    def files(self) -> list[Path]:
        """The photos, and what belongs to each."""
        beside = [map(target_of, self.inputs), map(worn_of, sorted(self._worn))]
        if self._with_parts:
            beside.append(map(parts_of, self.inputs))
        return [*self.inputs, *chain(*beside)]

    def whole(self, path: Path) -> Batch:
        """A "photo" and its "target", [3, H, W] each."""
        photo = self.read(path)
        target = self.read_beside(photo, target_of(path))
        return {"photo": to_tensor(to_unit(photo)), "target": to_tensor(to_unit(target))}

    def crop(self, rng: np.random.Generator, size_px: int) -> Batch:
        """A crop: "photo" and "target", [3, S, S] each, and [1, S, S]: "cover", where `prepare` put on glasses.

        And, where they are asked for, "parts": where the eyes and the mouth are.
        """
        path = self.inputs[int(rng.integers(len(self.inputs)))]
        zoom = float(rng.choice(self.data.zooms))
        photo = self.read(path)
        pictures = [photo, self.read_beside(photo, target_of(path))]
        if path in self._worn:
            pictures.append(self.read_beside(photo, worn_of(path), read_layer))
        window = choose_window(photo.shape, size_px, zoom, rng, mirror=self.augment.mirror)
        parts = [self.read_beside(photo, parts_of(path), read_mask)] if self._with_parts else []
        cuts = cut(pictures, size_px, window)
        photo, target = vary_light([to_unit(image) for image in cuts[:2]], self.augment, rng)
        batch = {"photo": to_tensor(degrade(photo, self.augment, rng)), "target": to_tensor(target)}
        if parts:
            batch["parts"] = torch.from_numpy(to_unit(cut(parts, size_px, window)[0]))[None]
        return batch | {"cover": cover_of(cuts[2]) if path in self._worn else torch.zeros(1, size_px, size_px)}


def describe_pictures(paths: list[Path], folder: Path, beside: Sequence[Path] = ()) -> str:
    """How many pictures, and a digest of their names below the folder, which may lie elsewhere tomorrow."""
    names = "\0".join(path.relative_to(folder).as_posix() for path in (*paths, *beside))
    return f"{len(paths)} (names {sha256(names.encode(errors='surrogateescape')).hexdigest()[:DIGEST_DIGITS]})"


def cover_of(layer: Image) -> Tensor:
    """How far a layer [H, W, 4] covers what lies below, float32 [1, H, W], 0 … 1."""
    return torch.from_numpy(to_unit(layer[..., 3]))[None]


def to_unit(image: Image) -> Picture:
    """Bytes as float32 of the same shape, 0 … 1."""
    return image.astype(np.float32) / 255
