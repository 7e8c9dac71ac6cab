"""The training loop, from top to bottom."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import torch

from animecam_training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from animecam_training.config import Recipe
from animecam_training.data.loading import batches, killed_workers_named
from animecam_training.data.sets import Batch, PairSet, PhotoSet
from animecam_training.data.unpaired import UnpairedSet
from animecam_training.distributed import Process, join_processes
from animecam_training.errors import CheckpointError
from animecam_training.methods.base import Losses, Method, is_half_slow
from animecam_training.methods.dtgan import DtganMethod
from animecam_training.methods.pairs import DistillMethod, PairMethod
from animecam_training.models.weights import count_context, match_state
from animecam_training.predecessors import Predecessor, read_predecessor
from animecam_training.recipe_files import differences
from animecam_training.run_folder import (
    CHECKPOINT_FILE,
    RunFolder,
    StepFigures,
    check_run,
    claim_run,
    load_samples,
    to_row,
)
from animecam_training.stopping import stop_wishes
from animecam_training.teachers import describe_teacher, describe_teacher_formerly

log = logging.getLogger(__name__)

OF_THIS_RUN = "put a copy of it back, or begin in another folder: --out"
FILE_SIZES = "sizes of files"  # among the origins of a checkpoint

METHODS: dict[str, Callable[[Recipe, torch.device], Method]] = {
    "pairs": PairMethod,
    "distill": DistillMethod,
    "dtgan": DtganMethod,
}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a recipe is run; nothing here changes what is learned.

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
            or another program trains into the folder.
        DataError: A folder of the recipe is missing or empty, or a process that reads pictures was killed.
        DivergedError: A loss became NaN or infinite; the last good checkpoint is in the folder.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the step at hand was finished and saved, unless torchrun started several
            processes.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    # By every process: one that alone could not go on would leave the others in the middle of a step.
    check_run(options.folder, is_resumed=options.resume)
    with ExitStack() as stack:
        process = stack.enter_context(join_processes())
        if process.rank == 0:
            _warn(recipe, options, process)
        dataset = _open_set(recipe, recipe.data.batch * process.ranks)
        method = METHODS[recipe.method](recipe, process.device)
        origins = {
            "processes": str(process.ranks),
            "pictures": dataset.describe(),
            FILE_SIZES: dataset.weigh(),
            "teacher": _describe_teacher(recipe, options),
        }
        if process.rank == 0:
            stack.enter_context(claim_run(options.folder))
            check_run(options.folder, is_resumed=options.resume)  # another program may have had it until now
        first_step = _restore(method, recipe, options, origins)
        folder = RunFolder(options.folder, recipe, first_step=first_step) if process.rank == 0 else None
        try:
            stream = batches(dataset, first_step=first_step, steps=recipe.steps, rank=process.rank, ranks=process.ranks)
            # torchrun ends its processes by itself, and soon.
            wishes = stop_wishes() if process.ranks == 1 else nullcontext(lambda: False)
            with killed_workers_named(), wishes as is_asked:
                return _run(method, recipe, options, stream, first_step, process, folder, on_step, origins, is_asked)
        finally:
            if folder:
                folder.close()


def _warn(recipe: Recipe, options: RunOptions, process: Process) -> None:
    """What is likely to be regretted after hours."""
    if recipe.precision == "bf16" and is_half_slow(process.device):
        log.warning('this processor has no bf16: steps take many times as long as with precision = "fp32"')
    is_untaught = not (recipe.pretrain_steps or options.start_from or options.resume)
    if recipe.method == "dtgan" and is_untaught:
        log.warning("the discriminators meet a generator that has learned nothing: give pretrain_steps, or --from")


def _describe_teacher(recipe: Recipe, options: RunOptions) -> str:
    """What the teacher is; in the words of the run that goes on, where an earlier version began it."""
    teacher = recipe.teacher if recipe.method != "pairs" else ""
    if options.resume and teacher and Path(teacher).is_dir():
        formerly = describe_teacher_formerly(teacher)
        if load_checkpoint(options.folder / CHECKPOINT_FILE, OF_THIS_RUN).origins.get("teacher") == formerly:
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
    on_step: Callable[[int], None] | None,
    origins: Mapping[str, str],
    is_asked: Callable[[], bool],
) -> Checkpoint:
    samples = load_samples(recipe).to(process.device) if folder else None
    started = logged = perf_counter()
    sums: Losses = {}
    counts: Counter[str] = Counter()  # of the steps that had a term: some come late, or end with the pre-training
    since, step = 0, first_step
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
        if folder and (step % recipe.log_every == 0 or is_last):
            means = {name: float(value) / counts[name] for name, value in sums.items()}
            images = step * recipe.data.batch * process.ranks
            folder.log(StepFigures(step, (now - started) / 60, since / (now - logged), images, means))
            sums.clear()
            counts.clear()
            since, logged = 0, now
        if folder and (step % recipe.save_every == 0 or is_last):
            save_checkpoint(_checkpoint(method, recipe, step, origins), folder.checkpoint)
        if folder and samples is not None and (step % recipe.grid_every == 0 or is_last):
            drawn = torch.cat([method.draw(picture[None]) for picture in samples])
            folder.write_grid([to_row(samples), to_row(drawn)], step)
        if on_step:
            on_step(step)
        if is_interrupted:
            raise KeyboardInterrupt
        if is_last:
            break
    return _checkpoint(method, recipe, step, origins)


def _add(sums: Losses, losses: Losses) -> None:
    """Sums stay where the losses are: reading one makes the host wait for the device."""
    for name, value in losses.items():
        sums[name] = sums[name] + value.double() if name in sums else value.double()


def _is_over(options: RunOptions, started: float, now: float, process: Process) -> bool:
    """Whether the time given is used up; all processes agree."""
    if options.minutes is None:
        return False
    over = now - started >= options.minutes * 60
    if process.ranks == 1:
        return over
    verdict = torch.tensor(float(over), device=process.device)
    torch.distributed.broadcast(verdict, src=0)  # pyright: ignore[reportUnknownMemberType]
    return bool(verdict)


def _checkpoint(method: Method, recipe: Recipe, step: int, origins: Mapping[str, str]) -> Checkpoint:
    weights = {name: value.cpu() for name, value in method.average.weights.items()}
    return Checkpoint(recipe, step, weights, method.state(), origins)


def _restore(method: Method, recipe: Recipe, options: RunOptions, origins: Mapping[str, str]) -> int:
    """Load what the run starts from; the number of steps already done."""
    if options.resume:
        path = options.folder / CHECKPOINT_FILE
        checkpoint = load_checkpoint(path, OF_THIS_RUN)
        was = checkpoint.origins
        changed = differences(
            _without_reporting(_where_it_lies_now(checkpoint.recipe, recipe, was)), _without_reporting(recipe)
        )
        if changed:
            raise CheckpointError(
                f"{path} was trained with another recipe: " + "; ".join(changed),
                hint="resume with its own recipe.toml, or start a new run with --from",
            )
        if other := [f"{name} {was[name]}, now {now}" for name, now in origins.items() if was.get(name, now) != now]:
            raise CheckpointError(
                f"{path} would not go on as the run it is of: " + "; ".join(other),
                hint="give it what it had, or start a new run with --from",
            )
        if not checkpoint.state:
            raise CheckpointError(f"{path} holds weights alone", hint="start a new run with --from")
        method.load_state(checkpoint.state)
        return checkpoint.step
    if options.start_from:
        predecessor = read_predecessor(options.start_from)
        missing = _start_weights(method, predecessor)
        log.info("started from %s, %d tensors new", predecessor.origin, missing)
    return 0


def _where_it_lies_now(was: Recipe, now: Recipe, origins: Mapping[str, str]) -> Recipe:
    """A recipe as it was, but with the places of now: what the origins tell by its contents may have been moved."""
    teacher = now.teacher if "teacher" in origins else was.teacher
    places = now.data if FILE_SIZES in origins else was.data
    return replace(was, teacher=teacher, data=replace(was.data, photos=places.photos, styles=places.styles))


def _start_weights(method: Method, predecessor: Predecessor) -> int:
    """Copy the averaged weights of a relative into the generator; the number of tensors that keep their fresh values.

    Raises:
        CheckpointError: The weights are of another generator altogether.
    """
    own = method.generator.state_dict()
    known = match_state(own, predecessor.weights)
    if not known:
        raise CheckpointError(
            f"{predecessor.origin} cannot start this generator: no tensor has its name and shape",
            hint='use the same model section, or distil: method = "distill"',
        )
    context = count_context(predecessor.weights)
    if context > count_context(own):
        log.warning(
            "%s sees farther than this generator and draws otherwise without: in [model], context = %d",
            *(predecessor.origin, context),
        )
    method.generator.load_state_dict(own | known)
    for name, value in method.generator.state_dict().items():
        method.average.weights[name].copy_(value)
    return len(own) - len(known)


def _without_reporting(recipe: Recipe) -> Recipe:
    """The recipe without what may change between sessions: how often things are written, and by how many workers."""
    defaults = Recipe()
    return replace(
        recipe,
        save_every=defaults.save_every,
        grid_every=defaults.grid_every,
        log_every=defaults.log_every,
        data=replace(recipe.data, workers=defaults.data.workers, samples=defaults.data.samples),
    )
