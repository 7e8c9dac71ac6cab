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


def files_of(card: StyleCard, quality: str) -> list[str]:
    """The files of a network and of its other forms; none if the card names no such network."""
    found = (form for one in card.variants if one.quality == quality for form in (one, one.half, one.int8))
    return [form.file for form in found if form is not None]


def remove(networks: Iterable[str], folder: Path) -> list[str]:
    """Removes networks that a style's card names no more; gives those that were there.

    Raises:
        OSError: One cannot be removed.
    """
    removed = [name for name in networks if (folder / name).exists()]
    for name in removed:
        (folder / name).unlink()
    return removed
