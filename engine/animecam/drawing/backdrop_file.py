"""Reads the picture that is laid behind persons."""

from contextlib import closing
from pathlib import Path

from animecam.errors import SourceError
from animecam.sinks.convert import to_square_rgb
from animecam.sources.opening import SourceOptions, open_source
from animecam.types import Image


def read_backdrop(path: Path) -> Image:
    """A picture, or the first one of a film: RGB, uint8 [H, W, 3], upright, its pixels squares.

    Raises:
        SourceError: It cannot be read.
    """
    hint = "give a picture, such as a JPEG or PNG file, for the background"
    try:
        # A name such as 0 is no camera here.
        with closing(open_source(str(path.absolute()), SourceOptions())) as source:
            frame = source.read()
    except SourceError as error:
        raise SourceError(f"the background: {error.message}", hint=hint) from error
    if frame is None:
        raise SourceError(f"the background: {path} has no picture", hint=hint)
    return to_square_rgb(frame.on_host())
