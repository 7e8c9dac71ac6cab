"""What a drawn picture tells of its photo, read by Pillow, and what it must not tell."""

import io
import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest

from animecam.cli import main
from animecam.sinks.exif import kept_exif
from animecam.sinks.image import ImageSink
from animecam.sinks.mark import MARK
from animecam.sinks.options import SinkOptions
from animecam.types import PixelFormat

Image = pytest.importorskip("PIL.Image")

TEXT, SHORT, LONG, RATIO, BYTES = 2, 3, 4, 5, 7
MAKE, ORIENTATION, SOFTWARE, DATE, COPYRIGHT, SERIAL = 0x010F, 0x0112, 0x0131, 0x9003, 0x8298, 0xA431
EXIF, GPS, MAKER_NOTE, USER_COMMENT, INTEROP = 0x8769, 0x8825, 0x927C, 0x9286, 0xA005
LATITUDE_REF, LATITUDE = 1, 2

MARKED = {ORIENTATION: 1, SOFTWARE: MARK}
"""What every result says."""

BARE = b"\xff\xd8\xff\xe0 the bare face"
"""As a preview begins."""


def directory(order: str, start: int, fields: dict, following: int = 0) -> bytes:
    """A directory whose fields are (kind, bytes) or numbers (SHORT), with what they hold behind it."""
    entries, apart = b"", b""
    end = start + 2 + 12 * len(fields) + 4
    for tag, field in sorted(fields.items()):
        kind, value = field if isinstance(field, tuple) else (SHORT, struct.pack(order + "H", field))
        count = len(value) // {TEXT: 1, SHORT: 2, LONG: 4, RATIO: 8, BYTES: 1}[kind]
        entries += struct.pack(order + "HHI", tag, kind, count)
        if len(value) > 4:
            entries += struct.pack(order + "I", end + len(apart))
            apart += value
        else:
            entries += value.ljust(4, b"\0")
    return struct.pack(order + "H", len(fields)) + entries + struct.pack(order + "I", following) + apart


def photo_exif(order: str = "<", orientation: int = 6) -> bytes:
    """As a phone writes it: with maker's notes, serial numbers, a comment, a place and a preview."""
    place = struct.pack(order + "6I", 47, 1, 22, 1, 5, 1)
    inner = {
        EXIF: {
            DATE: (TEXT, b"2024:07:14 15:03:22\0"),
            0x9011: (TEXT, b"+02:00\0"),
            0x829A: (RATIO, struct.pack(order + "2I", 1, 250)),
            MAKER_NOTE: (BYTES, b"Maker\0" + BARE * 9),
            USER_COMMENT: (BYTES, b"ASCII\0\0\0secret"),
            SERIAL: (TEXT, b"serial 4711\0"),
            INTEROP: (LONG, struct.pack(order + "I", 8)),
        },
        GPS: {LATITUDE_REF: (TEXT, b"N\0"), LATITUDE: (RATIO, place)},
    }
    first = {
        MAKE: (TEXT, b"Camera Co\0"),
        0x0110: (TEXT, b"C-1\0"),
        ORIENTATION: orientation,
        COPYRIGHT: (TEXT, b"\xc2\xa9 Me\0"),
        0x02BC: (BYTES, b"<x:xmpmeta> secret"),
        EXIF: (LONG, bytes(4)),
        GPS: (LONG, bytes(4)),
    }
    at = 8 + len(directory(order, 8, first))
    blocks = []
    for tag, fields in inner.items():
        first[tag] = (LONG, struct.pack(order + "I", at))
        blocks.append(directory(order, at, fields))
        at += len(blocks[-1])
    end = at + len(directory(order, at, {0x0201: (LONG, bytes(4)), 0x0202: (LONG, bytes(4))}))
    pointers = {0x0201: (LONG, struct.pack(order + "I", end)), 0x0202: (LONG, struct.pack(order + "I", len(BARE)))}
    thumbnail = directory(order, at, pointers) + BARE
    header = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8)
    return b"".join([header, directory(order, 8, first, following=at), *blocks, thumbnail])


def read(data: bytes) -> tuple[dict, dict, dict]:
    exif = Image.Exif()
    exif.load(data)
    return dict(exif), dict(exif.get_ifd(EXIF)), dict(exif.get_ifd(GPS))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_date_camera_and_owner_are_kept_and_nothing_else(order, prefix):
    data = photo_exif(order)
    assert read(data)[2], "the test's own photo has a place"
    kept = kept_exif(prefix + data, keeps_location=False)
    first, capture, place = read(kept)
    assert first.pop(EXIF)
    assert first == MARKED | {MAKE: "Camera Co", 0x0110: "C-1", COPYRIGHT: "© Me".encode().decode("latin-1")}
    assert capture == {DATE: "2024:07:14 15:03:22", 0x9011: "+02:00", 0x829A: 1 / 250}
    assert not place
    for private in (b"\xff\xd8", b"bare", b"Maker", b"secret", b"4711"):
        assert private in data
        assert private not in kept
    assert len(kept) < 300


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_place_is_kept_where_somebody_asks_for_it(order):
    _, capture, place = read(kept_exif(photo_exif(order), keeps_location=True))
    assert place == {LATITUDE_REF: "N", LATITUDE: (47.0, 22.0, 5.0)}
    assert capture[DATE] == "2024:07:14 15:03:22"


