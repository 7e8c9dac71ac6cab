"""Whether a film can go on where an earlier conversion of it was stopped."""

import json
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import animecam
from animecam.cli.jobs import Job
from animecam.settings import Settings
from animecam.sinks.options import EXACT_ENDINGS, SinkOptions


def with_begun(job: Job, settings: Settings, options: SinkOptions) -> SinkOptions:
    """The options of one film: it goes on where an earlier run of the same was stopped, if there is such a part.

    Args:
        job: What is converted. Of a film's first seconds nothing is kept: they are soon done.
        settings: How it is drawn.
        options: How it is written; with `overwrite` it is begun anew.
    """
    is_exact = job.target.suffix.lower() in EXACT_ENDINGS
    if not is_exact or job.seconds is not None or not job.source.is_file():
        return options
    from animecam.sinks.begun import find_begun

    try:
        key = _key(job.source, settings, options)
    except OSError:  # the source is gone by now, which whoever opens it tells
        return options
    return replace(options, key=key, begun=None if options.overwrite else find_begun(job.target, key))


def _key(source: Path, settings: Settings, options: SinkOptions) -> str:
    """What a film is made of and how: a part of another cannot be its beginning."""
    from animecam.styles.registry import find_style

    style = find_style(settings.look.style)
    parts = [
        animecam.__version__,
        version("av"),
        _state(source),
        repr(replace(settings, gpu=0, threads=0)),  # where it is drawn: another worker may go on with it
        *(_state(path) for path in sorted(style.folder.iterdir())),
        repr((options.codec, options.crf, options.preset, options.keeps_location)),
    ]
    return sha256(json.dumps(parts).encode(errors="surrogateescape")).hexdigest()


def _state(path: Path) -> str:
    found = path.stat()
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"
