"""How long a run would take: a few steps of each of its phases are taken and timed, and nothing is written."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from time import perf_counter

import torch

from animecam_training.data.loading import batches, killed_workers_named
from animecam_training.progress import Stages, tracked, untold
from animecam_training.recipe.config import Recipe
from animecam_training.run.opening import OpenRun, opened_run
from animecam_training.run.session import RunOptions, validates_after

UNTIMED_STEPS = 1  # it starts threads and readers, and chooses kernels
TIMED_STEPS = 6
ENOUGH_S = 20.0  # of steps that are timed: slow ones are told well by fewer


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps of a run that cost alike.

    Attributes:
        steps: How many are still to be taken.
        step_s: Mean time of one, seconds.
    """

    steps: int
    step_s: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run would take on this machine as busy as it is.

    Attributes:
        phases: In their order; none of a run that is over.
        validations: How many are still to be made.
        validation_s: Time of one, seconds; the first one takes longer where a teacher draws what is wanted.
    """

    phases: tuple[Phase, ...]
    validations: int = 0
    validation_s: float = 0.0

    def __str__(self) -> str:
        """The whole time, and what it is made of."""
        parts = [f"{phase.steps:,} steps of {phase.step_s:.2f} s" for phase in self.phases]
        if self.validations:
            parts.append(f"{self.validations} validations of {self.validation_s:.1f} s")
        return f"about {timedelta(seconds=round(self.seconds))}: {', '.join(parts) or 'no step is left'}"

    @property
    def seconds(self) -> float:
        """Of all that is still to be done, but for checkpoints and sample grids."""
        steps_s = sum(phase.steps * phase.step_s for phase in self.phases)
        return steps_s + self.validations * self.validation_s


def estimate(recipe: Recipe, options: RunOptions, stages: Stages = untold) -> Estimate:
    """Time the steps of a run without making it; all that would keep it from beginning is told of, too.

    Args:
        recipe: What would be learned.
        options: As of `train`; the folder is only looked at.
        stages: Are told how far the work is.

    Raises:
        CheckpointError, DataError, DivergedError: As `train` does.
    """
    with opened_run(recipe, options, stages("reading pictures")) as run, killed_workers_named():
        first_step = run.begin(recipe, options)
        if first_step >= recipe.steps:
            return Estimate(())
        bounds = _bounds(recipe, first_step)
        tell = stages("trying steps")
        phases = [Phase(end - start, _step_s(run, start, end)) for start, end in tracked([*pairwise(bounds)], tell)]
        if run.validation is None:
            return Estimate(tuple(phases))
        begun = perf_counter()
        run.validation.measure(run.method)
        validations = sum(validates_after(step, recipe) for step in range(first_step + 1, recipe.steps + 1))
        return Estimate(tuple(phases), validations, perf_counter() - begun)


def _bounds(recipe: Recipe, first_step: int) -> list[int]:
    """Where the cost of a step changes, between the first and the last: a discriminator comes, or pre-training ends."""
    change = recipe.pretrain_steps if recipe.method == "dtgan" else round(recipe.adversarial_from * recipe.steps)
    inner = [change] if first_step < change < recipe.steps else []
    return [first_step, *inner, recipe.steps]


def _step_s(run: OpenRun, start: int, end: int) -> float:
    """Mean time of a step from `start` on; it moves the weights, which are thrown away."""
    process, last = run.process, min(end, start + UNTIMED_STEPS + TIMED_STEPS)
    stream = batches(run.dataset, first_step=start, steps=last, rank=process.rank, ranks=process.ranks)
    begun = now = perf_counter()
    timed = 0
    for step, batch in enumerate(stream, start):
        moved = {name: value.to(process.device, non_blocking=True) for name, value in batch.items()}
        losses = run.method.train_step(moved, step)
        float(torch.stack([*losses.values()]).sum())  # waits for the device
        now, timed = perf_counter(), timed + 1
        if step == start + UNTIMED_STEPS - 1 and last > step + 1:
            begun, timed = now, 0
        elif now - begun >= ENOUGH_S:
            break
    return (now - begun) / timed
