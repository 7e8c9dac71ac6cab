"""What a run starts from: its own last checkpoint, or the weights of a relative."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from animecam_training.errors import CheckpointError
from animecam_training.methods.base import Method
from animecam_training.models.weights import count_context, match_state
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.files import differences
from animecam_training.run.checkpoint import Checkpoint, load_checkpoint
from animecam_training.run.predecessors import Predecessor, read_predecessor

log = logging.getLogger(__name__)

OF_THIS_RUN = "put a copy of it back, or begin in another folder: --out"
FILE_SIZES = "sizes of files"  # among the origins of a checkpoint


def check_recipe(recipe: Recipe, path: Path) -> Checkpoint:
    """The last checkpoint of a run that is to go on with a recipe.

    Raises:
        CheckpointError: It cannot be read, or the run had another recipe.
    """
    checkpoint = load_checkpoint(path, OF_THIS_RUN)
    was = _where_it_lies_now(checkpoint.recipe, recipe, checkpoint.origins)
    if changed := differences(_without_reporting(was), _without_reporting(recipe)):
        raise CheckpointError(
            f"{path} was trained with another recipe: " + "; ".join(changed),
            hint="resume with its own recipe.toml, or start a new run with --from",
        )
    return checkpoint


def go_on(method: Method, recipe: Recipe, path: Path, origins: Mapping[str, str]) -> int:
    """Load the state of a run into a method.

    Args:
        method: As the recipe makes it.
        recipe: Of now.
        path: Last checkpoint of the run.
        origins: What else decides how the run goes on, by name and in words.

    Returns:
        Steps done.

    Raises:
        CheckpointError: It cannot be read, or recipe or origins differ from those of the run.
    """
    checkpoint = check_recipe(recipe, path)
    was = checkpoint.origins
    if other := [f"{name} {was[name]}, now {now}" for name, now in origins.items() if was.get(name, now) != now]:
        raise CheckpointError(
            f"{path} would not go on as the run it is of: " + "; ".join(other),
            hint="give it what it had, or start a new run with --from",
        )
    if not checkpoint.state:
        raise CheckpointError(f"{path} holds weights alone", hint="start a new run with --from")
    method.load_state(checkpoint.state)
    return checkpoint.step


def begin_with(method: Method, path: Path) -> None:
    """Copy the averaged weights of a relative, a checkpoint or a style, into a new method.

    Raises:
        CheckpointError: It cannot be read, or is of another generator altogether.
    """
    predecessor = read_predecessor(path)
    missing = _start_weights(method, predecessor)
    log.info("started from %s, %d tensors new", predecessor.origin, missing)


def _where_it_lies_now(was: Recipe, now: Recipe, origins: Mapping[str, str]) -> Recipe:
    """A recipe as it was, but with the places of now: what the origins tell by its contents may have been moved."""
    teacher = now.teacher if "teacher" in origins else was.teacher
    places = now.data if FILE_SIZES in origins else was.data
    return replace(was, teacher=teacher, data=replace(was.data, photos=places.photos, styles=places.styles))


def _start_weights(method: Method, predecessor: Predecessor) -> int:
    """Copy the averaged weights of a relative into the generator; the number of tensors that keep their fresh values.

    Raises:
        CheckpointError: The weights are of another generator altogether.
    """
    own = method.generator.state_dict()
    known = match_state(own, predecessor.weights)
    if not known:
        raise CheckpointError(
            f"{predecessor.origin} cannot start this generator: no tensor has its name and shape",
            hint='use the same model section, or distil: method = "distill"',
        )
    context = count_context(predecessor.weights)
    if context > count_context(own):
        log.warning(
            "%s sees farther than this generator and draws otherwise without: in [model], context = %d",
            *(predecessor.origin, context),
        )
    method.generator.load_state_dict(own | known)
    for name, value in method.generator.state_dict().items():
        method.average.weights[name].copy_(value)
    return len(own) - len(known)


def _without_reporting(recipe: Recipe) -> Recipe:
    """The recipe without what may change between sessions: how often and what is told, and by how many workers."""
    defaults = Recipe()
    return replace(
        recipe,
        save_every=defaults.save_every,
        grid_every=defaults.grid_every,
        log_every=defaults.log_every,
        validate_every=defaults.validate_every,
        data=replace(
            recipe.data,
            workers=defaults.data.workers,
            samples=defaults.data.samples,
            validation=defaults.data.validation,
            validation_pictures=defaults.data.validation_pictures,
        ),
    )
