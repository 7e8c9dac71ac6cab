"""Four crops as one: heads as small as they are in a picture of a whole room.

Bochkovskiy, Wang, Liao, "YOLOv4: Optimal Speed and Accuracy of Object Detection", arXiv 2004.10934, 2020, call it a
mosaic; theirs is cut at a random place, here all four are halved.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

ACROSS = 2
TILES = ACROSS * ACROSS


def mosaic_of(crops: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Lays four crops side by side, each at half its size.

    Args:
        crops: Four, with the same names: float32 [C, S, S] each, S even.

    Returns:
        By the same names, float32 [C, S, S].
    """
    rows = [crops[start : start + ACROSS] for start in range(0, TILES, ACROSS)]
    return {
        name: torch.cat([torch.cat([_halved(crop[name]) for crop in row], dim=2) for row in rows], dim=1)
        for name in crops[0]
    }


def _halved(picture: Tensor) -> Tensor:
    return functional.avg_pool2d(picture, 2)
