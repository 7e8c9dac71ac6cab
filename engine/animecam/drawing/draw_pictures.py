"""Draws pictures of any size: a network takes batches of one size."""

from collections.abc import Sequence

from animecam.render.base import Draw
from animecam.types import Image


def draw_pictures(draw: Draw, pictures: Sequence[Image]) -> tuple[Image, ...]:
    """Draws pictures of mixed sizes, those of one size in one go; the result is in the order of the input."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, picture in enumerate(pictures):
        by_size.setdefault(picture.shape, []).append(index)
    drawn: dict[int, Image] = {}
    for indices in by_size.values():
        drawn |= zip(indices, draw([pictures[index] for index in indices]), strict=True)
    return tuple(drawn[index] for index in range(len(pictures)))
