"""What is written into a style's folder: proved beside it first, then put in its place."""

import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from animecam.styles.card import CARD_FILE, StyleCard
from animecam_export.errors import ExportError


@contextmanager
def unproven_in(folder: Path) -> Generator[Path]:
    """A folder inside the style's for what is not proved yet; it goes with the block.

    Raises:
        ExportError: Something in the block cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder) as unproven:
            yield Path(unproven)
    except OSError as error:
        message = f"cannot write {folder}: {error.strerror}"
        raise ExportError(message, hint="name a folder that you may write") from error


def put(card: StyleCard, networks: Iterable[str], unproven: Path, folder: Path) -> None:
    """Puts a card and the networks that it now names into a style's folder, once all of them are written.

    Args:
        card: Names the networks and their sha256.
        networks: Names of files in `unproven`.
        unproven: Where they are; the card is written there, too, so that a full disk leaves the style as it was.
        folder: The style's.

    Raises:
        OSError: The folder cannot be written.
    """
    card.save(unproven)
    for name in (*networks, CARD_FILE):
        (unproven / name).replace(folder / name)
