"""What may be seen behind persons, by its name."""

from animecam.named_colors import Rgb, color_of, plain_color

AS_FILMED, BLURRED, PICTURE = "keep", "blur", "picture"  # those that are no colour
TRANSPARENT = "transparent"  # nothing at all: for files that can say so

BACKGROUND_COLORS: dict[str, Rgb] = {
    "green": (0, 177, 64),  # of cloths and paint for chroma keying, as is the blue
    "blue": (0, 71, 187),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "black": (0, 0, 0),
}
"""Colours behind persons by name."""

BACKGROUNDS = (AS_FILMED, BLURRED, *BACKGROUND_COLORS)
"""Those that have a name and can always be had: a picture must be given."""


def background_color(background: str) -> Rgb | None:
    """The colour that a background is; None if it is none."""
    return color_of(plain_color(background), BACKGROUND_COLORS)


def is_background(text: str) -> bool:
    """Whether that is a background, if it is the picture, where there is one."""
    return plain_color(text) in (AS_FILMED, BLURRED, PICTURE, TRANSPARENT) or background_color(text) is not None
