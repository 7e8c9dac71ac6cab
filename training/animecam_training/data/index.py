"""The index of a prepared folder: what it was made of and how, and what became of each picture."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO

from animecam_training.data.names import stem_of
from animecam_training.errors import DataError

INDEX_FILE = "index.jsonl"
ABSENT: dict[str, Any] = {
    "expressions": 0.0,
    "turns": 0.0,
    "beards": 0.0,
    "lip_shadows": 0.0,
    "glasses": 0.0,
    "gloss": 0.0,
    "even_light": 0.0,
    "parts": False,
    "backgrounds": False,
    "flat.hair_ink_share": 1.0,
}
"""What a folder was made with whose index does not tell: it was begun before these could be asked for."""

Verdict = str
"""`KEPT`, or why a picture was dropped."""

KEPT: Verdict = "kept"


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a picture.

    Attributes:
        picture: Its path below the source.
        verdict: What became of it.
        stem: How the names begin of what was made of it; empty where nothing was.
        sha256: Of its file, in hex; likewise. What tells that two folders were made of one picture.
    """

    picture: str
    verdict: Verdict
    stem: str = ""
    sha256: str = ""


def file_digest(path: Path) -> str:
    """The sha256 of a file, in hex.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint="run again: it is passed over then") from error


def claim_index(index: Path, marks: dict[str, Any], formerly: Mapping[str, Any], *, is_new: bool) -> None:
    """Writes down what a new folder is made of and how, or compares: half of it made otherwise would go unnoticed.

    Args:
        index: The file.
        marks: What it is made of and how, by name; plain values.
        formerly: The same in other words, which a folder may hold as well.
        is_new: Whether nothing was made so far.

    Raises:
        DataError: It was made of other pictures, or with other options.
    """
    try:
        if is_new:
            index.write_text(json.dumps({"prepared": marks}) + "\n", encoding="utf-8")
            return
        first = index.read_text("utf-8").partition("\n")[0]
    except OSError as error:
        raise DataError(f"cannot use {index}: {error.strerror}", hint="name another folder") from error
    try:
        before: dict[str, Any] = json.loads(first).get("prepared", marks)  # nothing is known of the oldest
    except json.JSONDecodeError:
        return  # the line an interrupted run was writing
    now: dict[str, Any] = json.loads(json.dumps(marks))  # tuples are lists there
    was = {name: before.get(name, ABSENT.get(name, mark)) for name, mark in now.items()}
    other = {name: mark for name, mark in now.items() if was[name] not in (mark, formerly.get(name))}
    changed = [f"{name} {was[name]} and not {mark}" for name, mark in other.items()]
    if changed:
        message = f"{index.parent} was prepared with {', '.join(changed)}"
        raise DataError(
            message, hint="name another folder, or remove this one; pictures may lie in subfolders of one source"
        )


def read_index(index: Path) -> dict[str, Verdict]:
    """The verdicts so far, by picture; none where there is no index."""
    return {entry.picture: entry.verdict for entry in _entries(index)}


def sources_of(inputs: Iterable[Path]) -> dict[str, Path]:
    """The pictures that prepared heads were cut out of, as far as the indexes beside them tell: sha256, and a head."""
    indexes: dict[Path, dict[str, str]] = {}
    sources: dict[str, Path] = {}
    for path in inputs:
        folder = path.parent
        if folder not in indexes:
            indexes[folder] = {entry.stem: entry.sha256 for entry in _entries(folder / INDEX_FILE) if entry.sha256}
        if digest := indexes[folder].get(stem_of(path)):
            sources.setdefault(digest, path)
    return sources


def _entries(index: Path) -> list[Entry]:
    """The lines of an index; none where there is none."""
    if not index.exists():
        return []
    entries: list[Entry] = []
    for line in index.read_text("utf-8").splitlines():
        try:
            row: dict[str, str] = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line an interrupted run was writing: its picture is simply done again
        if "picture" in row:
            entries.append(Entry(row["picture"], row["verdict"], row.get("stem", ""), row.get("sha256", "")))
    return entries


def write_entry(file: TextIO, entry: Entry) -> None:
    """Adds a line to an open index, at once: a run that is cut off goes on after it."""
    row = {name: value for name, value in asdict(entry).items() if value}
    file.write(json.dumps(row) + "\n")
    file.flush()
