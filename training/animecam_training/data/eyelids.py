"""Closed and half closed eyes, made of portraits whose eyes are open."""

# The stubs of np.where leave its result unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import cv2
import numpy as np

from animecam_training.faces import Image, Points, eye_distance
from animecam_training.target.geometry import EYELIDS, Floats, rows_at

SHUT, HALF_SHUT, SHUT_SHARE = (0.92, 1.0), (0.3, 0.7), 0.5
WINK_SHARE = 0.3  # of those whose eyes close: one of the two stays open
LIFT = (0.0, 0.55)  # how much of the closing is the lower lid's: it comes up in a laugh, and in a wink
LID_HEIGHT, CHEEK_HEIGHT = 0.24, 0.3  # of skin above and below an eye that stretches to a closed lid, eye distances


def close_eyes(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Points]:
    """Draw the lids together, all the way or half, or those of one eye all the way.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        rng: Source of how far, and of how much of it the lower lids do.

    Returns:
        Photo and mesh.
    """
    closing = rng.uniform(*(SHUT if rng.random() < SHUT_SHARE else HALF_SHUT))
    closings = [closing, closing]
    if rng.random() < WINK_SHARE:
        closings = [rng.uniform(*SHUT), 0.0]
        rng.shuffle(closings)
    lift = rng.uniform(*LIFT)
    above_px, below_px = LID_HEIGHT * eye_distance(mesh), CHEEK_HEIGHT * eye_distance(mesh)
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    from_row, result = rows.copy(), mesh.copy()
    for (upper, lower), closing in zip(EYELIDS, closings, strict=True):
        lid, floor = mesh[list(upper)], mesh[list(lower)]
        top, bottom = _curve(lid, columns), _curve(floor, columns)
        gap = closing * np.maximum(bottom - top, 0)
        beyond = (columns > lid[:, 0].min()) & (columns < lid[:, 0].max())
        for edge, way, fixed in ((top, gap * (1 - lift), top - above_px), (bottom, -gap * lift, bottom + below_px)):
            stretched = fixed + (rows - fixed) * (edge - fixed) / (edge + way - fixed)
            is_skin = (rows - fixed) * (rows - edge - way) < 0  # between where it holds still and where the lid is now
            from_row = np.where(beyond & is_skin, stretched, from_row)
        gaps = closing * np.maximum(floor[1:-1, 1] - lid[1:-1, 1], 0)
        result[list(upper)[1:-1], 1] = lid[1:-1, 1] + gaps * (1 - lift)
        result[list(lower)[1:-1], 1] = floor[1:-1, 1] - gaps * lift
    moved = cv2.remap(photo, columns, from_row.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8), result.astype(np.float32)


def _curve(points: Points, columns: Floats) -> Floats:
    """Rows of a line through points, at each column."""
    order = np.argsort(points[:, 0])
    return rows_at(columns, points[order, 0], points[order, 1])
