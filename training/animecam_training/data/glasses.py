"""Glasses on a photo, and what is to be drawn of them.

Few portraits show glasses, many people at a webcam wear them. What lies at the same place of input and target teaches a
network to leave frames where they are. What the lenses do to the eyes (windows and coatings mirrored, a veil of light)
is on the photo alone: eyes are drawn as if it were not there. A frame that is hardly seen is drawn dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from animecam_training.data.colours import choose_colour
from animecam_training.data.lenses import lens_light
from animecam_training.faces import Image, Plane, Points, eye_centres
from animecam_training.target.geometry import EYELIDS, Floats, Sheet, as_levels, laid, mixed, unchanged_sheet

# Lengths are fractions of the distance between the eyes.
HALF_WIDTH, HALF_HEIGHT, DROP = (0.40, 0.47), (0.24, 0.36), (0.02, 0.10)
ROUNDNESS = (2.0, 5.0)  # exponent of the superellipse: 2 is an ellipse, 5 nearly a rectangle
WIRE, THIN, USUAL, THICK = 0.022, 0.035, 0.05, 0.07
FORESHORTENED = (0.6, 1.15)  # of a lens's width, by how wide the eye behind it is seen
COLOURS = (
    *((18, 16, 18), (24, 22, 26), (52, 34, 24), (96, 70, 44)),
    *((150, 120, 70), (110, 112, 118), (120, 30, 34), (30, 44, 90), (226, 220, 212)),
)
COLOUR_SHARES = (0.30, 0.14, 0.13, 0.09, 0.08, 0.08, 0.04, 0.04, 0.10)
SHADES = (0.8, 1.15)  # of a colour
SUNGLASSES, CLEAR, RIMLESS_BELOW = 0.1, 0.45, 0.25  # shares of all frames, of those that are no sunglasses, of all
LENS_TINT, LENS_COVER, DRAWN_LENS_COVER = (10.0, 45.0), (0.82, 0.97), 0.97
RIM_COVER, DRAWN_DARKER = (0.6, 0.97), 0.75
# Frames of clear plastic: a veil as wide as the frame, an edge that shines in places and one in shade.
CLEAR_LIGHTS = ((232, 224, 214), (214, 196, 188), (196, 200, 206), (206, 178, 142))
CLEAR_COVER, SHINE_COVER, SHADE_COVER = (0.06, 0.4), (0.15, 0.75), (0.1, 0.45)
SHADE_COLOUR, SHINE_COLOUR, SHINE_SHARE = (96, 66, 56), (250, 248, 244), 0.55
EDGE_PLACE, EDGE_WIDTH = 0.32, 0.35  # of the frame's width: from its middle to those edges, and how wide they are
# A frame that is hardly seen is drawn as a line: so are those of clear plastic and thin ones as light as skin.
LINE, LINE_COLOUR, LIGHT_MEAN = 0.032, (74, 56, 52), 100.0
TEMPLES = (127, 356)  # mesh points before the ears, left and right of the picture
OUTLINE_POINTS, ARM_POINTS = 97, 12


@dataclass(frozen=True, slots=True)
class Worn:
    """What is worn, as it is drawn.

    Attributes:
        colour: RGB uint8 [H, W, 3], any where nothing is.
        cover: uint8 [H, W]: 0 shows what lies behind, 255 hides it.
    """

    colour: Image
    cover: Image

    def over(self, picture: Image) -> Image:
        """The same on a picture, RGB uint8 [H, W, 3]."""
        return as_levels(mixed(picture.astype(np.float32), self.colour, self.cover.astype(np.float32) / 255))


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame on a face: coverage float32 [H, W], 0 … 1.

    Attributes:
        rims: All of it.
        line: The same, drawn with a pen LINE wide.
        lenses: What it holds, both of them.
        shine: Parts of the rims' outer edge that mirror a light.
        shade: Their inner edge.
        width_px: Of the rims.
    """

    rims: Plane
    line: Plane
    lenses: Plane
    shine: Plane
    shade: Plane
    width_px: float


