"""Pictures in dim light, and without colour: networks have seen well-lit portraits in colour."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.pauses import Pausing
from animecam.types import Image

LIT_LEVEL, BRIGHTEST_PX = 200, 42
"""The level that so many pixels of a well-lit head's small copy reach, a hundredth: white of eyes, teeth, gloss, or a
wall behind."""

DARKEST_LEVEL, DARKEST_OF_MIDDLE = 25, 17
"""What does not reach it is lit no more than what does: there is more noise than picture."""

MIDDLE_CENTRE, MIDDLE_RADII = (0.5, 0.52), (0.2, 0.26)
"""An ellipse in which a head's face lies, of the picture's sides, across and down."""

LIT_MIDDLE_LEVEL, BRIGHTEST_OF_MIDDLE_PX = 130, 100
"""The level that so many pixels of a lit face reach, a seventh; where it is darker, light comes from behind, or skin is
dark."""

SHADE = (1.3, 2.0)
"""What is twice as bright as that level of the face is in the light behind it, and left as it is; from 1.3 times on it
is lit less and less. Colours are multiplied, not bent by a curve: eyes and teeth would shine in the dark."""

COLORLESS_LEVELS = 2
"""Between the channels of a pixel without colour, by rounding; real pictures have ten times as much somewhere."""

WHITE = 255.0

LOOKED_AT_PX = 64
"""Side of the copy that tells of light, in `kernels/light.cu` as here: noise and single pixels do not count in it."""

Gains: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Light:
    """How a picture was lit.

    Attributes:
        gain: By how much its levels are to be multiplied for good light, 1 (it is lit) … 8.
        gains: The same, float32 [H, W, 3], where a face lies in the shade of what is behind it; None: it does not.
        is_colorless: Whether no pixel of it has a colour.
    """

    gain: float
    gains: Gains | None
    is_colorless: bool

    @classmethod
    def of(cls, picture: Image) -> Self:
        """The light of a picture, RGB, uint8 [H, W, 3]."""
        small = cv2.resize(picture, (LOOKED_AT_PX, LOOKED_AT_PX), interpolation=cv2.INTER_AREA)
        luma = cast(Image, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        red, green, blue = cv2.split(small)
        spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
        gain = LIT_LEVEL / min(max(_reached(luma, BRIGHTEST_PX), DARKEST_LEVEL), LIT_LEVEL)
        middle = max(_reached(luma[_MIDDLE], BRIGHTEST_OF_MIDDLE_PX), DARKEST_OF_MIDDLE)
        is_shaded = LIT_MIDDLE_LEVEL / middle > gain
        gains = _gains(picture, luma, _gains_by_level(gain, middle)) if is_shaded else None
        return cls(gain, gains, int(spread.max()) <= COLORLESS_LEVELS)

    def lit(self, picture: Image) -> Image:
        """The picture, or a drawing of it, in good light; the same one where it is lit."""
        if self.gains is not None:
            return cast(Image, cv2.multiply(picture, self.gains, dtype=cv2.CV_8U))
        return _scaled(picture, self.gain)

    def dimmed(self, drawing: Image) -> Image:
        """A drawing of the lit picture, as dim as the picture was."""
        if self.gains is not None:
            return cast(Image, cv2.divide(drawing, self.gains, dtype=cv2.CV_8U))
        return _scaled(drawing, 1.0 / self.gain)

    def drawn(self, drawing: Image) -> Image:
        """What a network drew of the lit picture, as dim and as gray: of gray ones it paints lips and eyes cyan."""
        if self.is_colorless:
            drawing = cast(Image, cv2.cvtColor(cv2.cvtColor(drawing, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
        return self.dimmed(drawing)


def in_good_light(
    change: Callable[[Sequence[Image], Sequence[Image]], Pausing[Sequence[Image]]],
    pictures: Sequence[Image],
    drawn: Sequence[Image],
) -> Pausing[tuple[Image, ...]]:
    """Drawings as `change` makes them of pictures and drawings in good light, as dim as they were.

    Args:
        change: Takes pictures and their drawings, both lit, and returns other drawings; may pause.
        pictures: What was filmed, RGB, uint8 [H, W, 3] each.
        drawn: What was drawn of it, as dim as that.
    """
    lights = [Light.of(picture) for picture in pictures]
    lit = [[light.lit(one) for light, one in zip(lights, some, strict=True)] for some in (pictures, drawn)]
    changed = yield from change(*lit)
    return tuple(light.dimmed(drawing) for light, drawing in zip(lights, changed, strict=True))


def _reached(levels: Image, count: int) -> int:
    """The level that so many of some reach."""
    return int(np.partition(levels.reshape(-1), -count)[-count])


def _gains(picture: Image, luma: Image, by_level: Gains) -> Gains:
    """How much each pixel is to be multiplied by, going by the luma around it; nothing gets whiter than white."""
    gains = cv2.resize(cv2.LUT(luma, by_level), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    red, green, blue = cv2.split(picture)
    gains = cv2.min(gains, cv2.LUT(cv2.max(cv2.max(red, green), blue), _UNCLIPPED))
    return cast(Gains, cv2.merge((gains, gains, gains)))


def _gains_by_level(gain: float, middle: int) -> Gains:
    """By how much each level is to be multiplied, float32 [256]: bright ones by `gain`, those of a face to be lit."""
    beyond = np.clip((np.arange(256) / middle - SHADE[0]) / (SHADE[1] - SHADE[0]), 0, 1)
    shade = 1 - beyond**2 * (3 - 2 * beyond)
    return (gain + (LIT_MIDDLE_LEVEL / middle - gain) * shade).astype(np.float32)


def _middle() -> NDArray[np.bool_]:
    places = (np.arange(LOOKED_AT_PX) + 0.5) / LOOKED_AT_PX
    across, down = ((places - at) / radius for at, radius in zip(MIDDLE_CENTRE, MIDDLE_RADII, strict=True))
    return across[None] ** 2 + down[:, None] ** 2 < 1


def _scaled(picture: Image, gain: float) -> Image:
    return picture if gain == 1.0 else cast(Image, cv2.convertScaleAbs(picture, alpha=gain))


_MIDDLE = _middle()
_UNCLIPPED = (WHITE / np.maximum(np.arange(256), 1)).astype(np.float32)
