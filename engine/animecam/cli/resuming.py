"""Whether a film can go on where an earlier conversion of it was stopped."""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import animecam
from animecam.cli.jobs import Job
from animecam.errors import SinkError
from animecam.settings import Settings
from animecam.sinks.options import EXACT_ENDINGS, SinkOptions
from animecam.sinks.paths import FILM_KINDS, Target, output_kind

if TYPE_CHECKING:
    from animecam.sinks.begun import Making

_TOLD_AS = {"version": "version of animecam"}


def with_begun(job: Job, settings: Settings, options: SinkOptions) -> SinkOptions:
    """The options of one film: it goes on where an earlier run of the same was stopped, if there is such a part.

    Args:
        job: What is converted. Of a film's first seconds nothing is kept: they are soon done.
        settings: How it is drawn.
        options: How it is written; with `overwrite` it is begun anew.

    Raises:
        SinkError: Another run is writing it.
    """
    is_exact = job.target.suffix.lower() in EXACT_ENDINGS
    if not is_exact or job.seconds is not None or not job.source.is_file():
        return options
    from animecam.sinks.begun import find_begun

    try:
        making = _making(job.source, settings, options)
    except OSError:  # the source is gone by now, which whoever opens it tells
        return options
    return replace(options, making=making, begun=None if options.overwrite else find_begun(job.target, making))


def goes_on(job: Job, settings: Settings, options: SinkOptions) -> bool:
    """Whether a film that was stopped goes on near there once it is started again without --overwrite.

    Its first seconds, in which no second key frame is kept, are converted again.

    Args:
        job: What was stopped; nobody writes it any more.
        settings: As `with_begun` takes them.
        options: Likewise.
    """
    try:
        return with_begun(job, settings, replace(options, overwrite=False)).begun is not None
    except SinkError:  # another run has it by now
        return False
    except KeyboardInterrupt:  # who stops it twice does not wait for its packets to be looked at: as a rule it does
        return job.target.suffix.lower() in EXACT_ENDINGS and job.seconds is None


def why_anew(job: Job, options: SinkOptions) -> str:
    """A line that says why what a stop left of a film is replaced; empty if it is not, or --overwrite asked for it.

    Args:
        job: What is converted.
        options: As `with_begun` gave them.

    Raises:
        SinkError: Another run is writing it.
    """
    from animecam.sinks.claim import Claim

    place = Target.of(job.target)
    is_film = output_kind(str(job.target)) in FILM_KINDS
    if not is_film or options.begun is not None or options.overwrite or not place.partial.exists():
        return ""
    Claim(place.partial, place.final).close()
    reason = _reason(job, options)
    return f"{job.source.name}: begun anew, {reason}; {place.partial.name} is replaced" if reason else ""


def _reason(job: Job, options: SinkOptions) -> str:
    """Why a film is begun anew; empty where its source is gone, which whoever opens that tells."""
    from animecam.sinks.begun import changed_since

    if job.seconds is not None:
        return "as --seconds asks for its beginning"
    if job.target.suffix.lower() not in EXACT_ENDINGS:
        return f"as {job.target.suffix} files cannot be gone on with"
    if options.making is None:
        return ""
    changed = changed_since(job.target, options.making)
    if changed is None:
        return "as nothing tells what its part is made of"
    if changed:
        return f"as since its stop {' and '.join(f'the {_TOLD_AS.get(name, name)}' for name in changed)} changed"
    return "as what was done of it is too short, or of a kind that cannot be gone on with"


def _making(source: Path, settings: Settings, options: SinkOptions) -> "Making":
    """What a film is made of and how."""
    from animecam.sinks.begun import Making
    from animecam.styles.registry import find_style

    style = find_style(settings.look.style)
    look = replace(settings.look, style="")
    drawn = replace(settings, look=look, gpu=0, threads=0)  # another worker may go on
    backdrop = "" if settings.backdrop is None else _state(settings.backdrop)  # another picture may have its name
    written = repr((options.codec, options.crf, options.preset, options.keeps_location))
    return Making(
        source=_state(source),
        style=_digest([style.name, *(_state(path) for path in sorted(style.folder.iterdir()))]),
        options=_digest([repr(drawn), backdrop, written]),
        version=f"{animecam.__version__}, PyAV {version('av')}",
    )


def _digest(parts: Sequence[str]) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()


def _state(path: Path) -> str:
    found = path.stat()
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"
