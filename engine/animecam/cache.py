"""The folder where compiled networks and kernels are kept from one start to the next."""

import logging
import tempfile
from contextlib import ExitStack
from pathlib import Path

import platformdirs

from animecam.errors import CacheError

log = logging.getLogger(__name__)


def model_cache() -> Path:
    """The folder for compiled networks, made if it is missing.

    Raises:
        CacheError: It cannot be made or written to.
    """
    folder = platformdirs.user_cache_path("animecam") / "models"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # only an attempt tells: rights, read-only disks, quotas
            pass
    except OSError as error:
        message = f"{folder} cannot be written: {error.strerror}"
        raise CacheError(message, hint="set XDG_CACHE_HOME to a folder of yours") from error
    return folder


def usable_cache() -> Path | None:
    """Where what is compiled is kept, or None, with a warning, where nothing can be kept: it starts slower then."""
    try:
        return model_cache()
    except CacheError as error:
        log.warning("%s: what is compiled is not kept (%s)", error.message, error.hint)
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file in one step: it is there whole or not at all, whoever else writes it at the same time.

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
