"""The folder where compiled networks are kept from one start to the next."""

import tempfile
from pathlib import Path

import platformdirs

from animecam.errors import CacheError


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
