"""Folders of pictures into folders to train on: head crops, drawn targets, style pictures with smoothed copies."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import cv2
import numpy as np

from animecam_training.data.crops import MAX_ENLARGEMENT, CropOptions, crop_head, is_frontal
from animecam_training.data.expressions import change_expression
from animecam_training.data.glasses import add_glasses
from animecam_training.data.pictures import (
    list_pictures,
    read_picture,
    resized,
    upper_square,
    write_labels,
    write_picture,
)
from animecam_training.data.quality import DuplicateFilter, QualityLimits, find_fault
from animecam_training.data.sets import INPUT_SUFFIX, REGIONS_SUFFIX, SMOOTHED_SUFFIX, TARGET_SUFFIX
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, Image, Points
from animecam_training.ops.edges import smooth_edges
from animecam_training.ops.superpixels import find_superpixels
from animecam_training.target.draw import draw_target
from animecam_training.target.drawings import Drawing

INDEX_FILE = "index.jsonl"
CHUNK = 8  # pictures handed to a worker at a time

Kind = Literal["photo", "pairs", "style"]
_PORTRAITS = "sharp colour portraits are needed"
_WANTED: dict[Kind, str] = {
    "photo": _PORTRAITS,
    "pairs": _PORTRAITS,
    "style": "sharp pictures at least half as large as --size are needed",
}
Verdict = str
"""\"kept\", or why a picture was dropped."""


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """What is made of a folder.

    Attributes:
        kind: "photo" writes head crops with their superpixels, "pairs" head crops with the target drawn from each,
            "style" pictures with copies whose edges are smoothed; of one that is not square the middle, or the top.
        weights: Folder of the face networks (kinds "photo" and "pairs").
        copies: Crops of each photo, with different margins.
        crop: Size and margins of the crops; style pictures take its size.
        limits: What is too poor.
        draw: Draws the target of a pair.
        drawn_by: What that drawing is, by names and plain values; a folder of another is refused.
        expressions: Share of the pairs whose mouth is opened or whose eyes are closed, 0 … 1.
        glasses: Share of the pairs that get drawn glasses, 0 … 1.
        workers: Processes.
        seed: Of the margins.
    """

    kind: Kind
    weights: Path = Path("weights")
    copies: int = 1
    crop: CropOptions = field(default_factory=CropOptions)
    limits: QualityLimits = field(default_factory=QualityLimits)
    draw: Drawing = draw_target
    drawn_by: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expressions: float = 0.0
    glasses: float = 0.0
    workers: int = 1
    seed: int = 0

    @property
    def marks(self) -> dict[str, Any]:
        """What all pictures of a folder must have been made with, by the names of the command line and the recipe."""
        marks = {"kind": self.kind, "size": self.crop.side_px, "copies": self.copies, "seed": self.seed}
        if self.kind != "pairs":
            return marks
        return marks | {"expressions": self.expressions, "glasses": self.glasses} | dict(self.drawn_by)


@dataclass(frozen=True, slots=True)
class PrepareReport:
    """What became of the pictures: how many were kept, and how many dropped for which reason."""

    kept: int
    dropped: dict[str, int]


def prepare(
    source: Path, folder: Path, options: PrepareOptions, on_picture: Callable[[int, int], None] | None = None
) -> PrepareReport:
    """Prepare a folder; what an earlier run has done already is left as it is.

    Args:
        source: Pictures, searched in subfolders too.
        folder: Where results and the index go; made if absent.
        options: What to make.
        on_picture: Called with the number of pictures done and their total.

    Raises:
        DataError: No pictures, no face networks, nothing sound enough to keep, or a folder that was made of other
            pictures or otherwise.
    """
    paths = _sources(source, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder}: {error.strerror}", hint="name another folder") from error
    index = folder / INDEX_FILE
    done = _read_index(index)
    _claim(index, {"source": str(source.resolve())} | options.marks, is_new=not done)
    waiting = [path for path in paths if str(path.relative_to(source)) not in done]
    fresh = _without_duplicates(waiting, options, done, source)
    work = partial(_prepare_one, source=source, folder=folder, options=options, shared=_shared_stems(paths, source))
    verdicts = Counter(done.values())
    total, count = len(paths), len(paths) - len(waiting)
    with index.open("a", encoding="utf-8") as file:
        for path, verdict in _each(work, fresh, options.workers):
            file.write(json.dumps({"picture": str(path.relative_to(source)), "verdict": verdict}) + "\n")
            file.flush()
            verdicts[verdict] += 1
            count += 1
            if on_picture:
                on_picture(count, total)
    kept = verdicts.pop("kept", 0)
    if not kept:
        reasons = ", ".join(f"{number} {reason}" for reason, number in verdicts.items())
        raise DataError(f"nothing in {source} can be used: {reasons}", hint=_WANTED[options.kind])
    return PrepareReport(kept, dict(verdicts))


def _sources(source: Path, folder: Path) -> list[Path]:
    """The pictures below `source`, without those that an earlier run put into `folder` below it."""
    root, results = source.resolve(), folder.resolve()
    if root == results:
        raise DataError(f"{folder} holds the pictures themselves", hint="name another folder for what is made of them")
    return [path for path in list_pictures(source) if not (root / path.relative_to(source)).is_relative_to(results)]


