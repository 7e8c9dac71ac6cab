"""Validation while training: how well the averaged generator draws people that it does not learn from.

Nothing of it reaches the training: it draws with the averaged weights alone and takes no random numbers.
"""

import filecmp
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from animecam_training.data.index import sources_of
from animecam_training.data.names import beard_of, parts_of
from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import Mask
from animecam_training.data.sets import Crops, PairSet, describe_pictures
from animecam_training.errors import ConfigError, DataError
from animecam_training.faces import Image
from animecam_training.methods.base import Method
from animecam_training.methods.pairs import PairMethod
from animecam_training.metrics.drawings import ErrorSums, read_region
from animecam_training.models.generator import SIZE_MULTIPLE
from animecam_training.ops.levels import to_levels
from animecam_training.recipe.config import Recipe
from animecam_training.run.checkpoint import load_checkpoint
from animecam_training.run.folder import VALIDATED, chosen_error

log = logging.getLogger(__name__)

VALIDATION = "validation"  # among the origins of a checkpoint
LARGEST_SIDE_PX = 1024  # all pictures are kept in memory, and drawn whole
REPLACED = "remove it: the next best state takes its place"


class Validation:
    """Pictures that are not trained on, and the best error on them so far.

    Args:
        recipe: Folder `data.validation`, and how many pictures of it.
        trained: What is trained on.

    Raises:
        ConfigError: The method has nothing to compare drawings with.
        DataError: The folder holds no pictures of that kind, one of another size than its companions or that no
            generator takes, or one that is trained on.
    """

    def __init__(self, recipe: Recipe, trained: Crops) -> None:
        if recipe.method == "dtgan":
            raise ConfigError(
                'the method "dtgan" has no drawings to validate by',
                hint='data.validation = ""; animecam-train evaluate measures its style afterwards',
            )
        self._is_of_pairs = recipe.method == "pairs"
        data = replace(recipe.data, photos=recipe.data.validation)
        kind = PairSet if self._is_of_pairs else PhotoSet
        augment = replace(recipe.augment, walls=0.0)  # pictures are drawn as they are: their background stays
        self._set = kind(data, augment, seed=recipe.seed, batch_of_all=1)
        found = self._set.inputs
        count = min(len(found), data.validation_pictures)
        self._paths = [found[number * len(found) // count] for number in range(count)]
        self._wanted: dict[Path, Image] = {}
        self._best: float | None = None
        _check_unseen(found, trained.inputs)
        for path in self._paths:
            self._set.whole(path)  # what cannot be read is told of now, and not after hours
            self._regions(path)
            _check_size(self._set.read(path), path)

    def describe(self) -> str:
        """Which pictures are validated on: their number, digests of their names and of the sizes of all files."""
        return f"{describe_pictures(self._paths, Path(self._set.data.photos))} sizes {self._set.weigh()}"

    @torch.inference_mode()
    def measure(self, method: Method) -> dict[str, float]:
        """Mean absolute differences (L1), 0 … 2, to the drawings as `evaluate --pairs` has them, or to the teacher's.

        Returns:
            The errors by name.
        """
        assert isinstance(method, PairMethod)  # others were refused
        sums = ErrorSums()
        for path in self._paths:
            batch = {name: value[None].to(method.device) for name, value in self._set.whole(path).items()}
            if path not in self._wanted:
                self._wanted[path] = _to_image(method.target(batch))  # a teacher draws each picture once
            sums.add(_to_image(method.draw(batch["photo"])), self._wanted[path], *self._regions(path))
        errors = sums.means()
        if not self._is_of_pairs:
            return {f"{VALIDATED}teacher_l1": errors.whole}
        return {f"{VALIDATED}{name}": error for name, error in errors.by_name().items()}

    def begin(self, method: Method) -> dict[str, float]:
        """As `measure`, of the weights that a run starts from; they are no state of it, and never its best."""
        figures = self.measure(method)
        _tell(figures, 0, ", what it starts from")
        return figures

    def is_best(self, figures: Mapping[str, float], step: int) -> bool:
        """Whether what was measured after a step, if anything, is better than all before; it is told of and kept."""
        error = chosen_error(figures)
        if error is None:
            return False
        is_better = self._best is None or error < self._best
        self._best = error if is_better else self._best
        _tell(figures, step, ", the best so far" if is_better else "")
        return is_better

    def go_on_from(self, best: Path) -> None:
        """Take the error of a run's best state so far, where there is one on these pictures.

        Raises:
            CheckpointError: The file cannot be read.
        """
        if best.exists():
            checkpoint = load_checkpoint(best, REPLACED)
            if checkpoint.origins.get(VALIDATION) == self.describe():
                self._best = chosen_error(checkpoint.figures)

    def _regions(self, path: Path) -> tuple[Mask | None, Mask | None]:
        """Where eyes and mouth of a pair are, and a beard that was grown."""
        if not self._is_of_pairs:
            return None, None
        photo = self._set.read(path)
        return read_region(parts_of(path), photo), read_region(beard_of(path), photo)


def open_validation(recipe: Recipe, trained: Crops) -> Validation | None:
    """The validation that a recipe asks for; None where it asks for none. Raises what `Validation` does."""
    return Validation(recipe, trained) if recipe.data.validation else None


def _tell(figures: Mapping[str, float], step: int, remark: str) -> None:
    errors = ", ".join(f"{name} {error:.4f}" for name, error in figures.items())
    log.info("step %d: %s%s", step, errors, remark)


def _check_unseen(found: Sequence[Path], trained: Sequence[Path]) -> None:
    """Refuses pictures that are trained on, too, also under other names or cut otherwise: of others they tell nothing.

    Of how they were cut an index tells that `prepare` wrote beside them.
    """
    by_size: defaultdict[int, list[Path]] = defaultdict(list)
    for path in trained:
        by_size[path.stat().st_size].append(path)
    for path in found:
        for other in by_size[path.stat().st_size]:
            if filecmp.cmp(path, other, shallow=False):
                raise DataError(
                    f"{path} is trained on, too, as {other}", hint="validate on people who are not in data.photos"
                )
    learned = sources_of(trained)
    for digest, path in sources_of(found).items():
        if digest in learned:
            raise DataError(
                f"{path} was cut out of a picture that is trained on, too, as {learned[digest]}",
                hint="validate on people who are not in data.photos: prepare them from other pictures",
            )


def _check_size(photo: Image, path: Path) -> None:
    height, width = photo.shape[:2]
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or max(height, width) > LARGEST_SIDE_PX:
        raise DataError(
            f"{path} is {width} x {height} pixels: to validate on, sides must be multiples of {SIZE_MULTIPLE} "
            f"up to {LARGEST_SIDE_PX}",
            hint="cut the heads out with animecam-train prepare",
        )


def _to_image(drawn: Tensor) -> Image:
    """One picture [1, 3, H, W] in [-1, 1] as uint8 [H, W, 3]."""
    return to_levels(drawn[0].float()).permute(1, 2, 0).cpu().numpy()
