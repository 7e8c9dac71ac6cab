"""What a run leaves behind: its recipe, a line of figures every few steps, sample grids, checkpoints, TensorBoard."""

import errno
import importlib.util
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animecam_training.data.names import list_photos
from animecam_training.data.pictures import read_picture, resized, upper_square, write_picture
from animecam_training.data.sets import to_tensor
from animecam_training.errors import CheckpointError, DataError
from animecam_training.faces import Image
from animecam_training.ops.levels import to_levels
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run.checkpoint import partial_of
from animecam_training.run.claim import claimed

CHECKPOINT_FILE = "last.pt"
BEST_FILE = "best.pt"
RECIPE_FILE = "recipe.toml"
STATS_FILE = "stats.jsonl"
GRIDS_FOLDER = "grids"

VALIDATED = "val/"  # begins the names of what validation measured
CHOSEN_BY = ("val/drawing_l1", "val/teacher_l1")
"""What the best state is chosen by, with the methods "pairs" and "distill"."""

BYTES_PER_MIB = 1 << 20

SAMPLE_PICTURES = 8
SAMPLE_SIDE_PX = 256


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One line of stats.jsonl.

    Attributes:
        step: Steps done.
        minutes: Of this session, on the wall clock.
        steps_per_second: Since the last line.
        images: Pictures seen since the start of the run.
        losses: Mean of every term since the last line, by name; over the steps that had it. And what validation
            measured after this step, under names that begin with "val/".
    """

    step: int
    minutes: float
    steps_per_second: float
    images: int
    losses: Mapping[str, float]


def chosen_error(figures: Mapping[str, float]) -> float | None:
    """The error that the best state is chosen by; None where nothing was validated."""
    return next((figures[name] for name in CHOSEN_BY if name in figures), None)


def check_run(path: Path, *, is_resumed: bool) -> None:
    """Finds what would keep a run from beginning, or going on, in a folder.

    Raises:
        CheckpointError: The folder already holds a run that is not to be resumed, or holds none to resume.
    """
    holds_run = (path / CHECKPOINT_FILE).exists()
    if holds_run and not is_resumed:
        raise CheckpointError(f"{path} already holds a run", hint="add --resume, or name another folder")
    if (path / BEST_FILE).exists() and not holds_run:
        hint = f"name another folder, or take {BEST_FILE} away"
        raise CheckpointError(f"{path} holds the best state of a run, and not its last", hint=hint)
    if is_resumed and not holds_run:
        raise CheckpointError(f"{path} holds no run to resume", hint="leave --resume out to start one")


def is_full(error: OSError) -> bool:
    """Whether a disk, or somebody's share of it, is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def unwritable(folder: Path, error: OSError) -> CheckpointError:
    """Why nothing can be written into a run folder, and what to do about it."""
    hint = "free some space, then --resume" if is_full(error) else "name a folder that may be written: --out"
    return CheckpointError(f"cannot write {folder}: {error.strerror}", hint=hint)


def claim_run(folder: Path) -> AbstractContextManager[None]:
    """Holds a run folder, which is made if absent, for a block: see `claimed`.

    Raises:
        CheckpointError: Another program trains into it, or it cannot be written.
    """
    hint = "wait for that run, or name another folder: --out"
    busy = CheckpointError(f"{folder} is being trained into by another run", hint=hint)
    return claimed(folder, busy=busy, unwritable=unwritable)


