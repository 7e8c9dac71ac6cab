"""The steps of a session of training, and what they leave in the run's folder."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from animecam_training.data.sets import Batch
from animecam_training.methods.base import Losses, Method, check_drawing
from animecam_training.recipe.config import Recipe
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint
from animecam_training.run.distributed import Process, as_first_process_has_it
from animecam_training.run.folder import RunFolder, StepFigures, to_row
from animecam_training.run.surroundings import surroundings
from animecam_training.run.validation import Validation


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


@dataclass(slots=True)
class Means:
    """Means of all terms, each over the steps that had it: some come late, or end with the pre-training.

    Sums stay where the losses are: reading one makes the host wait for the device.

    Attributes:
        started: When the session began, in seconds of `perf_counter`.
        since: When the means were taken last.
        steps: Taken since then.
        sums: Of the terms of those steps, by name.
        counts: Of the steps that had them.
    """

    started: float
    since: float
    steps: int = 0
    sums: Losses = field(default_factory=dict[str, Tensor])
    counts: Counter[str] = field(default_factory=Counter[str])

    def add(self, losses: Losses) -> None:
        """Takes the terms of one step."""
        self.steps += 1
        self.counts.update(losses.keys())
        for name, value in losses.items():
            self.sums[name] = self.sums[name] + value.double() if name in self.sums else value.double()

    def taken(self, now: float) -> tuple[dict[str, float], float]:
        """The means since the last time that they were taken, and the steps a second until now."""
        means = {name: float(value) / self.counts[name] for name, value in self.sums.items()}
        speed = self.steps / (now - self.since)
        self.since, self.steps = now, 0
        self.sums.clear()
        self.counts.clear()
        return means, speed


def validates_after(step: int, recipe: Recipe) -> bool:
    """Whether it is a validation's turn after so many steps, in a run that nothing ends before its last."""
    return step == recipe.steps or step % recipe.validate_every == 0


@dataclass(frozen=True, slots=True)
class Session:
    """What steps are taken with, and what they leave in the run's folder.

    Attributes:
        method: What takes them.
        recipe: What to learn.
        options: For how long, and whether it starts from weights.
        process: This one, of all that train together.
        folder: The first process has it; None in all others.
        samples: Pictures of the grids, float32 [N, 3, S, S]; None where there is no folder.
        validation: Of people who are not learned from, if asked for; the first process measures.
        origins: What a checkpoint says it was made of.
    """

    method: Method
    recipe: Recipe
    options: RunOptions
    process: Process
    folder: RunFolder | None
    samples: Tensor | None
    validation: Validation | None
    origins: Mapping[str, str]

    def run(
        self,
        stream: Iterator[Batch],
        first_step: int,
        is_asked: Callable[[], bool],
        on_step: Callable[[int], None] | None,
    ) -> Checkpoint:
        """Takes step after step until the last one, or the time is over, or the user breaks off."""
        started = perf_counter()
        means, step = Means(started, since=started), first_step
        figures: Mapping[str, float] = {}  # of this step, if it validates
        if self.folder and self.validation and self.options.start_from:
            self.folder.log(StepFigures(0, 0.0, 0.0, 0, self.validation.begin(self.method)))
        for batch in stream:
            moved = {name: value.to(self.process.device, non_blocking=True) for name, value in batch.items()}
            means.add(self.method.train_step(moved, step))
            step += 1
            now = perf_counter()
            is_interrupted = is_asked() and step < self.recipe.steps
            is_last = step == self.recipe.steps or is_interrupted or self._is_over(started, now)
            # The other processes wait in the next step, for its gradients.
            figures = {} if is_interrupted else self._validated(step, is_last=is_last)
            is_best = self.validation is not None and self.validation.is_best(figures, step)
            if self.folder:
                self._log(self.folder, step, now, means, figures, is_last=is_last)
                self._save(self.folder, step, figures, is_last=is_last, is_best=is_best)
                self._draw(self.folder, step, is_last=is_last)
            if on_step:
                on_step(step)
            if is_interrupted:
                raise KeyboardInterrupt
            if is_last:
                break
        return self._checkpoint(step, figures)

    def _is_over(self, started: float, now: float) -> bool:
        """Whether the time given is used up; all processes agree."""
        if self.options.minutes is None:
            return False
        return as_first_process_has_it(now - started >= self.options.minutes * 60, self.process.device)

    def _validated(self, step: int, *, is_last: bool) -> Mapping[str, float]:
        """What validation measures after this step, if it is its turn."""
        is_due = is_last or validates_after(step, self.recipe)
        return self.validation.measure(self.method) if self.validation and is_due else {}

    def _log(
        self, folder: RunFolder, step: int, now: float, means: Means, figures: Mapping[str, float], *, is_last: bool
    ) -> None:
        if is_last or figures or step % self.recipe.log_every == 0:
            losses, speed = means.taken(now)
            images = step * self.recipe.data.batch * self.process.ranks
            folder.log(StepFigures(step, (now - means.started) / 60, speed, images, {**losses, **figures}))

    def _save(
        self, folder: RunFolder, step: int, figures: Mapping[str, float], *, is_last: bool, is_best: bool
    ) -> None:
        if not (is_last or is_best or step % self.recipe.save_every == 0):
            return
        if self.samples is not None:
            check_drawing(self.method.generator, self.samples[:1])
        checkpoint = self._checkpoint(step, figures)
        save_checkpoint(checkpoint, folder.checkpoint)  # first: the best one is never of a later step
        if is_best:
            save_checkpoint(checkpoint, folder.best)

    def _draw(self, folder: RunFolder, step: int, *, is_last: bool) -> None:
        if self.samples is not None and (is_last or step % self.recipe.grid_every == 0):
            drawn = torch.cat([self.method.draw(picture[None]) for picture in self.samples])
            folder.write_grid([to_row(self.samples), to_row(drawn)], step)

    def _checkpoint(self, step: int, figures: Mapping[str, float]) -> Checkpoint:
        weights = {name: value.cpu() for name, value in self.method.average.weights.items()}
        made_with = surroundings(self.process.device)
        return Checkpoint(self.recipe, step, weights, self.method.state(), self.origins, figures, made_with)
