"""Gives a style its networks in INT8, once they are near enough to float32 on photos they were not calibrated on."""

import random
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path

from animecam.errors import UsageError
from animecam.styles.card import Contract, NetworkForm, StyleCard
from animecam.styles.card_parser import read_card
from animecam.styles.registry import Style, file_sha256, verified_model
from animecam.types import Image
from animecam_export.errors import ExportError
from animecam_export.head_crops import head_crops, list_photos, sitter
from animecam_export.int8 import LEAST_PSNR_DB, Quantised, compare, quantise, require_likeness, save_model
from animecam_export.placing import put, unproven_in
from animecam_export.reading import load_model

INT8_SUFFIX = ".int8.onnx"
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
        quality: Which of the style's networks; None: all of them.

    Raises:
        UsageError: The crops are too few to say anything.
    """

    photos: Path
    held_out: Path | None = None
    most_crops: int = 120
    size_px: int = 256
    least_db: float = LEAST_PSNR_DB
    quality: str | None = None

    def __post_init__(self) -> None:
        if self.most_crops < FEWEST_CROPS:
            raise UsageError(
                f"{self.most_crops} crops are too few", hint=f"{FEWEST_CROPS} are the least, 120 are usual"
            )


def add_int8(folder: Path, options: Int8Options) -> tuple[StyleCard, dict[str, tuple[Quantised, ...]]]:
    """Writes the INT8 form of networks of a style beside them, and names them in the card.

    Args:
        folder: The style's folder.
        options: How.

    Returns:
        The new card, and by quality what was measured in each runtime.

    Raises:
        ExportError: The style has no network of that quality, there are too few faces, the folder cannot be written,
            or the result is too far from float32; then the style stays as it was.
        StyleError: The style is damaged.
        BackendError: A runtime is missing.
    """
    card = read_card(folder)
    chosen = tuple(one for one in card.variants if options.quality in {None, one.quality})
    if not chosen:
        hint = f"it has: {', '.join(one.quality for one in card.variants)}; without --quality all get one"
        raise ExportError(f"style {card.name} has no {options.quality} network", hint=hint)
    style = Style(card, folder, is_bundled=False)
    calibration, held_out = split_photos(options)
    options = replace(options, size_px=crop_side(card.contract, options.size_px))
    seen = _crops(calibration, options, f"photos of {options.photos} for the ranges")
    unseen = _crops(held_out, options, f"photos of {options.held_out or options.photos} for the comparison")
    found: dict[str, tuple[Quantised, ...]] = {}
    forms: dict[str, NetworkForm] = {}
    with unproven_in(folder) as unproven:
        for variant in chosen:
            original = verified_model(style, variant.quality)
            model = unproven / f"{original.stem}{INT8_SUFFIX}"
            save_model(quantise(load_model(original), seen, card.contract), model)
            found[variant.quality] = compare(model, original, unseen, card.contract)
            require_likeness(found[variant.quality], options.least_db)
            worst_db = round(min(one.worst_db for one in found[variant.quality]), 1)
            forms[variant.quality] = NetworkForm(model.name, file_sha256(model), worst_db)
        variants = (replace(one, int8=forms.get(one.quality, one.int8)) for one in card.variants)
        card = replace(card, variants=tuple(variants))
        put(card, [form.file for form in forms.values()], unproven, folder)
    return card, found


def crop_side(contract: Contract, wanted_px: int) -> int:
    """The side of square crops that a network takes: its own, or what is wanted, rounded up to what it can.

    Raises:
        ExportError: It takes one size, which is no square.
    """
    if contract.fixed_px is not None:
        height_px, width_px = contract.fixed_px
        if height_px != width_px:
            message = f"the network takes {width_px}x{height_px} pixels only, and heads are square"
            raise ExportError(message, hint="export it without --size, or for a square")
        return width_px
    least_px = max(wanted_px, contract.min_px)
    side_px = ceil(least_px / contract.multiple_px) * contract.multiple_px
    if contract.max_px is None:
        return side_px
    return min(side_px, contract.max_px // contract.multiple_px * contract.multiple_px)


def split_photos(options: Int8Options) -> tuple[list[Path], list[Path]]:
    """Photos for the ranges and photos for the comparison; none is in both, nor another crop of the same photo.

    Raises:
        ExportError: A folder has none.
    """
    photos = _mixed(list_photos(options.photos))
    if options.held_out is not None:
        named = _mixed(list_photos(options.held_out))
        theirs = {sitter(one.resolve()) for one in named}  # a folder may lie inside the other one
        return [one for one in photos if sitter(one.resolve()) not in theirs], named
    kept = set(list(dict.fromkeys(map(sitter, photos)))[::HELD_OUT_EVERY])
    return [one for one in photos if sitter(one) not in kept], [one for one in photos if sitter(one) in kept]


def _mixed(photos: list[Path]) -> list[Path]:
    """The photos in an order that has nothing to do with their names, the same in every run: names group the alike."""
    mixed = list(photos)
    random.Random(0).shuffle(mixed)
    return mixed


def _crops(photos: list[Path], options: Int8Options, which: str) -> list[Image]:
    crops = list(islice(head_crops(photos, options.size_px), options.most_crops))
    if len(crops) < FEWEST_CROPS:
        message = f"{len(crops)} faces were found in the {len(photos)} {which}, {FEWEST_CROPS} are wanted"
        hint = "name a folder with more portraits, as varied as the people who will use it"
        if options.held_out is None:
            hint += "; --held-out names another one for the comparison, which else takes a fourth of --photos"
        raise ExportError(message, hint=hint)
    return crops
