"""A style with its network in INT8, once it is near enough to the float32 one on photos it was not calibrated on."""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from animecam.styles.card import FULL, StyleCard, Variant
from animecam.styles.registry import Style, file_sha256, verified_model
from animecam.types import Image
from animecam_export.errors import ExportError
from animecam_export.head_crops import head_crops, list_photos
from animecam_export.int8 import LEAST_PSNR_DB, Quantised, compare, load_model, quantise, require_likeness, save_model
from animecam_export.style_export import MODEL_FILE

HELD_OUT_EVERY = 4  # every fourth photo is kept for the comparison where no other folder is named
FEWEST_CROPS = 8  # fewer say nothing about the ranges of activations


@dataclass(frozen=True, slots=True)
class Int8Options:
    """How a network is quantised.

    Attributes:
        photos: Folder of photos with faces, for the ranges.
        held_out: Folder for the comparison; None takes every fourth photo of `photos`.
        most_crops: Crops of each, at most.
        size_px: Side of the crops.
        least_db: PSNR to float32 that the worst crop must have.
    """

    photos: Path
    held_out: Path | None = None
    most_crops: int = 120
    size_px: int = 256
    least_db: float = LEAST_PSNR_DB


def quantise_style(style: Style, folder: Path, name: str, options: Int8Options) -> tuple[Quantised, ...]:
    """Writes a style whose network computes in INT8: `model.onnx` and `card.json` with what was measured.

    Args:
        style: The style in float32; its full network is taken.
        folder: The new style's folder; made if it is missing.
        name: The new style's name.
        options: How.

    Returns:
        Parity and speed in each runtime.

    Raises:
        ExportError: There are too few faces, the folder cannot be written, or the result is too far from float32;
            then nothing is written.
        StyleError: The style is damaged.
        BackendError: A runtime is missing.
    """
    calibration, held_out = split_photos(options)
    seen = _crops(calibration, options, options.photos)
    unseen = _crops(held_out, options, options.held_out or options.photos)
    original = verified_model(style)
    contract = style.card.contract
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as unproven:
            model = Path(unproven) / MODEL_FILE
            save_model(quantise(load_model(original), seen, contract), model)
            found = compare(model, original, unseen, contract)
            require_likeness(found, options.least_db)
            card = int8_card(style.card, name, model, found)
            model.replace(folder / MODEL_FILE)
            card.save(folder)
    except OSError as error:
        message = f"cannot write {folder}: {error.strerror}"
        raise ExportError(message, hint="name a folder that you may write") from error
    return found


def split_photos(options: Int8Options) -> tuple[list[Path], list[Path]]:
    """Photos for the ranges and photos for the comparison; none is in both.

    Raises:
        ExportError: A folder has none.
    """
    photos = _mixed(list_photos(options.photos))
    if options.held_out is not None:
        return photos, _mixed(list_photos(options.held_out))
    kept = photos[::HELD_OUT_EVERY]
    return [photo for index, photo in enumerate(photos) if index % HELD_OUT_EVERY], kept


def _mixed(photos: list[Path]) -> list[Path]:
    """The photos in an order that has nothing to do with their names, the same in every run: names group the alike."""
    mixed = list(photos)
    random.Random(0).shuffle(mixed)
    return mixed


def int8_card(card: StyleCard, name: str, model: Path, found: Sequence[Quantised]) -> StyleCard:
    """The card of the quantised style; parity is that of the worst runtime, speed is told for each."""
    figures = dict(card.figures)
    figures["int8_worst_db"] = round(min(one.worst_db for one in found), 1)
    figures["int8_mean_db"] = round(min(one.mean_db for one in found), 1)
    figures |= {f"int8_time_share_{one.runtime}": round(one.ratio.median, 3) for one in found}
    full = card.variant()
    return replace(
        card,
        name=name,
        title=f"{card.title} (INT8)",
        variants=(Variant(FULL, MODEL_FILE, file_sha256(model), full.parameters),),
        figures=figures,
    )


def _crops(photos: list[Path], options: Int8Options, folder: Path) -> list[Image]:
    crops = list(islice(head_crops(photos, options.size_px), options.most_crops))
    if len(crops) < FEWEST_CROPS:
        message = f"{len(crops)} faces were found in the photos of {folder}, {FEWEST_CROPS} are wanted"
        raise ExportError(message, hint="name a folder with more portraits, as varied as the people who will use it")
    return crops
