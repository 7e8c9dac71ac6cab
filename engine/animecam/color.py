"""What the numbers of a picture mean as light: luma-chroma to RGB and back, as exact matrices.

The matrices follow from the two luma weights of each standard (ITU-R BT.601-7, BT.709-6, BT.2020-2) and from the code
ranges of ISO/IEC 23091-2 ("narrow" and "full"), both for 8 bits.
"""

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from animecam.types import Color, ColorMatrix

ColorTransform: TypeAlias = NDArray[np.float64]
"""Affine map between code values in [0, 255], float64 [3, 4], applied to column vectors (a, b, c, 1)."""

HD_HEIGHT_PX = 720
"""A stream that names no matrix is taken for BT.709 from this height on, below it for BT.601; players do so."""

CHROMA_ZERO = 128.0
"""Code of a colourless chroma sample, in both ranges."""

NARROW_BLACK = 16.0
"""Luma code of black in narrow ("limited", "tv") range."""

NARROW_LUMA_SPAN = 219.0
"""Luma codes from black to white in narrow range."""

NARROW_CHROMA_SPAN = 224.0
"""Chroma codes from one extreme to the other in narrow range."""

FULL_SPAN = 255.0
"""Codes from one extreme to the other in full ("pc", "jpeg") range, and in RGB."""


class LumaWeights(NamedTuple):
    """Parts of red and blue in luma; green's part is what is left to one."""

    red: float
    blue: float

    @property
    def green(self) -> float:
        """Part of green."""
        return 1.0 - self.red - self.blue


_WEIGHTS: dict[ColorMatrix, LumaWeights] = {
    ColorMatrix.BT601: LumaWeights(0.299, 0.114),
    ColorMatrix.BT709: LumaWeights(0.2126, 0.0722),
    ColorMatrix.BT2020: LumaWeights(0.2627, 0.0593),
}


def resolve_matrix(color: Color, height_px: int) -> ColorMatrix:
    """The matrix of a picture, guessed from its height where the stream does not name one."""
    if color.matrix is not ColorMatrix.UNSPECIFIED:
        return color.matrix
    return ColorMatrix.BT709 if height_px >= HD_HEIGHT_PX else ColorMatrix.BT601


def luma_weights(color: Color, height_px: int) -> LumaWeights:
    """Parts of red, green and blue in the luma of a picture that is `height_px` high."""
    return _WEIGHTS[resolve_matrix(color, height_px)]


@lru_cache(maxsize=32)
def rgb_to_yuv_matrix(color: Color, height_px: int) -> ColorTransform:
    """The map from RGB to luma and chroma.

    Args:
        color: Meaning of the luma and chroma codes.
        height_px: Height of the whole picture (not of a crop), which decides where the matrix is unspecified.

    Returns:
        [3, 4]: `matrix @ (R, G, B, 1)` is (Y, Cb, Cr), all in codes of [0, 255], neither rounded nor clipped; shared
        and read-only.
    """
    weights = luma_weights(color, height_px)
    luma = np.array([weights.red, weights.green, weights.blue])
    # Chroma is blue (red) minus luma, scaled so that the extremes lie at -1/2 and +1/2.
    blue_difference = (np.array([0.0, 0.0, 1.0]) - luma) / (2.0 * (1.0 - weights.blue))
    red_difference = (np.array([1.0, 0.0, 0.0]) - luma) / (2.0 * (1.0 - weights.red))
    luma_span = FULL_SPAN if color.full_range else NARROW_LUMA_SPAN
    chroma_span = FULL_SPAN if color.full_range else NARROW_CHROMA_SPAN
    matrix = np.empty((3, 4), dtype=np.float64)
    matrix[0, :3] = luma * (luma_span / FULL_SPAN)
    matrix[1, :3] = blue_difference * (chroma_span / FULL_SPAN)
    matrix[2, :3] = red_difference * (chroma_span / FULL_SPAN)
    matrix[:, 3] = (0.0 if color.full_range else NARROW_BLACK, CHROMA_ZERO, CHROMA_ZERO)
    return _shared(matrix)


@lru_cache(maxsize=32)
def yuv_to_rgb_matrix(color: Color, height_px: int) -> ColorTransform:
    """The map from luma and chroma to RGB, the inverse of `rgb_to_yuv_matrix`.

    Args:
        color: Meaning of the luma and chroma codes.
        height_px: Height of the whole picture (not of a crop), which decides where the matrix is unspecified.

    Returns:
        [3, 4]: `matrix @ (Y, Cb, Cr, 1)` is (R, G, B), all in codes of [0, 255], neither rounded nor clipped; shared
        and read-only.
    """
    forward = rgb_to_yuv_matrix(color, height_px)
    turn = np.asarray(np.linalg.inv(forward[:, :3]), dtype=np.float64)
    return _shared(np.column_stack((turn, -turn @ forward[:, 3])))


def _shared(matrix: ColorTransform) -> ColorTransform:
    matrix.flags.writeable = False
    return matrix
