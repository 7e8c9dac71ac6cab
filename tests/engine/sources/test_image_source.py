"""Still pictures: upright, 8 bits, RGB; and folders of them."""

import struct

import cv2
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.sinks.image import ImageSink
from animecam.sinks.options import SinkOptions
from animecam.sources.image import load_picture, open_picture, open_pictures
from animecam.sources.options import SourceOptions
from animecam.sources.picture_header import is_animated, picture_size
from animecam.types import PixelFormat

RED_BGR = (30, 20, 200)


def corners(width_px=40, height_px=24):
    """A picture whose four quarters differ: red, green / blue, white; as BGR."""
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    picture[: height_px // 2, : width_px // 2] = (0, 0, 255)
    picture[: height_px // 2, width_px // 2 :] = (0, 255, 0)
    picture[height_px // 2 :, : width_px // 2] = (255, 0, 0)
    picture[height_px // 2 :, width_px // 2 :] = 255
    return picture


def write(path, bgr):
    assert cv2.imwrite(str(path), bgr)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".PNG"])
def test_one_picture_is_one_frame(tmp_path, suffix):
    source = open_picture(write(tmp_path / f"a{suffix}", corners()))
    frame = source.read()
    assert source.read() is None
    assert (source.format.frames, source.format.is_live, frame.pixel_format) == (1, False, PixelFormat.RGB24)
    assert frame.planes[0].shape == (24, 40, 3)
    expected = {(2, 2): (255, 0, 0), (2, 37): (0, 255, 0), (21, 2): (0, 0, 255), (21, 37): (255, 255, 255)}
    for (y, x), rgb in expected.items():
        np.testing.assert_allclose(frame.planes[0][y, x], rgb, atol=12)


@pytest.mark.parametrize(
    ("orientation", "top_left"),
    [(1, (255, 0, 0)), (3, (255, 255, 255)), (6, (0, 0, 255)), (8, (0, 255, 0))],
)
def test_exif_orientation(media, tmp_path, orientation, top_left):
    _, jpeg = cv2.imencode(".jpg", corners())
    (tmp_path / "a.jpg").write_bytes(media.with_orientation(jpeg.tobytes(), orientation))
    rgb = load_picture(tmp_path / "a.jpg").rgb
    assert rgb.shape == ((40, 24, 3) if orientation in (6, 8) else (24, 40, 3))
    np.testing.assert_allclose(rgb[2, 2], top_left, atol=12)


def test_grey_and_sixteen_bits(tmp_path):
    assert load_picture(write(tmp_path / "g.png", np.full((9, 7), 77, np.uint8))).rgb[3, 3].tolist() == [77] * 3
    deep = load_picture(write(tmp_path / "d.png", np.full((9, 7, 3), (10_000, 20_000, 50_000), np.uint16))).rgb
    assert deep.dtype == np.uint8
    np.testing.assert_allclose(deep[3, 3], [50_000 / 257, 20_000 / 257, 10_000 / 257], atol=1)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_transparent_parts_show_white_paper(tmp_path, depth):
    full = np.iinfo(depth).max
    bgra = np.zeros((8, 9, 4), depth)
    bgra[:, :3] = (0, 0, full, full)
    bgra[:, 3:6] = (0, 0, full, full // 2)
    bgra[:, 6:] = (0, full, 0, 0)  # what is under full transparency must not show
    rgb = load_picture(write(tmp_path / "a.png", bgra)).rgb
    np.testing.assert_allclose(rgb[4, [1, 4, 7]], [(255, 0, 0), (255, 128, 128), (255, 255, 255)], atol=1)


def tagged(path, rgba, extra):
    """Writes a TIFF whose fourth sample means what `extra` says; None: the file does not tell. Plain, big-endian."""
    height_px, width_px = rgba.shape[:2]
    bits, pixels = 8 * rgba.dtype.itemsize, rgba.astype(rgba.dtype.newbyteorder(">")).tobytes()
    fields = {256: width_px, 257: height_px, 258: bits, 262: 2, 273: 300, 277: 4, 278: height_px, 279: len(pixels)}
    fields |= {284: 1} if extra is None else {284: 1, 338: extra}
    head = b"MM\0*" + struct.pack(">IH", 8, len(fields))
    for tag, value in fields.items():
        if tag == 258:  # one for each sample, which is more than fits here
            head += struct.pack(">HHII", tag, 3, 4, 280)
        elif tag in (273, 279):
            head += struct.pack(">HHII", tag, 4, 1, value)
        else:
            head += struct.pack(">HHIHH", tag, 3, 1, value, 0)
    path.write_bytes(head.ljust(280, b"\0") + struct.pack(">4H", *[bits] * 4).ljust(20, b"\0") + pixels)
    return path


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra", [None, 1, 2])
def test_a_transparent_tiff_is_the_same_picture_as_a_png(tmp_path, depth, extra):
    """Its colours may be multiplied by their transparency, in the file (1) or by the decoder (2, 8 bits)."""
    full = np.iinfo(depth).max
    rgba = np.random.default_rng(3).integers(0, full, (20, 30, 4), depth, endpoint=True)
    rgba[:, :10, 3], rgba[:, 10:20, 3] = 0, full
    expected = load_picture(write(tmp_path / "a.png", rgba[:, :, [2, 1, 0, 3]])).rgb
    if extra == 1:
        rgba[:, :, :3] = np.rint(rgba[:, :, :3] * (rgba[:, :, 3:] / full)).astype(depth)
    got = load_picture(tagged(tmp_path / "a.tiff", rgba, extra)).rgb
    np.testing.assert_allclose(got.astype(int), expected, atol=1)


def test_a_fourth_channel_that_is_no_transparency_hides_nothing(tmp_path):
    rgba = np.random.default_rng(3).integers(0, 256, (20, 30, 4), np.uint8)
    np.testing.assert_array_equal(load_picture(tagged(tmp_path / "a.tiff", rgba, 0)).rgb, rgba[:, :, :3])


@pytest.mark.parametrize(
    ("tag", "value", "message"),
    [
        (262, 8, "stores its colours as Lab"),
        (277, 2, "is a grey picture with"),
        (277, 5, "stores 5 channels"),
        (284, 2, "stores 16 bits, one colour after the other"),
    ],
)
def test_a_tiff_that_would_be_misread_is_refused(tmp_path, tag, value, message):
    path = tagged(tmp_path / "a.tiff", np.full((9, 9, 4), 77, np.uint16), None)
    data = bytearray(path.read_bytes())
    struct.pack_into(">H", data, data.index(struct.pack(">HHI", tag, 3, 1)) + 8, value)
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message) as caught:
        open_picture(path)
    assert "PNG" in caught.value.hint


def test_odd_and_single_pixels_stay(tmp_path):
    assert load_picture(write(tmp_path / "a.png", np.full((1, 1, 3), 9, np.uint8))).rgb.shape == (1, 1, 3)
    assert load_picture(write(tmp_path / "b.png", np.full((31, 17, 3), 9, np.uint8))).rgb.shape == (31, 17, 3)


def test_a_bitmap_with_the_oldest_header_is_read(tmp_path):
    """As OS/2 and Windows 2 wrote them: sides of 16 bits, rows from the bottom up."""
    bgr = corners()
    header = struct.pack("<2sIHHIIHHHH", b"BM", 26 + bgr.nbytes, 0, 0, 26, 12, bgr.shape[1], bgr.shape[0], 1, 24)
    path = tmp_path / "old.bmp"
    path.write_bytes(header + bgr[::-1].tobytes())
    assert picture_size(path.read_bytes()) == (40, 24)
    assert np.array_equal(load_picture(path).rgb, bgr[..., ::-1])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("size_px", [(1, 1), (300, 40), (17, 600)])
def test_size_is_known_from_the_header(tmp_path, suffix, size_px):
    path = write(tmp_path / f"a{suffix}", np.zeros((size_px[1], size_px[0], 3), np.uint8))
    assert picture_size(path.read_bytes()) == size_px


def test_size_of_webp_without_loss_and_with_alpha(tmp_path):
    bgra = np.full((30, 50, 4), 120, np.uint8)
    assert cv2.imwrite(str(tmp_path / "a.webp"), bgra, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert picture_size((tmp_path / "a.webp").read_bytes()) == (50, 30)
    assert cv2.imwrite(str(tmp_path / "b.webp"), bgra, [cv2.IMWRITE_WEBP_QUALITY, 80])
    assert picture_size((tmp_path / "b.webp").read_bytes()) == (50, 30)
    assert not is_animated((tmp_path / "b.webp").read_bytes())


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "hint"),
    [("a.webp", "libwebp_anim", "yuv420p", "GIF"), ("a.apng", "apng", "rgb24", ".apng")],
)
def test_an_animation_is_not_taken_for_its_first_picture(tmp_path, make_clip, name, codec, pixel_format, hint):
    path = make_clip(tmp_path / name, codec=codec, pixel_format=pixel_format)
    with pytest.raises(SourceError, match="is animated") as caught:
        load_picture(path)
    assert hint in caught.value.hint


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_still_pictures_are_not_animated(tmp_path, suffix):
    assert not is_animated(write(tmp_path / f"a{suffix}", corners()).read_bytes())


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_picture_that_was_cut_off(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="is damaged or cut off"):
        open_picture(path)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_floating_point_pictures_are_named_as_such(tmp_path, channels):
    path = write(tmp_path / "a.tiff", np.full((20, 20, channels), 0.5, np.float32))
    with pytest.raises(SourceError, match="floating-point") as caught:
        open_picture(path)
    assert "16 bits" in caught.value.hint


def icc(space):
    """A small ICC profile: a header (ICC.1:2022, 7.2) and one tag of noise, or libpng finds it too short."""
    noise = np.random.default_rng(0).bytes(400)
    d50 = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    head = struct.pack(">I4sI4s4s4s12s4s", 544, b"test", 0x02100000, b"mntr", space, b"XYZ ", bytes(12), b"acsp")
    return (head + bytes(28) + d50).ljust(128, b"\0") + struct.pack(">I4sII", 1, b"desc", 144, 400) + noise


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("space", "is_kept"), [(b"RGB ", True), (b"GRAY", False), (b"CMYK", False)])
def test_the_colour_profile_comes_along(tmp_path, capfd, suffix, channels, space, is_kept):
    """Photos of phones have Display P3: without it their colours fade."""
    if suffix == ".jpg" and channels == 4:
        pytest.skip("a JPEG has no alpha")
    profile = np.frombuffer(icc(space), np.uint8)
    pixels = np.full((20, 20, channels), 200, np.uint8)
    is_written, data = cv2.imencodeWithMetadata(suffix, pixels, [cv2.IMAGE_METADATA_ICCP], [profile])
    assert is_written
    (tmp_path / f"in{suffix}").write_bytes(data.tobytes())
    frame = open_picture(tmp_path / f"in{suffix}").read()
    capfd.readouterr()  # libpng complains of profiles that do not fit
    assert frame.color.profile == (icc(space) if is_kept else b"")
    stream = open_picture(tmp_path / f"in{suffix}").format
    for written in (".jpg", ".png", ".webp"):
        sink = ImageSink(str(tmp_path / f"out{written}"), stream, SinkOptions())
        sink.write(frame)
        sink.close(complete=True)
        assert load_picture(tmp_path / f"out{written}").profile == frame.color.profile


