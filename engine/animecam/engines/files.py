"""Files that are there whole or not at all, whoever else writes them at the same time."""

import tempfile
from contextlib import ExitStack
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file in one step.

    Raises:
        OSError: The folder cannot be written, or the disk is full; nothing is left behind.
    """
    with ExitStack() as on_failure:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".partial-", delete=False) as file:
            partial = Path(file.name)
            on_failure.callback(partial.unlink, missing_ok=True)
            file.write(data)
        partial.replace(path)  # closed before: Windows neither moves nor removes a file that is open
        on_failure.pop_all()
