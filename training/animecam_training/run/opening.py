"""What a run is made of before its first step: processes, pictures, validation, method."""

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from animecam_training.data.photos import PhotoSet
from animecam_training.data.pictures import check_readable
from animecam_training.data.sets import PairSet
from animecam_training.data.unpaired import UnpairedSet
from animecam_training.methods.base import Method, is_half_slow
from animecam_training.methods.dtgan import DtganMethod
from animecam_training.methods.pairs import DistillMethod, PairMethod
from animecam_training.progress import Tell
from animecam_training.recipe.config import Recipe
from animecam_training.run.checkpoint import Checkpoint
from animecam_training.run.distributed import Process, join_processes
from animecam_training.run.folder import BEST_FILE, CHECKPOINT_FILE, check_run
from animecam_training.run.session import RunOptions
from animecam_training.run.starting import FILE_SIZES, begin_with, check_recipe, go_on
from animecam_training.run.validation import VALIDATION, Validation, open_validation
from animecam_training.weights.teachers import describe_teacher, describe_teacher_formerly, name_and_digest

log = logging.getLogger(__name__)

BEGAN_WITH = "began with"  # among the origins of a checkpoint

METHODS: dict[str, Callable[[Recipe, torch.device], Method]] = {
    "pairs": PairMethod,
    "distill": DistillMethod,
    "dtgan": DtganMethod,
}


@dataclass(frozen=True, slots=True)
class OpenRun:
    """All that steps are taken with, still with fresh weights.

    Attributes:
        process: This one, of all that train together.
        dataset: The crops that are learned from.
        validation: Of people who are not learned from, if asked for.
        method: What takes the steps.
        origins: What a checkpoint says that it was made of.
    """

    process: Process
    dataset: PairSet | PhotoSet
    validation: Validation | None
    method: Method
    origins: Mapping[str, str]

    def begin(self, recipe: Recipe, options: RunOptions) -> int:
        """Gives the method what it goes on or starts with.

        Returns:
            Steps done before.

        Raises:
            CheckpointError: That cannot be read, or is of another run or network.
        """
        if options.resume:
            first_step = go_on(self.method, recipe, options.folder / CHECKPOINT_FILE, self.origins)
            if self.validation:
                self.validation.go_on_from(options.folder / BEST_FILE)
            return first_step
        if options.start_from:
            begin_with(self.method, options.start_from)
        return 0


@contextmanager
def opened_run(recipe: Recipe, options: RunOptions, on_read: Tell) -> Generator[OpenRun]:
    """The parts of a run, for a block; nothing is written.

    Args:
        recipe: What to learn.
        options: Where, and from what.
        on_read: Is told of the pictures that were found to be sound.

    Raises:
        CheckpointError: Nothing to resume, or another recipe, or a run where a new one is to begin.
        DataError: What it starts from cannot be read, a folder of the recipe is missing or empty, or a picture is
            damaged.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    # By every process: one that alone could not go on would leave the others in the middle of a step.
    check_run(options.folder, is_resumed=options.resume)
    # Another recipe may want other pictures: that they are missing would say nothing of why.
    begun = check_recipe(recipe, options.folder / CHECKPOINT_FILE) if options.resume else None
    beginning = _beginning(options, begun)
    with join_processes() as process:
        _warn(recipe, options, process)
        dataset = _open_set(recipe, recipe.data.batch * process.ranks)
        if process.rank == 0 and not options.resume:
            # Met later it would end the run for good: without it the pictures are not those that the run had.
            check_readable(dataset.files(), on_read)
        validation = open_validation(recipe, dataset)
        method = METHODS[recipe.method](recipe, process.device)
        origins = {
            "processes": str(process.ranks),
            "pictures": dataset.describe(),
            FILE_SIZES: dataset.weigh(),
            "teacher": _describe_teacher(recipe, begun),
            **beginning,
        } | ({VALIDATION: validation.describe()} if validation else {})
        yield OpenRun(process, dataset, validation, method, origins)


def _warn(recipe: Recipe, options: RunOptions, process: Process) -> None:
    """What is likely to be regretted after hours; told by the first process."""
    if process.rank:
        return
    if recipe.precision == "bf16" and is_half_slow(process.device):
        log.warning('this processor has no bf16: steps take many times as long as with precision = "fp32"')
    is_untaught = not (recipe.pretrain_steps or options.start_from or options.resume)
    if recipe.method == "dtgan" and is_untaught:
        log.warning("the discriminators meet a generator that has learned nothing: give pretrain_steps, or --from")


def _beginning(options: RunOptions, begun: Checkpoint | None) -> dict[str, str]:
    """What a run started from; one that goes on says what it said before, if it did."""
    if begun:
        return {name: words for name, words in begun.origins.items() if name == BEGAN_WITH}
    start = options.start_from
    return {BEGAN_WITH: name_and_digest(start) if start else "fresh weights"}


def _describe_teacher(recipe: Recipe, begun: Checkpoint | None) -> str:
    """What the teacher is; in the words of the run that goes on, where an earlier version began it."""
    teacher = recipe.teacher if recipe.method != "pairs" else ""
    if begun and teacher and Path(teacher).is_dir():
        formerly = describe_teacher_formerly(teacher)
        if begun.origins.get("teacher") == formerly:
            return formerly
    return describe_teacher(teacher)


def _open_set(recipe: Recipe, batch_of_all: int) -> PairSet | PhotoSet:
    """The crops that a recipe's method learns from."""
    if recipe.method == "pairs":
        with_parts = recipe.pair_weights.parts > 0
        return PairSet(recipe.data, recipe.augment, seed=recipe.seed, batch_of_all=batch_of_all, with_parts=with_parts)
    kind = PhotoSet if recipe.method == "distill" else UnpairedSet
    return kind(recipe.data, recipe.augment, seed=recipe.seed, batch_of_all=batch_of_all)
