"""Figures of runs as JSON, under the names that benchmark scripts read."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from animecam.errors import SinkError
from animecam.run.pipeline import Figures
from animecam.timing import Percentiles

DIGITS = 3  # a microsecond


def as_json(figures: Figures) -> dict[str, Any]:
    """The figures of a run; times in milliseconds."""
    return {
        "fps_in": round(figures.fps_in, DIGITS),
        "fps_out": round(figures.fps_out, DIGITS),
        "latency_ms": _rounded(figures.latency_ms),
        "stage_ms": {stage: _rounded(percentiles) for stage, percentiles in figures.stage_ms.items()},
        "frames_in": figures.frames_in,
        "frames_out": figures.frames_out,
        "with_faces": figures.with_faces,
        "dropped": figures.dropped,
        "skipped": figures.skipped,
        "capped": figures.capped,
        "idle": round(figures.idle_share, DIGITS),
        "seconds": round(figures.seconds, DIGITS),
        "cores": figures.cores and {name: round(share, DIGITS) for name, share in asdict(figures.cores).items()},
    }


def check_report(path: Path) -> None:
    """Finds what would keep a report from being written, before anything is measured.

    Raises:
        SinkError: Its folder does not exist, or it is one itself.
    """
    if not path.absolute().parent.is_dir() or path.is_dir():
        what = "is a folder" if path.is_dir() else f"cannot be written: there is no folder {path.absolute().parent}"
        raise SinkError(f"{path} {what}", hint="name a file in a folder that exists")


def write_report(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a report as JSON.

    Raises:
        SinkError: The file cannot be written.
    """
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}", hint="name a file in a folder that exists") from error


def _rounded(percentiles: Percentiles) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in asdict(percentiles).items()}
