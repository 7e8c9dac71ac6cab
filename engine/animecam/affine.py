"""Affine maps between pictures, float64 [2, 3], in continuous pixel coordinates (see types.py)."""

from typing import cast

import cv2

from animecam.types import Affine, Box


def from_centres(affine: Affine) -> Affine:
    """The same map between positions counted from the middle of the first pixel, as OpenCV and indices count."""
    moved = affine.copy()
    moved[:, 2] += affine[:, :2] @ (0.5, 0.5) - 0.5
    return moved


def bounding_box(affine: Affine, box: Box) -> Box:
    """The smallest upright box around the image of `box` under an affine map."""
    edges: list[tuple[float, float]] = []  # in plain numbers: arrays of four take ten times as long
    for across, down, shift in affine.tolist():
        by_x = sorted((across * box.left, across * box.right))
        by_y = sorted((down * box.top, down * box.bottom))
        edges.append((by_x[0] + by_y[0] + shift, by_x[1] + by_y[1] + shift))
    (left, right), (top, bottom) = edges
    return Box(left, top, right, bottom)


def invert(affine: Affine) -> Affine:
    """The map that takes back what `affine` does."""
    return cast(Affine, cv2.invertAffineTransform(affine))


def chain(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner` first, then `outer`."""
    joined = outer[:, :2] @ inner
    joined[:, 2] += outer[:, 2]
    return joined
