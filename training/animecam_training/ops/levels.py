"""From values to the levels that files store and that published metrics take."""

import torch
from torch import Tensor

HALF_RANGE = 127.5
"""Levels of a byte in a unit of pictures in [-1, 1]."""


def to_levels(pictures: Tensor) -> Tensor:
    """Pictures of any shape, values in [-1, 1], as uint8 of the same shape on the same device; others are clipped."""
    return ((pictures + 1) * HALF_RANGE).round().clamp(0, 255).to(torch.uint8)
