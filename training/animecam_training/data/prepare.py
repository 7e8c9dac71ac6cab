"""Folders of pictures into folders to train on: head crops, drawn targets, style pictures with smoothed copies."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from zlib import crc32

from animecam_training.data.crops import MAX_ENLARGEMENT
from animecam_training.data.heads import make_heads
from animecam_training.data.index import (
    INDEX_FILE,
    KEPT,
    Entry,
    Verdict,
    claim_index,
    file_digest,
    read_index,
    write_entry,
)
from animecam_training.data.looks import judge
from animecam_training.data.names import SMOOTHED_SUFFIX
from animecam_training.data.pictures import (
    FOREIGN_SUFFIXES,
    SUFFIXES,
    list_pictures,
    read_picture,
    resized,
    upper_square,
    write_picture,
)
from animecam_training.data.prepare_options import Kind, PrepareOptions
from animecam_training.data.quality import QualityLimits
from animecam_training.data.workers import in_order
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, Image
from animecam_training.ops.edges import smooth_edges
from animecam_training.progress import Tell, ignore
from animecam_training.run.claim import claimed

_WANTED: dict[Kind, str] = {
    **dict.fromkeys(("photo", "pairs"), "sharp colour portraits are needed"),
    "style": "sharp pictures at least half as large as --size are needed",
}


@dataclass(frozen=True, slots=True)
class PrepareReport:
    """What became of the pictures: how many were kept, and how many dropped for which reason."""

    kept: int
    dropped: dict[str, int]


def prepare(
    source: Path,
    folder: Path,
    options: PrepareOptions,
    on_picture: Tell = ignore,
    on_look: Tell = ignore,
) -> PrepareReport:
    """Prepare a folder; what an earlier run has done already is left as it is.

    Args:
        source: Pictures, searched in subfolders too.
        folder: Where results and the index go; made if absent.
        options: What to make.
        on_picture: Is told of the pictures that are done.
        on_look: Likewise while they are looked at for the first time, for faults and duplicates.

    Raises:
        DataError: No pictures, no face networks, nothing sound enough to keep, or a folder that was made of other
            pictures or otherwise, or is being made by another run.
    """
    paths = _sources(source, folder)
    if options.kind != "style":
        _finder(options.weights)  # wrong weights are told of now, and not after thousands of pictures were looked at
    with _claimed(folder):
        return _prepare_all(paths, source, folder, options, on_picture, on_look)


def _claimed(folder: Path) -> AbstractContextManager[None]:
    """Holds the folder, which is made if absent: two runs would each leave half an index."""
    hint = "wait for that one, or name another folder"
    busy = DataError(f"{folder} is being prepared by another run", hint=hint)
    return claimed(folder, busy=busy, unwritable=_unwritable)


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(f"cannot make the folder {folder}: {error.strerror}", hint="name another folder")


def _prepare_all(
    paths: Sequence[Path],
    source: Path,
    folder: Path,
    options: PrepareOptions,
    on_picture: Tell,
    on_look: Tell,
) -> PrepareReport:
    """As `prepare`, for the pictures `paths` below `source`, into a folder that is ours."""
    index = folder / INDEX_FILE
    done = read_index(index)
    marks = {"source": str(source.resolve())} | options.marks
    claim_index(index, marks, options.drawn_formerly, is_new=not done)
    waiting = [path for path in paths if str(path.relative_to(source)) not in done]
    kept_before = [path for path in paths if done.get(str(path.relative_to(source))) == KEPT]
    fresh = list(judge(waiting, kept_before, _limits(options), options.workers, on_look).items())
    work = partial(_prepare_one, source=source, folder=folder, options=options, shared=_shared_stems(paths, source))
    verdicts = Counter(done.values())
    total, count = len(paths), len(paths) - len(waiting)
    with index.open("a", encoding="utf-8") as file, closing(in_order(work, fresh, options.workers)) as results:
        for entry in results:
            write_entry(file, entry)
            verdicts[entry.verdict] += 1
            count += 1
            on_picture(count, total)
    kept = verdicts.pop(KEPT, 0)
    if not kept:
        reasons = ", ".join(f"{number} {reason}" for reason, number in verdicts.items())
        raise DataError(f"nothing in {source} can be used: {reasons}", hint=_WANTED[options.kind])
    return PrepareReport(kept, dict(verdicts))


def _sources(source: Path, folder: Path) -> list[Path]:
    """The pictures below `source`, without those that an earlier run put into `folder` below it."""
    root, results = source.resolve(), folder.resolve()
    if root == results:
        raise DataError(f"{folder} holds the pictures themselves", hint="name another folder for what is made of them")
    paths = list_pictures(source, SUFFIXES + FOREIGN_SUFFIXES)
    return [path for path in paths if not (root / path.relative_to(source)).is_relative_to(results)]


def _stem(path: Path, source: Path) -> str:
    """A name for what is made of a picture; the folder is part of it: two subfolders may hold the same file name."""
    return "_".join(path.relative_to(source).with_suffix("").parts)


def _shared_stems(paths: Sequence[Path], source: Path) -> frozenset[str]:
    """Names that several pictures would have: x.jpg and x.png."""
    counts = Counter(_stem(path, source) for path in paths)
    return frozenset(stem for stem, count in counts.items() if count > 1)


def _limits(options: PrepareOptions) -> QualityLimits:
    """What is dropped of the kind: of artwork only the gray is looked at, as ink drawings are as good as any."""
    return replace(options.limits, chroma=0) if options.kind == "style" else options.limits


@cache
def _finder(weights: Path | None) -> FaceFinder:
    """One a process: loading the networks takes longer than a picture."""
    return FaceFinder(weights)


def _prepare_one(
    item: tuple[Path, Verdict | None], source: Path, folder: Path, options: PrepareOptions, shared: frozenset[str]
) -> Entry:
    path, verdict = item
    picture = str(path.relative_to(source))
    if verdict is not None:
        return Entry(picture, verdict)
    stem = _stem(path, source)
    if stem in shared:
        stem += f"-{crc32(picture.encode(errors='surrogateescape')):08x}"
    verdict = _make(read_picture(path), folder / stem, options)
    return Entry(picture, verdict, stem, file_digest(path)) if verdict == KEPT else Entry(picture, verdict)


def _make(image: Image, stem: Path, options: PrepareOptions) -> Verdict:
    """Writes what is made of a picture, in files whose names begin with the stem."""
    if options.kind != "style":
        return make_heads(image, stem, _finder(options.weights), options)
    if min(image.shape[:2]) * MAX_ENLARGEMENT < options.crop.side_px:
        return "too small"
    square = resized(upper_square(image), options.crop.side_px)
    write_picture(smooth_edges(square), stem.with_name(stem.name + SMOOTHED_SUFFIX))
    write_picture(square, stem.with_name(stem.name + ".png"))
    return KEPT
