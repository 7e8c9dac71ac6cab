"""Folders of pictures into folders to train on: head crops, drawn targets, style pictures with smoothed copies."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.data.crops import MAX_ENLARGEMENT, CropOptions, crop_head, is_frontal
from animecam_training.data.expressions import change_expression
from animecam_training.data.glasses import wear_glasses
from animecam_training.data.index import INDEX_FILE, Verdict, claim_index, read_index, write_verdict
from animecam_training.data.names import (
    BARE_SUFFIX,
    INPUT_SUFFIX,
    PARTS_SUFFIX,
    REGIONS_SUFFIX,
    SMOOTHED_SUFFIX,
    TARGET_SUFFIX,
    WORN_SUFFIX,
)
from animecam_training.data.pictures import (
    FOREIGN_SUFFIXES,
    SUFFIXES,
    list_pictures,
    read_picture,
    resized,
    upper_square,
    write_labels,
    write_layer,
    write_mask,
    write_picture,
)
from animecam_training.data.quality import DuplicateFilter, QualityLimits, find_fault, picture_hash
from animecam_training.data.workers import in_order
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, FoundFace, Image
from animecam_training.ops.edges import smooth_edges
from animecam_training.ops.superpixels import find_superpixels
from animecam_training.target.draw import draw_target
from animecam_training.target.drawings import Drawing
from animecam_training.target.face import has_beard
from animecam_training.target.geometry import eyes_and_mouth
from animecam_training.target.light import even_light

Kind = Literal["photo", "pairs", "style"]
_WANTED: dict[Kind, str] = {
    **dict.fromkeys(("photo", "pairs"), "sharp colour portraits are needed"),
    "style": "sharp pictures at least half as large as --size are needed",
}


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """What is made of a folder.

    Attributes:
        kind: "photo" writes head crops with their superpixels, "pairs" head crops with the target drawn from each,
            "style" pictures with copies whose edges are smoothed; of one that is not square the middle, or the top.
        weights: Folder of the face networks (kinds "photo" and "pairs").
        copies: Crops of each photo, with different margins.
        beard_copies: As many of a face with a beard, if that is more: few faces have one.
        crop: Size and margins of the crops; style pictures take its size.
        limits: What is too poor.
        draw: Draws the target of a pair.
        drawn_by: What that drawing is, by names and plain values; a folder of another is refused.
        expressions: Share of the heads whose mouth is opened or whose eyes are closed, one or both, 0 … 1.
        glasses: Share of the heads that get drawn glasses, 0 … 1; for a teacher the head without them is kept beside.
        even_light: How much of the shade on a face a teacher, or the drawing of a pair, is not to see, 0 … 1; for the
            teacher the evened head is kept beside.
        workers: Processes.
        seed: Of margins, expressions and glasses.
    """

    kind: Kind
    weights: Path = Path("weights")
    copies: int = 1
    beard_copies: int = 0
    crop: CropOptions = field(default_factory=CropOptions)
    limits: QualityLimits = field(default_factory=QualityLimits)
    draw: Drawing = draw_target
    drawn_by: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expressions: float = 0.0
    glasses: float = 0.0
    even_light: float = 0.0
    workers: int = 1
    seed: int = 0

    @property
    def marks(self) -> dict[str, Any]:
        """What all pictures of a folder must have been made with, by the names of the command line and the recipe."""
        marks = {"kind": self.kind, "size": self.crop.side_px, "copies": self.copies, "seed": self.seed}
        if self.kind == "style":
            return marks
        if self.beard_copies:  # else left out: folders of before have no such mark
            marks["beard_copies"] = self.beard_copies
        changes = {"expressions": self.expressions, "glasses": self.glasses, "even_light": self.even_light}
        return marks | changes | dict(self.drawn_by)


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
    done = read_index(index)
    claim_index(index, {"source": str(source.resolve())} | options.marks, is_new=not done)
    waiting = [path for path in paths if str(path.relative_to(source)) not in done]
    fresh = _without_duplicates(waiting, options, done, source)
    work = partial(_prepare_one, source=source, folder=folder, options=options, shared=_shared_stems(paths, source))
    verdicts = Counter(done.values())
    total, count = len(paths), len(paths) - len(waiting)
    with index.open("a", encoding="utf-8") as file, closing(in_order(work, fresh, options.workers)) as results:
        for path, verdict in results:
            write_verdict(file, str(path.relative_to(source)), verdict)
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
    paths = list_pictures(source, SUFFIXES + FOREIGN_SUFFIXES)
    return [path for path in paths if not (root / path.relative_to(source)).is_relative_to(results)]


def _stem(path: Path, source: Path) -> str:
    """A name for what is made of a picture; the folder is part of it: two subfolders may hold the same file name."""
    return "_".join(path.relative_to(source).with_suffix("").parts)


def _shared_stems(paths: list[Path], source: Path) -> frozenset[str]:
    """Names that several pictures would have: x.jpg and x.png."""
    counts = Counter(_stem(path, source) for path in paths)
    return frozenset(stem for stem, count in counts.items() if count > 1)


def _without_duplicates(
    waiting: list[Path], options: PrepareOptions, done: dict[str, Verdict], source: Path
) -> list[tuple[Path, Verdict | None]]:
    """Pictures with their verdict where it is known beforehand: duplicates, unreadable files and unknown formats.

    Of alike pictures the largest stays, and none is the duplicate of one that is dropped for a fault.
    """
    seen = DuplicateFilter(options.limits)
    for name, verdict in done.items():
        if verdict == "kept" and (source / name).exists():  # it may have been taken away since
            seen.is_new(picture_hash(read_picture(source / name)))
    marked: dict[Path, Verdict | None] = {}
    hashes: list[tuple[int, Path, NDArray[np.bool_]]] = []
    for path in waiting:
        try:
            image = read_picture(path)
        except DataError:
            marked[path] = "unknown format" if path.suffix.lower() in FOREIGN_SUFFIXES else "unreadable"
            continue
        marked[path] = None
        if find_fault(image, _limits(options)) is None:
            hashes.append((image.shape[0] * image.shape[1], path, picture_hash(image)))
    for _, path, own in sorted(hashes, key=lambda one: one[0], reverse=True):
        if not seen.is_new(own):
            marked[path] = "duplicate"
    return list(marked.items())


def _limits(options: PrepareOptions) -> QualityLimits:
    """What is dropped of the kind: of artwork only the gray is looked at, as ink drawings are as good as any."""
    return replace(options.limits, chroma=0) if options.kind == "style" else options.limits


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
    if fault := find_fault(image, _limits(options)):
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
    for copy in range(_copies(image, face, finder, options)):
        rng = np.random.default_rng((options.seed, copy, *stem.name.encode()))
        crop = crop_head(image, face, options.crop, rng)
        found = finder.find(crop) if crop is not None else None
        if crop is None or found is None:
            continue
        if options.kind == "pairs" and not is_frontal(found):
            verdict = "turned away"
            continue
        _make_head(crop, found, stem.with_name(f"{stem.name}_{copy}"), finder, options, rng)
        verdict = "kept"
    return verdict


def _copies(image: Image, face: FoundFace, finder: FaceFinder, options: PrepareOptions) -> int:
    """How many crops are wanted. A beard is looked for on an upright head: a whole photo may lie, and takes 20 s."""
    if options.beard_copies <= options.copies:
        return options.copies
    upright = replace(options.crop, tilt_deg=0.0, shift=0.0)
    crop = crop_head(image, face, upright, np.random.default_rng(options.seed))
    found = finder.find(crop) if crop is not None else None
    grows = crop is not None and found is not None and has_beard(crop, found.mesh, finder.person(crop))
    return options.beard_copies if grows else options.copies


def _make_head(
    crop: Image, face: FoundFace, stem: Path, finder: FaceFinder, options: PrepareOptions, rng: np.random.Generator
) -> None:
    """Writes a head, perhaps with another expression and glasses, and what belongs to it; itself last."""

    def beside(suffix: str) -> Path:
        return stem.with_name(stem.name + suffix)

    # Where a run was cut off before its verdict, other files may lie there, and would be believed.
    for suffix in (INPUT_SUFFIX, TARGET_SUFFIX, REGIONS_SUFFIX, BARE_SUFFIX, WORN_SUFFIX, PARTS_SUFFIX):
        beside(suffix).unlink(missing_ok=True)
    mesh = face.mesh
    # Of a profile the mesh guesses the far eye: nothing is moved there, nor is its light known.
    changes_face, light = (options.expressions, options.even_light) if is_frontal(face) else (0.0, 0.0)
    if rng.random() < changes_face:
        crop, mesh = change_expression(crop, mesh, rng)
    has_glasses = bool(rng.random() < options.glasses)
    is_pair = options.kind == "pairs"
    person = finder.person(crop) if is_pair or light > 0 else None
    bare = even_light(crop, mesh, person, light) if person is not None else crop
    target = options.draw(bare, mesh, person) if person is not None and is_pair else None
    if not is_pair and (has_glasses or light > 0):
        write_picture(bare, beside(BARE_SUFFIX))
    if has_glasses:
        crop, worn = wear_glasses(crop, mesh, rng)
        write_layer(worn.colour, worn.cover, beside(WORN_SUFFIX))
        target = worn.over(target) if target is not None else None
    if target is not None:
        write_mask(eyes_and_mouth(mesh, crop.shape[:2]), beside(PARTS_SUFFIX))
        write_picture(target, beside(TARGET_SUFFIX))
    else:
        write_labels(find_superpixels(crop), beside(REGIONS_SUFFIX))
    write_picture(crop, beside(INPUT_SUFFIX))
