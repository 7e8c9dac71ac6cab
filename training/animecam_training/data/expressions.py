"""Open mouths, closed eyes and narrowed ones, made of portraits that have none.

Portraits smile with open eyes; people at a webcam talk, laugh, blink and look at their keyboards. A target is drawn
from the changed photo and the changed mesh, so that the network learns what to draw then. Heads must be upright, as
`crop_head` cuts them.
"""

# The stubs of np.where leave its result unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam_training.data.eyelids import close_eyes, strain_eyes
from animecam_training.faces import Image, Plane, Points, eye_distance
from animecam_training.target.geometry import (
    CHIN,
    INNER_LOWER_LIP,
    LIPS,
    LOWER_LIP_EDGE,
    UPPER_LIP_EDGE,
    Floats,
    as_levels,
    blurred,
    laid,
    mixed,
    ramp,
    rows_at,
)

MOUTH_SHARE, EYES_SHARE = 0.65, 0.5  # of the changed photos; the eyes of the others are strained
# Lengths are fractions of the distance between the eyes.
GAP, CORNER_POWER = (0.12, 0.60), 0.7
ROUND_SHARE, ROUND_GAP = 0.45, (0.2, 0.7)  # of the mouths that open; portraits smile, and a smile opens wide
NARROWING, LEVELLING = (0.5, 0.9), (0.5, 1.0)  # of a round mouth's width; how far its corners come down to its middle
ARCH = (0.25, 0.5)  # and by how much of the opening farther: the upper lip is round, too
ROUND_REACH, ROUND_HEIGHT = 1.2, 0.6  # half widths of the mouth, and eye distances, at which its skin hardly moves
JAW_WIDTH, LIP_TO_JAW, NECK_FADE = 1.1, 0.35, 0.9
TEETH_SHARE, TEETH_HEIGHT, TONGUE_SHARE, TONGUE_HEIGHT = 0.7, (0.07, 0.15), 0.6, (0.3, 0.55)
ROUND_TEETH_SHARE, LOWER_TEETH_SHARE, LOWER_TEETH_HEIGHT = 0.3, 0.3, (0.03, 0.08)
TONGUE_ARCH = (0.0, 1.0)  # how much lower its edge is at the corners, of its height in the middle
TEETH_COLOUR, TONGUE_COLOURS, DARK_COLOURS = (
    (214, 204, 192),
    ((150, 74, 70), (150, 118, 118)),  # from red to gray: a webcam sees little colour in the dark
    ((48, 20, 20), (30, 30, 34), (84, 52, 52)),
)
LIGHTS = (0.6, 1.05)  # of the colours in a mouth
LOWER_LIP = (375, 321, 405, 314, 17, 84, 181, 91, 146)
WARP_TURNS = 12


@dataclass(frozen=True, slots=True)
class _Mouth:
    """Where a mouth opens: the line between the lips, and how far each column's lower lip goes down.

    Attributes:
        line_x: Columns of the line between the lips, from corner to corner, pixels.
        line_y: Its rows.
        gap_px: Height of the opening in the middle.
        chin_px: Row of the chin.
        eye_px: Distance between the eyes.
    """

    line_x: Floats
    line_y: Floats
    gap_px: float
    chin_px: float
    eye_px: float

    @property
    def middle(self) -> float:
        """Column half way between the corners."""
        return float(self.line_x[0] + self.line_x[-1]) / 2

    def line(self, x: Floats) -> Floats:
        """Row of the line between the lips at each column."""
        return rows_at(x, self.line_x, self.line_y)

    def lip_drop(self, x: Floats) -> Floats:
        """How far the lower lip goes down, pixels: all the way in the middle, not at the corners."""
        place = 2 * (x - self.middle) / (self.line_x[-1] - self.line_x[0])
        return (self.gap_px * np.clip(1 - place**2, 0, 1) ** CORNER_POWER).astype(np.float32)

    def drop(self, x: Floats, below: Floats) -> Floats:
        """How far a point goes down that lies `below` the line by so many pixels; negative ones stay."""
        to_jaw = ramp(below, 0, LIP_TO_JAW * self.eye_px)
        jaw = self.gap_px * np.exp(-(((x - self.middle) / (JAW_WIDTH * self.eye_px)) ** 4))
        under_chin = below + self.line(x) - self.chin_px
        fade = 1 - ramp(under_chin, 0, NECK_FADE * self.eye_px)
        return np.where(below < 0, 0, (self.lip_drop(x) * (1 - to_jaw) + jaw * to_jaw) * fade).astype(np.float32)


