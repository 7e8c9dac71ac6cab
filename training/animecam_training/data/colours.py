"""Colours of what is put on a photo, chosen at random."""

from collections.abc import Sequence

import numpy as np

from animecam_training.target.geometry import Floats


def choose_colour(
    colours: Sequence[tuple[int, int, int]],
    shares: Sequence[float],
    shades: tuple[float, float],
    rng: np.random.Generator,
) -> Floats:
    """One of several colours, each as often as its share says, made darker or lighter; RGB, 0 … 255."""
    return np.array(colours[int(rng.choice(len(colours), p=shares))]) * rng.uniform(*shades)
