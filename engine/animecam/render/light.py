"""Pictures in dim light, and without colour: networks have seen well-lit portraits in colour."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, cast

import cv2
import numpy as np

from animecam.types import Image

LIT_LEVEL, BRIGHTEST_PX = 200, 42
"""The level that so many pixels of a well-lit head's small copy reach, a hundredth: white of eyes, teeth, gloss, or a
wall behind."""

DARKEST_LEVEL = 25
"""What does not reach it is lit no more than what does: there is more noise than picture."""

COLORLESS_LEVELS = 2
"""Between the channels of a pixel without colour, by rounding; real pictures have ten times as much somewhere."""

LOOKED_AT_PX = 64
"""Side of the copy that tells of both, in `kernels/light.cu` as here: noise and single pixels do not count in it."""


@dataclass(frozen=True, slots=True)
class Light:
    """How a picture was lit.

    Attributes:
        gain: By how much its levels are to be multiplied for good light, 1 (it is lit) … 8.
        is_colorless: Whether no pixel of it has a colour.
    """

    gain: float
    is_colorless: bool

    @classmethod
    def of(cls, picture: Image) -> Self:
        """The light of a picture, RGB, uint8 [H, W, 3]."""
        small = cv2.resize(picture, (LOOKED_AT_PX, LOOKED_AT_PX), interpolation=cv2.INTER_AREA)
        luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).reshape(-1)
        level = min(max(int(np.partition(luma, -BRIGHTEST_PX)[-BRIGHTEST_PX]), DARKEST_LEVEL), LIT_LEVEL)
        red, green, blue = cv2.split(small)
        spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
        return cls(LIT_LEVEL / level, int(spread.max()) <= COLORLESS_LEVELS)

    def lit(self, picture: Image) -> Image:
        """The picture, or a drawing of it, in good light; the same one where it is lit."""
        return _scaled(picture, self.gain)

    def dimmed(self, drawing: Image) -> Image:
        """A drawing of the lit picture, as dim as the picture was."""
        return _scaled(drawing, 1.0 / self.gain)

    def drawn(self, drawing: Image) -> Image:
        """What a network drew of the lit picture, as dim and as gray: of gray ones it paints lips and eyes cyan."""
        if self.is_colorless:
            drawing = cast(Image, cv2.cvtColor(cv2.cvtColor(drawing, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
        return self.dimmed(drawing)


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
    lights = [Light.of(picture) for picture in pictures]
    lit = [[light.lit(one) for light, one in zip(lights, some, strict=True)] for some in (pictures, drawn)]
    return tuple(light.dimmed(drawing) for light, drawing in zip(lights, change(*lit), strict=True))


def _scaled(picture: Image, gain: float) -> Image:
    return picture if gain == 1.0 else cast(Image, cv2.convertScaleAbs(picture, alpha=gain))
