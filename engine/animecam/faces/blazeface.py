"""MediaPipe's BlazeFace detectors, run by the project's own backends.

Bazarevsky, Kartynnik, Vakunov, Raveendran, Grundmann: "BlazeFace: Sub-millisecond Neural Face Detection on Mobile
GPUs", CVPR workshop 2019. Anchors, decoding and the blending of overlapping boxes are written from the paper and from
the networks' own shapes.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.backends.base import Backend, Tensor
from animecam.errors import BackendError
from animecam.faces.base import Detector
from animecam.faces.geometry import overlaps
from animecam.faces.matching import covers
from animecam.types import Box, Detection, Image

BLEND_IOU = 0.3
"""Boxes that share more than this are views of one face and are averaged (the value of the published pipeline)."""

LOGIT_LIMIT = 80.0
"""Logits are clipped to this before the sigmoid: exp(80) is still finite in float32."""

VALUES = 16
"""Numbers per anchor: box centre and size, then six points."""

POINTS = 4
"""Points kept of the six; the two in front of the ears are guesses whenever hair covers them."""

MID_GREY = 127.5
"""Half of the uint8 range: the networks take value / 127.5 - 1."""

PADDING = 0
"""What surrounds a picture that is not square: black, as in the published pipeline."""

Anchors = NDArray[np.float32]
"""Anchor centres as (x, y) in the unit square, float32 [A, 2]."""


@dataclass(frozen=True, slots=True)
class BlazeFaceLayout:
    """What tells the published networks apart.

    Attributes:
        input_px: Side of the square input.
        grids: (cells a side, anchors a cell) of each output grid, in the order of the network's rows.
    """

    input_px: int
    grids: tuple[tuple[int, int], ...]


SHORT_RANGE = BlazeFaceLayout(input_px=128, grids=((16, 2), (8, 6)))
"""Faces within two metres of a camera: they fill at least an eighth of the picture."""

FULL_RANGE = BlazeFaceLayout(input_px=192, grids=((48, 1),))
"""Faces within five metres. Of 60 portraits it found all from 1/12 to 1/2 of the picture's width, and lost every third
face that filled the picture; the other network found all from 1/8 up."""


def anchors_of(layout: BlazeFaceLayout) -> Anchors:
    """Anchor centres of a network: the middle of every grid cell, row by row, repeated for anchors of one cell."""
    grids: list[Anchors] = []
    for cells, repeats in layout.grids:
        middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(middles, middles)
        centres = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
        grids.append(np.repeat(centres, repeats, axis=0))
    return np.concatenate(grids)


def decode(regressors: Tensor, anchors: Anchors, input_px: int) -> NDArray[np.float32]:
    """Turns a network's rows into places in its input.

    Args:
        regressors: float32 [N, 16] in input pixels relative to the anchor: box centre, box size, six points.
        anchors: Centres of the same N anchors, [N, 2].
        input_px: Side of the network's input.

    Returns:
        float32 [N, 12] in input pixels: left, top, right, bottom, then (x, y) of right eye, left eye, nose tip and
        mouth centre.
    """
    origin = (anchors * input_px).astype(np.float32)
    middle = regressors[:, 0:2] + origin
    half = regressors[:, 2:4] / 2
    points = regressors[:, 4 : 4 + 2 * POINTS].reshape(-1, POINTS, 2) + origin[:, None]
    rows = np.concatenate([middle - half, middle + half, points.reshape(-1, 2 * POINTS)], axis=1)
    return rows.astype(np.float32)


def sigmoid(logits: Tensor) -> NDArray[np.float32]:
    """Confidence in [0, 1]; never overflows."""
    clipped = np.clip(logits.astype(np.float32), -LOGIT_LIMIT, LOGIT_LIMIT)
    return (1.0 / (1.0 + np.exp(-clipped))).astype(np.float32)


def blend(rows: NDArray[np.float32], scores: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], float]]:
    """Non-maximum suppression that averages instead of choosing, as the paper does against jitter.

    Args:
        rows: Places, float32 [N, 12] as from `decode`.
        scores: Their confidences, float32 [N].

    Returns:
        One (row, score) a face, best first: the mean of the overlapping rows weighted by their scores, and the best of
        their scores.
    """
    order = np.argsort(-scores, kind="stable")
    rows, scores = rows[order], scores[order]
    faces: list[tuple[NDArray[np.float32], float]] = []
    while len(rows):
        same = overlaps(rows[0, :4], rows[:, :4]) > BLEND_IOU
        same[0] = True  # an empty box overlaps nothing, not even itself, and must leave the list all the same
        weights = scores[same, None]
        faces.append(((rows[same] * weights).sum(axis=0) / weights.sum(), float(scores[0])))
        rows, scores = rows[~same], scores[~same]
    return faces


def letterbox(picture: Image, side_px: int) -> tuple[Image, float, tuple[int, int]]:
    """Fits a picture into a square without changing its aspect.

    Args:
        picture: RGB, any size.
        side_px: Side of the square.

    Returns:
        The square RGB picture, the scale from picture to square pixels, and the (x, y) offset of the picture in the
        square.
    """
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    if inner != (width, height):
        # Area means when shrinking: bilinear would skip pixels of a large picture and lose small faces.
        mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = cast(Image, cv2.resize(picture, inner, interpolation=mode))
    left, top = (side_px - inner[0]) // 2, (side_px - inner[1]) // 2
    if inner == (side_px, side_px):
        return picture, scale, (0, 0)
    square = np.full((side_px, side_px, 3), PADDING, dtype=np.uint8)
    square[top : top + inner[1], left : left + inner[0]] = picture
    return square, scale, (left, top)


class BlazeFace:
    """`Detector` over one of the two published networks.

    Args:
        backend: The opened network, NHWC RGB float32 in, regressors and logits out; closed with the detector.
        layout: Which of the networks it is.

    Raises:
        BackendError: The network's outputs are not those of the layout.
    """

    name = "blazeface"

    def __init__(self, backend: Backend, layout: BlazeFaceLayout) -> None:
        self._backend = backend
        self._layout = layout
        self._anchors = anchors_of(layout)
        widths = [port.shape[-1] for port in backend.outputs]
        if sorted(width or 0 for width in widths) != [1, VALUES]:
            raise BackendError(
                f"this is no BlazeFace network: its outputs are {widths} wide instead of {VALUES} and 1",
                hint="use the files that come with animecam",
            )
        self._regressors_at, self._logits_at = widths.index(VALUES), widths.index(1)

    def detect(self, picture: Image, min_score: float) -> tuple[Detection, ...]:
        """As `Detector.detect`."""
        side_px = self._layout.input_px
        square, scale, offset = letterbox(picture, side_px)
        batch = square[None].astype(np.float32)
        batch *= np.float32(1.0 / MID_GREY)
        batch -= np.float32(1.0)
        outputs = self._backend.run(batch)
        scores = sigmoid(outputs[self._logits_at].reshape(-1))
        likely = np.flatnonzero(scores >= min_score)
        regressors = outputs[self._regressors_at].reshape(-1, VALUES)[likely]
        rows = decode(regressors, self._anchors[likely], side_px)
        rows = (rows.reshape(-1, 2 + POINTS, 2) - np.array(offset, np.float32)) / np.float32(scale)
        return tuple(
            Detection(Box(*(float(edge) for edge in row[:4])), row[4:].reshape(POINTS, 2), score)
            for row, score in blend(rows.reshape(-1, 4 + 2 * POINTS), scores[likely])
        )

    def close(self) -> None:
        """As `Detector.close`."""
        self._backend.close()


class EitherRange:
    """`Detector` that asks a far-sighted and a near-sighted one: between them no size of face is missed.

    Args:
        far: Sees small faces.
        near: Sees large faces.
    """

    name = "blazeface"

    def __init__(self, far: Detector, near: Detector) -> None:
        self._far, self._near = far, near

    @property
    def parts(self) -> tuple[Detector, Detector]:
        """The two, far-sighted first; they stay this one's to close."""
        return self._far, self._near

    def detect(self, picture: Image, min_score: float) -> tuple[Detection, ...]:
        """As `Detector.detect`; of two views of one face the surer one stays."""
        seen = (*self._far.detect(picture, min_score), *self._near.detect(picture, min_score))
        faces: list[Detection] = []
        for detection in sorted(seen, key=lambda face: face.score, reverse=True):
            if not covers(faces, detection):
                faces.append(detection)
        return tuple(faces)

    def close(self) -> None:
        """As `Detector.close`."""
        self._far.close()
        self._near.close()
