"""Files that are no sound picture are named, and none of them takes the memory or keeps anyone waiting."""

import os
import struct
import zlib

import cv2
import pytest

from animecam.errors import SourceError
from animecam.sources.file import open_file
from animecam.sources.image import open_picture
from animecam.sources.options import SourceOptions


def png_header(width_px, height_px):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png_header(60_000, 60_000))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(SourceError, match="60000x60000 pixels"):
        open_picture(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.png", b"", "is empty"),
        ("a.jpg", b"Dear diary, " * 9, "is no picture"),
        ("a.png", png_header(40, 24), "is damaged or cut off"),
        ("a.png", png_header(40, 24)[:20], "is no picture"),
        ("a.tif", b"II*\0\xff\xff\xff\x7f", "is no picture"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x04\0\0", "is no picture"),
    ],
)
def test_broken_pictures(tmp_path, capfd, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_picture(tmp_path / name)
    assert caught.value.hint
    assert "WARN" not in capfd.readouterr().err  # OpenCV keeps quiet, the line is ours to write


def tiff_of(path, *, depth="B", photometric=2, samples=3, compression=1, sample_format=1):
    """Writes a TIFF of 16x8 pixels without a fault, but for what `compression` says."""
    pixels = bytes(16 * 8 * samples * struct.calcsize(depth))
    fields = {256: 16, 257: 8, 258: 8 * struct.calcsize(depth), 259: compression, 262: photometric, 273: 300}
    fields |= {277: samples, 278: 8, 279: len(pixels), 284: 1, 339: sample_format}
    head = b"MM\0*" + struct.pack(">IH", 8, len(fields))
    for tag, value in fields.items():
        if tag in (258, 339) and samples > 2:  # one for each sample, which is more than fits here
            head += struct.pack(">HHII", tag, 3, samples, 260 if tag == 258 else 280)
        elif tag in (273, 279):
            head += struct.pack(">HHII", tag, 4, 1, value)
        else:
            head += struct.pack(">HHIHH", tag, 3, 1, value, 0)
    bits, formats = ([fields[tag]] * samples for tag in (258, 339))
    lists = struct.pack(f">{samples}H", *bits).ljust(20, b"\0") + struct.pack(f">{samples}H", *formats)
    path.write_bytes((head.ljust(260, b"\0") + lists).ljust(300, b"\0") + pixels)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ({"depth": "I"}, "stores 32 bits a colour"),
        ({"depth": "I", "photometric": 1, "samples": 1}, "stores 32 bits a colour"),
        ({"depth": "e", "sample_format": 3}, "stores floating-point numbers"),
        ({"compression": 50000}, "is a TIFF packed with Zstandard"),
        ({"compression": 34925}, "is a TIFF packed with LZMA"),
        ({"depth": "H", "photometric": 5, "samples": 4}, "stores CMYK of 16 bits"),
    ],
)
def test_a_tiff_of_a_kind_that_is_not_read_is_not_called_damaged(tmp_path, kind, message):
    with pytest.raises(SourceError, match=message) as caught:
        open_picture(tiff_of(tmp_path / "a.tif", **kind))
    assert "PNG" in caught.value.hint


def test_a_tiff_that_is_not_read_for_no_known_reason_may_be_damaged_or_not(tmp_path):
    path = tiff_of(tmp_path / "a.tif")
    path.write_bytes(path.read_bytes()[:250])  # the list of its bits is lost
    with pytest.raises(SourceError, match="is damaged or cut off, or a kind of TIFF that is not read") as caught:
        open_picture(path)
    assert "PNG" in caught.value.hint


@pytest.mark.parametrize("kind", [{}, {"depth": "H"}, {"photometric": 5, "samples": 4}])
def test_other_tiffs_of_that_kind_are_read(tmp_path, kind):
    assert open_picture(tiff_of(tmp_path / "a.tif", **kind)).format.width_px == 16


@pytest.mark.parametrize("head", [b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"])
def test_a_big_tiff_is_named_as_such(tmp_path, head):
    (tmp_path / "a.tif").write_bytes(head + bytes(99))
    with pytest.raises(SourceError, match="is a BigTIFF") as caught:
        open_picture(tmp_path / "a.tif")
    assert "PNG" in caught.value.hint


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    for name, opener in (("a.png", open_picture), ("a.mp4", lambda path: open_file(path, SourceOptions()))):
        os.mkfifo(tmp_path / name)
        with pytest.raises(SourceError, match="is a pipe"):
            opener(tmp_path / name)


def test_missing(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        open_picture(tmp_path / "a.png")
