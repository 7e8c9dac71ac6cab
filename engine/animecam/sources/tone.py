"""How an HDR picture looks on an SDR screen: signals of ITU-R BT.2100 (HLG and PQ) to signals of BT.709.

What an HDR screen would show is taken down to what an SDR screen can (display-referred, as in BT.2408): HDR reference
white, 203 cd/m2, is where SDR white is, and all that is darker keeps its look. Highlights roll off above a knee, and
colours that BT.709 does not have are drawn in to its edge. Both are done by the largest of red, green and blue, so that
hues stay.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Light: TypeAlias = NDArray[np.float64]
"""Red, green and blue, float64 [..., 3]: signals in [0, 1], or light in units of HDR reference white."""

REFERENCE_WHITE = 203.0  # cd/m2 of diffuse white in HDR, 75 % of an HLG signal (BT.2408)
HLG_PEAK = 1000.0  # cd/m2 of the screen for which HLG is mastered: its gamma is 1.2
PQ_PEAK = 1000.0  # cd/m2 where a PQ film does not say for what screen it was mastered
PQ_SCALE = 10_000.0  # cd/m2 of a PQ signal of 1
SDR_GAMMA = 2.4  # of an SDR screen (BT.1886)

KNEE = 0.87  # SDR signal from which light is compressed; white comes out at 0.94, and highlights above it still differ
GAMUT_KNEE = 0.95  # saturation from which colours are drawn in; those on the edge of BT.709, at 1, lose next to nothing
MOST_SATURATION = 1.79  # of a colour on the edge of BT.2020

_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2
_HLG_MOST = 1.1  # above what the codes of narrow range can say
_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 32
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 128, 2392 / 128
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])  # of the primaries of BT.2020
_TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
)  # linear light of BT.2020 to that of BT.709 (BT.2087 turned round)
_TOE = 0.003  # of the light: below it saturation is linear, as roots are too steep at zero, where the colours end
_DARKEST = 1e-9  # keeps divisions finite; no screen shows it


class Transfer(IntEnum):
    """Curves of HDR; values are those of ISO/IEC 23091-2."""

    PQ = 16
    HLG = 18


def to_sdr(signal: Light, transfer: Transfer, peak: float) -> Light:
    """Signals of BT.709 that look like signals of BT.2100.

    Args:
        signal: Red, green and blue of BT.2020 as they are stored; what lies outside [0, 1] is clipped.
        transfer: Their curve.
        peak: Brightest light of the film in cd/m2, which comes out as SDR white.

    Returns:
        In [0, 1].
    """
    light = _LIGHT[transfer](signal) @ _TO_BT709.T
    top = np.maximum(light.max(axis=-1, keepdims=True), _DARKEST)
    brightness = rolled_off(top ** (1 / SDR_GAMMA), KNEE, (peak / REFERENCE_WHITE) ** (1 / SDR_GAMMA))
    return np.clip(brightness * _drawn_in(light / top) ** (1 / SDR_GAMMA), 0.0, 1.0)


def rolled_off(value: Light, knee: float, most: float) -> Light:
    """Values as they are below a knee and bent smoothly above it, so that `most` becomes 1."""
    room = 1.0 - knee
    reach = max((most - knee) / room, 1.0)  # 1: there is nothing to compress
    above = np.maximum(value - knee, 0.0) / room
    # Begins with slope 1 and comes to 1 at `reach`: the curve of Reinhard et al., Photographic Tone Reproduction, 2002.
    return np.minimum(value, knee) + room * above * (1.0 + above / reach**2) / (1.0 + above)


def _drawn_in(light: Light) -> Light:
    """Light whose largest part is 1, with what is below zero, as BT.709 has no such colour, drawn up to it."""
    least, scale = _TOE ** (1 / SDR_GAMMA), (1.0 + _TOE) ** (1 / SDR_GAMMA) - _TOE ** (1 / SDR_GAMMA)
    parts = np.sign(light) * ((np.abs(light) + _TOE) ** (1 / SDR_GAMMA) - least) / scale
    saturation = np.maximum(1.0 - parts.min(axis=-1, keepdims=True), _DARKEST)
    parts = 1.0 - (1.0 - parts) * (rolled_off(saturation, GAMUT_KNEE, MOST_SATURATION) / saturation)
    return np.maximum((np.maximum(parts, 0.0) * scale + least) ** SDR_GAMMA - _TOE, 0.0)


def _hlg_light(signal: Light) -> Light:
    signal = np.clip(signal, 0.0, _HLG_MOST)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    luminance = np.maximum(scene @ _LUMINANCE, _DARKEST)[..., None]
    return scene * luminance ** (_HLG_GAMMA - 1.0) * (HLG_PEAK / REFERENCE_WHITE)


def _pq_light(signal: Light) -> Light:
    power = np.clip(signal, 0.0, 1.0) ** (1 / _PQ_M2)
    light = np.maximum(power - _PQ_C1, 0.0) / (_PQ_C2 - _PQ_C3 * power)
    return light ** (1 / _PQ_M1) * (PQ_SCALE / REFERENCE_WHITE)


_LIGHT: dict[Transfer, Callable[[Light], Light]] = {Transfer.PQ: _pq_light, Transfer.HLG: _hlg_light}
