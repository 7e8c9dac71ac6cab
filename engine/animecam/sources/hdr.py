"""HDR films (HLG and PQ) as SDR ones of BT.709, made where they are decoded: styles and most screens know no other.

Looking up each pixel in a table of three dimensions would take 70 ms for a frame of 1080p. Chroma is stored at a
quarter of the pixels, so only there the table is asked; luma takes the curve of greys, pixel by pixel, and what colour
adds to that, which the table says, too, is spread over it. That is exact for greys and wherever colour is smooth.
"""

import struct
from collections.abc import Sequence
from typing import Any

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from animecam.sources.side_data import side_data
from animecam.sources.tone import HLG_PEAK, PQ_PEAK, PQ_SCALE, REFERENCE_WHITE, Transfer
from animecam.sources.tone_table import SDR, UNIT, ToneTable, tone_table
from animecam.types import Color, ColorMatrix, Plane

_STORED = "yuv420p10le"  # what the tables are for; other formats are brought to it
_MADE = "yuv420p"
_SCREEN = struct.Struct("=64x6i")  # of libavutil: its colours, its darkest and its brightest light, which are known
_BRIGHTEST = struct.Struct("=2I")  # likewise: light of a pixel, and of a frame on average


def hdr_transfer(color: Color) -> Transfer | None:
    """The curve of an HDR picture; None if it is SDR."""
    return Transfer(color.transfer) if color.transfer in tuple(Transfer) else None


class ToSdr:
    """Turns HDR frames of one film into SDR frames: BT.709, narrow range, yuv420p.

    Args:
        threads: Threads of a conversion to 10 bits, 0 lets it choose.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._reformatter = VideoReformatter()
        self._tables: dict[Transfer, ToneTable] = {}
        self._dither = _dither((0, 0))

    def __call__(self, frame: av.VideoFrame, color: Color, transfer: Transfer) -> av.VideoFrame:
        """The frame in SDR, in memory of its own and without side data.

        Args:
            frame: As decoded, wherever it lies.
            color: Meaning of its numbers.
            transfer: Its curve.
        """
        table = self._tables.get(transfer)
        if table is None:  # one film has one peak: what it says on the way would be seen as flicker
            table = self._tables[transfer] = tone_table(transfer, _peak(frame, transfer))
        made = av.VideoFrame(frame.width, frame.height, _MADE)
        made.colorspace, made.color_range = SDR.matrix, ColorRange.MPEG
        made.color_primaries, made.color_trc = SDR.primaries, SDR.transfer
        stored = self._stored(frame, color)
        self._convert(table, [_codes(plane) for plane in stored.planes], [_bytes(plane) for plane in made.planes])
        return made

    def _stored(self, frame: av.VideoFrame, color: Color) -> av.VideoFrame:
        """The frame in the format, range and matrix that the tables are for."""
        matrix = ColorMatrix.BT2020 if color.matrix is ColorMatrix.UNSPECIFIED else color.matrix
        if frame.format.name == _STORED and not color.full_range and matrix is ColorMatrix.BT2020:
            return frame
        return self._reformatter.reformat(
            frame,
            format=_STORED,
            src_colorspace=matrix,
            dst_colorspace=ColorMatrix.BT2020,
            src_color_range=ColorRange.JPEG if color.full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            threads=1 if frame.width % 2 else self._threads,  # as in `pixels`
        )

    def _convert(self, table: ToneTable, stored: Sequence[NDArray[np.uint16]], made: Sequence[Plane]) -> None:
        luma, blue, red = stored
        if self._dither.shape != luma.shape:
            self._dither = _dither(luma.shape)
        average = cv2.resize(luma, blue.shape[::-1], interpolation=cv2.INTER_AREA)
        across = cv2.add(cv2.LUT(average, table.luma_x), cv2.LUT(red, table.red_x))
        down = cv2.add(cv2.LUT(blue, table.blue_y), cv2.LUT(red, table.red_y))
        added, new_blue, new_red, _ = cv2.split(cv2.remap(table.colors, across, down, cv2.INTER_LINEAR))
        new_luma = cv2.resize(added.view(np.int16), luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
        cv2.add(new_luma, cv2.LUT(luma, table.greys), new_luma)
        cv2.add(new_luma, self._dither, new_luma)
        for units, plane in zip((new_luma, new_blue, new_red), made, strict=True):
            cv2.convertScaleAbs(units, plane, 1 / UNIT)


def _peak(frame: av.VideoFrame, transfer: Transfer) -> float:
    """Brightest light of a film in cd/m2: of the screen that it was mastered for, or of its pixels if that is less."""
    if transfer is Transfer.HLG:
        return HLG_PEAK
    peak = PQ_PEAK
    if (screen := side_data(frame, "MASTERING_DISPLAY_METADATA")) is not None:
        *_, light, unit, _, is_known = _SCREEN.unpack(screen)
        peak = light / unit if is_known and unit else peak
    if (brightest := side_data(frame, "CONTENT_LIGHT_LEVEL")) is not None:
        of_a_pixel, _ = _BRIGHTEST.unpack(brightest)
        peak = min(peak, of_a_pixel or peak)
    return min(max(peak, REFERENCE_WHITE), PQ_SCALE)


def _dither(shape: tuple[int, ...]) -> NDArray[np.int16]:
    """What is added to luma before it is rounded, so that slopes show no steps: Bayer's pattern, less than one code."""
    pattern = np.zeros((1, 1), np.int16)
    while pattern.size < UNIT:
        pattern = np.block([[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]])
    side = len(pattern)
    height_px, width_px = shape
    tiles = np.tile(pattern - UNIT // 2, (height_px // side + 1, width_px // side + 1))
    return np.ascontiguousarray(tiles[:height_px, :width_px])


def _codes(plane: VideoPlane) -> NDArray[np.uint16]:
    return _rows(plane, np.uint16)[:, : plane.width]


def _bytes(plane: VideoPlane) -> Plane:
    return _rows(plane, np.uint8)[:, : plane.width]


def _rows(plane: VideoPlane, kind: Any) -> NDArray[Any]:
    return np.frombuffer(memoryview(plane), dtype=kind).reshape(plane.height, -1)
