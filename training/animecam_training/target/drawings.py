"""The drawings that a recipe can ask for, by name."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animecam_training.errors import needed_packages
from animecam_training.faces import Image, Plane, Points
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.files import flattened, recipe_to_table
from animecam_training.target.anime.draw import draw_anime, draw_character
from animecam_training.target.anime.options import AnimeOptions
from animecam_training.target.anime.shade import shaded
from animecam_training.target.draw import draw_target
from animecam_training.target.flat import draw_flat
from animecam_training.target.options import DRAWING_SECTIONS, FlatOptions
from animecam_training.weights.teachers import describe_teacher, describe_teacher_formerly

if TYPE_CHECKING:
    from animecam_training.metrics.evaluate import Draw

Drawing = Callable[[Image, Points, Plane], Image]
"""Photo, face mesh and person mask to a drawing of the photo's size, as `draw_target` documents them."""


def choose_drawing(recipe: Recipe) -> Drawing:
    """The drawing that pairs of `recipe` are made of; it can be sent to another process.

    "flat" is painted over what the recipe's teacher draws of the photo, where it has one, else over the photo.
    """
    match recipe.drawing:
        case "anime":
            return partial(draw_anime, options=recipe.anime)
        case "portrait":
            return partial(draw_target, options=recipe.target)
        case "flat":
            return partial(_draw_over, teacher=recipe.teacher, options=recipe.flat)
        case "anime-flat":
            return partial(_draw_both, anime=recipe.anime, flat=recipe.flat)


def describe_drawing(recipe: Recipe) -> dict[str, Any]:
    """Everything that changes what `choose_drawing` draws, by the recipe's names."""
    table = recipe_to_table(recipe)
    marks = {"drawing": recipe.drawing} | flattened({name: table[name] for name in DRAWING_SECTIONS[recipe.drawing]})
    if recipe.drawing == "flat":
        marks["teacher"] = describe_teacher(recipe.teacher)
    return marks


def describe_drawing_formerly(recipe: Recipe) -> dict[str, Any]:
    """What folders of earlier versions hold of it in other words."""
    return {"teacher": describe_teacher_formerly(recipe.teacher)} if recipe.drawing == "flat" else {}


def _draw_over(photo: Image, mesh: Points, person: Plane, *, teacher: str, options: FlatOptions) -> Image:
    return draw_flat(_drawn_by(teacher, photo) if teacher else photo, mesh, person, options)


def _drawn_by(teacher: str, photo: Image) -> Image:
    with needed_packages():
        from animecam_training.metrics.evaluate import stylize_images  # torch: seconds in every process

    return stylize_images(_opened(teacher), [photo])[0]


def _draw_both(photo: Image, mesh: Points, person: Plane, *, anime: AnimeOptions, flat: FlatOptions) -> Image:
    character = draw_character(photo, mesh, person, anime)
    return shaded(draw_flat(character.picture, mesh, person, flat), character.shade, anime.shade)


@cache
def _opened(teacher: str) -> "Draw":
    """One a process: opening a network takes longer than a picture."""
    from animecam_training.weights.measured import open_style  # torch, too

    return open_style(Path(teacher)).draw
