"""The user's folder of styles: what is added appears there when it is whole, what is removed is gone at once."""

import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from animecam.errors import StyleError, UsageError
from animecam.styles.card import StyleCard
from animecam.styles.card_parser import NAME_PATTERN, read_card
from animecam.styles.registry import BUNDLED, Style, find_style, user_styles, verify_style

_ADDING = ".adding-"  # what is not complete yet, or being removed; no style's name begins so
_LEFT_OVER_SECONDS = 24 * 3600.0  # no network takes this long to add: whoever began was killed


def free_name(name: str, *, overwrite: bool) -> str:
    """A name that a new style may have.

    Raises:
        UsageError: It is no name, or that of a style that comes with animecam.
        StyleError: The user has a style of that name, which is not to be replaced.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a style's name", hint="--name with lower-case letters, digits, - and _")
    if (BUNDLED / name).exists():
        raise UsageError(f"{name} is a style that comes with animecam", hint="choose another --name")
    _refuse_taken(user_styles() / name, overwrite=overwrite)
    return name


@contextmanager
def new_style(name: str, origin: Path, *, overwrite: bool) -> Generator[Path]:
    """An empty folder that becomes the user's style of that name once the block has filled it without an error.

    Args:
        name: As from `free_name`.
        origin: What it is made of, for the message.
        overwrite: Replace a style of that name.

    Raises:
        StyleError: Another program added one of that name meanwhile, `origin` is missing, or the user's folder cannot
            be written.
    """
    root = user_styles()
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_left_overs(root)
        with tempfile.TemporaryDirectory(dir=root, prefix=_ADDING) as temporary:
            unproven = Path(temporary) / name
            unproven.mkdir()
            yield unproven
            folder = root / name
            _refuse_taken(folder, overwrite=overwrite)
            if folder.exists():
                folder.rename(Path(temporary) / "replaced")
            unproven.rename(folder)
    except OSError as error:
        message = f"cannot copy {origin} to {root}: {error.strerror}"
        raise StyleError(message, hint="check that the file exists and that the folder can be written") from error


def copy_style(folder: Path, card: StyleCard, target: Path) -> None:
    """Copies a style as `animecam-export` wrote it: its networks as they are, and a card.

    Args:
        folder: Where it lies.
        card: What it is called there is what it will be called.
        target: An empty folder.

    Raises:
        StyleError: A network is missing, or not the one its card describes.
    """
    try:
        verify_style(Style(replace(card, name=folder.name), folder, is_bundled=False))
    except StyleError as error:
        raise StyleError(error.message, hint="copy or export the style again, as a whole") from error
    for variant in card.variants:
        for form in (variant, variant.half, variant.int8):
            if form is not None:
                shutil.copyfile(folder / form.file, target / form.file)
    card.save(target)


def read_style(folder: Path) -> StyleCard:
    """The card of a style that lies anywhere.

    Raises:
        StyleError: The folder holds none.
    """
    try:
        return read_card(folder)
    except StyleError as error:
        raise StyleError(error.message, hint="name a folder that animecam-export wrote, or an .onnx file") from error


def remove_style(name: str) -> Path:
    """Deletes a style of the user's.

    Returns:
        Where it lay.

    Raises:
        UsageError: It comes with animecam.
        StyleChoiceError: There is none of that name.
        StyleError: It cannot be deleted.
    """
    folder = user_styles() / name
    if (BUNDLED / name).is_dir() and NAME_PATTERN.fullmatch(name):
        raise UsageError(f"{name} is a style that comes with animecam", hint="it stays")
    if not NAME_PATTERN.fullmatch(name) or not folder.is_dir():
        find_style(name)  # refuses it, and knows what is called alike
    try:
        with tempfile.TemporaryDirectory(dir=user_styles(), prefix=_ADDING) as temporary:
            folder.rename(Path(temporary) / name)
    except OSError as error:
        raise StyleError(f"cannot delete {folder}: {error.strerror}", hint="check its rights") from error
    return folder


def _refuse_taken(folder: Path, *, overwrite: bool) -> None:
    if folder.exists() and not overwrite:
        raise StyleError(f"there is a style {folder.name} already", hint="choose another --name, or give --overwrite")


def _remove_left_overs(root: Path) -> None:
    for folder in root.glob(f"{_ADDING}*"):
        if time.time() - folder.stat().st_mtime > _LEFT_OVER_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
