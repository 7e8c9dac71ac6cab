"""YuNet, run by OpenCV's FaceDetectorYN, with a model file that the user has.

Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023.
"""

from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.errors import FaceError
from animecam.types import Box, Detection, Image

SAME_IOU = 0.3
"""Overlap above which OpenCV keeps the better of two boxes (its default)."""

MOST_BOXES = 200
"""Boxes looked at before the overlapping ones go; far more than any frame has faces."""

FIRST_SIZE_PX = 320
"""Input size until the first picture comes; the network takes any."""

HINT = "get face_detection_yunet_2023mar.onnx from OpenCV's model zoo, and say yunet:FILE"


class YuNet:
    """`Detector` over a YuNet file.

    Args:
        model: The .onnx file.

    Raises:
        FaceError: There is no such file, or OpenCV cannot read it.
    """

    name = "yunet"

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise FaceError(f"there is no YuNet model at {model}", hint=HINT)
        self._model = model
        size = (FIRST_SIZE_PX, FIRST_SIZE_PX)
        try:
            self._network = cv2.FaceDetectorYN.create(str(model), "", size, 0.5, SAME_IOU, MOST_BOXES)
        except cv2.error as error:
            raise FaceError(f"OpenCV cannot read {model} as a YuNet model: {_first_line(error)}", hint=HINT) from error

    def detect(self, picture: Image, min_score: float) -> tuple[Detection, ...]:
        """As `Detector.detect`.

        Raises:
            FaceError: The file is a network, but not this one.
        """
        height, width = picture.shape[:2]
        self._network.setInputSize((width, height))
        self._network.setScoreThreshold(min_score)
        try:
            _, rows = self._network.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        except cv2.error as error:
            raise FaceError(f"{self._model} is not a YuNet model: {_first_line(error)}", hint=HINT) from error
        rows = cast("NDArray[np.float32] | None", rows)  # OpenCV gives None, which its stubs do not say
        faces = np.empty((0, 15), dtype=np.float32) if rows is None else rows
        return tuple(_detection(row) for row in faces[np.argsort(-faces[:, 14], kind="stable")])

    def close(self) -> None:
        """As `Detector.close`; OpenCV frees the network with the object."""


def five_points(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Right eye, left eye, nose and two mouth corners [5, 2] as our four: the mouth is the middle of its corners."""
    return np.concatenate([points[:3], points[3:].mean(axis=0, keepdims=True)]).astype(np.float32)


def _detection(row: NDArray[np.float32]) -> Detection:
    """One row of OpenCV's answer: left, top, width, height, five points, score."""
    left, top, width, height = (float(value) for value in row[:4])
    return Detection(Box(left, top, left + width, top + height), five_points(row[4:14].reshape(5, 2)), float(row[14]))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
