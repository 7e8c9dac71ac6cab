"""Finding, fetching and checking the weights of frozen networks."""

import hashlib
import http.client
import logging
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch
from torch import Tensor

from animecam_training.errors import DataError
from animecam_training.run.checkpoint import UNREADABLE

log = logging.getLogger(__name__)

FETCH_TIMEOUT_S = 30.0  # of one read; a large file may take longer as a whole
CHUNK_BYTES = 1 << 20
BYTES_PER_MB = 1e6
PROGRESS_PARTS = 10


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of weights that its authors serve.

    Attributes:
        url: Where it is.
        sha256: Hex digest of the file, or its first digits where the publisher gives no more.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name in the cache."""
        return self.url.rsplit("/", 1)[-1]


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def default_cache() -> Path:
    """The folder under the user's cache where fetched weights are kept."""
    return platformdirs.user_cache_path("animecam") / "weights"


def fetch_weights(
    published: PublishedFile, cache: Path | None = None, *, named_by: str = "features_weights in the recipe"
) -> Path:
    """The cached copy of a published file, downloaded when it is not there yet.

    Args:
        published: What to fetch.
        cache: Folder of the copies; `default_cache()` when absent.
        named_by: Where the user names a file that was fetched otherwise.

    Raises:
        DataError: The server cannot be reached, or what it sent is not the file that was published.
    """
    folder = cache or default_cache()
    target = folder / published.name
    if target.is_file():
        return target
    hint = f"download {published.url} on another machine and name the file: {named_by}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Each process has a file of its own: several may start at once.
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
            partial = Path(file.name)
        try:
            _download(published.url, partial)
            digest = sha256_of(partial)
            if not digest.startswith(published.sha256):
                raise DataError(f"{published.url} has sha256 {digest}, not {published.sha256}", hint=hint)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise DataError(f"cannot fetch {published.url}: {error}", hint=hint) from error
    return target


def check_published(path: Path, published: PublishedFile) -> None:
    """Finds a file that is not the published one: what is defined by that would be said of other weights.

    Raises:
        DataError: It is another file, or cannot be read.
    """
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint=f"name a copy of {published.url}") from error
    if not digest.startswith(published.sha256):
        message = f"{path} has sha256 {digest}, and not {published.sha256} as {published.name} has"
        raise DataError(message, hint=f"name a copy of {published.url}")


def _download(url: str, path: Path) -> None:
    """Fetch a file, and log every tenth of it."""
    with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT_S) as answer, path.open("wb") as file:
        total = int(answer.headers.get("Content-Length", 0))
        log.info("fetching %s, %s", url, f"{total / BYTES_PER_MB:.1f} MB" if total else "of unknown size")
        done = told = 0
        while chunk := answer.read(CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            if total and done * PROGRESS_PARTS // total > told:
                told = done * PROGRESS_PARTS // total
                log.info("%d %%", 100 * told // PROGRESS_PARTS)


def read_state(path: Path) -> dict[str, Tensor]:
    """A state dict from a file, on the CPU, in fp32.

    Raises:
        DataError: No such file, or it holds something else.
    """
    if not path.is_file():
        raise DataError(f"no weights at {path}", hint="check its name")
    try:
        state: object = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, *UNREADABLE) as error:
        raise DataError(f"{path} is not a file of torch weights", hint="was the download complete?") from error
    if not isinstance(state, dict):
        raise DataError(f"{path} holds no state dict", hint="save the module's state_dict()")
    tensors: dict[str, Tensor] = {}
    for key, value in state.items():  # pyright: ignore[reportUnknownVariableType]
        if isinstance(key, str) and isinstance(value, Tensor):
            tensors[key] = value.float() if value.is_floating_point() else value
    return tensors


def load_subset(module: torch.nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Copy the weights that `module` has; `state` may hold more, because networks here are cut short.

    Raises:
        DataError: A weight is missing or of another shape.
    """
    wanted = module.state_dict()
    for key, value in wanted.items():
        if key not in state or state[key].shape != value.shape:
            raise DataError(
                f"{source} has no {key!r} of shape {tuple(value.shape)}", hint="it is of another network or layout"
            )
    module.load_state_dict({key: state[key] for key in wanted})