def round_mouth(photo: Image, mesh: Points, gap: float, rng: np.random.Generator) -> tuple[Image, Points]:
    """Draw the corners of the mouth together and down, as for an O; `open_mouth` comes after.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        gap: How far it will open, eye distances.
        rng: Source of how far its corners move.

    Returns:
        Photo and mesh.
    """
    edge = mesh[list(LOWER_LIP_EDGE)]
    left, right, centre = edge[0], edge[-1], mesh[INNER_LOWER_LIP]
    middle, half_px = float(left[0] + right[0]) / 2, max(float(right[0] - left[0]) / 2, 1.0)
    eye_px, narrow = eye_distance(mesh), rng.uniform(*NARROWING)
    lowered_px = rng.uniform(*LEVELLING) * (centre[1] - (left[1] + right[1]) / 2)
    lowered_px += rng.uniform(*ARCH) * gap * eye_px
    at_corner = float(np.exp(-((narrow / ROUND_REACH) ** 2)))

    def moves(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """By how much a place was farther out, as a factor, and by how many pixels it was higher."""
        aside = (x - middle) / half_px
        share = np.exp(-((aside / ROUND_REACH) ** 2) - ((y - centre[1]) / (ROUND_HEIGHT * eye_px)) ** 4) / at_corner
        return 1 + (1 / narrow - 1) * share, lowered_px * np.minimum((aside / narrow) ** 2, 1) * share

    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    wider, higher = moves(columns, rows)
    from_column, from_row = middle + (columns - middle) * wider, rows - higher
    moved = cv2.remap(
        photo, from_column.astype(np.float32), from_row.astype(np.float32), cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
    )
    result = mesh.copy()
    for _ in range(WARP_TURNS):  # the map is known from where things come to only the other way round
        wider, higher = moves(result[:, 0], result[:, 1])
        result = np.stack([middle + (mesh[:, 0] - middle) / wider, mesh[:, 1] + higher], axis=1)
    return moved.astype(np.uint8), result.astype(np.float32)


def open_mouth(
    photo: Image, mesh: Points, gap: float, rng: np.random.Generator, *, is_round: bool = False
) -> tuple[Image, Points]:
    """Let the jaw down and paint what is then seen between the lips.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], pixels.
        gap: How far, eye distances.
        rng: Source of teeth, tongue and light.
        is_round: It is an O, `round_mouth` came before: less is seen of its teeth.

    Returns:
        Photo and mesh.
    """
    eye_px = eye_distance(mesh)
    lower = mesh[list(LOWER_LIP_EDGE)]
    order = np.argsort(lower[:, 0])
    xs, ys = lower[order, 0], lower[order, 1]
    mouth = _Mouth(xs, ys, gap * eye_px, float(mesh[CHIN, 1]), eye_px)
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    line, lip = mouth.line(columns), mouth.lip_drop(columns)
    below = rows - line
    seen = (below > 0) & (below < lip)
    source = np.maximum(below - lip, 0)
    for _ in range(WARP_TURNS):
        source = np.maximum(below - mouth.drop(columns, source), 0)
    from_row = np.where(below > 0, line + source, rows).astype(np.float32)
    moved = cv2.remap(photo, columns, from_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    depth = np.clip(below / np.maximum(lip, 1), 0, 1)
    aside = 2 * np.abs(columns - mouth.middle) / max(float(xs[-1] - xs[0]), 1.0)
    inside = _mouth_inside(_Inside(depth, below / eye_px, (lip - below) / eye_px, aside), rng, is_round=is_round)
    share = blurred(seen.astype(np.float32), 0.012 * eye_px)
    opened = mixed(moved.astype(np.float32), inside, share)
    return as_levels(opened), _lowered(mesh, mouth)


def _lowered(mesh: Points, mouth: _Mouth) -> Points:
    """The mesh after the jaw went down. What belongs to the upper lip stays, however close the lips were."""
    below = mesh[:, 1] - mouth.line(mesh[:, 0])
    upper = [point for point in (*UPPER_LIP_EDGE, *LIPS) if point not in LOWER_LIP and point not in LOWER_LIP_EDGE]
    below[upper] = -1
    with_lower = [*LOWER_LIP, *LOWER_LIP_EDGE]
    below[with_lower] = np.maximum(below[with_lower], 0)
    result = mesh.copy()
    result[:, 1] += mouth.drop(mesh[:, 0], below)
    return result.astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Inside:
    """Places in a mouth, float32 [H, W] each.

    Attributes:
        depth: 0 at the upper lip … 1 at the lower one.
        below: Distance from the upper lip, eye distances.
        above: Distance from the lower lip, eye distances.
        aside: Distance from the middle, 1 at the corners.
    """

    depth: Plane
    below: Plane
    above: Plane
    aside: Plane


def _mouth_inside(inside: _Inside, rng: np.random.Generator, *, is_round: bool) -> Floats:
    """Dark, teeth above, the tongue below, seldom teeth before it; RGB 0 … 255, float32 [H, W, 3].

    Args:
        inside: Where things are.
        rng: Source of what is seen, and of the light.
        is_round: It opens as an O.
    """
    light = rng.uniform(*LIGHTS)
    picture = np.empty((*inside.depth.shape, 3), np.float32)
    picture[:] = _mixture(DARK_COLOURS, rng) * light
    if rng.random() < TONGUE_SHARE:
        height = rng.uniform(*TONGUE_HEIGHT)
        edge = 1 - height * (1 - rng.uniform(*TONGUE_ARCH) * np.minimum(inside.aside, 1) ** 2)
        picture = laid(picture, light * _mixture(TONGUE_COLOURS, rng), ramp(inside.depth - edge, 0, 0.2))
    if rng.random() < (ROUND_TEETH_SHARE if is_round else TEETH_SHARE):
        height = rng.uniform(*TEETH_HEIGHT)
        teeth = 1 - ramp(inside.below, height, height + 0.02)
        picture = laid(picture, light * np.array(TEETH_COLOUR), teeth)
    if is_round and rng.random() < LOWER_TEETH_SHARE:
        height = rng.uniform(*LOWER_TEETH_HEIGHT)
        teeth = 1 - ramp(inside.above, height, height + 0.02)
        picture = laid(picture, light * np.array(TEETH_COLOUR), teeth * (inside.aside < rng.uniform(0.4, 0.8)))
    return picture


def _mixture(colours: Sequence[tuple[int, int, int]], rng: np.random.Generator) -> NDArray[np.float64]:
    """A random mean of colours."""
    return np.asarray(rng.dirichlet(np.ones(len(colours))) @ np.array(colours))


def change_expression(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Points]:
    """Close the eyes or strain them; often the mouth opens, too.

    Args:
        photo: RGB uint8 [H, W, 3], one upright face.
        mesh: float32 [468, 2], pixels.
        rng: Source of what and how far.

    Returns:
        Photo and mesh; their person mask must be found anew.
    """
    if rng.random() < MOUTH_SHARE:
        is_round = rng.random() < ROUND_SHARE
        gap = rng.uniform(*(ROUND_GAP if is_round else GAP))
        if is_round:
            photo, mesh = round_mouth(photo, mesh, gap, rng)
        photo, mesh = open_mouth(photo, mesh, gap, rng, is_round=is_round)
    return (close_eyes if rng.random() < EYES_SHARE else strain_eyes)(photo, mesh, rng)
