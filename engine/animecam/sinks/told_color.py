"""What an encoder is told of colours, where it does not know all of them."""

from dataclasses import replace

from animecam.sinks.codecs import X265
from animecam.types import Color

UNSPECIFIED = 2  # a code point of ISO/IEC 23091-2, as the next are
_X265_PRIMARIES = frozenset({1, *range(4, 13)})  # with others, such as EBU 3213's 22, it does not open
_X265_TRANSFERS = frozenset({1, *range(4, 19)})


def told_color(color: Color, codec: str) -> Color:
    """A colour as an encoder can be told of it: of primaries and a transfer that libx265 does not know, nothing.

    Args:
        color: Meaning of the numbers.
        codec: FFmpeg's name of the encoder.
    """
    if codec != X265:
        return color
    primaries = color.primaries if color.primaries in _X265_PRIMARIES else UNSPECIFIED
    transfer = color.transfer if color.transfer in _X265_TRANSFERS else UNSPECIFIED
    return replace(color, primaries=primaries, transfer=transfer)
