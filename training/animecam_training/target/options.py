"""What the procedural target looks like, as values."""

from dataclasses import dataclass, field, replace
from typing import Literal

from animecam_training.target.lines import OUTLINE, OUTLINE_THRESHOLD, LineOptions

DrawingName = Literal["portrait", "anime", "flat", "anime-flat"]
"""\"portrait\" paints the person, \"anime\" draws a character anew, \"flat\" paints a whole picture in flat areas,
\"anime-flat\" paints what \"anime\" draws."""
DRAWING_SECTIONS: dict[DrawingName, tuple[str, ...]] = {
    "portrait": ("target",),
    "anime": ("anime",),
    "flat": ("flat",),
    "anime-flat": ("anime", "flat"),
}
"""Of a recipe, by drawing: those that say how it looks."""

AREA_LINES = replace(OUTLINE, sigma_px=1.2)  # thinner: all of the picture has them


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """How a photo is drawn. Lengths named `_eye` are fractions of the distance between the eyes.

    Attributes:
        eye_gain: Vertical enlargement of the eyes; the horizontal one is 0.65 of the excess.
        drawn_eyes: 0 keeps the photo's eyes, 1 draws iris, lashes and highlights over them.
        drawn_features: 0 keeps the photo's brows and lips (sharpened), 1 draws them flat.
        tones: 0 shades the skin in two tones, 1 in up to four that follow the face's shape.
        tone_step: Lightness between two tones of the skin, CIE L units, smallest and largest allowed.
        skin_lift: Lightness added to the skin, CIE L units.
        chroma: Gain of the colours outside of the skin.
        blush: Redness added to the cheeks, CIE a units.
        line_ink: Opacity of the lines found in the photo, 0 … 1.
        outline: Opacity of the bold outlines around painted areas, 0 … 1.
        background_lift: Lightness added to the background, CIE L units; it recedes.
        lines: Widths and thresholds of the line filter at an eye distance of 80 px.
    """

    eye_gain: float = 1.62
    drawn_eyes: float = 1.0
    drawn_features: float = 0.85
    tones: float = 0.15
    tone_step: tuple[float, float] = (4.0, 7.0)
    skin_lift: float = 6.0
    chroma: float = 1.28
    blush: float = 5.0
    line_ink: float = 0.85
    outline: float = 0.85
    background_lift: float = 7.0
    lines: LineOptions = field(default_factory=LineOptions)


@dataclass(frozen=True, slots=True)
class FlatOptions:
    """How a picture is flattened.

    Attributes:
        eye_gain: Vertical enlargement of the eyes; the horizontal one is 0.65 of the excess.
        denoise_turns: Passes of a bilateral filter before areas are found; a photo needs more than a drawing.
        gloss: How far highlights may rise above the lit skin, CIE L units; without a bound they are white patches.
        shade: Share of the skin's shade that is kept, 0 … 1.
        space_px: Reach of the mean shift at an eye distance of 80 px.
        colour: Reach of the mean shift in colour, of 255.
        face_reach: Share of both reaches within the face's oval, more than 0, to 1: less keeps more of the person.
        strand_px: Reach of a smoothing along the strands of hair at an eye distance of 80 px; 0: none.
        eye_light: How far the tones of the eyes are spread from dark to white, 0 … 1.
        line_ink: Opacity of the lines around the areas; above 1 their soft ends harden too.
        face_ink_share: Share of that opacity within the face's oval.
        hair_ink_share: Share of that opacity within the hair, away from its outline.
        edge: Contrast of an edge before it becomes a line, in the line filter's units; less draws more of them.
        face_edge_gain: Gain of that contrast within the face's oval.
        lines: Widths of these lines at an eye distance of 80 px.
        chroma: Gain of all colours.
    """

    eye_gain: float = 1.1
    denoise_turns: int = 1
    gloss: float = 4.0
    shade: float = 0.9
    space_px: float = 9.0
    colour: float = 25.0
    face_reach: float = 1.0
    strand_px: float = 0.0
    eye_light: float = 0.0
    line_ink: float = 0.5
    face_ink_share: float = 1.0
    hair_ink_share: float = 1.0
    edge: float = OUTLINE_THRESHOLD
    face_edge_gain: float = 1.0
    lines: LineOptions = AREA_LINES
    chroma: float = 1.15
