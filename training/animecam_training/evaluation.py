"""Figures of a checkpoint: pictures read, cropped as the product crops them, styled and measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from animecam_training.checkpoint import load_checkpoint
from animecam_training.data.crops import CropOptions, crop_head
from animecam_training.data.pictures import list_pictures, read_picture, write_picture
from animecam_training.data.sets import list_photos
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, Image
from animecam_training.metrics.evaluate import StyleFigures, evaluate_style, stylize_images
from animecam_training.metrics.flicker import Flicker, measure_flicker
from animecam_training.metrics.identity import IdentityNetwork
from animecam_training.models.registry import build_generator, inference_generator

EYE_DISTANCE = 0.21  # of the crop's side: a head with hair and neck, as the product aligns it
GRID_COLUMNS = 8
GRID_SIDE_PX = 192


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What is measured on what.

    Attributes:
        photos: Folder of portraits, one face each.
        anime: Folder of pictures of the style aimed at.
        weights: Folder of the face and identity networks.
        only: Portraits whose file name contains this; empty takes all.
        clip_frames: Folder of a clip's frames in order, for flicker; None leaves it out.
        size_px: Side of the head crops.
    """

    photos: Path
    anime: Path
    weights: Path
    only: str = ""
    clip_frames: Path | None = None
    size_px: int = 256


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of a style.

    Attributes:
        step: Steps of the checkpoint.
        figures: On the portraits.
        flicker: On the clip; None where none was given.
    """

    step: int
    figures: StyleFigures
    flicker: Flicker | None


def open_generator(checkpoint: Path) -> tuple[nn.Module, int]:
    """The averaged generator of a checkpoint as it is exported, in evaluation mode, and its steps.

    Raises:
        CheckpointError: The file is missing, damaged or of another kind.
    """
    loaded = load_checkpoint(checkpoint)
    generator = build_generator(loaded.recipe.model.generator, **loaded.recipe.model.options)
    generator.load_state_dict(loaded.weights)
    return inference_generator(generator).eval(), loaded.step


def read_heads(options: EvaluateOptions, finder: FaceFinder) -> list[Image]:
    """Head crops of the portraits, upright and centred, RGB uint8 [S, S, 3].

    Raises:
        DataError: No face in any of the pictures.
    """
    crop = CropOptions(options.size_px, (EYE_DISTANCE, EYE_DISTANCE), tilt_deg=0, shift=0)
    heads: list[Image] = []
    for path in list_photos(options.photos):
        if options.only not in path.name:
            continue
        image = read_picture(path)
        face = finder.find(image)
        head = crop_head(image, face, crop, np.random.default_rng(0), largest_scale=float("inf")) if face else None
        if head is not None:
            heads.append(head)
    if not heads:
        raise DataError(f"no faces in {options.photos}", hint="name a folder of portraits; check --only")
    return heads


def evaluate(checkpoint: Path, options: EvaluateOptions, grid: Path | None = None) -> Evaluation:
    """Measure a checkpoint.

    Args:
        checkpoint: Written by a run.
        options: Pictures and networks.
        grid: Where to write the portraits with their styled selves; None writes none.

    Raises:
        DataError: A folder is missing or empty, or a network is missing.
        CheckpointError: The checkpoint cannot be read.
    """
    generator, step = open_generator(checkpoint)
    finder, identity = FaceFinder(options.weights), IdentityNetwork(options.weights)
    photos = read_heads(options, finder)
    anime = [read_picture(path) for path in list_pictures(options.anime)]
    with torch.inference_mode():
        styled = stylize_images(generator, photos)
    figures = evaluate_style(photos, styled, anime, finder=finder, identity=identity)
    flicker = None
    if options.clip_frames:
        frames = [_to_multiple(read_picture(path)) for path in list_pictures(options.clip_frames)]
        flicker = measure_flicker(frames, stylize_images(generator, frames))
    if grid:
        write_picture(make_grid(photos, styled), grid)
    return Evaluation(step, figures, flicker)


def make_grid(photos: Sequence[Image], styled: Sequence[Image]) -> Image:
    """Rows of photos, each above its styled self, uint8 [H, W, 3]."""
    rows: list[Image] = []
    for start in range(0, len(photos), GRID_COLUMNS):
        for pictures in (photos[start : start + GRID_COLUMNS], styled[start : start + GRID_COLUMNS]):
            small = [cv2.resize(p, (GRID_SIDE_PX, GRID_SIDE_PX), interpolation=cv2.INTER_AREA) for p in pictures]
            blank = [np.zeros((GRID_SIDE_PX, GRID_SIDE_PX, 3), np.uint8)] * (GRID_COLUMNS - len(small))
            rows.append(np.concatenate([*small, *blank], axis=1).astype(np.uint8))
    return np.concatenate(rows)


def _to_multiple(image: Image) -> Image:
    """The picture without the last rows and columns that make its sides no multiples of 8."""
    height, width = image.shape[0] // 8 * 8, image.shape[1] // 8 * 8
    return np.ascontiguousarray(image[:height, :width])
