"""The index of a prepared folder: what it was made of and how, and what became of each picture."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from animecam_training.errors import DataError

INDEX_FILE = "index.jsonl"
ABSENT: dict[str, Any] = {
    "expressions": 0.0,
    "turns": 0.0,
    "beards": 0.0,
    "lip_shadows": 0.0,
    "glasses": 0.0,
    "even_light": 0.0,
    "parts": False,
    "flat.hair_ink_share": 1.0,
}
"""What a folder was made with whose index does not tell: it was begun before these could be asked for."""

Verdict = str
"""\"kept\", or why a picture was dropped."""


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
    if not index.exists():
        return {}
    verdicts: dict[str, Verdict] = {}
    for line in index.read_text("utf-8").splitlines():
        try:
            row: dict[str, str] = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line an interrupted run was writing: its picture is simply done again
        if "picture" in row:
            verdicts[row["picture"]] = row["verdict"]
    return verdicts


def write_verdict(file: TextIO, picture: str, verdict: Verdict) -> None:
    """Adds a line to an open index, at once: a run that is cut off goes on after it."""
    file.write(json.dumps({"picture": picture, "verdict": verdict}) + "\n")
    file.flush()
