"""A file that one run writes at a time: a second one would write into the middle of what the first has."""

import sys
from pathlib import Path
from typing import BinaryIO

from animecam.errors import SinkError
from animecam.file_lock import take_lock


class Claim:
    """Holds a file from now until it is closed. On Windows, where what is open cannot be renamed, it holds nothing.

    The system lets go of it when the program ends, however it ends: what is left of a killed run is free at once.

    Args:
        path: The file, which is made where there is none. Its contents stay as they are.
        wanted: The output that it is written for, for the message.

    Raises:
        SinkError: Another run has it, in this program or in another one, or it cannot be opened.
    """

    def __init__(self, path: Path, wanted: Path) -> None:
        try:
            self._file: BinaryIO | None = _locked(path)
        except BlockingIOError as error:
            hint = "wait for that run, or choose another name"
            raise SinkError(f"{wanted} is being written by another run", hint=hint) from error
        except OSError as error:
            raise SinkError(f"cannot open {path}: {error.strerror}", hint="choose another output") from error

    def close(self) -> None:
        """Lets go of it; may be called twice."""
        if self._file is not None:
            self._file.close()


def _locked(path: Path) -> BinaryIO | None:
    """The file, open and ours; None on Windows. Raises BlockingIOError where it is another's."""
    if sys.platform == "win32":
        return None
    file = path.open("ab")
    if not take_lock(file):
        file.close()
        raise BlockingIOError
    return file