def _claim(index: Path, marks: dict[str, Any], *, is_new: bool) -> None:
    """Writes down what a new folder is made of and how, or compares: half of it made otherwise would go unnoticed.

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
        before: dict[str, Any] = json.loads(first).get("prepared", marks)
    except json.JSONDecodeError:
        return  # the line an interrupted run was writing
    now: dict[str, Any] = json.loads(json.dumps(marks))  # tuples are lists there
    changed = [f"{name} {before[name]} and not {mark}" for name, mark in now.items() if before.get(name, mark) != mark]
    if changed:
        message = f"{index.parent} was prepared with {', '.join(changed)}"
        raise DataError(
            message, hint="name another folder, or remove this one; pictures may lie in subfolders of one source"
        )


def _stem(path: Path, source: Path) -> str:
    """A name for what is made of a picture; the folder is part of it: two subfolders may hold the same file name."""
    return "_".join(path.relative_to(source).with_suffix("").parts)


def _shared_stems(paths: list[Path], source: Path) -> frozenset[str]:
    """Names that several pictures would have: x.jpg and x.png."""
    counts = Counter(_stem(path, source) for path in paths)
    return frozenset(stem for stem, count in counts.items() if count > 1)


def _read_index(index: Path) -> dict[str, Verdict]:
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


def _without_duplicates(
    waiting: list[Path], options: PrepareOptions, done: dict[str, Verdict], source: Path
) -> list[tuple[Path, Verdict | None]]:
    """Pictures with their verdict where it is known beforehand: duplicates and unreadable files."""
    seen = DuplicateFilter(options.limits)
    for name, verdict in done.items():
        if verdict == "kept" and (source / name).exists():  # it may have been taken away since
            seen.is_new(read_picture(source / name))
    marked: list[tuple[Path, Verdict | None]] = []
    for path in waiting:
        try:
            marked.append((path, None if seen.is_new(read_picture(path)) else "duplicate"))
        except DataError:
            marked.append((path, "unreadable"))
    return marked


def _each(
    work: Callable[[tuple[Path, Verdict | None]], tuple[Path, Verdict]],
    items: list[tuple[Path, Verdict | None]],
    workers: int,
) -> Iterator[tuple[Path, Verdict]]:
    """Results in order; in this process where one worker is enough."""
    if workers <= 1:
        yield from map(work, items)
        return
    # A forked worker inherits OpenCV's thread pool without its threads, and waits for them for ever.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, items, chunksize=CHUNK)


# One finder a process: loading the networks takes longer than a picture.
_finders: dict[Path, FaceFinder] = {}


def _prepare_one(
    item: tuple[Path, Verdict | None], source: Path, folder: Path, options: PrepareOptions, shared: frozenset[str]
) -> tuple[Path, Verdict]:
    path, verdict = item
    if verdict is not None:
        return path, verdict
    cv2.setNumThreads(1)
    image = read_picture(path)
    is_style = options.kind == "style"
    # Of artwork only the gray is looked at: ink drawings are as good as any.
    limits = replace(options.limits, chroma=0) if is_style else options.limits
    if fault := find_fault(image, limits):
        return path, fault
    if is_style and min(image.shape[:2]) * MAX_ENLARGEMENT < options.crop.side_px:
        return path, "too small"
    stem = _stem(path, source)
    if stem in shared:
        stem += f"-{crc32(str(path.relative_to(source)).encode(errors='surrogateescape')):08x}"
    if is_style:
        square = resized(upper_square(image), options.crop.side_px)
        write_picture(smooth_edges(square), folder / (stem + SMOOTHED_SUFFIX))
        write_picture(square, folder / (stem + ".png"))
        return path, "kept"
    if options.weights not in _finders:
        _finders[options.weights] = FaceFinder(options.weights)
    return path, _prepare_photo(image, folder / stem, _finders[options.weights], options)


def _prepare_photo(image: Image, stem: Path, finder: FaceFinder, options: PrepareOptions) -> Verdict:
    face = finder.find(image)
    if face is None:
        return "no face"
    verdict = "too small"
    for copy in range(options.copies):
        rng = np.random.default_rng((options.seed, copy, *stem.name.encode()))
        crop = crop_head(image, face, options.crop, rng)
        found = finder.find(crop) if crop is not None else None
        if crop is None or found is None:
            continue
        if options.kind == "pairs":
            if not is_frontal(found):
                verdict = "turned away"
                continue
            crop, target = _draw_pair(crop, found.mesh, finder, options, rng)
            write_picture(target, stem.with_name(f"{stem.name}_{copy}{TARGET_SUFFIX}"))
        else:
            write_labels(find_superpixels(crop), stem.with_name(f"{stem.name}_{copy}{REGIONS_SUFFIX}"))
        write_picture(crop, stem.with_name(f"{stem.name}_{copy}{INPUT_SUFFIX}"))
        verdict = "kept"
    return verdict


def _draw_pair(
    crop: Image, mesh: Points, finder: FaceFinder, options: PrepareOptions, rng: np.random.Generator
) -> tuple[Image, Image]:
    """The head, perhaps with another expression and glasses, and what is to be drawn of it."""
    if rng.random() < options.expressions:
        crop, mesh = change_expression(crop, mesh, rng)
    target = options.draw(crop, mesh, finder.person(crop))
    return add_glasses(crop, target, mesh, rng) if rng.random() < options.glasses else (crop, target)
