"""The colours of a GIF: 255 that suit each picture, one for what is not there, and others mixed out of dots."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from animecam.types import Plane

_FORMATS = {3: "rgb24", 4: "rgba"}  # by channels; the second takes a tenth longer
_OFFSETS = (0, 2, 1, 3)
"""Where in each of four rows the first pixel is that is looked at; from there on it is each fourth. A fourth of all
tells the colours as well as all do, and taken so it meets lines of one pixel in every row and column. Every second row
and column had half of such lines drawn in another colour."""


class Palettes:
    """Gives each picture the colours that suit it. What is there by half is there, what is there by less is not.

    One palette for all would need all pictures before the first is written, and made files smaller by an eighth alone.
    Dots that spread what is left of each pixel to the next ones took three times as long as an even pattern, and what
    was smooth looked no smoother.

    Args:
        unit_s: In which the pictures' times are counted.
    """

    def __init__(self, unit_s: Fraction) -> None:
        self._unit_s = unit_s
        self._graph: Graph | None = None

    def take(self, picture: Plane, at: int) -> Iterator[VideoFrame]:
        """What is ready, as `pal8`, once a picture has come that is shown at a time in units.

        Args:
            picture: RGB or RGBA, uint8 [H, W, C], all of the first one's shape.
            at: When it is shown, in units.
        """
        if self._graph is None:
            self._graph = self._begin(picture)
        self._fewer.push(timed(looked_at(picture), at, self._unit_s))
        self._picture.push(timed(picture, at, self._unit_s))
        return self._ready(self._graph)

    def finish(self) -> Iterator[VideoFrame]:
        """What is left when no picture comes any more."""
        if self._graph is None:
            return iter(())
        self._fewer.push(None)
        self._picture.push(None)
        return self._ready(self._graph)

    def _begin(self, picture: Plane) -> Graph:
        graph, kind = Graph(), VideoFormat(_FORMATS[picture.shape[2]])
        self._picture, self._fewer = (
            graph.add_buffer(width=one.shape[1], height=one.shape[0], format=kind, time_base=self._unit_s)
            for one in (picture, looked_at(picture))
        )
        colors = graph.add("palettegen", "stats_mode=single")
        dots, sink = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=5"), graph.add("buffersink")
        self._fewer.link_to(colors)
        self._picture.link_to(dots, 0, 0)
        colors.link_to(dots, 0, 1)
        dots.link_to(sink)
        graph.configure()
        return graph

    @staticmethod
    def _ready(graph: Graph) -> Iterator[VideoFrame]:
        while True:
            try:
                yield graph.vpull()
            except (BlockingIOError, EOFError):
                return


def looked_at(picture: Plane) -> Plane:
    """The pixels of a picture by which its colours are chosen, uint8 [H, W // 4, C]; of a tiny one all."""
    step = len(_OFFSETS)
    height_px, width_px, channels = picture.shape
    if width_px < step:
        return picture
    fewer = np.empty((height_px, width_px // step, channels), np.uint8)
    for row, offset in enumerate(_OFFSETS):
        fewer[row::step] = picture[row::step, offset::step][:, : width_px // step]
    return fewer


def timed(picture: Plane, at: int, unit_s: Fraction) -> VideoFrame:
    """A picture as FFmpeg takes it, shown at a time in units."""
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=_FORMATS[picture.shape[2]])
    frame.pts, frame.time_base = at, unit_s
    return frame
