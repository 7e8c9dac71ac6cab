"""Sides of crops that the generators of this project take."""

import click

from animecam_training.recipe.rules import SIZE_MULTIPLE, SMALLEST_CROP_PX


def crop_side(_context: click.Context, _option: click.Parameter, size_px: int) -> int:
    """A side that every generator takes, as the callback of an option."""
    if size_px < SMALLEST_CROP_PX or size_px % SIZE_MULTIPLE:
        raise click.BadParameter(f"{size_px} is no multiple of {SIZE_MULTIPLE} from {SMALLEST_CROP_PX}")
    return size_px
