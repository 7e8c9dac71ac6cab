"""The styles there are: those that come with animecam and those that the user added."""

import difflib
import hashlib
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from animecam.errors import StyleChoiceError, StyleError
from animecam.styles.card import CARD_FILE, FULL, NetworkForm, StyleCard
from animecam.styles.card_parser import NAME_PATTERN, read_card

BUNDLED = Path(__file__).parent
"""Folder whose sub-folders are the styles that come with animecam."""

REFERENCE_STYLE = "starter"
"""The full DTGAN after a short trial, to which times are compared. It can be named, but others are offered."""

_UNREADABLE = "%s cannot be searched for styles: %s (check its rights)"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Style:
    """A style on this machine.

    Attributes:
        card: What it is.
        folder: Where its card and networks lie.
        is_bundled: It came with animecam.
    """

    card: StyleCard
    folder: Path
    is_bundled: bool

    @property
    def name(self) -> str:
        """What the user chooses it by."""
        return self.card.name

    @property
    def description(self) -> str:
        """One line."""
        return self.card.description

    @property
    def qualities(self) -> tuple[str, ...]:
        """The networks it has, the best first."""
        return tuple(variant.quality for variant in self.card.variants)

    @property
    def licence(self) -> str:
        """Licence of its weights."""
        return self.card.rights.licence

    @property
    def author(self) -> str:
        """Who made its weights."""
        return self.card.rights.author

    def model_path(self, quality: str = FULL) -> Path:
        """The network of one quality.

        Raises:
            StyleChoiceError: The style has none of that quality.
        """
        return self.folder / self.card.variant(quality).file


def user_styles() -> Path:
    """Folder whose sub-folders are the user's styles; `$XDG_DATA_HOME/animecam/styles` where that is set."""
    return platformdirs.user_data_path("animecam") / "styles"


def list_styles() -> tuple[Style, ...]:
    """All styles, the bundled ones first, each group by name; one whose card is broken is logged and left out."""
    styles: list[Style] = []
    for _, found in look_through():
        if isinstance(found, Style):
            styles.append(found)
        else:
            log.warning("%s (%s)", found.message, found.hint)
    return tuple(styles)


def look_through() -> Iterator[tuple[str, Style | StyleError]]:
    """Every style, in the order of `list_styles`: the name of its folder, and the style or what is wrong with it."""
    for folder, is_bundled in _folders():
        try:
            yield folder.name, _read(folder, is_bundled)
        except StyleError as error:
            yield folder.name, error


def offered_styles(chosen: str = "") -> tuple[Style, ...]:
    """As `list_styles`, without the reference, unless that is the one the user chose."""
    return tuple(style for style in list_styles() if style.name != REFERENCE_STYLE or style.name == chosen)


def find_style(name: str) -> Style:
    """A style by name; a broken one elsewhere does not matter.

    Raises:
        StyleChoiceError: There is none of that name.
        StyleError: Its card is broken.
    """
    names: list[str] = []
    for folder, is_bundled in _folders():
        if folder.name == name:
            return _read(folder, is_bundled)
        names.append(folder.name)
    raise StyleChoiceError(f"there is no style {name!r}", hint=_alternatives(name, names))


def _alternatives(name: str, names: Collection[str]) -> str:
    """Those that were nearly named, the likeliest first, else all on offer."""
    if near := difflib.get_close_matches(name.lower(), names):
        return f"did you mean {' or '.join(near)}?"
    offered = sorted(set(names) - {REFERENCE_STYLE})
    return f"there are {', '.join(offered)}" if offered else ""


def verify_style(style: Style) -> None:
    """Checks that every network of a style is the one its card describes.

    Raises:
        StyleError: A file is missing or damaged.
    """
    for variant in style.card.variants:
        verified_model(style, variant.quality)
        verified_half(style, variant.quality)
        verified_int8(style, variant.quality)


def verified_model(style: Style, quality: str = FULL) -> Path:
    """The network of one quality, once its sha256 is checked.

    Raises:
        StyleError: The style has none of that quality, or its file is missing or damaged.
    """
    return _verified(style, style.model_path(quality), style.card.variant(quality).sha256)


def verified_half(style: Style, quality: str = FULL) -> Path | None:
    """The fp16 form of a network once its sha256 is checked; None where the style has none.

    Raises:
        StyleError: The style has no network of that quality, or the file is missing or damaged.
    """
    return _verified_form(style, style.card.variant(quality).half)


def verified_int8(style: Style, quality: str = FULL) -> Path | None:
    """The INT8 form of a network once its sha256 is checked; None where the style has none.

    Raises:
        StyleError: The style has no network of that quality, or the file is missing or damaged.
    """
    return _verified_form(style, style.card.variant(quality).int8)


def _verified_form(style: Style, form: NetworkForm | None) -> Path | None:
    return None if form is None else _verified(style, style.folder / form.file, form.sha256)


def _verified(style: Style, path: Path, sha256: str) -> Path:
    hint = "reinstall animecam" if style.is_bundled else f"delete {style.folder} and add the style again"
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise StyleError(f"style {style.name}: {path} cannot be read: {error.strerror}", hint=hint) from error
    if digest != sha256:
        raise StyleError(f"style {style.name}: {path} is damaged: its sha256 is not that of its card", hint=hint)
    return path


def file_sha256(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path, is_bundled: bool) -> Style:
    card = read_card(folder)
    if card.name != folder.name:
        message = f"the card in {folder} is that of a style {card.name}"
        raise StyleError(message, hint=f"rename the folder to {card.name}, or correct the name in the card")
    return Style(card, folder, is_bundled)


def _folders() -> Iterator[tuple[Path, bool]]:
    """Every folder with a card, and whether it is bundled; a user's style cannot hide a bundled one."""
    seen: set[str] = set()
    for root in (BUNDLED, user_styles()):
        for folder in _holding_cards(root):
            if NAME_PATTERN.fullmatch(folder.name) and folder.name not in seen:
                seen.add(folder.name)
                yield folder, root == BUNDLED


def _holding_cards(root: Path) -> Iterator[Path]:
    """The folders with a card in a folder, by name; what cannot be looked into is logged and left out."""
    try:
        folders = sorted(root.iterdir()) if root.is_dir() else []
    except OSError as error:
        log.warning(_UNREADABLE, root, error.strerror)
        return
    for folder in folders:
        try:
            has_card = (folder / CARD_FILE).is_file()
        except OSError as error:
            log.warning(_UNREADABLE, folder, error.strerror)
            continue
        if has_card:
            yield folder
