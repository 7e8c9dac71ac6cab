"""Draws pictures of any size and light as networks know them: batches of one size, well lit."""

from collections.abc import Sequence

from animecam.render.base import Draw
from animecam.render.light import colored_as, gain_of, scaled
from animecam.types import Image


def draw_pictures(draw: Draw, pictures: Sequence[Image]) -> tuple[Image, ...]:
    """Draws pictures of mixed sizes, those of one size in one go.

    Dim ones are drawn as they would look in good light, and dimmed again; those without colour stay without.

    Args:
        draw: Draws a batch of one size.
        pictures: RGB, uint8 [H, W, 3] each.

    Returns:
        The drawings, in the order of the pictures.
    """
    gains = [gain_of(picture) for picture in pictures]
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, picture in enumerate(pictures):
        by_size.setdefault(picture.shape, []).append(index)
    drawn: dict[int, Image] = {}
    for indices in by_size.values():
        drawn |= zip(indices, draw([scaled(pictures[index], gains[index]) for index in indices]), strict=True)
    return tuple(
        scaled(colored_as(picture, drawn[index]), 1.0 / gain)
        for index, (picture, gain) in enumerate(zip(pictures, gains, strict=True))
    )
