"""A run of training: its parts are opened, and steps are taken."""

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path

import torch

from animecam_training.data.loading import batches, killed_workers_named
from animecam_training.data.pictures import check_readable
from animecam_training.data.sets import PairSet, PhotoSet
from animecam_training.data.unpaired import UnpairedSet
from animecam_training.methods.base import Method, is_half_slow
from animecam_training.methods.dtgan import DtganMethod
from animecam_training.methods.pairs import DistillMethod, PairMethod
from animecam_training.recipe.config import Recipe
from animecam_training.run.checkpoint import Checkpoint, expected_bytes, last_good_named
from animecam_training.run.distributed import Process, join_processes
from animecam_training.run.folder import (
    BEST_FILE,
    CHECKPOINT_FILE,
    RunFolder,
    check_room,
    check_run,
    claim_run,
    load_samples,
)
from animecam_training.run.session import RunOptions, Session
from animecam_training.run.starting import FILE_SIZES, begin_with, check_recipe, go_on
from animecam_training.run.stopping import stop_wishes
from animecam_training.run.validation import VALIDATION, Validation, open_validation
from animecam_training.weights.teachers import describe_teacher, describe_teacher_formerly

log = logging.getLogger(__name__)

METHODS: dict[str, Callable[[Recipe, torch.device], Method]] = {
    "pairs": PairMethod,
    "distill": DistillMethod,
    "dtgan": DtganMethod,
}


def train(recipe: Recipe, options: RunOptions, on_step: Callable[[int], None] | None = None) -> Checkpoint:
    """Run a recipe to its end, or to the end of the time given.

    Args:
        recipe: What to learn.
        options: Where, for how long, from what.
        on_step: Called after each step with the number of steps done.

    Returns:
        The last checkpoint, which is also in the run folder.

    Raises:
        CheckpointError: Nothing to resume, or recipe, pictures, teacher or processes differ from those of the run,
            or another program trains into the folder, or a checkpoint cannot be written there.
        DataError: A folder of the recipe is missing or empty, a picture is damaged, or a process that reads pictures
            was killed.
        DivergedError: A loss, or what the network draws, became NaN or infinite; the last good checkpoint, if there
            is one, is in the folder.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the step at hand was finished and saved, unless torchrun started several
            processes.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    # By every process: one that alone could not go on would leave the others in the middle of a step.
    check_run(options.folder, is_resumed=options.resume)
    # Another recipe may want other pictures: that they are missing would say nothing of why.
    begun = check_recipe(recipe, options.folder / CHECKPOINT_FILE) if options.resume else None
    with ExitStack() as stack:
        process = stack.enter_context(join_processes())
        _warn(recipe, options, process)
        dataset = _open_set(recipe, recipe.data.batch * process.ranks)
        if process.rank == 0 and not options.resume:
            # Met later it would end the run for good: without it the pictures are not those that the run had.
            check_readable(dataset.files())
        validation = open_validation(recipe, dataset)
        method = METHODS[recipe.method](recipe, process.device)
        origins = {
            "processes": str(process.ranks),
            "pictures": dataset.describe(),
            FILE_SIZES: dataset.weigh(),
            "teacher": _describe_teacher(recipe, begun),
        } | ({VALIDATION: validation.describe()} if validation else {})
        samples = load_samples(recipe).to(process.device) if process.rank == 0 else None
        if process.rank == 0:
            stack.enter_context(claim_run(options.folder))
            check_run(options.folder, is_resumed=options.resume)  # another program may have had it until now
        first_step = _begin(method, recipe, options, origins, validation)
        if process.rank == 0:
            check_room(options.folder, _checkpoint_bytes(options, method))
        folder = RunFolder(options.folder, recipe, first_step=first_step) if process.rank == 0 else None
        try:
            stream = batches(dataset, first_step=first_step, steps=recipe.steps, rank=process.rank, ranks=process.ranks)
            # torchrun ends its processes by itself, and soon.
            wishes = stop_wishes() if process.ranks == 1 else nullcontext(lambda: False)
            good = last_good_named(options.folder / CHECKPOINT_FILE)
            with killed_workers_named(), good, wishes as is_asked:
                kept = validation if folder else None
                session = Session(method, recipe, options, process, folder, samples, kept, origins)
                return session.run(stream, first_step, is_asked, on_step)
        finally:
            if folder:
                folder.close()


def _begin(
    method: Method, recipe: Recipe, options: RunOptions, origins: Mapping[str, str], validation: Validation | None
) -> int:
    """Gives a method what it goes on or starts with; returns the number of steps done."""
    if options.resume:
        first_step = go_on(method, recipe, options.folder / CHECKPOINT_FILE, origins)
        if validation:
            validation.go_on_from(options.folder / BEST_FILE)
        return first_step
    if options.start_from:
        begin_with(method, options.start_from)
    return 0


def _warn(recipe: Recipe, options: RunOptions, process: Process) -> None:
    """What is likely to be regretted after hours; told by the first process."""
    if process.rank:
        return
    if recipe.precision == "bf16" and is_half_slow(process.device):
        log.warning('this processor has no bf16: steps take many times as long as with precision = "fp32"')
    is_untaught = not (recipe.pretrain_steps or options.start_from or options.resume)
    if recipe.method == "dtgan" and is_untaught:
        log.warning("the discriminators meet a generator that has learned nothing: give pretrain_steps, or --from")


def _checkpoint_bytes(options: RunOptions, method: Method) -> int:
    """What a checkpoint of a run takes: as much as the one it goes on from, or as will be needed at most."""
    if options.resume:
        return (options.folder / CHECKPOINT_FILE).stat().st_size
    return expected_bytes(method.state())


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