def _outline(half_width: float, half_height: float, roundness: float) -> Points:
    """A superellipse around (0, 0), [N, 2]."""
    turn = np.linspace(0, 2 * np.pi, OUTLINE_POINTS)
    shape = np.stack([np.cos(turn), np.sin(turn)], -1)
    rounded = np.sign(shape) * np.abs(shape) ** (2 / roundness)
    return (rounded * (half_width, half_height)).astype(np.float32)


def _lens_widths(mesh: Points) -> tuple[float, float]:
    """How wide each lens is seen, in widths of one seen from the front: on a turned head the far one is narrower."""
    widths = [float(np.linalg.norm(mesh[upper[-1]] - mesh[upper[0]])) for upper, _ in EYELIDS]
    left, right = (float(np.clip(2 * width / sum(widths), *FORESHORTENED)) for width in widths)
    return left, right


@dataclass(frozen=True, slots=True)
class _Shape:
    """A frame's proportions, pixels, drawn at random."""

    half_width_px: float
    half_height_px: float
    roundness: float
    width_px: float
    drop_px: float
    is_rimless_below: bool
    shines_from: float  # radians

    @classmethod
    def draw(cls, eye_px: float, rng: np.random.Generator) -> "_Shape":
        """Of glasses for eyes so far apart."""
        half_width, half_height = rng.uniform(*HALF_WIDTH) * eye_px, rng.uniform(*HALF_HEIGHT) * eye_px
        roundness, width = rng.uniform(*ROUNDNESS), float(rng.choice([WIRE, THIN, USUAL, THICK])) * eye_px
        is_rimless, drop = bool(rng.random() < RIMLESS_BELOW), rng.uniform(*DROP) * eye_px
        return cls(half_width, half_height, roundness, width, drop, is_rimless, float(rng.uniform(0, 2 * np.pi)))


@dataclass(frozen=True, slots=True)
class _Side:
    """One lens on a face: where it lies, and pens to draw around it."""

    sheet: Sheet
    shape: _Shape
    centre: Points
    outline: Points
    is_shown: Plane

    def rim(self, width: float, outwards: float = 0.0) -> Plane:
        """Around the lens with a pen of so many widths of the frame, as many of them outwards of its middle."""
        pen_px = width * self.shape.width_px
        scale = 1 + outwards * self.shape.width_px / self.shape.half_width_px
        points = (self.centre + scale * self.outline).astype(np.float32)
        return self.sheet.stroke(points, pen_px, pen_px) * self.is_shown

    def shine(self) -> Plane:
        """The parts of the rim that mirror a light."""
        turn = np.arctan2(self.sheet.rows - self.centre[1], self.sheet.columns - self.centre[0])
        start = self.shape.shines_from
        lit = np.cos(turn - start) + 0.4 * np.cos(3 * turn + start) > 1 - 2 * SHINE_SHARE
        return (self.rim(EDGE_WIDTH, EDGE_PLACE) * lit).astype(np.float32)


def _choose_frame(sheet: Sheet, rng: np.random.Generator) -> _Frame:
    """Rims, bridge and temples of a random frame."""
    left, right = eye_centres(sheet.mesh)
    across = (right - left) / sheet.eye_px
    down = np.array([-across[1], across[0]], np.float32)
    shape = _Shape.draw(sheet.eye_px, rng)
    line = LINE * sheet.eye_px / shape.width_px
    parts = {name: np.zeros(sheet.shape, np.float32) for name in ("rims", "line", "lenses", "shine", "shade")}

    def add(name: str, part: Plane) -> None:
        parts[name] = np.maximum(parts[name], part)

    def add_stroke(points: Sequence[Points], width: float) -> None:
        for name, share in (("rims", 1.0), ("line", line)):
            pen_px = share * width * shape.width_px
            add(name, sheet.stroke(np.stack(points).astype(np.float32), pen_px, pen_px))

    inner: list[Points] = []
    for side, (upper, lower), temple, seen in zip((-1, 1), EYELIDS, TEMPLES, _lens_widths(sheet.mesh), strict=True):
        half_width = shape.half_width_px * seen
        outline = _outline(half_width, shape.half_height_px, shape.roundness) @ np.stack([across, down])
        centre = sheet.mesh[list(upper + lower)].mean(0) + shape.drop_px * down + 0.02 * sheet.eye_px * side * across
        below = (sheet.columns - centre[0]) * down[0] + (sheet.rows - centre[1]) * down[1]
        is_shown = (below < (0.25 if shape.is_rimless_below else 2.0) * shape.half_height_px).astype(np.float32)
        lens = _Side(sheet, shape, centre, outline, is_shown)
        add("rims", lens.rim(1.0))
        add("line", lens.rim(line))
        add("shine", lens.shine())
        add("shade", lens.rim(EDGE_WIDTH, -EDGE_PLACE))
        add("lenses", sheet.area((centre + outline).astype(np.float32)))
        hinge = centre + side * half_width * across - 0.3 * shape.half_height_px * down
        arm = sheet.mesh[temple] - hinge
        if side * float(arm @ across) > 0:  # that of the far side of a turned head is hidden
            add_stroke([hinge + share * arm for share in np.linspace(0, 1, ARM_POINTS)], 0.8)
        inner.append(centre - side * half_width * across - 0.25 * shape.half_height_px * down)
    add_stroke([inner[0], (inner[0] + inner[1]) / 2 - 0.05 * sheet.eye_px * down, inner[1]], 0.9)
    return _Frame(**parts, width_px=shape.width_px)


