"""Gives a style the fp16 form of its network, once it draws the same."""

# pyright: reportUnknownMemberType=false
# onnx is typed in part only.

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import onnx
from torch import nn

from animecam.backends.base import BackendChoice
from animecam.portrait import load_portrait
from animecam.styles.card import FULL, NetworkForm, StyleCard, Variant
from animecam.styles.card_parser import read_card
from animecam.styles.registry import file_sha256
from animecam_export.errors import ExportError
from animecam_export.half import to_half
from animecam_export.parity import (
    LEAST_HALF_PSNR_DB,
    PROOF_PX,
    Parity,
    Picture,
    compare_networks,
    crops_of,
    extremes,
    measure_parity,
)
from animecam_export.placing import put, unproven_in
from animecam_export.reading import load_model

HALF_SUFFIX = ".fp16.onnx"

_DB_DIGITS = 1


def add_half(folder: Path, generator: nn.Module | None = None, quality: str = FULL) -> tuple[StyleCard, Parity]:
    """Writes the fp16 form of a style's network beside its fp32 one and names it in the card.

    Args:
        folder: The style's folder, with an fp32 network of this package.
        generator: What was trained, to compare with; None compares with the style's fp32 network.
        quality: Which of its networks.

    Returns:
        The new card, and how near the network is on crops of the bundled portrait.

    Raises:
        StyleError: The folder is no style, or has no network of that quality.
        ExportError: The network is none of ours, draws something else in half, or the folder cannot be written.
    """
    card = read_card(folder)
    variant = card.variant(quality)
    reference = folder / variant.file
    if card.contract.fixed_px is not None:
        message = f"style {card.name} takes {card.contract.fixed_px} only"
        raise ExportError(message, hint="export it without --size: engines are built for each size")
    file = reference.stem + HALF_SUFFIX
    model = to_half(_read(reference))
    with unproven_in(folder) as unproven:
        half = unproven / file
        onnx.save(model, half)
        parity = _proved(reference, half, generator)
        named = NetworkForm(file, file_sha256(half), round(parity.psnr_db, _DB_DIGITS))
        card = replace(card, variants=_with_half(card.variants, named, quality))
        put(card, [file], unproven, folder)
    return card, parity


def _read(reference: Path) -> onnx.ModelProto:
    model = load_model(reference)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"{reference} is no valid network", hint="export the style again") from error
    return model


def _proved(reference: Path, half: Path, generator: nn.Module | None) -> Parity:
    pictures: Sequence[Picture] = list(crops_of(load_portrait(), PROOF_PX))
    if generator is None:
        parity = compare_networks(reference, half, pictures)
    else:
        parity = measure_parity(generator, half, pictures, BackendChoice.ONNXRUNTIME)
    _require("the portrait", parity)
    for name, picture in extremes(PROOF_PX).items():
        _require(f"a {name} picture", compare_networks(reference, half, [picture]))
    return parity


def _require(picture: str, parity: Parity) -> None:
    if not parity.psnr_db >= LEAST_HALF_PSNR_DB:  # so written that a NaN is refused
        message = f"in half precision {picture} comes out wrong: {parity.psnr_db:.1f} dB"
        raise ExportError(message, hint="keep the style in fp32, or train it longer")


def _with_half(variants: Sequence[Variant], half: NetworkForm, quality: str) -> tuple[Variant, ...]:
    return tuple(replace(variant, half=half) if variant.quality == quality else variant for variant in variants)
