"""Faces in still pictures: detector, face mesh and person mask through ONNX Runtime.

The product has its own face stack; training is a separate package and needs only this small part of it: one face and
its mesh. The networks are MediaPipe's (Apache-2.0): BlazeFace short range, Face Mesh, Selfie Segmentation.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from animecam_training.weights.bundled import DETECTOR, MESH, PERSON, weights_file
from animecam_training.weights.sessions import open_weights

Image = NDArray[np.uint8]
"""RGB pixels, uint8 [H, W, 3]."""
# Typed as any float: the stubs of NumPy call float32 times a Python number float64, which it is not.
Plane = NDArray[np.floating[Any]]
"""One value a pixel, float32 [H, W]; the range is stated where it is used."""
Points = NDArray[np.floating[Any]]
"""Positions in pixels (x, y), float32 [N, 2]."""

DETECTOR_SIDE_PX = 128
MESH_SIDE_PX = 192
MASK_SIDE_PX = 256
ANCHOR_GRIDS = ((16, 2), (8, 6))  # cells a side, anchors a cell: BlazeFace short range
MIN_SCORE = 0.6  # below this a "face" in a portrait is usually a pattern on cloth
MESH_HALF_SIDE = 0.75  # of the detector's box width: the crop the mesh was checked with
MESH_POINTS = 468
EYE_CORNERS, OUTER_EYE_CORNERS = ((33, 133), (362, 263)), (33, 263)  # points of the mesh, from left to right
MESH_TURNS = 2  # the second pass starts from the first one's upright crop and is steadier


def eye_centres(mesh: Points) -> Points:
    """Centres of the eye on the left and on the right of the picture, float32 [2, 2], of a mesh [468, 2], pixels."""
    return np.stack([mesh[list(corners)].mean(0) for corners in EYE_CORNERS]).astype(np.float32)


def eye_distance(mesh: Points) -> float:
    """Distance between the centres of the eyes, pixels: the unit of lengths on a face."""
    left, right = eye_centres(mesh)
    return float(np.linalg.norm(right - left))


@dataclass(frozen=True, slots=True)
class FoundFace:
    """One face of a picture.

    Attributes:
        score: The detector's confidence, 0 … 1.
        width_px: Width of the detector's box, about two eye distances.
        mesh: float32 [468, 2], MediaPipe's face mesh in pixels of the picture.
    """

    score: float
    width_px: float
    mesh: Points

    @property
    def eyes(self) -> Points:
        """float32 [2, 2]: centres of the eye on the left and on the right of the picture, pixels."""
        return eye_centres(self.mesh)


def _anchors() -> Points:
    """Cell centres of the detector's grids in the unit square, float32 [896, 2]."""
    rows: list[NDArray[np.float64]] = []
    for cells, repeat in ANCHOR_GRIDS:
        centre = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(centre, centre), -1).reshape(-1, 2)
        rows.append(np.repeat(grid, repeat, axis=0))
    return np.concatenate(rows).astype(np.float32)


class FaceFinder:
    """Finds the surest face of a picture, its mesh, and the person's mask.

    Args:
        folder: Holds the networks under the names in `bundled`; None takes those that come with the program.

    Raises:
        DataError: A network's file is missing, or no network.
    """

    def __init__(self, folder: Path | None = None) -> None:
        networks = [open_weights(weights_file(name, folder), "face network") for name in (DETECTOR, MESH, PERSON)]
        self._detector, self._mesh, self._selfie = networks
        self._anchors = _anchors()

    def find(self, image: Image) -> FoundFace | None:
        """The face with the highest score, or None where there is none.

        Args:
            image: RGB uint8 [H, W, 3].
        """
        height, width = image.shape[:2]
        side = max(height, width)
        square = np.zeros((side, side, 3), np.uint8)
        square[:height, :width] = image
        small = cv2.resize(square, (DETECTOR_SIDE_PX, DETECTOR_SIDE_PX), interpolation=cv2.INTER_AREA)
        boxes, logits = _run(self._detector, small.astype(np.float32) / 127.5 - 1)
        best = int(logits[:, 0].argmax())
        score = float(1 / (1 + np.exp(-logits[best, 0])))
        if score < MIN_SCORE:
            return None
        box_width = float(boxes[best, 2]) / DETECTOR_SIDE_PX * side
        points = (boxes[best, 4:16].reshape(6, 2) / DETECTOR_SIDE_PX + self._anchors[best]) * side
        mesh = self._find_mesh(image, points[:4].mean(0), points[0], points[1], MESH_HALF_SIDE * box_width)
        for _ in range(MESH_TURNS - 1):
            left, right = mesh[list(OUTER_EYE_CORNERS)]
            mesh = self._find_mesh(image, mesh.mean(0), left, right, MESH_HALF_SIDE * box_width)
        return FoundFace(score, box_width, mesh)

    def _find_mesh(self, image: Image, centre: Points, left_eye: Points, right_eye: Points, half_px: float) -> Points:
        across = right_eye - left_eye
        turn = np.arctan2(across[1], across[0])
        scale = MESH_SIDE_PX / (2 * half_px)
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * scale
        to_crop = np.column_stack([rotation, MESH_SIDE_PX / 2 - rotation @ centre])
        crop = cv2.warpAffine(image, to_crop, (MESH_SIDE_PX, MESH_SIDE_PX), flags=cv2.INTER_LINEAR)
        outputs = _run(self._mesh, crop.astype(np.float32) / 255)
        found = outputs[0].reshape(MESH_POINTS, 3)[:, :2]
        back = cv2.invertAffineTransform(to_crop)
        return (found @ back[:, :2].T + back[:, 2]).astype(np.float32)

    def person(self, image: Image) -> Plane:
        """How surely each pixel belongs to a person, float32 [H, W], 0 … 1."""
        small = cv2.resize(image, (MASK_SIDE_PX, MASK_SIDE_PX), interpolation=cv2.INTER_AREA)
        (mask,) = _run(self._selfie, small.astype(np.float32) / 255)
        full = cv2.resize(mask[..., 0], (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
        return np.clip(full, 0, 1).astype(np.float32)


def _run(session: ort.InferenceSession, picture: NDArray[np.floating[Any]]) -> list[NDArray[np.float32]]:
    """One picture [H, W, 3] through a network; its outputs without the batch axis."""
    outputs = cast("list[Any]", session.run(None, {session.get_inputs()[0].name: picture[None]}))
    return [np.asarray(output[0], np.float32) for output in outputs]
