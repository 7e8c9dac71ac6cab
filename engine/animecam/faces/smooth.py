"""One-Euro filter: heavy smoothing while a signal rests, little lag while it moves.

Casiez, Roussel, Vogel: "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems",
CHI 2012. Written from the paper, for vectors and uneven time steps.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
"""A signal's value, float64 [K]."""


@dataclass(frozen=True, slots=True)
class OneEuroOptions:
    """How a signal is smoothed.

    Attributes:
        min_cutoff_hz: Cut-off frequency at rest; lower is steadier.
        beta: Hertz of cut-off gained for each unit a second of speed; higher lags less.
        derivative_cutoff_hz: Cut-off frequency of the speed estimate.
    """

    min_cutoff_hz: float
    beta: float
    derivative_cutoff_hz: float = 1.0


@dataclass(frozen=True, slots=True)
class OneEuroState:
    """What the filter remembers of a signal.

    Attributes:
        time_s: When the last sample was taken.
        raw: The last sample.
        value: The smoothed signal.
        speed: Its smoothed derivative in the signal's own units a second.
    """

    time_s: float
    raw: Vector
    value: Vector
    speed: Vector


def start(value: Vector, time_s: float) -> OneEuroState:
    """The state after a first sample: the sample itself, at rest."""
    value = value.astype(np.float64)
    return OneEuroState(time_s, value, value, np.zeros(value.shape, dtype=np.float64))


def advance(
    state: OneEuroState, value: Vector, time_s: float, options: OneEuroOptions, unit: float = 1.0
) -> OneEuroState:
    """Takes one more sample.

    The cut-off follows the length of the velocity vector, so that a point is smoothed alike in all directions.

    Args:
        state: What the previous sample left.
        value: The new sample, [K].
        time_s: When it was taken; a sample that is not newer than the last one is ignored.
        options: How to smooth.
        unit: Size of one unit of `options.beta` in the signal's units, such as the pixels of one face.

    Returns:
        The new state; its `value` is the filter's output.
    """
    step_s = time_s - state.time_s
    if step_s <= 0:
        return state
    rate = (value - state.raw) / step_s  # from raw to raw: the smoothed value lags, which would read as more speed
    speed = state.speed + _share(options.derivative_cutoff_hz, step_s) * (rate - state.speed)
    cutoff_hz = options.min_cutoff_hz + options.beta * float(np.linalg.norm(speed)) / unit
    smooth = state.value + _share(cutoff_hz, step_s) * (value - state.value)
    return OneEuroState(time_s, value, smooth, speed)


def _share(cutoff_hz: float, step_s: float) -> float:
    """Weight of a new sample in a first-order low-pass (the paper's alpha)."""
    return 1.0 / (1.0 + 1.0 / (2.0 * pi * cutoff_hz * step_s))
