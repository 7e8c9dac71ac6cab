"""The training loop, from top to bottom."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from animecam_training.data.loading import batches, killed_workers_named
from animecam_training.data.pictures import check_readable
from animecam_training.data.sets import Batch, PairSet, PhotoSet
from animecam_training.data.unpaired import UnpairedSet
from animecam_training.methods.base import Losses, Method, check_drawing, is_half_slow
from animecam_training.methods.dtgan import DtganMethod
from animecam_training.methods.pairs import DistillMethod, PairMethod
from animecam_training.recipe.config import Recipe
from animecam_training.run.checkpoint import Checkpoint, expected_bytes, last_good_named, save_checkpoint
from animecam_training.run.distributed import Process, as_first_process_has_it, join_processes
from animecam_training.run.folder import (
    BEST_FILE,
    CHECKPOINT_FILE,
    RunFolder,
    StepFigures,
    check_room,
    check_run,
    claim_run,
    load_samples,
    to_row,
)
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


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a recipe is run; but for what a new run starts from, nothing here changes what is learned.

    Attributes:
        folder: Run folder.
        minutes: Wall-clock limit of this session; None runs to the recipe's last step.
        resume: Go on with the run in the folder.
        start_from: Checkpoint, or model.onnx of a style, whose averaged weights a new run starts with (fine-tuning).
        threads: CPU threads of torch; 0 leaves torch's choice.
    """

    folder: Path
    minutes: float | None = None
    resume: bool = False
    start_from: Path | None = None
    threads: int = 0


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
        first_step = 0
        if options.resume:
            first_step = go_on(method, recipe, options.folder / CHECKPOINT_FILE, origins)
            if validation:
                validation.go_on_from(options.folder / BEST_FILE)
        elif options.start_from:
            begin_with(method, options.start_from)
        if process.rank == 0:
            check_room(options.folder, _checkpoint_bytes(options, method))
        folder = RunFolder(options.folder, recipe, first_step=first_step) if process.rank == 0 else None
        try:
            stream = batches(dataset, first_step=first_step, steps=recipe.steps, rank=process.rank, ranks=process.ranks)
            # torchrun ends its processes by itself, and soon.
            wishes = stop_wishes() if process.ranks == 1 else nullcontext(lambda: False)
            good = last_good_named(options.folder / CHECKPOINT_FILE)
            with killed_workers_named(), good, wishes as is_asked:
                parts = (method, recipe, options, stream, first_step, process, folder, samples, on_step, origins)
                return _run(*parts, is_asked, validation if folder else None)
        finally:
            if folder:
                folder.close()


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


def _run(
    method: Method,
    recipe: Recipe,
    options: RunOptions,
    stream: Iterator[Batch],
    first_step: int,
    process: Process,
    folder: RunFolder | None,
    samples: Tensor | None,
    on_step: Callable[[int], None] | None,
    origins: Mapping[str, str],
    is_asked: Callable[[], bool],
    validation: Validation | None,
) -> Checkpoint:
    started = logged = perf_counter()
    sums: Losses = {}
    counts: Counter[str] = Counter()  # of the steps that had a term: some come late, or end with the pre-training
    since, step = 0, first_step
    figures: Mapping[str, float] = {}  # of this step, if it validates
    if folder and validation and options.start_from:
        folder.log(StepFigures(0, 0.0, 0.0, 0, validation.begin(method)))
    for batch in stream:
        moved = {name: value.to(process.device, non_blocking=True) for name, value in batch.items()}
        losses = method.train_step(moved, step)
        step += 1
        since += 1
        _add(sums, losses)
        counts.update(losses.keys())
        now = perf_counter()
        is_interrupted = is_asked() and step < recipe.steps
        is_last = step == recipe.steps or is_interrupted or _is_over(options, started, now, process)
        is_validated = not is_interrupted and (step % recipe.validate_every == 0 or is_last)
        # The other processes wait in the next step, for its gradients.
        figures = validation.measure(method) if validation and is_validated else {}
        is_best = validation is not None and validation.is_best(figures, step)
        if folder and (step % recipe.log_every == 0 or is_last or figures):
            means = {name: float(value) / counts[name] for name, value in sums.items()}
            images = step * recipe.data.batch * process.ranks
            minutes, speed = (now - started) / 60, since / (now - logged)
            folder.log(StepFigures(step, minutes, speed, images, means | figures))
            sums.clear()
            counts.clear()
            since, logged = 0, now
        if folder and (step % recipe.save_every == 0 or is_last or is_best):
            if samples is not None:
                check_drawing(method.generator, samples[:1])
            checkpoint = _checkpoint(method, recipe, step, origins, figures)
            save_checkpoint(checkpoint, folder.checkpoint)  # first: the best one is never of a later step
            if is_best:
                save_checkpoint(checkpoint, folder.best)
        if folder and samples is not None and (step % recipe.grid_every == 0 or is_last):
            drawn = torch.cat([method.draw(picture[None]) for picture in samples])
            folder.write_grid([to_row(samples), to_row(drawn)], step)
        if on_step:
            on_step(step)
        if is_interrupted:
            raise KeyboardInterrupt
        if is_last:
            break
    return _checkpoint(method, recipe, step, origins, figures)


def _add(sums: Losses, losses: Losses) -> None:
    """Sums stay where the losses are: reading one makes the host wait for the device."""
    for name, value in losses.items():
        sums[name] = sums[name] + value.double() if name in sums else value.double()


def _is_over(options: RunOptions, started: float, now: float, process: Process) -> bool:
    """Whether the time given is used up; all processes agree."""
    if options.minutes is None:
        return False
    return as_first_process_has_it(now - started >= options.minutes * 60, process.device)


def _checkpoint(
    method: Method, recipe: Recipe, step: int, origins: Mapping[str, str], figures: Mapping[str, float]
) -> Checkpoint:
    weights = {name: value.cpu() for name, value in method.average.weights.items()}
    return Checkpoint(recipe, step, weights, method.state(), origins, figures)
