"""Checkpoints: everything a run needs to go on as if it had never stopped, written so that a crash loses nothing."""

import logging
import os
import pickle
import struct
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from animecam_training.data.loading import tells_of_worker
from animecam_training.errors import CheckpointError, ConfigError, DivergedError
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.files import known_part, recipe_from_table, recipe_to_table

log = logging.getLogger(__name__)

FORMAT = 1  # raised when an old checkpoint can no longer be read as it is

UNREADABLE = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, LookupError, struct.error, zipfile.BadZipFile)
"""What torch.load raises for a file that is none of its own."""

ADAM_MOMENTS = 2  # numbers that it keeps of each weight

OF_A_RUN = "name a checkpoint that animecam-train wrote (last.pt in a run folder)"

StateDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A moment of a run.

    Attributes:
        recipe: What is being trained.
        step: Steps done.
        weights: The averaged generator: what is evaluated, exported and distilled. fp32 on the CPU.
        state: Modules, optimisers and averages by name, as the method wants them back.
        origins: What else decides how the run goes on, by name and in words: its pictures, its teacher, the number of
            processes. Empty in checkpoints from before it was kept.
        figures: What validation measured at this step, by name; empty where it did not.
        made_with: Versions and device of the session that wrote it, by name; empty in checkpoints from before it was
            kept. A run may go on with others.
    """

    recipe: Recipe
    step: int
    weights: Mapping[str, Tensor]
    state: Mapping[str, StateDict]
    origins: Mapping[str, str] = field(default_factory=dict[str, str])
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    made_with: Mapping[str, str] = field(default_factory=dict[str, str])


def partial_of(path: Path) -> Path:
    """Where a checkpoint is written before it takes its place."""
    return path.with_name(path.name + ".partial")


def expected_bytes(state: Mapping[str, StateDict]) -> int:
    """What a checkpoint will take at most, told before the optimisers have moved anything.

    Adam comes to hold two numbers for every weight that learns. The average, which does not, is counted as if it did:
    that makes room for the weights, its copy.

    Args:
        state: As of `Checkpoint`, of a run that has not begun.
    """
    return (1 + ADAM_MOMENTS) * sum(map(_tensor_bytes, state.values()))


def _tensor_bytes(part: Mapping[str, Any]) -> int:
    return sum(value.numel() * value.element_size() for value in part.values() if isinstance(value, Tensor))


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write beside, flush to the disk, then rename: the file at `path` is always a whole one.

    Raises:
        CheckpointError: The disk is full or not writable; an older checkpoint at `path` is untouched.
        RuntimeError: A process that reads pictures was killed meanwhile.
    """
    partial = partial_of(path)
    payload = {
        "format": FORMAT,
        "recipe": recipe_to_table(checkpoint.recipe),
        "step": checkpoint.step,
        "weights": dict(checkpoint.weights),
        "state": dict(checkpoint.state),
        "origins": dict(checkpoint.origins),
        "figures": dict(checkpoint.figures),
        "made_with": dict(checkpoint.made_with),
    }
    try:
        with partial.open("wb") as file:
            torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if tells_of_worker(error):  # torch says so wherever the program then is; the disk is as it was
            raise
        is_place = isinstance(error, NotADirectoryError | FileNotFoundError | PermissionError)
        hint = "name a folder that is there and may be written" if is_place else "free some space; resume"
        raise CheckpointError(f"cannot write checkpoint {path}: {_reason(error)}", hint=hint) from error


def _reason(error: BaseException) -> str:
    """Why a file could not be written, in the system's words: torch's own name a place in its source."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__context__
    return str(error)


@contextmanager
def last_good_named(path: Path) -> Generator[None]:
    """Adds to the news of a run that blew up where its last good checkpoint is, or that there is none.

    Raises:
        DivergedError: The block did.
    """
    try:
        yield
    except DivergedError as error:
        hint = "begin again at a lower learning rate: nothing was kept, as no checkpoint was due"
        if path.exists():
            hint = f"begin a new run from the last good checkpoint at a lower learning rate: --from {path}"
        raise DivergedError(error.message, hint=hint) from error


def load_checkpoint(path: Path, hint: str = OF_A_RUN) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Args:
        path: The file.
        hint: What to do where it cannot be read.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    try:
        _check_sums(path)
        payload: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"cannot read checkpoint {path}: {error.strerror}", hint=hint) from error
    except UNREADABLE as error:
        raise CheckpointError(f"checkpoint {path} is damaged", hint=hint) from error
    if not isinstance(payload, dict) or payload.get("format") != FORMAT:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise CheckpointError(f"{path} is not a checkpoint of a run", hint=hint)
    if missing := [key for key in ("recipe", "step", "weights", "state") if key not in payload]:
        raise CheckpointError(f"checkpoint {path} has no {', '.join(missing)}", hint=hint)
    recipe = _stored_recipe(payload["recipe"], path)
    later = (payload.get(name, {}) for name in ("origins", "figures", "made_with"))
    return Checkpoint(recipe, payload["step"], payload["weights"], payload["state"], *later)


def _check_sums(path: Path) -> None:
    """Reads all of a checkpoint against its CRCs: torch does not, and would load a changed weight without a word."""
    if zipfile.is_zipfile(path):  # torch tells of what is none
        with zipfile.ZipFile(path) as archive:
            if bad := archive.testzip():
                raise zipfile.BadZipFile(bad)


def _stored_recipe(table: dict[str, Any], path: Path) -> Recipe:
    """The recipe of a checkpoint; the weights of an earlier version stay of use though its keys had other names."""
    # Tuples come back as tuples; the reader of TOML wants lists.
    known, unknown = known_part(_lists(table))
    if unknown:
        log.warning("%s was written by another version; passed over: %s", path, ", ".join(unknown))
    try:
        return recipe_from_table(known)
    except ConfigError as error:
        message = f"{path} was written by another version: {error.message}"
        raise CheckpointError(message, hint="train it anew, or with the version that wrote it") from error


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple):
        return [_lists(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