def test_a_value_as_long_as_a_preview_is_none_of_ours():
    data = b"II*\0" + struct.pack("<I", 8) + directory("<", 8, {MAKE: (TEXT, BARE * 90), COPYRIGHT: (TEXT, b"Me\0")})
    first, _, _ = read(kept_exif(data, keeps_location=True))
    assert first == MARKED | {COPYRIGHT: "Me"}


@pytest.mark.parametrize("data", [b"", b"Exif\0\0", b"II*\0", b"II+\0" + bytes(40), b"\xff\xd8\xff", bytes(64)])
def test_what_is_none_tells_nothing(data):
    assert read(kept_exif(data, keeps_location=True)) == (MARKED, {}, {})


def test_an_orientation_alone_is_nothing_to_tell(media):
    assert read(kept_exif(media.with_orientation(b"", 6)[4:], keeps_location=True)) == (MARKED, {}, {})


@pytest.mark.parametrize("order", ["<", ">"])
def test_damage_never_fails_and_lets_nothing_through(order):
    data = photo_exif(order)
    random = np.random.default_rng(1)
    for length in range(len(data)):
        kept_exif(data[:length], keeps_location=True)
    for _ in range(3000):
        damaged = bytearray(data)
        for place in random.integers(4, len(data), 3):
            damaged[place] = random.integers(256)
        kept = kept_exif(bytes(damaged), keeps_location=False)
        assert len(kept) < 64 * 1024
        if kept:
            assert read(kept)[0][ORIENTATION] == 1


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_a_picture_of_each_kind_has_them(tmp_path, stream_format, make_frame, kind):
    stream = replace(stream_format, pixel_format=PixelFormat.RGB24)
    frame = replace(make_frame(stream), exif=photo_exif())
    for name, keeps in (("a", False), ("b", True)):
        sink = ImageSink(str(tmp_path / f"{name}.{kind}"), stream, SinkOptions(keeps_location=keeps))
        sink.write(frame)
        sink.close(complete=True)
        written = (tmp_path / f"{name}.{kind}").read_bytes()
        assert b"bare" not in written
        exif = Image.open(io.BytesIO(written)).getexif()
        assert exif[MAKE] == "Camera Co"
        assert bool(exif.get_ifd(GPS)) is keeps


@pytest.fixture
def photo(tmp_path):
    """Writes a photo with EXIF data as a phone does, and with a preview."""

    def make(name: str, shape=(40, 60)):
        picture = np.zeros((*shape, 3), np.uint8)
        picture[:, : shape[1] // 2] = 255
        path = tmp_path / name
        exif = np.frombuffer(photo_exif(), np.uint8)
        if path.suffix == ".tif":
            Image.fromarray(picture).save(path, exif=Image.open(_with_exif(picture, exif)).getexif())
        else:
            path.write_bytes(cv2.imencodeWithMetadata(path.suffix, picture, [0], [exif])[1].tobytes())
        return path

    return make


def _with_exif(picture, exif):
    return io.BytesIO(cv2.imencodeWithMetadata(".jpg", picture, [0], [exif])[1].tobytes())


@pytest.mark.parametrize(
    ("name", "made"), [("a.jpg", "a.jpg"), ("a.png", "a.png"), ("a.webp", "a.webp"), ("a.tif", "a.png")]
)
def test_a_converted_photo_knows_when_it_was_taken_and_stands_upright(photo, tmp_path, name, made):
    source, out = photo(name), tmp_path / "out"
    out.mkdir()
    words = ["convert", str(source), "-o", str(out), "--scope", "frame"]
    assert main(words) == 0
    written = Image.open(out / made)
    assert written.size == (40, 60)
    exif = written.getexif()
    assert (exif[MAKE], exif[ORIENTATION]) == ("Camera Co", 1)
    assert exif.get_ifd(EXIF)[DATE] == "2024:07:14 15:03:22"
    assert not exif.get_ifd(GPS)
    assert b"bare" not in (out / made).read_bytes()
    assert main([*words, "--keep-location", "--overwrite"]) == 0
    assert Image.open(out / made).getexif().get_ifd(GPS)[LATITUDE] == (47.0, 22.0, 5.0)
