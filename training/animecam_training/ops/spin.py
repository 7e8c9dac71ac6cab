"""Cycle spinning: Coifman, Donoho, "Translation-Invariant De-Noising", Wavelets and Statistics, 1995."""

from collections.abc import Callable

import torch
from torch import Tensor

SHIFTS_PX = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Down and to the right; both phases of a pattern that repeats every two pixels, in each direction."""


def cycle_spin(draw: Callable[[Tensor], Tensor], picture: Tensor) -> Tensor:
    """The mean of what is drawn of a picture and of its copies moved by a pixel, moved back.

    What belongs to the grid of pixels and not to the picture cancels: discriminators that look at features of half the
    resolution leave stripes of two pixels, which no filter takes out without the lines.

    Args:
        draw: Pictures [N, 3, H, W] to drawings of their size.
        picture: [N, 3, H, W]; it is moved in a circle.

    Returns:
        [N, 3, H, W].
    """
    moved = [torch.roll(draw(torch.roll(picture, (y, x), (2, 3))), (-y, -x), (2, 3)) for y, x in SHIFTS_PX]
    return torch.stack(moved).mean(0)
