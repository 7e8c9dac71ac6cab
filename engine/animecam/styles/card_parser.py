"""Reads style cards strictly: an unknown, missing or ill-typed key is an error that names it."""

import json
import re
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any, TypeVar, cast

from animecam.errors import StyleError
from animecam.styles.card import (
    CARD_FILE,
    SCHEMA,
    Contract,
    Layout,
    NetworkForm,
    PixelCoding,
    PixelType,
    Rights,
    StyleCard,
    Training,
    Variant,
)

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Names become folders and words of the command line."""

_SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
_Choice = TypeVar("_Choice", bound=StrEnum)


def read_card(folder: Path) -> StyleCard:
    """Reads the card of a style's folder.

    Raises:
        StyleError: There is none, it is no JSON, or a key is missing, unknown or wrong.
    """
    path = folder / CARD_FILE
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise StyleError(f"{folder} is no style: it has no {CARD_FILE}", hint="animecam styles lists them") from error
    except (OSError, ValueError) as error:
        raise StyleError(f"style card {path} cannot be read: {error}", hint=_mend(folder)) from error
    except _CardError as error:
        raise StyleError(f"style card {path}: {error}", hint=_mend(folder)) from error


def _mend(folder: Path) -> str:
    return f"correct the card, or delete {folder} and add the style again"


class _CardError(Exception):
    """What is wrong, beginning with the key's path."""


