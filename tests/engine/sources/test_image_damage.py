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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    for name, opener in (("a.png", open_picture), ("a.mp4", lambda path: open_file(path, SourceOptions()))):
        os.mkfifo(tmp_path / name)
        with pytest.raises(SourceError, match="is a pipe"):
            opener(tmp_path / name)


def test_missing(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        open_picture(tmp_path / "a.png")
