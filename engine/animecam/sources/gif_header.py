"""Whether a GIF is a picture or a film, from its blocks (GIF89a, CompuServe 1990), before anything is decoded."""

from typing import BinaryIO

_MARKS = (b"GIF87a", b"GIF89a")
_SCREEN_BYTES = 7  # of the screen's description, whose flags are the fifth
_IMAGE_BYTES = 9  # of a picture's, whose flags are the last
_HAS_COLORS = 0x80  # among flags: a table of colours follows
_IMAGE, _EXTENSION = 0x2C, 0x21


def is_still_gif(file: BinaryIO) -> bool:
    """Whether this is a GIF with one picture; reads as far as the second one.

    Args:
        file: At its beginning.
    """
    if file.read(len(_MARKS[0])) not in _MARKS:
        return False
    screen = file.read(_SCREEN_BYTES)
    file.read(_color_bytes(screen[4:5]))
    pictures = 0
    while kind := file.read(1):
        if kind[0] == _IMAGE:
            pictures += 1
            file.read(_color_bytes(file.read(_IMAGE_BYTES)[-1:]))
        elif kind[0] != _EXTENSION:  # the end of the pictures
            break
        if pictures > 1:
            return False
        file.read(1)  # what kind of extension, or the bits of a colour
        _pass_data(file)
    return pictures == 1


def _color_bytes(flags: bytes) -> int:
    """Length of the table of colours that follows."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & _HAS_COLORS else 0


def _pass_data(file: BinaryIO) -> None:
    while (size := file.read(1)) and size[0]:
        file.read(size[0])