def check_room(folder: Path, checkpoint_bytes: int) -> None:
    """Finds now what would end a run at its first checkpoint, maybe hours later: no space, no right to write.

    There has to be space for two: one lies there while the next one is written.

    Args:
        folder: Of the run.
        checkpoint_bytes: What one takes.

    Raises:
        CheckpointError: There is no space, or nothing can be written.
    """
    partial = partial_of(folder / CHECKPOINT_FILE)
    try:
        with partial.open("wb") as file:
            _reserve(file.fileno(), folder, 2 * checkpoint_bytes)
    except OSError as error:
        if not is_full(error):
            raise unwritable(folder, error) from error
        message = f"{folder} has no space for two checkpoints of {checkpoint_bytes / BYTES_PER_MIB:.0f} MiB"
        raise CheckpointError(message, hint="free some, or name another folder: --out") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _reserve(file: int, folder: Path, size: int) -> None:
    """Takes space for an open file, as a quota may leave less than the disk has.

    Raises:
        OSError: There is not so much.
    """
    try:
        os.posix_fallocate(file, 0, size)
    except (AttributeError, OSError) as error:  # not every system has it, nor every file system
        if isinstance(error, OSError) and error.errno not in {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        if shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def _check_names(recipe: Recipe) -> None:
    """Finds a name that recipe.toml, which is text, cannot hold."""
    try:
        recipe_to_toml(recipe).encode()
    except UnicodeEncodeError as error:
        message = "the name of a folder or file of the recipe is not in UTF-8"
        raise DataError(message, hint="rename it, or name a link to it") from error


class RunFolder:
    """A folder for one run.

    Args:
        path: Made if absent.
        recipe: Written to recipe.toml.
        first_step: Steps done before; figures of later steps are of a session that was cut off, and are dropped.

    Raises:
        CheckpointError: It cannot be written.
        DataError: The recipe names a folder or a file whose name is not in UTF-8.
    """

    def __init__(self, path: Path, recipe: Recipe, *, first_step: int = 0) -> None:
        self.path = path
        _check_names(recipe)
        try:
            (path / GRIDS_FOLDER).mkdir(parents=True, exist_ok=True)
            (path / RECIPE_FILE).write_text(recipe_to_toml(recipe), "utf-8")
            self._drop_lines_after(first_step)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._board: Any = None
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter  # imported here: slow, and an optional part

            self._board = SummaryWriter(str(path / "tensorboard"), purge_step=first_step + 1)

    @property
    def checkpoint(self) -> Path:
        """The last good checkpoint."""
        return self.path / CHECKPOINT_FILE

    @property
    def best(self) -> Path:
        """The checkpoint with the least error in validation."""
        return self.path / BEST_FILE

    @property
    def stats(self) -> Path:
        """Lines of figures, JSON each."""
        return self.path / STATS_FILE

    def _drop_lines_after(self, step: int) -> None:
        if self.stats.exists():
            kept = [line for line in read_stats(self.stats) if line.step <= step]
            partial = self.stats.with_suffix(".partial")
            partial.write_text("".join(json.dumps(asdict(line)) + "\n" for line in kept), "utf-8")
            partial.replace(self.stats)

    def log(self, figures: StepFigures) -> None:
        """Append a line to stats.jsonl and the curves to TensorBoard.

        Raises:
            CheckpointError: The disk is full or not writable.
        """
        try:
            with self.stats.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(figures)) + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error
        if self._board is not None:
            for name, value in figures.losses.items():
                self._board.add_scalar(name, value, figures.step)

    def write_grid(self, rows: list[Image], step: int) -> None:
        """Write sample pictures, one list entry a row, as grids/STEP.jpg."""
        write_picture(np.concatenate(rows), self.path / GRIDS_FOLDER / f"{step:07d}.jpg")

    def close(self) -> None:
        """Flush TensorBoard; may be called twice."""
        if self._board is not None:
            self._board.close()
            self._board = None


def read_stats(path: Path) -> list[StepFigures]:
    """The lines of a stats.jsonl; one that was being written when the run was cut off is left out.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint="name a run folder of animecam-train") from error
    figures: list[StepFigures] = []
    for line in lines:
        try:
            figures.append(StepFigures(**json.loads(line)))
        except (json.JSONDecodeError, TypeError):
            continue
    return figures


def load_samples(recipe: Recipe) -> Tensor:
    """The fixed pictures of the grids, [N, 3, S, S], RGB in [-1, 1]; of one that is not square a square."""
    paths = list_photos(Path(recipe.data.samples or recipe.data.photos))
    step = max(1, len(paths) // SAMPLE_PICTURES)
    squares: list[Tensor] = []
    for path in paths[::step][:SAMPLE_PICTURES]:
        small = resized(upper_square(read_picture(path)), SAMPLE_SIDE_PX)
        squares.append(to_tensor(small.astype(np.float32) / 255))
    return torch.stack(squares)


def to_row(pictures: Tensor) -> Image:
    """Pictures [N, 3, S, S], RGB in [-1, 1], side by side, uint8 [S, N S, 3]."""
    levels = to_levels(pictures.float().cpu())
    return np.concatenate(list(levels.permute(0, 2, 3, 1).numpy()), axis=1)
