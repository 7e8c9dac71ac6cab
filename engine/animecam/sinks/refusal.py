"""What to do when an encoder does not open."""

from animecam.errors import SinkError
from animecam.sinks.codecs import Encoding

MOST_PX = 16384
"""Of a side, of libx264; libsvtav1 takes no more either, and most others less."""


def refusal(encoding: Encoding, width_px: int, height_px: int, why: str) -> SinkError:
    """The error of an encoder that does not open.

    Args:
        encoding: What it was to be opened with.
        width_px: Of the stored picture.
        height_px: Of the stored picture.
        why: What it says itself, which is seldom the cause.
    """
    codec = encoding.codec
    if max(width_px, height_px) > MOST_PX:
        what = f"the encoder {codec} takes no pictures of {width_px}x{height_px} pixels"
        return SinkError(what, hint=f"scale it down to {MOST_PX} pixels a side")
    is_usual = codec == encoding.container.codec  # and so what auto stands for
    hint = "check it with: animecam doctor" if is_usual else "choose the codec auto"
    return SinkError(f"the encoder {codec} does not work here: {why}", hint=hint)
