"""Files that are there whole or not at all, whoever else writes them at the same time."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file in one step.

    Raises:
        OSError: The folder cannot be written, or the disk is full; nothing is left behind.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".partial-", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.replace(file.name, path)  # noqa: PTH105 - of a name, not of a path
        except OSError:
            os.unlink(file.name)  # noqa: PTH108 - likewise
            raise
