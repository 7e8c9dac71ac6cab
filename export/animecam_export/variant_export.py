"""Gives a style another network beside its own: a smaller one, distilled from it, for machines without a GPU."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.errors import BackendError
from animecam.measure.networks import REFERENCE_PX, NetworkBench
from animecam.portrait import load_portrait
from animecam.styles.card import FULL, StyleCard, Variant
from animecam.styles.card_parser import read_card
from animecam.styles.registry import Style, file_sha256, verified_half, verified_int8, verified_model
from animecam_export.checkpoints import TrainedGenerator
from animecam_export.errors import ExportError
from animecam_export.onnx_export import OnnxOptions, export_onnx
from animecam_export.parity import PROOF_PX, Parity, crops_of
from animecam_export.placing import files_of, put, remove, unproven_in
from animecam_export.style_export import prove, training_of

COST_SECONDS = 20.0
"""How long the networks of a style are timed beside the reference."""

_COST_DIGITS = 3


@dataclass(frozen=True, slots=True)
class VariantText:
    """What only its maker can say of a network.

    Attributes:
        quality: What the user chooses it by, for instance "lite".
        recipe: How it was trained; empty: as the checkpoint says.
        steps: For how long; 0: likewise.
        figures: Measured numbers by name.
    """

    quality: str
    recipe: str = ""
    steps: int = 0
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


def add_variant(
    trained: TrainedGenerator, folder: Path, text: VariantText, *, cost_s: float | None = None
) -> tuple[StyleCard, Sequence[Parity], Sequence[str]]:
    """Writes a further network of a style, `QUALITY.onnx`, once both runtimes agree with PyTorch.

    All networks of the style are timed beside the reference, in float32: the card then says what each costs.

    Args:
        trained: The generator.
        folder: The style's folder; an older network of that quality is replaced, with its other forms.
        text: What goes into the card.
        cost_s: How long to time; None: COST_SECONDS.

    Returns:
        The new card, how near each runtime is to PyTorch on crops of the bundled portrait, and the files of an older
        network of that quality that were removed.

    Raises:
        StyleError: The folder is no style, or its networks are damaged.
        ExportError: The style takes one size only, its file is another network's, the folder cannot be
            written, or a runtime computes something else.
        BackendError: A runtime is missing or refuses a network.
    """
    card = read_card(folder)
    if text.quality == FULL:
        raise ExportError(f"the {FULL} network is the style itself", hint="animecam-export onnx writes that")
    if card.contract.fixed_px is not None:
        message = f"style {card.name} takes {card.contract.fixed_px} only"
        raise ExportError(message, hint="export it without --size: all its networks share one contract")
    others = [one.quality for one in card.variants if one.quality != text.quality]
    for quality in others:
        if f"{text.quality}.onnx" in files_of(card, quality):
            message = f"{text.quality}.onnx is the {quality} network of style {card.name}"
            raise ExportError(message, hint="choose another --quality, for instance lite")
    for verified, quality in product((verified_model, verified_half, verified_int8), others):
        verified(Style(card, folder, is_bundled=False), quality)
    older = [file for file in files_of(card, text.quality) if file != f"{text.quality}.onnx"]
    kept = [file for quality in others for file in files_of(card, quality)]
    with unproven_in(folder) as unproven:
        model = unproven / f"{text.quality}.onnx"
        export_onnx(trained.module, model, OnnxOptions(), trained.provenance)
        parities = prove(trained, model, list(crops_of(load_portrait(), PROOF_PX)))
        card = _with_variant(card, _variant(trained, model, text))
        for file in kept:
            shutil.copy(folder / file, unproven)
        card = _timed(card, unproven, COST_SECONDS if cost_s is None else cost_s)
        put(card, [model.name], unproven, folder)
        removed = remove(older, folder)
    return card, parities, removed


def _variant(trained: TrainedGenerator, model: Path, text: VariantText) -> Variant:
    return Variant(
        quality=text.quality,
        file=model.name,
        sha256=file_sha256(model),
        parameters=trained.parameters,
        training=training_of(trained, text.recipe, text.steps),
        figures=dict(text.figures),
    )


def _with_variant(card: StyleCard, variant: Variant) -> StyleCard:
    """The card with a network more, in the place of an older one of its quality or as the quickest."""
    others = [other for other in card.variants if other.quality != variant.quality]
    is_new = len(others) == len(card.variants)
    place = len(others) if is_new else [other.quality for other in card.variants].index(variant.quality)
    return replace(card, variants=(*others[:place], variant, *others[place:]))


def _timed(card: StyleCard, folder: Path, cost_s: float) -> StyleCard:
    """The card with what each of its networks costs beside the others."""
    options = BackendOptions(allow_bf16=False, allow_int8=False)
    runtime = BackendChoice.OPENVINO
    cases = [(variant.quality, runtime.value, REFERENCE_PX) for variant in card.variants]
    with ExitStack() as stack:
        bench = NetworkBench(Style(card, folder, is_bundled=False), options, (runtime,), stack)
        for name, problem in bench.refused.items():
            raise BackendError(f"{name} refuses a network of style {card.name}: {problem}")
        times = bench.time(cases, lambda size_px: (size_px, size_px), cost_s)
    costs = {time.quality: round(time.ratio.median, _COST_DIGITS) for time in times}
    return replace(card, variants=tuple(replace(one, cost=costs[one.quality]) for one in card.variants))
