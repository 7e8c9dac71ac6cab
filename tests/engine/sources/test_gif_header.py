"""GIFs of one picture, told from films without decoding."""

from io import BytesIO

import pytest

from animecam.sources.gif_header import is_still_gif

COLORS = bytes(6)  # the smallest table, of two
IMAGE = b"\x2c" + bytes(8) + b"\x00" + b"\x02" + b"\x02ab\x00"
OWN_COLORS = b"\x2c" + bytes(8) + b"\x80" + COLORS + b"\x02" + b"\x02ab\x01c\x00"
DELAY = b"\x21\xf9\x04" + bytes(4) + b"\x00"
COMMENT = b"\x21\xfe\x03,,,\x00"  # commas are what begins a picture
END = b"\x3b"


def gif(*blocks, has_colors=True):
    screen = bytes(4) + (b"\x80" if has_colors else b"\x00") + bytes(2)
    return BytesIO(b"GIF89a" + screen + (COLORS if has_colors else b"") + b"".join(blocks))


@pytest.mark.parametrize(
    "blocks", [(IMAGE, END), (DELAY, COMMENT, OWN_COLORS, COMMENT, END), (IMAGE,), (IMAGE, END, b",")]
)
@pytest.mark.parametrize("has_colors", [True, False])
def test_one_picture(blocks, has_colors):
    assert is_still_gif(gif(*blocks, has_colors=has_colors))


@pytest.mark.parametrize("blocks", [(IMAGE, IMAGE, END), (DELAY, OWN_COLORS, DELAY, IMAGE), (END,), ()])
def test_a_film_or_nothing(blocks):
    assert not is_still_gif(gif(*blocks))


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"GIF89", b"\x89PNG\r\n\x1a\n"])
def test_what_is_none(data):
    assert not is_still_gif(BytesIO(data))
