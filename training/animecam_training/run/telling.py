"""Which of several processes tells what went wrong: torchrun ends all of them soon after one has ended."""

import os
from time import sleep

from animecam_training.errors import DivergedError, LostProcessError, TrainingError

FIRST_S = 2.0
"""Enough for the first process to close a run folder, print a line and end."""


def rank() -> int:
    """Number of this process among those of torchrun, also before it has joined them; 0 alone."""
    return int(os.environ.get("RANK", "0"))


def is_first_process() -> bool:
    """Whether this process is the one that writes files and tells the user."""
    return rank() == 0


def is_mine_to_tell(error: TrainingError) -> bool:
    """Whether this process tells of an error; it waits as long as another may say the same, or why.

    Meanwhile torchrun ends it, if another has told: most errors are of all processes, and those that lost one know
    nothing of the reason.
    """
    if isinstance(error, LostProcessError):
        sleep(2 * FIRST_S)
    elif not is_first_process():
        sleep(FIRST_S)
    return is_first_process() or not isinstance(error, DivergedError)  # which all of them have at once
