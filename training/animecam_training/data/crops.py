"""Head crops as the product cuts them: upright, the eyes on a level line, margins as they come in practice."""

from dataclasses import dataclass

import cv2
import numpy as np

from animecam_training.faces import FoundFace, Image
from animecam_training.target.geometry import NOSE_TIP

EYES_ROW = 0.469  # of the side: where the FFHQ template has the eyes
MAX_ENLARGEMENT = 2.2  # beyond it a crop of a small face teaches blur
LEFT_EDGE, RIGHT_EDGE = 234, 454  # points of the mesh before either ear
MAX_TURN = 0.27  # nose tip from the middle of the face, in face widths; beyond it the mesh misplaces the far eye


@dataclass(frozen=True, slots=True)
class CropOptions:
    """How head crops are drawn.

    Attributes:
        side_px: Side of the crop.
        eyes: Distance of the eyes in crop sides, smallest and largest.
        tilt_deg: Largest rotation left in the crop: trackers are never exact.
        shift: Largest offset of the face in crop sides.
    """

    side_px: int = 320
    eyes: tuple[float, float] = (0.18, 0.25)
    tilt_deg: float = 6.0
    shift: float = 0.05


def crop_head(
    image: Image,
    face: FoundFace,
    options: CropOptions,
    rng: np.random.Generator,
    *,
    largest_scale: float = MAX_ENLARGEMENT,
) -> Image | None:
    """A square around the head, or None where the face is too small for it.

    Args:
        image: RGB uint8 [H, W, 3].
        face: The face in it.
        options: Size, margins and their spread.
        rng: Source of margin, tilt and shift.
        largest_scale: Enlargement beyond which a face is too small.

    Returns:
        RGB uint8 [side, side, 3]; what lies outside of the picture repeats its edge.
    """
    side = options.side_px
    left, right = face.eyes
    across = right - left
    scale = float(rng.uniform(*options.eyes)) * side / float(np.linalg.norm(across))
    if scale > largest_scale:
        return None
    tilt = np.degrees(np.arctan2(across[1], across[0])) + rng.uniform(-options.tilt_deg, options.tilt_deg)
    middle = (left + right) / 2
    place = np.array([0.5, EYES_ROW]) * side + rng.uniform(-options.shift, options.shift, 2) * side
    matrix = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), float(tilt), scale)
    matrix[:, 2] += place - middle
    # Reducing by warpAffine alone would alias: blur first, as far as the scale asks.
    source = image if scale >= 1 else cv2.GaussianBlur(image, (0, 0), 0.5 * (1 / scale - 1) + 1e-3)
    warped = cv2.warpAffine(source, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return warped.astype(np.uint8)


def is_frontal(face: FoundFace) -> bool:
    """Whether both eyes are seen well enough to be drawn."""
    left, right, nose = face.mesh[[LEFT_EDGE, RIGHT_EDGE, NOSE_TIP]]
    turn = (nose[0] - (left[0] + right[0]) / 2) / float(np.linalg.norm(right - left))
    return abs(float(turn)) <= MAX_TURN
