"""The drawings that a recipe can ask for, by name."""

from collections.abc import Callable
from functools import partial

from animecam_training.faces import Image, Plane, Points
from animecam_training.target.anime.draw import draw_anime
from animecam_training.target.anime.options import AnimeOptions
from animecam_training.target.draw import draw_target
from animecam_training.target.options import DrawingName, TargetOptions

Drawing = Callable[[Image, Points, Plane], Image]
"""Photo, face mesh and person mask to a drawing of the photo's size, as `draw_target` documents them."""


def choose_drawing(name: DrawingName, portrait: TargetOptions, anime: AnimeOptions) -> Drawing:
    """The drawing `name` with its options; it can be sent to another process."""
    if name == "anime":
        return partial(draw_anime, options=anime)
    return partial(draw_target, options=portrait)