def wear_glasses(photo: Image, mesh: Points, rng: np.random.Generator) -> tuple[Image, Worn]:
    """Put random glasses on a photo, sometimes sunglasses, sometimes of clear plastic.

    Args:
        photo: RGB uint8 [H, W, 3].
        mesh: float32 [468, 2], the photo's face mesh, pixels.
        rng: Source of shape, colour and light.

    Returns:
        The photo with them, RGB uint8 [H, W, 3], and what is to be drawn of them.
    """
    sheet = unchanged_sheet(photo, mesh)
    frame = _choose_frame(sheet, rng)
    seen = photo.astype(np.float32)
    if rng.random() < SUNGLASSES:
        tint, colour = (rng.uniform(*LENS_TINT),) * 3, choose_colour(COLOURS, COLOUR_SHARES, SHADES, rng)
        seen = laid(seen, tint, frame.lenses * rng.uniform(*LENS_COVER))
        seen = laid(seen, colour, rng.uniform(*RIM_COVER) * frame.rims)
        return as_levels(seen), _layer([(tint, DRAWN_LENS_COVER * frame.lenses), (DRAWN_DARKER * colour, frame.rims)])
    seen = lens_light(seen, sheet, frame.lenses, rng)
    if rng.random() < CLEAR:
        light = np.array(CLEAR_LIGHTS[int(rng.integers(len(CLEAR_LIGHTS)))]) * rng.uniform(*SHADES)
        seen = laid(seen, light, frame.rims * rng.uniform(*CLEAR_COVER))
        seen = laid(seen, SHADE_COLOUR, frame.shade * rng.uniform(*SHADE_COVER))
        seen = laid(seen, SHINE_COLOUR, frame.shine * rng.uniform(*SHINE_COVER))
        return as_levels(seen), _layer([(LINE_COLOUR, frame.line)])
    colour = choose_colour(COLOURS, COLOUR_SHARES, SHADES, rng)
    seen = laid(seen, colour, rng.uniform(*RIM_COVER) * frame.rims)
    is_thin = frame.width_px < USUAL * sheet.eye_px
    drawn = LINE_COLOUR if is_thin and float(colour.mean()) > LIGHT_MEAN else DRAWN_DARKER * colour
    return as_levels(seen), _layer([(drawn, frame.line if is_thin else frame.rims)])


def _layer(parts: list[tuple[object, Floats]]) -> Worn:
    """Colours laid one over the other, each by its cover float32 [H, W], 0 … 1."""
    shape = parts[0][1].shape
    # Rims lie at the edge: their colour goes on beyond it, or crops that are scaled would get a seam.
    colour = np.broadcast_to(np.asarray(parts[-1][0], np.float32), (*shape, 3))
    cover = np.zeros(shape, np.float32)
    for own, share in parts:
        rest = cover * (1 - share)
        total = share + rest
        weight = np.divide(share, total, out=np.zeros_like(share), where=total > 0)
        colour, cover = laid(colour, np.asarray(own, np.float32), weight), total
    return Worn(as_levels(colour), as_levels(255 * cover))
