"""Figures of a style: pictures read, cropped as the product crops them, styled and measured."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from animecam_training.data.clips import read_clip
from animecam_training.data.crops import CropOptions, crop_head
from animecam_training.data.names import SMOOTHED_SUFFIX, list_photos
from animecam_training.data.pictures import check_ending, list_pictures, read_picture, upper_square, write_picture
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, Image
from animecam_training.metrics.choice import MetricNetwork
from animecam_training.metrics.cuts import find_cuts
from animecam_training.metrics.drawings import PairFigures, measure_pairs
from animecam_training.metrics.evaluate import (
    Likeness,
    StyleFigures,
    compare_drawings,
    evaluate_style,
    measure_identity,
    stylize_images,
)
from animecam_training.metrics.flicker import Flicker, measure_flicker
from animecam_training.metrics.identity import IdentityNetwork
from animecam_training.metrics.networks import open_published
from animecam_training.metrics.published import InceptionFigures, InceptionMeter, measure_lpips
from animecam_training.metrics.squeeze import vectors_of
from animecam_training.metrics.walls import WallTint, measure_tint
from animecam_training.progress import Stages, Tell, tracked, untold
from animecam_training.weights.measured import open_style

EYE_DISTANCE = 0.21  # of the crop's side: a head with hair and neck, as the product aligns it
GRID_COLUMNS = 8
GRID_SIDE_PX = 192
CLIP_FRAMES = 48
LEAST_PICTURES = 2


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What is measured on what.

    Attributes:
        photos: Folder of portraits, one face each.
        anime: Folder of pictures of the style aimed at; they are cut square as `prepare` cuts them.
        weights: Folder of other face and identity networks; None takes those that come with the program.
        only: Portraits, and pairs, whose file name contains this; empty takes all.
        clip: Video file, or folder of a clip's frames in order, for flicker; None leaves it out.
        clip_frames: Frames of the clip at most.
        size_px: Side of the head crops.
        networks: What must be measured on, beside the bundled network which always is, and files of weights: see
            `open_published`.
        with_published: Also on the other published networks, as far as they can be had.
        teacher: What the style was distilled from, a checkpoint or a style, to be compared with; None: nothing.
        pairs: Folder of pairs that were not trained on, to compare with their drawings; None leaves it out.
    """

    photos: Path
    anime: Path
    weights: Path | None = None
    only: str = ""
    clip: Path | None = None
    clip_frames: int = CLIP_FRAMES
    size_px: int = 256
    networks: Mapping[MetricNetwork, Path | None] = field(default_factory=dict[MetricNetwork, Path | None])
    with_published: bool = False
    teacher: Path | None = None
    pairs: Path | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of a style.

    Attributes:
        style: Name of the style.
        step: Steps it was trained; None where nothing says so.
        size_px: Side of the head crops.
        figures: On the portraits, with the bundled networks.
        flicker: On the clip; None where none was given.
        inception: None where not asked for, or where its network cannot be had.
        lpips: Likewise.
        teacher: How near it is to what it was distilled from; None where nothing was named.
        drawings: How near it is to the drawings of the pairs; None where no pairs were named.
        tint: How far walls of vivid colours move the colour of faces; None for figures of before it was measured.
        missing: Why what was asked for is None, one line each.
        weights_sha256: Which network was measured, see `weights_digest`; None where its file does not tell.
    """

    style: str
    step: int | None
    size_px: int
    figures: StyleFigures
    flicker: Flicker | None = None
    inception: InceptionFigures | None = None
    lpips: float | None = None
    teacher: Likeness | None = None
    drawings: PairFigures | None = None
    tint: WallTint | None = None
    missing: tuple[str, ...] = field(default=())
    weights_sha256: str | None = None

    def by_name(self) -> dict[str, float]:
        """The figures under the names that a style's card gives them, without the infinite PSNR of equal pictures."""
        named = {
            "squeeze_kid_ratio": self.figures.relative_distance,
            "squeeze_distance_to_photo": self.figures.squeeze_distance,
            "psnr_to_photo_db": self.figures.psnr_db,
        }
        if self.figures.identity:
            named["identity_cosine_mean"] = self.figures.identity.mean
            named["identity_cosine_worst"] = self.figures.identity.worst
        if self.flicker:
            named["flicker_ratio"] = self.flicker.ratio
        if self.inception:
            named |= {"fid": self.inception.fid, "kid": self.inception.kid}
            named["inception_score"] = self.inception.inception_score
        if self.lpips is not None:
            named["lpips_alex_to_photo"] = self.lpips
        if self.teacher:
            named["squeeze_distance_to_full"] = self.teacher.squeeze_distance
            named["psnr_to_full_db"] = self.teacher.psnr_db
        if self.drawings:
            named |= self.drawings.by_name()
        if self.tint:
            named["wall_tint"] = self.tint.mean
        return {name: figure for name, figure in named.items() if math.isfinite(figure)}


def read_heads(options: EvaluateOptions, finder: FaceFinder, tell: Tell) -> list[Image]:
    """Head crops of the portraits, upright and centred, RGB uint8 [S, S, 3].

    Raises:
        DataError: No face in any of the pictures.
    """
    crop = CropOptions(options.size_px, (EYE_DISTANCE, EYE_DISTANCE), tilt_deg=0, shift=0)
    heads: list[Image] = []
    paths = [path for path in list_photos(options.photos) if options.only in path.name]
    for path in tracked(paths, tell):
        image = read_picture(path)
        face = finder.find(image)
        head = crop_head(image, face, crop, np.random.default_rng(0), largest_scale=float("inf")) if face else None
        if head is not None:
            heads.append(head)
    if not heads:
        raise DataError(f"no faces in {options.photos}", hint="name a folder of portraits; check --only")
    return heads