class _Fields:
    """A JSON object whose keys are taken one by one; what is left at the end is unknown."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _CardError(f"{path or 'the card'} must be an object")
        self._values = dict(cast(dict[str, Any], value))
        self._prefix = f"{path}." if path else ""

    def take(self, key: str) -> Any:
        """Any value."""
        if key not in self._values:
            raise _CardError(f"{self._prefix}{key} is missing")
        return self._values.pop(key)

    def child(self, key: str) -> "_Fields":
        """An object."""
        return _Fields(self.take(key), f"{self._prefix}{key}")

    def optional_child(self, key: str, *, may_be_missing: bool = False) -> "_Fields | None":
        """An object or null; cards written before a key came may lack it."""
        value = None if may_be_missing and key not in self._values else self.take(key)
        return None if value is None else _Fields(value, f"{self._prefix}{key}")

    def children(self, key: str) -> list["_Fields"]:
        """A list of objects."""
        value = self.take(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        items = cast(list[Any], value)
        return [_Fields(item, f"{self._prefix}{key}[{index}]") for index, item in enumerate(items)]

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        """A string."""
        value = self.take(key)
        if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
            raise self.wrong(key, "a string" if pattern is None else f"a string like {pattern.pattern}")
        return value

    def choice(self, key: str, choices: type[_Choice]) -> _Choice:
        """One of an enumeration's values."""
        value = self.take(key)
        if value not in [choice.value for choice in choices]:
            raise self.wrong(key, " or ".join(choice.value for choice in choices))
        return choices(value)

    def number(self, key: str) -> float:
        """Any number."""
        value = self.take(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong(key, "a number")
        return float(value)

    def cost(self, key: str) -> float:
        """A number from 0; cards written before the key came lack it."""
        value = self.number(key) if key in self._values else 0.0
        if value < 0:
            raise self.wrong(key, "a number from 0")
        return value

    def count(self, key: str, least: int) -> int:
        """A whole number."""
        value = self.take(key)
        if not _is_count(value, least):
            raise self.wrong(key, f"a whole number from {least}")
        return int(value)

    def optional_count(self, key: str, least: int) -> int | None:
        """A whole number or null."""
        value = self.take(key)
        if value is not None and not _is_count(value, least):
            raise self.wrong(key, f"null or a whole number from {least}")
        return value

    def numbers(self) -> dict[str, float]:
        """All keys that are left, each with a number."""
        return {key: self.number(key) for key in list(self._values)}

    def finish(self) -> None:
        """Refuses keys that nobody took."""
        if self._values:
            raise _CardError(f"{self._prefix}{min(self._values)} is unknown")

    def wrong(self, key: str, wanted: str) -> _CardError:
        """What to raise about a value."""
        return _CardError(f"{self._prefix}{key} must be {wanted}")


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _parse(value: Any) -> StyleCard:
    fields = _Fields(value, "")
    schema = fields.count("schema", 1)
    if schema > SCHEMA:
        raise _CardError(f"schema {schema} is newer than this program, which knows {SCHEMA}: upgrade animecam")
    variants = tuple(_variant(child) for child in fields.children("variants"))
    if not variants:
        raise fields.wrong("variants", "a list of at least one network")
    card = StyleCard(
        name=fields.text("name", NAME_PATTERN),
        title=fields.text("title"),
        description=fields.text("description"),
        contract=_contract(fields.child("contract")),
        rights=_rights(fields.child("rights")),
        variants=variants,
        training=_training(fields.optional_child("training")),
        figures=fields.child("figures").numbers(),
    )
    fields.finish()
    return card


def _contract(fields: _Fields) -> Contract:
    contract = Contract(
        input=_coding(fields.child("input")),
        output=_coding(fields.child("output")),
        multiple_px=fields.count("multiple_px", 1),
        fixed_px=_size(fields, "fixed_px"),
        min_px=fields.count("min_px", 1),
        max_px=fields.optional_count("max_px", 1),
    )
    fields.finish()
    return contract


def _coding(fields: _Fields) -> PixelCoding:
    coding = PixelCoding(
        layout=fields.choice("layout", Layout),
        pixel_type=fields.choice("pixel_type", PixelType),
        black=fields.number("black"),
        white=fields.number("white"),
    )
    if coding.black == coding.white:
        raise fields.wrong("white", "another number than black")
    if coding.pixel_type is PixelType.UINT8 and (coding.black, coding.white) != (0, 255):
        raise fields.wrong("white", "255, and black 0, where pixels are uint8")
    fields.finish()
    return coding


def _size(fields: _Fields, key: str) -> tuple[int, int] | None:
    value = fields.take(key)
    if value is None:
        return None
    sides = cast(list[Any], value) if isinstance(value, list) else []
    if len(sides) != 2 or not all(_is_count(side, 1) for side in sides):
        raise fields.wrong(key, "null or [height, width]")
    return int(sides[0]), int(sides[1])


def _rights(fields: _Fields) -> Rights:
    keys = ("licence", "author", "origin", "data", "data_rights")
    rights = Rights(**{key: fields.text(key) for key in keys})
    fields.finish()
    return rights


def _training(fields: _Fields | None) -> Training | None:
    if fields is None:
        return None
    training = Training(fields.text("recipe"), fields.count("steps", 0), fields.text("date"))
    fields.finish()
    return training


def _figures(fields: _Fields | None) -> dict[str, float]:
    return {} if fields is None else fields.numbers()


def _variant(fields: _Fields) -> Variant:
    variant = Variant(
        quality=fields.text("quality", NAME_PATTERN),
        file=fields.text("file"),
        sha256=fields.text("sha256", _SHA256_PATTERN),
        parameters=fields.count("parameters", 0),
        half=_form(fields.optional_child("half", may_be_missing=True)),
        int8=_form(fields.optional_child("int8", may_be_missing=True)),
        cost=fields.cost("cost"),
        training=_training(fields.optional_child("training", may_be_missing=True)),
        figures=_figures(fields.optional_child("figures", may_be_missing=True)),
    )
    _check_file(fields, variant.file)
    fields.finish()
    return variant


def _form(fields: _Fields | None) -> NetworkForm | None:
    if fields is None:
        return None
    form = NetworkForm(fields.text("file"), fields.text("sha256", _SHA256_PATTERN), fields.number("psnr_db"))
    _check_file(fields, form.file)
    fields.finish()
    return form


def _check_file(fields: _Fields, name: str) -> None:
    if PurePath(name).name != name:
        raise fields.wrong("file", "the name of a file beside the card")
