"""Pictures in dim light, and without colour: networks have seen well-lit portraits in colour."""

from collections.abc import Callable, Sequence
from typing import cast

import cv2
import numpy as np

from animecam.types import Image

LIT_LEVEL, LIT_PERCENTILE = 200.0, 99.0
"""The level that this percentile of a well-lit head's luma reaches: white of eyes, teeth, gloss, or a wall behind."""

MOST_GAIN = 8.0
"""Beyond it there is more noise than picture."""

COLORLESS_LEVELS = 2
"""Between the channels of a pixel without colour, by rounding; real pictures have ten times as much somewhere."""

LOOKED_AT_PX = 64
"""Side of the copy that tells of both: noise and single pixels do not count in it."""


def gain_of(picture: Image) -> float:
    """By how much the levels of a picture are to be multiplied for good light, 1 (it is lit) … 8.

    Args:
        picture: RGB, uint8 [H, W, 3].
    """
    level = float(np.percentile(cv2.cvtColor(_small(picture), cv2.COLOR_RGB2GRAY), LIT_PERCENTILE))
    return min(max(LIT_LEVEL / max(level, 1.0), 1.0), MOST_GAIN)


def scaled(picture: Image, gain: float) -> Image:
    """A picture, uint8, whose levels are multiplied, up to 255; the same one where `gain` is 1."""
    return picture if gain == 1.0 else cast(Image, cv2.convertScaleAbs(picture, alpha=gain))


def in_good_light(
    change: Callable[[Sequence[Image], Sequence[Image]], Sequence[Image]],
    pictures: Sequence[Image],
    drawn: Sequence[Image],
) -> tuple[Image, ...]:
    """Drawings as `change` makes them of pictures and drawings in good light, as dim as they were.

    Args:
        change: Takes pictures and their drawings, both lit, and returns other drawings.
        pictures: What was filmed, RGB, uint8 [H, W, 3] each.
        drawn: What was drawn of it, as dim as that.
    """
    gains = [gain_of(picture) for picture in pictures]
    lit = [[scaled(*pair) for pair in zip(some, gains, strict=True)] for some in (pictures, drawn)]
    changed = change(*lit)
    return tuple(scaled(drawing, 1.0 / gain) for drawing, gain in zip(changed, gains, strict=True))


def colored_as(picture: Image, drawing: Image) -> Image:
    """A drawing without colour where its picture has none: of such pictures networks paint lips and eyes cyan.

    Args:
        picture: What was filmed, RGB, uint8 [H, W, 3].
        drawing: What was drawn of it, of the same size.
    """
    red, green, blue = cv2.split(_small(picture))
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    if int(spread.max()) > COLORLESS_LEVELS:
        return drawing
    return cast(Image, cv2.cvtColor(cv2.cvtColor(drawing, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def _small(picture: Image) -> Image:
    return cast(Image, cv2.resize(picture, (LOOKED_AT_PX, LOOKED_AT_PX), interpolation=cv2.INTER_AREA))
