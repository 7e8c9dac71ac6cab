"""Photos alone: for a student and its teacher, each as it is to see them."""

# pyright: reportUnknownMemberType=false

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from animecam_training.data.augment import Picture, Window, choose_window, cut, degrade, vary_light
from animecam_training.data.names import background_of, bare_of, list_photos, target_of, worn_of
from animecam_training.data.pictures import read_layer
from animecam_training.data.sets import Batch, Crops, cover_of, describe_pictures, to_tensor, to_unit
from animecam_training.data.walls import choose_wall
from animecam_training.errors import DataError
from animecam_training.faces import Image
from animecam_training.recipe.config import AugmentConfig, DataConfig

log = logging.getLogger(__name__)

LARGEST_IN_CROPS = 5  # sides of the largest crop in the shorter side of a photo


class PhotoSet(Crops):
    """Photos alone, for a teacher's student, and what `prepare` put beside them.

    Args:
        data: Folder `photos` and how crops are cut.
        augment: Changes of the crops.
        seed: Of the whole run.
        batch_of_all: Crops a step, over all processes.

    Raises:
        DataError: There are no photos, there are glasses to be drawn of a head that is not there without them, or walls
            are asked for and beside a photo there is no layer of what is behind the person.
    """

    def __init__(self, data: DataConfig, augment: AugmentConfig, *, seed: int, batch_of_all: int) -> None:
        super().__init__(data, augment, seed=seed, batch_of_all=batch_of_all)
        self.inputs = list_photos(Path(data.photos))
        self._has_warned = False
        self._bare = {path for path in self.inputs if bare_of(path).is_file()}
        # Of a pair no head is kept without what was put on its photo: a teacher sees glasses and gloss there, too.
        self._worn = {path for path in self.inputs if worn_of(path).is_file() and not target_of(path).is_file()}
        if self._worn - self._bare:
            missing = bare_of(min(self._worn - self._bare))
            raise DataError(f"{missing} is missing: the head without its glasses", hint="prepare the folder again")
        without = [path for path in self.inputs if augment.walls > 0 and not background_of(path).is_file()]
        if without:
            raise DataError(
                f"{background_of(without[0])} is missing: what is behind the person",
                hint="prepare into a new folder by this recipe, or set augment.walls = 0",
            )

    def describe(self) -> str:
        """Which photos the crops are of, and which of them have companions: without, a teacher would see others."""
        return describe_pictures(self.inputs, Path(self.data.photos), self._companions())

    def files(self) -> list[Path]:
        """The photos and their companions."""
        return [*self.inputs, *self._companions()]

    def _companions(self) -> list[Path]:
        behind = map(background_of, self.inputs) if self.augment.walls > 0 else ()
        return sorted([*map(bare_of, self._bare), *map(worn_of, self._worn), *behind])

    def whole(self, path: Path) -> Batch:
        """A "photo", and of its head "clean" and "worn", [3, H, W] each, and "cover" [1, H, W]."""
        pictures = self._with_companions(path)
        return self._as_batch(pictures, [to_unit(image[..., :3]) for image in pictures])

    def crop(self, rng: np.random.Generator, size_px: int) -> Batch:
        """A crop: "photo" as a student sees it, "clean" as its teacher does, "worn" and "cover", perhaps "tint".

        [3, S, S] each, "cover" [1, S, S]. The teacher's has no faults, no glasses and no gloss, and the
        light that `prepare` gave it; "worn" is what is to be drawn of the glasses, "cover" 0 where `prepare` put on
        none. With `augment.walls` the teacher's has a gray wall, and there is "tint": what the levels of a drawing are
        multiplied by to have the wall that the student sees.
        """
        path, window = self.choose(rng, size_px)
        cuts = cut(self._with_companions(path), size_px, window)
        pictures = [to_unit(image[..., :3]) for image in cuts]
        # Without walls no number is drawn: recipes from before them see the same crops.
        if self.augment.walls <= 0:
            return self._degraded(cuts, vary_light(pictures, self.augment, rng), rng)
        if rng.random() >= self.augment.walls:
            lit, tint = vary_light(pictures, self.augment, rng), torch.ones(3, size_px, size_px)
        else:
            layer = self.read_beside(self.read(path), background_of(path), read_layer)
            wall = choose_wall(cut([layer], size_px, window)[0], rng)
            photo, clean, *worn = pictures if len(pictures) > 1 else pictures * 2
            before = [*wall.put(photo, clean), *worn, wall.vivid, wall.gray]
            *lit, vivid, gray = vary_light(before, self.augment, rng)
            tint = torch.from_numpy(wall.tint(vivid, gray)).permute(2, 0, 1)
        return self._degraded(cuts, lit, rng) | {"tint": tint}

    def _degraded(self, cuts: Sequence[Image], lit: Sequence[Picture], rng: np.random.Generator) -> Batch:
        """As `_as_batch`, the photo with the faults of a webcam."""
        return self._as_batch(cuts, lit) | {"photo": to_tensor(degrade(lit[0], self.augment, rng))}

    def _with_companions(self, path: Path) -> list[Image]:
        """A photo, its head without what was put on, and the layer of its glasses; the last two where they are."""
        photo = self.read(path)
        pictures = [photo]
        if path in self._bare:
            pictures.append(self.read_beside(photo, bare_of(path)))
        if path in self._worn:
            pictures.append(self.read_beside(photo, worn_of(path), read_layer))
        return pictures

    def _as_batch(self, pictures: Sequence[Image], lit: Sequence[Picture]) -> Batch:
        """What a photo with its companions, in the light that is wanted, is called."""
        photo, *beside = lit
        clean, *worn = beside or [photo]
        batch = {"photo": to_tensor(photo), "clean": to_tensor(clean)}
        if not worn:
            return batch | {"worn": torch.zeros_like(batch["clean"]), "cover": torch.zeros(1, *photo.shape[:2])}
        return batch | {"worn": to_tensor(worn[0]), "cover": cover_of(pictures[2])}

    def choose(self, rng: np.random.Generator, size_px: int) -> tuple[Path, Window]:
        """A photo, and where a crop of it is cut."""
        path = self.inputs[int(rng.integers(len(self.inputs)))]
        photo = self.read(path)
        self._warn_of_size(photo, path)
        return path, choose_window(
            photo.shape, size_px, float(rng.choice(self.data.zooms)), rng, mirror=self.augment.mirror
        )

    def _warn_of_size(self, photo: Image, path: Path) -> None:
        """Says once that crops of a photo show hardly anything of it: heads are learned from crops of heads."""
        shown = max(self.data.sizes_px) * max(self.data.zooms)
        if self._has_warned or min(photo.shape[:2]) <= LARGEST_IN_CROPS * shown:
            return
        self._has_warned = True
        log.warning(
            "%s is %d x %d pixels, and a crop shows %d: animecam-train prepare --kind photo cuts out the heads",
            *(path, photo.shape[1], photo.shape[0], shown),
        )
