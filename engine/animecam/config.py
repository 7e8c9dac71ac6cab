"""The user's settings file: where it is, what stands in it as TOML, and how a look is kept in it."""

import copy
import json
import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import platformdirs

from animecam.backgrounds import PICTURE
from animecam.errors import ConfigError
from animecam.settings import NO_TINT, Look

LIVE_TABLE = "live"
_TABLE = re.compile(r"\s*\[\s*([\w-]*)")  # of a header of another form the name is none that is looked for
_VALUE = r"""(\s*(?:{key}|"{key}"|'{key}')\s*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"']+)(\s*(?:\#.*)?)"""


def config_path() -> Path:
    """Where the settings file is, or would be."""
    return platformdirs.user_config_path("animecam") / "config.toml"


def read_config(path: Path) -> dict[str, Any] | None:
    """What stands in a settings file; None where there is none.

    Raises:
        ConfigError: It cannot be read, or is not TOML.
    """
    text = _text_of(path)
    return None if text is None else _parsed(path, text)


def keep_look(look: Look, backdrop: Path | None = None) -> None:
    """Writes what the window's keys change of a look into the settings file; all else there stays as it is.

    A key that stands under [live] is changed there, where it would win over one at the top.

    Args:
        look: The look.
        backdrop: The picture that its background may be.

    Raises:
        ConfigError: The file cannot be read, changed or written, and is as it was.
    """
    path = config_path()
    text = _text_of(path) or ""
    before = _parsed(path, text)
    values = {
        "style": look.style,
        "strength": look.strength,
        "eyes": look.eyes,
        "line": look.line,
        "hair-tint": look.hair_tint or NO_TINT,
        "unseen": look.unseen.value,
        "scope": look.scope.value,
        "palette": look.palette.value,
        "background": str(backdrop.resolve()) if backdrop and look.background == PICTURE else look.background,
    }
    live: Any = before.get(LIVE_TABLE, {})
    in_live = {key for key in values if isinstance(live, dict) and key in live}
    changed = _changed(text, values, in_live)
    if not _sets(changed, before, values, in_live):
        raise ConfigError(f"{path} is written in a way that keys cannot change", hint="one line a setting: eyes = 0.3")
    try:
        _write(path, changed)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", hint="check its rights and the disk"
        ) from error
    except UnicodeEncodeError as error:
        raise ConfigError(f"{path} holds text in UTF-8, and the background's path is none", hint="rename it") from error


def as_toml(value: str | float) -> str:
    """A value as TOML has it: text in quotes, true, 0.3."""
    return json.dumps(value, ensure_ascii=False)


def _text_of(path: Path) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="check its rights") from error
    try:
        return data.decode("utf-8-sig")  # Windows' editors put a mark before the text
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text in UTF-8", hint="save it as UTF-8 in an editor") from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = 'one setting a line, text in quotes: style = "soft"; --no-config starts without it'
        raise ConfigError(f"{path} is not TOML: {error}", hint=hint) from error


def _changed(text: str, values: dict[str, Any], in_live: set[str]) -> str:
    """The text with other values in the lines that set them, and lines for those that none sets."""
    lines = text.removesuffix("\n").split("\n") if text else []
    table, first_table, missing = "", len(lines), dict(values)
    for number, line in enumerate(lines):
        if header := _TABLE.match(line):
            table, first_table = header[1] or "?", min(first_table, number)
        for key, value in values.items():
            wanted_in = LIVE_TABLE if key in in_live else ""
            if table == wanted_in and (match := re.fullmatch(_VALUE.format(key=key), line)):
                lines[number] = f"{match[1]}{as_toml(value)}{match[2]}"
                missing.pop(key, None)
    end = "\r" if "\r\n" in text else ""
    added = [f"{key} = {as_toml(value)}{end}" for key, value in missing.items()]
    if added and first_table < len(lines):
        while first_table and lines[first_table - 1].startswith("#"):  # a comment on the table
            first_table -= 1
        while first_table and not lines[first_table - 1].strip():
            first_table -= 1
        if lines[first_table].strip():
            added.append(end)
    lines[first_table:first_table] = added
    return "\n".join([*lines, ""])


def _sets(text: str, before: dict[str, Any], values: dict[str, Any], in_live: set[str]) -> bool:
    """Whether a text says what another one said, but for some values."""
    wanted = copy.deepcopy(before)
    for key, value in values.items():
        (wanted[LIVE_TABLE] if key in in_live else wanted)[key] = value
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _write(path: Path, text: str) -> None:
    """Writes a file in one step: before, and where that fails, it is as it was.

    Raises:
        OSError: It cannot be written, or is not to be.
    """
    target = path.resolve()  # a link keeps pointing at it
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(None, "it is read-only")
    handle, name = tempfile.mkstemp(prefix=".config-", suffix=".partial", dir=target.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    except BaseException:  # Ctrl-C, too: half a file would stay beside the whole one
        partial.unlink(missing_ok=True)
        raise
