"""What the drawing "anime" looks like, as values."""

from dataclasses import dataclass, field
from typing import Literal

from animecam_training.target.lines import LineOptions


@dataclass(frozen=True, slots=True)
class AnimeOptions:
    """How a photo is drawn. Gains of 1 change nothing.

    Attributes:
        eye_gain: Magnification of the eyes across and down, before they are drawn larger still.
        nose_gain: Magnification of the nose.
        mouth_gain: Magnification of the mouth across and down.
        jaw: Share of the width that the face loses at the chin, 0 … 1.
        skin_lift: Lightness added to the skin, CIE L units.
        skin_chroma: Gain of the skin's own colour; what is lifted looks more coloured than it was.
        shade: How much darker the skin is where hair, head or side throw a shadow, CIE L units; with a key light
            from the left so much of a lightness of 70, and of others in proportion.
        key_light: What shades a side of the face: the light of the photo, where it leaves one dark ("photo"), or always
            one from the upper left of the picture ("left"; wants `augment.mirror` = 0).
        blush: Redness added to the cheeks, CIE a units.
        chroma: Gain of the colours outside of the skin.
        line_ink: Opacity of the lines found in the photo, 0 … 1.
        outline: Opacity of the bold outlines around painted areas, 0 … 1.
        background_lift: Lightness added to the background, CIE L units; it recedes.
        lines: Widths and thresholds of the line filter at an eye distance of 80 px.
    """

    eye_gain: tuple[float, float] = (1.42, 1.75)
    nose_gain: float = 0.8
    mouth_gain: tuple[float, float] = (0.82, 0.9)
    jaw: float = 0.1
    skin_lift: float = 7.5
    skin_chroma: float = 1.08
    shade: float = 9.5
    key_light: Literal["photo", "left"] = "photo"
    blush: float = 7.0
    chroma: float = 1.35
    line_ink: float = 0.9
    outline: float = 0.85
    background_lift: float = 8.0
    lines: LineOptions = field(default_factory=LineOptions)