def check_places(grid: Path | None, figures: Path | None) -> None:
    """Finds what would keep results from being written, before anything is measured.

    Raises:
        DataError: A folder does not exist, or the grid's ending is of no picture.
    """
    for path in (grid, figures):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise DataError(f"cannot write {path}", hint="name a file in a folder that exists")
    if grid is not None:
        check_ending(grid)


def evaluate(style: Path, options: EvaluateOptions, grid: Path | None = None, stages: Stages = untold) -> Evaluation:
    """Measure a style.

    Args:
        style: A checkpoint, a style's folder or its ONNX file.
        options: Pictures and networks.
        grid: Where to write the portraits with their styled selves; None writes none.
        stages: Are told how far the work is.

    Raises:
        DataError: A folder is missing or empty, a network is missing, or the style cannot be read.
        MissingNetworkError: A published network that must be measured on cannot be had.
        CheckpointError: The checkpoint cannot be read.
    """
    measured = open_style(style)
    teacher = open_style(options.teacher) if options.teacher else None
    finder, identity = FaceFinder(options.weights), IdentityNetwork(options.weights)
    if options.clip and not options.clip.exists():
        raise DataError(f"there is no clip {options.clip}", hint="name a video, or a folder of frames")
    paths = [path for path in list_pictures(options.anime) if not path.name.endswith(SMOOTHED_SUFFIX)]
    published = open_published(options.networks, is_wish=options.with_published)
    photos = read_heads(options, finder, stages("finding heads"))
    if min(len(photos), len(paths)) < LEAST_PICTURES:
        message = f"{len(photos)} portraits with a face and {len(paths)} pictures of the style are too few"
        raise DataError(message, hint=f"a distance takes {LEAST_PICTURES} of either, a good one a hundred")
    meter = None
    if published.inception:
        meter = InceptionMeter(published.inception, pictures=min(len(photos), len(paths)))
    # A few at a time: of 3,000 pictures of 256 px, all together took six gibibytes.
    aims = (upper_square(read_picture(path)) for path in tracked(paths, stages("looking at the style")))
    aim = vectors_of(aims, meter.add_aim if meter else None)
    drawings = None
    if options.pairs:
        drawings = measure_pairs(measured.draw, options.pairs, options.only, stages("drawing pairs"))
    styled = stylize_images(measured.draw, tracked(photos, stages("drawing heads")))
    if grid:
        write_picture(make_grid(photos, styled), grid)
    also = meter.add_ours if meter else None
    people = measure_identity(tracked(photos, stages("comparing faces")), styled, finder, identity)
    figures = evaluate_style(photos, styled, aim, identity=people, also=also)
    tint = measure_tint(measured.draw, tracked(photos, stages("drawing heads before walls")), finder)
    flicker = None
    if options.clip:
        frames = read_clip(options.clip, most=options.clip_frames)
        drawn = stylize_images(measured.draw, tracked(frames, stages("drawing the clip")))
        flicker = measure_flicker(frames, drawn, find_cuts(frames))
    inception = meter.figures() if meter else None
    lpips = measure_lpips(styled, photos, published.alexnet) if published.alexnet else None
    likeness = None
    if teacher:
        wanted = stylize_images(teacher.draw, tracked(photos, stages("drawing as the teacher")))
        likeness = compare_drawings(wanted, styled)
    return Evaluation(
        *(measured.name, measured.steps, options.size_px),
        *(figures, flicker, inception, lpips, likeness, drawings, tint, published.missing),
        measured.weights_sha256,
    )


def write_figures(evaluation: Evaluation, path: Path) -> None:
    """Write all figures as JSON; "by_name" holds those that go into a style's card. What is infinite is null.

    Raises:
        DataError: The file cannot be written.
    """
    table = _finite(dataclasses.asdict(evaluation)) | {"by_name": evaluation.by_name()}
    try:
        path.write_text(json.dumps(table, indent=2, allow_nan=False) + "\n", "utf-8")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}", hint="name a file that you may write") from error


def _finite(table: dict[str, Any]) -> dict[str, Any]:
    """A table in tables with None in place of what JSON has no number for."""
    values = {name: _finite(value) if isinstance(value, dict) else value for name, value in table.items()}  # pyright: ignore[reportUnknownArgumentType]
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }


def make_grid(photos: Sequence[Image], styled: Sequence[Image]) -> Image:
    """Rows of photos, each above its styled self, uint8 [H, W, 3]."""
    rows: list[Image] = []
    for start in range(0, len(photos), GRID_COLUMNS):
        for pictures in (photos[start : start + GRID_COLUMNS], styled[start : start + GRID_COLUMNS]):
            small = [cv2.resize(p, (GRID_SIDE_PX, GRID_SIDE_PX), interpolation=cv2.INTER_AREA) for p in pictures]
            blank = [np.zeros((GRID_SIDE_PX, GRID_SIDE_PX, 3), np.uint8)] * (GRID_COLUMNS - len(small))
            rows.append(np.concatenate([*small, *blank], axis=1).astype(np.uint8))
    return np.concatenate(rows)
