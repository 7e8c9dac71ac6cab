"""A folder that one program writes at a time: two would mix what they note and overwrite what the other made."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from animecam_training.errors import TrainingError

CLAIM_FILE = ".claim"


@contextmanager
def claimed(
    folder: Path, *, busy: TrainingError, unwritable: Callable[[Path, OSError], TrainingError]
) -> Generator[None]:
    """Holds a folder, which is made if absent, for the block. On Windows it holds nothing.

    The system lets go of it when the program ends, however it ends: what is left of a killed one is free at once.

    Args:
        folder: The folder.
        busy: Raised where another program holds it.
        unwritable: Makes what is raised where it cannot be written.
    """
    path = folder / CLAIM_FILE
    is_new = not folder.exists()
    try:
        with suppress(FileExistsError):  # what is there may be no folder: opening a file in it tells so
            folder.mkdir(parents=True)
        file = path.open("ab")
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        with file:
            if not _lock(file):
                raise busy
            yield
    finally:
        if is_new and list(folder.iterdir()) == [path]:  # nothing was made: its folder would be litter
            path.unlink()
            folder.rmdir()


if sys.platform == "win32":

    def _lock(file: BinaryIO) -> bool:
        del file
        return True

else:
    import fcntl

    def _lock(file: BinaryIO) -> bool:
        """Whether the file is ours now. Processes that read pictures, and may outlive us, do not inherit it."""
        try:
            fcntl.lockf(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX leaves the choice
            return False
        except OSError:
            pass  # a file system without locks: it must be written all the same
        return True
