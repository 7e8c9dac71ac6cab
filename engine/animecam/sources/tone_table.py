"""The tables that turn luma and chroma of HDR into those of SDR, in the layout in which OpenCV is quick to look up."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from animecam.color import rgb_to_yuv_matrix, yuv_to_rgb_matrix
from animecam.sources.tone import Light, Transfer, to_sdr
from animecam.types import Color, ColorMatrix

HDR = Color(ColorMatrix.BT2020, full_range=False)
"""What goes in, in 10 bits."""

SDR = Color(ColorMatrix.BT709, full_range=False, primaries=1, transfer=1)
"""What comes out, in 8 bits."""

UNIT = 64
"""Of the tables in one 8-bit code, so that sums are rounded but once."""

_CODES = 1 << 10
_PER_8_BITS = 4  # codes of 10 bits in one of 8
_INDEXES = 1 << 16  # entries of OpenCV's tables for more than 8 bits
_CHROMA_ZERO = _CODES // 2
_WHITE = 255.0
_HEIGHT_PX = 1080  # of any picture: it counts only where no matrix is named

_LUMAS = np.linspace(0, _CODES, 81)  # nodes, between which is interpolated
_CHROMAS = 65  # nodes of blue, and of red while the table is made
_DENSE_CODES = 48.0  # chroma up to this has nodes close together, as dark and pale colours need; then they spread
_REDS = _CODES  # each has its block: OpenCV interpolates in two dimensions, and a code of PQ more is 1.5 % more light
_BLOCKS_ACROSS = 32  # OpenCV looks up in pictures of at most 32767 pixels a side
_CHANNELS = 4  # with three it takes several times as long
_OFFSET = 256 * UNIT  # keeps what colour adds to luma above zero: with signed numbers it takes ten times as long

_KEPT = 2  # tables: the films of a folder are mostly of one kind

_Numbers: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ToneTable:
    """What one curve and one peak make of 10-bit codes.

    Attributes:
        greys: Luma of a grey, in units, less an offset; int16 [65536].
        colors: What colour adds to that, with the offset, then blue, red and nothing, in units; uint16 [H, W, 4]: a
            block of all blues by all lumas for each red.
        luma_x: Column in `colors`; float32 [65536].
        red_x: What is to be added to it, likewise.
        blue_y: Row in `colors`, likewise.
        red_y: What is to be added to it, likewise.
    """

    greys: NDArray[np.int16]
    colors: NDArray[np.uint16]
    luma_x: NDArray[np.float32]
    red_x: NDArray[np.float32]
    blue_y: NDArray[np.float32]
    red_y: NDArray[np.float32]


@lru_cache(maxsize=_KEPT)
def tone_table(transfer: Transfer, peak: float) -> ToneTable:
    """The tables for a film, 43 MB; they take half a second to make, and are shared.

    Args:
        transfer: Its curve.
        peak: Its brightest light in cd/m2.
    """
    codes, zero = np.arange(_CODES), np.array(_CHROMA_ZERO)
    chromas = _chroma_nodes()
    greys = _converted(codes, zero, zero, transfer, peak)[..., 0] - _OFFSET
    colors = _converted(_LUMAS, chromas[:, None], chromas[:, None, None], transfer, peak)
    colors[..., 0] -= np.interp(_LUMAS, codes, greys)
    return ToneTable(
        greys=_by_code(np.rint(greys), np.int16),
        colors=_laid_out(colors, chromas),
        luma_x=_by_code(_place(codes, _LUMAS), np.float32),
        red_x=_by_code(codes % _BLOCKS_ACROSS * len(_LUMAS), np.float32),
        blue_y=_by_code(_place(codes, chromas), np.float32),
        red_y=_by_code(codes // _BLOCKS_ACROSS * _CHROMAS, np.float32),
    )


def _chroma_nodes() -> NDArray[np.float64]:
    """Codes of the nodes of blue and red, rising; no colour is the one in the middle."""
    reach = math.asinh(_CHROMA_ZERO / _DENSE_CODES)
    return _CHROMA_ZERO + _DENSE_CODES * np.sinh(np.linspace(-reach, reach, _CHROMAS))


def _place(codes: _Numbers, nodes: _Numbers) -> _Numbers:
    """Where codes lie among nodes, counted in nodes."""
    return np.interp(codes, nodes, np.arange(len(nodes)))


def _converted(luma: _Numbers, blue: _Numbers, red: _Numbers, transfer: Transfer, peak: float) -> Light:
    """Luma, blue and red in units, [..., 3], of 10-bit codes that are broadcast to one shape."""
    yuv = np.stack(np.broadcast_arrays(luma, blue, red), axis=-1) / _PER_8_BITS
    to_rgb, from_rgb = yuv_to_rgb_matrix(HDR, _HEIGHT_PX), rgb_to_yuv_matrix(SDR, _HEIGHT_PX)
    rgb = to_sdr((yuv @ to_rgb[:, :3].T + to_rgb[:, 3]) / _WHITE, transfer, peak) * _WHITE
    return (rgb @ from_rgb[:, :3].T + from_rgb[:, 3]) * UNIT


def _laid_out(colors: Light, reds: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Nodes [red, blue, luma, 3] as the picture of blocks, with all the reds between the nodes."""
    down, across = _REDS // _BLOCKS_ACROSS, _BLOCKS_ACROSS
    blocks = np.zeros((down, _CHROMAS, across, len(_LUMAS), _CHANNELS), np.uint16)
    for red, place in enumerate(_place(np.arange(_REDS), reds)):
        below, part = int(place), place % 1.0
        nodes = colors[below] + part * (colors[below + 1] - colors[below])
        blocks[red // across, :, red % across, :, :3] = np.rint(nodes)
    return blocks.reshape(down * _CHROMAS, across * len(_LUMAS), _CHANNELS)


def _by_code(values: _Numbers, kind: type[np.int16 | np.float32]) -> _Numbers:
    """Values of all codes as a table for OpenCV; what is no code gets the last one's."""
    return np.pad(values, (0, _INDEXES - _CODES), mode="edge").astype(kind)
