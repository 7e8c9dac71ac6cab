"""Which of several processes tells what went wrong: torchrun ends all of them soon after one has ended."""

import os
from time import sleep

from animecam_training.errors import DivergedError, LostProcessError

FIRST_S = 2.0
"""Enough for the first process to close a run folder, print a line and end."""

USAGE_S = 60.0
"""Enough for the first process to be as far as the others, though it began later and reads its packages slowly."""

USAGE_STATUS = 2


def rank() -> int:
    """Number of this process among those of torchrun, also before it has joined them; 0 alone."""
    return int(os.environ.get("RANK", "0"))


def is_first_process() -> bool:
    """Whether this process is the one that writes files and tells the user."""
    return rank() == 0


def _is_first_here() -> bool:
    """Whether no other process of this machine comes before this one."""
    return int(os.environ.get("LOCAL_RANK", rank())) == 0


def is_mine_to_tell(error: Exception, exit_status: int) -> bool:
    """Whether this process tells of an error; it waits as long as another may say the same, or why.

    Meanwhile torchrun ends it, if another has told: most errors are of all processes, and those that lost one know
    nothing of the reason. What was typed wrong all processes of a machine find at once, so the first of them tells.
    """
    if exit_status == USAGE_STATUS:
        if not _is_first_here():
            sleep(USAGE_S)
    elif isinstance(error, LostProcessError):
        sleep(2 * FIRST_S)
    elif not is_first_process():
        sleep(FIRST_S)
    return is_first_process() or not isinstance(error, DivergedError)  # which all of them have at once