@pytest.fixture
def shots(tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    for number in (10, 2, 1):
        write(folder / f"shot{number}.png", np.full((24, 40, 3), number * 10, np.uint8))
    (folder / "notes.txt").write_text("no picture")
    (folder / "._shot1.png").write_bytes(b"what macOS leaves on USB sticks")
    return folder


@pytest.mark.parametrize("pattern", ["", "/*.png", "/shot*"])
def test_a_folder_is_shown_in_natural_order(shots, pattern):
    source = open_pictures(f"{shots}{pattern}", SourceOptions())
    frames = [source.read() for _ in range(3)]
    assert source.read() is None
    assert [int(frame.planes[0][0, 0, 0]) for frame in frames] == [10, 20, 100]
    assert [frame.pts * frame.time_base * source.format.rate for frame in frames] == [0, 1, 2]
    assert source.format.frames == 3


def test_a_folder_at_another_rate(shots):
    source = open_pictures(str(shots), SourceOptions(fps=12))
    source.read()
    assert source.read().time_s == pytest.approx(1 / 12)


def test_pictures_of_other_sizes_are_refused_by_name(shots):
    shots = shots.rename(shots.with_name("my shots"))
    write(shots / "shot3.png", np.zeros((10, 12, 3), np.uint8))
    source = open_pictures(str(shots), SourceOptions())
    source.read()
    source.read()
    with pytest.raises(SourceError, match=r"shot3\.png is 12x10, the first picture 40x24") as caught:
        source.read()
    assert f"animecam convert '{shots}'" in caught.value.hint  # as a shell takes it


def test_a_folder_without_pictures(tmp_path):
    with pytest.raises(SourceError, match="holds no pictures"):
        open_pictures(str(tmp_path), SourceOptions())


def test_close_ends_the_reading(shots):
    source = open_pictures(str(shots), SourceOptions())
    source.close()
    source.close()
    assert source.read() is None
