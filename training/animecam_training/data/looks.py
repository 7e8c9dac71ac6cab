"""The first look at a folder of pictures: what is wrong with each, and which are alike."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from animecam_training.data.index import Verdict
from animecam_training.data.pictures import FOREIGN_SUFFIXES, read_picture
from animecam_training.data.quality import DuplicateFilter, Look, QualityLimits, find_fault, look_of
from animecam_training.data.workers import in_order
from animecam_training.errors import DataError
from animecam_training.progress import Tell, ignore

LEAST_A_WORKER = 16
"""Pictures: to start a process takes about as long as to look at so many of some megapixels."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What is seen of a picture at once.

    Attributes:
        fault: Why it is dropped; None if it is sound.
        pixels: How many it has; 0 where it has a fault.
        look: How it looks; None where it has a fault.
    """

    fault: Verdict | None
    pixels: int = 0
    look: Look | None = None


def glance(path: Path, limits: QualityLimits) -> Glance:
    """Looks at a picture."""
    try:
        image = read_picture(path)
    except DataError:
        return Glance("unknown format" if path.suffix.lower() in FOREIGN_SUFFIXES else "unreadable")
    if fault := find_fault(image, limits):
        return Glance(fault)
    return Glance(None, image.shape[0] * image.shape[1], look_of(image))


def judge(
    waiting: Sequence[Path],
    kept: Sequence[Path],
    limits: QualityLimits,
    workers: int,
    on_picture: Tell = ignore,
) -> Mapping[Path, Verdict | None]:
    """What can be said of pictures without looking for faces: faults, and duplicates of each other or of kept ones.

    Of alike pictures the largest stays, and none is the duplicate of one that is dropped for a fault.

    Args:
        waiting: The pictures.
        kept: Those that an earlier run kept; what is gone since, or has a fault by now, counts for nothing.
        limits: What is too poor, and what is alike.
        workers: Processes at most.
        on_picture: Is told of the pictures that were looked at.

    Returns:
        Why a picture is dropped, by picture in their order; None of those that are still in question.
    """
    if not waiting:
        return {}
    paths = [*kept, *waiting]
    glances: dict[Path, Glance] = {}
    work = partial(glance, limits=limits)
    with closing(in_order(work, paths, min(workers, len(paths) // LEAST_A_WORKER))) as seen:
        for path, one in zip(paths, seen, strict=True):
            glances[path] = one
            on_picture(len(glances), len(paths))
    known = DuplicateFilter(limits)
    for path in kept:
        if look := glances[path].look:
            known.is_new(look)
    verdicts = {path: glances[path].fault for path in waiting}
    for path in sorted(waiting, key=lambda path: glances[path].pixels, reverse=True):
        look = glances[path].look
        if look and not known.is_new(look):
            verdicts[path] = "duplicate"
    return verdicts
