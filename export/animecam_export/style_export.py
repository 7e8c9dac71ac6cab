"""From a checkpoint to a folder that is a style: the network, its card, and the proof that it is the trained one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from animecam.backends.base import BackendChoice
from animecam.errors import StyleError
from animecam.portrait import load_portrait
from animecam.styles.card import FULL, Contract, Rights, StyleCard, Training, Variant
from animecam.styles.card_parser import read_card
from animecam.styles.registry import file_sha256
from animecam_export.checkpoints import TrainedGenerator
from animecam_export.errors import ExportError
from animecam_export.onnx_export import LEAST_PX, OnnxOptions, export_onnx
from animecam_export.parity import PROOF_PX, Parity, Picture, crops_of, measure_parity, require_parity
from animecam_export.placing import files_of, put, remove, unproven_in
from animecam_training.models.generator import SIZE_MULTIPLE

MODEL_FILE = "model.onnx"

RUNTIMES = (BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME)
"""What the export must run on."""


@dataclass(frozen=True, slots=True)
class StyleText:
    """What only its maker can say of a style.

    Attributes:
        name: What the user chooses it by.
        title: For people.
        description: One line.
        rights: Licence, author, data.
        recipe: How it was trained; empty: as the checkpoint says.
        steps: For how long; 0: likewise.
        figures: Measured numbers by name.
    """

    name: str
    title: str
    description: str
    rights: Rights
    recipe: str = ""
    steps: int = 0
    figures: Mapping[str, float] = field(default_factory=dict[str, float])


def export_style(
    trained: TrainedGenerator, folder: Path, text: StyleText, options: OnnxOptions
) -> tuple[StyleCard, Sequence[Parity], Sequence[str]]:
    """Writes `model.onnx` and `card.json` into a folder once both runtimes agree with PyTorch.

    Args:
        trained: The generator.
        folder: The style's folder; made if it is missing, its older networks and card are replaced: smaller ones are
            distilled from the full one, and other forms computed from it.
        text: What goes into the card.
        options: How the network is written.

    Returns:
        The card, how near each runtime is to PyTorch on crops of the bundled portrait, and the files of older networks
        that were removed.

    Raises:
        ExportError: The folder cannot be written, or a runtime computes something else.
        BackendError: A runtime is missing or refuses the network.
    """
    pictures = list(crops_of(load_portrait(), options.fixed_px or PROOF_PX))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot write {folder}: {error.strerror}"
        raise ExportError(message, hint="name a folder that you may write") from error
    with unproven_in(folder) as unproven:
        model = unproven / MODEL_FILE
        export_onnx(trained.module, model, options, trained.provenance)
        parities = prove(trained, model, pictures)
        card = _card(trained, model, text, options)
        older = _older(folder)
        put(card, [MODEL_FILE], unproven, folder)
        removed = remove([file for file in older if file != MODEL_FILE], folder)
    return card, parities, removed


def _older(folder: Path) -> list[str]:
    """The networks' files of the style that is there."""
    try:
        card = read_card(folder)
    except StyleError:  # none is, or nobody knows what belongs to it
        return []
    return [file for variant in card.variants for file in files_of(card, variant.quality)]


def prove(trained: TrainedGenerator, model: Path, pictures: Sequence[Picture]) -> tuple[Parity, ...]:
    """How near each runtime is to PyTorch.

    Raises:
        ExportError: One computes something else.
        BackendError: One is missing or refuses the network.
    """
    parities = tuple(measure_parity(trained.module, model, pictures, runtime) for runtime in RUNTIMES)
    for parity in parities:
        require_parity(parity)
    return parities


def _card(trained: TrainedGenerator, model: Path, text: StyleText, options: OnnxOptions) -> StyleCard:
    return StyleCard(
        name=text.name,
        title=text.title,
        description=text.description,
        contract=Contract(multiple_px=SIZE_MULTIPLE, fixed_px=options.fixed_px, min_px=LEAST_PX),
        rights=text.rights,
        variants=(Variant(FULL, MODEL_FILE, file_sha256(model), trained.parameters),),
        training=training_of(trained, text.recipe, text.steps),
        figures=dict(text.figures),
    )


def training_of(trained: TrainedGenerator, recipe: str, steps: int) -> Training | None:
    """What the card says of a training that is exported today; None where nothing is known.

    Args:
        trained: The generator, whose checkpoint says what its maker does not.
        recipe: How it was trained, as its maker says; empty: as the checkpoint does.
        steps: For how long; 0: likewise.
    """
    recipe, steps = recipe or trained.recipe, steps or trained.steps
    return Training(recipe, steps, datetime.now(UTC).date().isoformat()) if recipe else None
