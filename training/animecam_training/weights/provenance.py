"""What weights were made of and by what, as a checkpoint tells it, and as an exported network goes on to tell it."""

# pyright: reportUnknownMemberType=false
# onnx is typed in part only.

from dataclasses import replace
from pathlib import Path

from animecam_training.errors import CheckpointError
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run.checkpoint import Checkpoint, load_checkpoint
from animecam_training.weights.from_onnx import read_network
from animecam_training.weights.metadata import PREFIX
from animecam_training.weights.teachers import OF_A_STYLE, network_of

ONNX_SUFFIX = ".onnx"
RECIPE = "recipe"


def provenance_of(checkpoint: Checkpoint) -> dict[str, str]:
    """What a checkpoint tells of its weights, by name and in words; of folders their names alone: others will read it.

    The recipe is there as TOML, under `RECIPE`.
    """
    return _facts_of(checkpoint) | {RECIPE: recipe_to_toml(_without_places(checkpoint.recipe))}


def show_weights(path: Path) -> str:
    """What weights were made of, as a recipe in TOML with all else in comments before it.

    Args:
        path: A checkpoint, an exported network or a style's folder.

    Raises:
        CheckpointError: It cannot be read, or tells nothing.
    """
    path = network_of(path)
    if path.suffix.lower() == ONNX_SUFFIX:
        facts = _read_provenance(path)
        recipe = facts.pop(RECIPE)
    else:
        checkpoint = load_checkpoint(path, OF_A_STYLE)
        facts, recipe = _facts_of(checkpoint), recipe_to_toml(checkpoint.recipe)
    return "\n".join([*(f"# {name}: {words}" for name, words in facts.items()), recipe]).rstrip("\n")


def _facts_of(checkpoint: Checkpoint) -> dict[str, str]:
    figures = {name: f"{figure:.4f}" for name, figure in checkpoint.figures.items()}
    return {"step": str(checkpoint.step), **figures, **checkpoint.origins, **checkpoint.made_with}


def _without_places(recipe: Recipe) -> Recipe:
    """The recipe with the last part of each path alone: the others say where somebody lives on his disk."""
    data = recipe.data
    places = ("photos", "styles", "samples", "validation")
    named = replace(data, **{place: Path(getattr(data, place)).name for place in places})
    teacher, features = Path(recipe.teacher).name, Path(recipe.features_weights).name
    return replace(recipe, data=named, teacher=teacher, features_weights=features)


def _read_provenance(path: Path) -> dict[str, str]:
    model = read_network(path)
    found = {prop.key.removeprefix(PREFIX): prop.value for prop in model.metadata_props if prop.key.startswith(PREFIX)}
    if RECIPE not in found:
        hint = "name last.pt of its run; what animecam-export writes from one tells it, too"
        raise CheckpointError(f"{path} does not tell how it was trained", hint=hint)
    return found
