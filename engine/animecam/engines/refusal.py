"""Engines that were built and found wrong: remembered, so that nobody waits for the same build at every start."""

import json
import logging
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from animecam.cache import write_whole
from animecam.engines.key import EngineKey

REFUSAL_SUFFIX = ".refused"

log = logging.getLogger(__name__)


def remember_refusal(engine: Path, key: EngineKey, reason: str) -> None:
    """Writes down why the engine for a key is not used; where that fails, it is built and refused again.

    Args:
        engine: Where it would be.
        key: What it was built for.
        reason: In words.
    """
    day = datetime.now(UTC).date().isoformat()
    note = json.dumps({"key": asdict(key), "reason": reason, "day": day}, indent=2) + "\n"
    try:
        write_whole(engine.with_suffix(REFUSAL_SUFFIX), note.encode())
    except OSError as error:
        log.info("that %s was refused is not remembered: %s", engine.name, error.strerror)


def remembered_refusal(engine: Path, key: EngineKey) -> str:
    """Why the engine for a key was refused, and when; empty where it was not, or for something else."""
    try:
        note = cast(dict[str, Any], json.loads(engine.with_suffix(REFUSAL_SUFFIX).read_text(encoding="utf-8")))
        of = note["key"]
        if EngineKey(**(of | {"shape": tuple(of["shape"])})) != key:
            return ""
        return f"{note['reason']} (so it was on {note['day']})"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""  # none, or one that nobody can read: the engine gets another chance


def forget_refusal(engine: Path) -> None:
    """Another build was good."""
    with suppress(OSError):  # none; or it stays: what is there and good is used all the same
        engine.with_suffix(REFUSAL_SUFFIX).unlink()
