"""One process at a time builds an engine; others wait for what it builds."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from animecam.file_lock import take_lock

LOCK_SUFFIX = ".lock"

_POLL_SECONDS = 0.2

log = logging.getLogger(__name__)


@contextmanager
def alone(engine: Path, is_unwanted: Callable[[], bool]) -> Generator[bool]:
    """Waits until no other process builds an engine, and keeps it so for the length of the block.

    The system lets go of it with a process that ends, however that does. Where nothing can be locked, as in folders
    of some networks, nobody waits: two then build the same, and the later one's stays.

    Args:
        engine: Where it will be. What is locked is an empty file beside it, which stays.
        is_unwanted: Asked now and then; a true answer ends the wait.

    Yields:
        Whether it is free; False where the wait was ended.
    """
    try:
        file = engine.with_suffix(LOCK_SUFFIX).open("ab")
    except OSError as error:
        log.info("other processes may build %s, too: %s", engine.name, error.strerror)
        yield True
        return
    with file:  # closing it lets go
        has_told = False
        while not (is_ours := take_lock(file)):
            if not has_told:
                log.info("another process builds %s", engine.name)
            has_told = True
            if is_unwanted():
                break
            time.sleep(_POLL_SECONDS)
        yield is_ours
