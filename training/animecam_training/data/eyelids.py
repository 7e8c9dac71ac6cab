"""Closed and narrowed eyes, made of portraits whose eyes are open."""

# The stubs of np.where leave its result unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence

import cv2
import numpy as np

from animecam_training.data.brows import lower_brows
from animecam_training.data.lids import dress_lids, line_eyes
from animecam_training.faces import Image, Points, eye_distance
from animecam_training.target.geometry import EYELIDS, Floats, lid_gap, rows_at

SHUT = (0.92, 1.0)  # of an eye's height that is closed
WINK_SHARE = 0.35  # of those whose eyes close: one of the two stays open
LIFT = (0.0, 0.55)  # how much of the closing is the lower lid's: it comes up in a laugh,
WINK_LIFT = (0.25, 0.75)  # and farther in a wink
BARE_SHARE = 0.07  # of closed lids that stay as they were stretched
CLOSED_FROWN_SHARE = 0.65
# Of eyes that stay open: lids come together as in the sun, brows come down, lids are lined.
SQUINT_SHARE, FROWN_SHARE, LINED_SHARE = 0.6, 0.6, 0.4
LEAST_OPEN, SQUINT_LIFT = 0.17, (0.2, 0.9)  # height over width that is left; less would be drawn faint
LID_HEIGHT, CHEEK_HEIGHT = 0.24, 0.3  # of skin above and below an eye that stretches to a closed lid, eye distances


def close_eyes(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Points]:
    """Draw the lids of both eyes together, or those of one; brows may come down.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        rng: Source of how much of it the lower lids do, and of what closed lids look like.

    Returns:
        Photo and mesh.
    """
    if rng.random() < CLOSED_FROWN_SHARE:
        photo, mesh = lower_brows(photo, mesh, rng)
    is_wink, closing = rng.random() < WINK_SHARE, rng.uniform(*SHUT)
    closings = [closing, 0.0 if is_wink else closing]
    rng.shuffle(closings)
    lift = rng.uniform(*(WINK_LIFT if is_wink else LIFT))
    stretched, closed = _drawn_together(photo, mesh, closings, lift)
    if rng.random() < BARE_SHARE:
        return stretched, closed
    return dress_lids(stretched, closed, mesh, [closing > 0 for closing in closings], rng, is_wink=is_wink), closed


def strain_eyes(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Points]:
    """Narrow open eyes, lower the brows over them, line their lids, or some of it: no sign that an eye is closed.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        rng: Source of which, and how far.

    Returns:
        Photo and mesh.
    """
    if rng.random() < FROWN_SHARE:
        photo, mesh = lower_brows(photo, mesh, rng)
    if rng.random() < SQUINT_SHARE:
        share = rng.uniform(0, 1)
        closings = [share * max(0.0, 1 - LEAST_OPEN / _openness(mesh, lids)) for lids in EYELIDS]
        photo, mesh = _drawn_together(photo, mesh, closings, rng.uniform(*SQUINT_LIFT))
    return (line_eyes(photo, mesh, rng) if rng.random() < LINED_SHARE else photo), mesh


def _openness(mesh: Points, lids: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
    """Height of an eye over its width."""
    upper, lower = (mesh[list(lid)] for lid in lids)
    return max(lid_gap(upper, lower), 1e-3) / max(float(np.linalg.norm(upper[0] - upper[-1])), 1e-3)


def _drawn_together(photo: Image, mesh: Points, closings: Sequence[float], lift: float) -> tuple[Image, Points]:
    """Skin stretched over the eyes, each by its share 0 … 1 of the opening, of which `lift` is the lower lid's."""
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
