"""Pictures with transparent parts, as they are seen on white paper."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

PAPER = "white"
OPAQUE = (255, 255)  # the least and the most cover

UNREADABLE = (OSError, ValueError, SyntaxError, RuntimeError, Image.DecompressionBombError)
"""What Pillow raises for a file that it does not read: what is wrong with it, the usual decoder tells. The RuntimeError
is of damaged AVIF."""


def laid_on_white(coded: bytes) -> NDArray[np.uint8] | None:
    """A picture with transparent parts on white, upright as its EXIF data says.

    A TIFF is taken for opaque: what its fourth channel is, and whether colours are multiplied by it, its header tells.

    Args:
        coded: The bytes of its file.

    Returns:
        BGR uint8 [H, W, 3]; None where nothing is transparent.
    """
    try:
        with Image.open(BytesIO(coded)) as picture:
            if picture.format == "TIFF" or not picture.has_transparency_data:
                return None
            layer = ImageOps.exif_transpose(picture).convert("RGBA")
    except UNREADABLE:
        return None
    if layer.getchannel("A").getextrema() == OPAQUE:
        return None
    paper = Image.new("RGBA", layer.size, PAPER)
    paper.alpha_composite(layer)
    return np.asarray(paper.convert("RGB"))[..., ::-1]
