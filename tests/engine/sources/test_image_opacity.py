"""What of a picture is transparent, where OpenCV does not say or says it wrongly."""

import struct
import zlib

import pytest

from animecam.sources.image import load_picture


@pytest.mark.parametrize(
    ("bits", "row", "key", "shown"),
    [
        (4, bytes([0x01, 0x2F]), 2, [0, 17, 255, 255]),
        (8, bytes([0, 20, 21, 200]), 20, [0, 255, 21, 200]),
        (16, struct.pack(">4H", 0, 2570, 2571, 65535), 2570, [0, 255, 10, 255]),
    ],
    ids=["4", "8", "16"],
)
def test_a_grey_that_stands_for_nothing_shows_white_paper(tmp_path, bits, row, key, shown):
    """Programs that make PNGs small write transparency of greys so; what was under it was black."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 4, 2, bits, 0, 0, 0, 0),
        b"tRNS": struct.pack(">H", key),
        b"IDAT": zlib.compress(2 * (b"\0" + row)),
        b"IEND": b"",
    }
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts.items()]
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert load_picture(path).rgb[1].tolist() == [[grey] * 3 for grey in shown]


@pytest.mark.parametrize(("header_bytes", "shown"), [(40, (200, 100, 10)), (52, (200, 100, 10)), (56, (255, 255, 255))])
def test_the_fourth_byte_of_a_bitmap_is_transparency_only_where_its_header_says_so(tmp_path, header_bytes, shown):
    """Windows' own screenshots have 0 there, and no word of transparency."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)[: 16 if header_bytes == 56 else 12]
    header = struct.pack("<IiiHHIIiiII", header_bytes, 4, 4, 1, 32, 3, 64, 0, 0, 0, 0) + masks
    start = struct.pack("<2sIHHI", b"BM", 14 + len(header) + 64, 0, 0, 14 + len(header))
    path = tmp_path / "a.bmp"
    path.write_bytes(start + header + bytes((10, 100, 200, 0)) * 16)
    assert load_picture(path).rgb[0, 0].tolist() == list(shown)
