"""Errors of the training package: one line what is wrong, one line what to do."""

from collections.abc import Generator
from contextlib import contextmanager


class TrainingError(Exception):
    """A failure that the user can understand and often mend.

    Args:
        message: What is wrong, one line, naming the file or key.
        hint: What to do about it, one line; empty when there is nothing to do.
    """

    exit_status = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(TrainingError):
    """A recipe has a wrong key or a value of a wrong type, or the command line asks for what cannot be."""

    exit_status = 2


class DataError(TrainingError):
    """A folder, picture or weights file is missing, empty or unreadable."""


class MissingNetworkError(DataError):
    """A published network that a figure is defined by cannot be had here; other figures do not need it."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be read, written or continued with this recipe."""


class DivergedError(TrainingError):
    """A loss became NaN or infinite; the last good checkpoint is kept.

    Where several processes train, each raises it, and the first one tells of it.
    """


class LostProcessError(TrainingError):
    """Another process of the run ended, and there is nobody to go on with."""


@contextmanager
def needed_packages(extra: str = "train") -> Generator[None]:
    """Turns a missing package into an error that says how to install it.

    Raises:
        TrainingError: A package could not be imported.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        hint = f"pip install 'animecam[{extra}]'"
        raise TrainingError(f"this command needs the package {error.name}", hint=hint) from error
