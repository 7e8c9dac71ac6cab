"""HDR films come as SDR ones that look the same; what they look like is worked out here from ITU-R BT.2100."""

import logging
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, VideoReformatter

from animecam.cuda import ffmpeg
from animecam.sinks.convert import to_rgb
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources import pixels
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.sources.pixels import Unwrapper
from animecam.types import Color, ColorMatrix, PixelFormat

PQ, HLG = 16, 18
CURVES = pytest.mark.parametrize("curve", [HLG, PQ])
SDR = Color(ColorMatrix.BT709, full_range=False, primaries=1, transfer=1)
PATCH_PX = 16
WHITE = 203.0  # cd/m2, BT.2408
XYZ_2020 = np.array([[0.636958, 0.144617, 0.168881], [0.2627, 0.677998, 0.059302], [0, 0.028073, 1.060985]])
XYZ_709 = np.array([[0.412391, 0.357584, 0.180481], [0.212639, 0.715169, 0.072192], [0.019331, 0.119195, 0.950532]])
TO_2020, LUMA = np.linalg.solve(XYZ_2020, XYZ_709), np.array([0.2627, 0.6780, 0.0593])
SKINS = np.array([[0.85, 0.67, 0.57], [0.76, 0.57, 0.47], [0.62, 0.42, 0.33], [0.35, 0.22, 0.17], [0.2, 0.12, 0.09]])


def hlg(light):
    """HLG signals of light in cd/m2 on a screen of 1000 cd/m2, [..., 3]."""
    shown = light / 1000
    scene = shown * np.maximum(shown @ LUMA, 1e-9)[..., None] ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * np.maximum(scene, 0)), log)


def pq(light):
    """PQ signals of light in cd/m2."""
    power = np.clip(light / 10_000, 0, 1) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def stored(light, curve):
    return (hlg if curve == HLG else pq)(np.asarray(light, float))


def shown_in_hdr(sdr):
    """Light of BT.2020 in cd/m2 that looks like signals of an SDR picture."""
    return np.asarray(sdr) ** 2.4 @ TO_2020.T * WHITE


def toned(light, peak=1000.0):
    """Greys by the curve of BT.2390 from a screen of `peak` to one of 203 cd/m2, as SDR signals."""
    most = pq(peak)
    top = pq(WHITE) / most
    signal, knee = pq(light) / most, 1.5 * top - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * top
    power = (np.where(signal < knee, signal, bent) * most) ** (1 / 78.84375)
    nits = 10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    return (nits / WHITE) ** (1 / 2.4)


def film_frame(signal, curve, kind="yuv420p10le", color_range=ColorRange.MPEG):
    """A frame of a film from signals [H, W, 3] of BT.2020, chroma averaged."""
    signal = np.asarray(signal, float)
    luma = signal @ LUMA
    parts = [luma, (signal[..., 2] - luma) / 1.8814, (signal[..., 0] - luma) / 1.4746]
    spans, zeros = ((876, 896, 896), (64, 512, 512)) if color_range == ColorRange.MPEG else ((1023,) * 3, (0, 512, 512))
    frame = av.VideoFrame(signal.shape[1], signal.shape[0], "yuv444p10le")
    for plane, part, span, zero in zip(frame.planes, parts, spans, zeros, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)
        rows[:, : plane.width] = np.clip(np.rint(part * span + zero), 0, 1023)
    frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 9, 9, curve, color_range
    made = VideoReformatter().reformat(
        frame, format=kind, src_color_range=color_range, dst_color_range=color_range, interpolation="AREA", threads=1
    )  # swscale's threads spoil a row of 17 pixels now and then
    made.colorspace, made.color_primaries, made.color_trc, made.color_range = 9, 9, curve, color_range
    return made


def patches(colors):
    """A row of patches, [PATCH_PX, N * PATCH_PX, 3]."""
    return np.repeat(np.repeat(np.asarray(colors)[None], PATCH_PX, 0), PATCH_PX, 1)


def rgb(planes):
    """SDR planes as RGB of [0, 255], without rounding."""
    luma, *chroma = (plane.astype(np.float64) for plane in planes)
    blue, red = (cv2.resize(part, luma.shape[::-1], interpolation=cv2.INTER_NEAREST) for part in chroma)
    y, cb, cr = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    r, b = y + 1.5748 * cr, y + 1.8556 * cb
    return 255 * np.stack([r, (y - 0.2126 * r - 0.0722 * b) / 0.7152, b], axis=-1)


def seen(colors, curve, **kind):
    """What becomes of patches of light: RGB of [0, 255], the mean of each."""
    made = Unwrapper("a film", 1)(film_frame(patches(stored(colors, curve)), curve, **kind))
    assert (made.pixel_format, made.color) == (PixelFormat.YUV420P, SDR)
    return rgb(made.planes).reshape(PATCH_PX, -1, PATCH_PX, 3).mean(axis=(0, 2))


def greys(nits):
    return np.repeat(np.asarray(nits, float)[:, None], 3, axis=1)


def write(path, frames, codec="ffv1", options=None):
    with av.open(str(path), "w") as container:
        first = frames[0]
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        context = stream.codec_context
        context.colorspace, context.color_range = first.colorspace, first.color_range
        context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def mastered(path, peak, brightest=0, light=1000.0):
    """A PQ film of one grey, with the metadata that PQ films carry."""
    screen = f"G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L({peak * 10_000},50)"
    # In order: of so few frames libx265 gives decoding times that it never set, if they may be reordered.
    parameters = f"log-level=error:bframes=0:hdr10=1:master-display={screen}:max-cll={brightest},0"
    frame = film_frame(patches(stored(greys([light] * 4), PQ)), PQ)
    return write(path, [frame] * 2, "libx265", {"preset": "ultrafast", "crf": "1", "x265-params": parameters})


def read_one(path):
    source = open_file(path, SourceOptions(threads=1))
    frame = source.read()
    source.close()
    return frame


@CURVES
def test_greys_stay_grey_and_follow_the_recommended_curve(curve):
    nits = np.array([0, 0.5, 2, 5, 10, 26, 60, 100, 150, 203, 300, 450, 700, 1000])
    made = seen(greys(nits), curve)
    np.testing.assert_allclose(made - made.mean(axis=1, keepdims=True), 0, atol=0.01)
    below = nits <= 120  # where nothing is compressed: the look is the same to the level
    np.testing.assert_allclose(made[below, 0], 255 * (nits[below] / WHITE) ** (1 / 2.4), atol=1.0)
    np.testing.assert_allclose(made[:, 0], 255 * toned(nits), atol=12)
    assert (np.diff(made[:, 0]) > 1).all()


@CURVES
def test_diffuse_white_is_light_and_the_brightest_is_white(curve):
    white, brightest = seen(greys([WHITE, 1000]), curve)[:, 0] / 255
    assert 0.92 < white < 0.96
    assert brightest == pytest.approx(1, abs=0.005)


def test_white_and_mid_grey_of_hlg_are_the_signals_that_bt_2408_names():
    frame = film_frame(patches(greys([0.38, 0.75])), HLG)
    mid, white = rgb(Unwrapper("a film", 1)(frame).planes)[8, 8::PATCH_PX, 0] / 255
    assert mid == pytest.approx(0.426, abs=0.006)
    assert white == pytest.approx(0.936, abs=0.006)


@CURVES
def test_skin_looks_as_in_sdr(curve):
    np.testing.assert_allclose(seen(shown_in_hdr(SKINS), curve), 255 * SKINS, atol=2.5)


@CURVES
def test_other_colors_look_as_in_sdr(curve):
    colors = np.random.default_rng(0).uniform(0.1, 0.8, (300, 3))
    error = np.abs(seen(shown_in_hdr(colors), curve) - 255 * colors)
    assert error.mean() < 1.2  # a code of chroma in eight bits is 1.8 of these levels
    assert np.percentile(error, 99) < 6
    assert error.max() < 16  # where a part is nearly nothing


@CURVES
def test_saturated_colors_of_sdr_stay_saturated(curve):
    primaries = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]], float)
    made = seen(shown_in_hdr(primaries * 0.8), curve) / 255
    np.testing.assert_allclose(made[primaries == 1], 0.8, atol=0.02)
    assert made[primaries == 0].max() < 0.2


@CURVES
def test_highlights_keep_their_hue_and_are_not_flat(curve):
    warm = np.array([1.0, 0.75, 0.5])
    made = seen(warm**2.4 @ TO_2020.T * np.array([150, 250, 400, 700, 1000])[:, None], curve)
    assert (np.diff(made @ np.array([0.2126, 0.7152, 0.0722])) > 0.5).all()
    np.testing.assert_allclose(made / made[:, :1], np.broadcast_to(warm, made.shape), atol=0.015)


@CURVES
def test_colors_that_sdr_has_not_come_to_its_edge_in_order(curve):
    """From grey to each corner of BT.2020: ever more saturated, of one hue, and no part wraps round."""
    for corner in np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]], float):
        made = seen(100 * (1 - np.linspace(0, 1, 9)[:, None] * (1 - corner)), curve)
        assert made.min() > -6
        assert made.max() < 261
        largest, least = made[:, corner == 1].mean(axis=1), made[:, corner == 0].min(axis=1)
        saturation = (largest - least) / largest
        assert (np.diff(saturation) > -0.02).all()
        assert saturation[-1] > 0.93


@CURVES
def test_slopes_show_no_steps(curve):
    """Eight codes of ten bits to the pixel column: rounded to eight bits without dither, columns would be equal."""
    nits = np.linspace(20, 24, 256)
    picture = np.repeat(greys(nits)[None], 64, axis=0)
    luma = Unwrapper("a film", 1)(film_frame(stored(picture, curve), curve)).planes[0]
    wanted = 16 + 219 * (nits / WHITE) ** (1 / 2.4)
    areas = luma.reshape(64, 16, 16).mean(axis=(0, 2))
    assert np.ptp(wanted) > 5
    np.testing.assert_allclose(areas, wanted.reshape(16, 16).mean(axis=1), atol=0.2)


@CURVES
def test_a_picture_is_what_it_would_be_pixel_by_pixel(media, curve):
    picture = media.portrait(0, 256, 256).astype(float) / 255 * 0.85
    made = rgb(Unwrapper("a film", 1)(film_frame(stored(shown_in_hdr(picture), curve), curve)).planes)
    # What 4:2:0 alone does to it is no fault of the conversion: its luma is what counts.
    error = (made - 255 * picture) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(error).mean() < 0.8
    assert np.percentile(np.abs(error), 99) < 5
    assert abs(error.mean()) < 0.4


@pytest.mark.parametrize(
    ("kind", "color_range"),
    [
        ("yuv420p", ColorRange.MPEG),
        ("nv12", ColorRange.MPEG),
        ("p010le", ColorRange.MPEG),
        ("yuv420p12le", ColorRange.MPEG),
        ("yuv422p10le", ColorRange.MPEG),
        ("yuv444p10le", ColorRange.MPEG),
        ("yuv420p10le", ColorRange.JPEG),
        ("gbrp10le", ColorRange.JPEG),
    ],
)
def test_every_format_is_taken(kind, color_range):
    colors = np.concatenate([SKINS, greys([0.1, 0.4, 0.8])])
    made = seen(shown_in_hdr(colors), HLG, kind=kind, color_range=color_range)
    np.testing.assert_allclose(made, 255 * colors, atol=4 if kind in {"yuv420p", "nv12"} else 2.5)


def test_transparent_parts_are_white(tmp_path):
    plain = film_frame(np.full((32, 32, 3), 0.4), HLG, "yuva444p10le")
    opacity = np.frombuffer(memoryview(plain.planes[3]), np.uint16)
    opacity[: opacity.size // 2] = 0
    made = to_rgb(read_one(write(tmp_path / "a.mkv", [plain])))
    assert made[:14].min() > 253
    assert 100 < made[18:].min() <= made[18:].max() < 125


@pytest.mark.parametrize(
    ("peak", "brightest", "light", "is_white"),
    [(1000, 0, 1000, True), (4000, 0, 4000, True), (4000, 0, 1000, False), (4000, 600, 600, True)],
)
def test_the_brightest_of_a_pq_film_is_what_it_says(tmp_path, peak, brightest, light, is_white):
    luma = read_one(mastered(tmp_path / "a.mkv", peak, brightest, light)).planes[0].mean()
    assert (luma > 234) == is_white
    assert luma > 16 + 219 * 0.93


def test_a_pq_film_that_says_nothing_ends_at_1000():
    assert seen(greys([1000, 1000]), PQ).min() > 254


@CURVES
def test_it_is_said_once_and_warns_of_nothing(tmp_path, caplog, curve):
    caplog.set_level(logging.INFO, logger="animecam")
    path = write(tmp_path / "a.mkv", [film_frame(np.full((32, 32, 3), 0.5), curve)] * 3)
    source = open_file(path, SourceOptions(threads=1))
    while source.read() is not None:
        pass
    source.close()
    assert source.format.color == SDR
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert f"is HDR ({'HLG' if curve == HLG else 'PQ'})" in record.getMessage()


def test_what_is_written_is_sdr_and_says_nothing_of_hdr(tmp_path):
    source = open_file(mastered(tmp_path / "a.mp4", 1000, 800), SourceOptions(threads=1))
    sink = FileSink(str(tmp_path / "b.mp4"), source.format, SinkOptions(threads=1))
    while (frame := source.read()) is not None:
        sink.write(frame)
    sink.close(complete=True)
    source.close()
    with av.open(str(tmp_path / "b.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        picture = next(container.decode(video=0))
    assert (picture.color_primaries, picture.color_trc, picture.colorspace, picture.color_range) == (1, 1, 1, 1)
    for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "DOVI_METADATA"):
        assert picture.side_data.get(kind) is None


@pytest.mark.parametrize("size_px", [(17, 31), (18, 31), (17, 32)])
def test_odd_sides(size_px):
    width_px, height_px = size_px
    made = Unwrapper("a film", 1)(film_frame(np.full((height_px, width_px, 3), 0.38), HLG))
    assert made.size == (width_px + width_px % 2, height_px + height_px % 2)
    np.testing.assert_allclose(rgb(made.planes) / 255, 0.426, atol=0.006)


def test_a_mirrored_film_is_mirrored(media, tmp_path):
    signal = np.full((32, 64, 3), 0.2)
    signal[:, :32] = 0.6
    film = write(tmp_path / "a.mov", [film_frame(signal, HLG, "yuv422p10le")], "prores_ks")
    plain = to_rgb(read_one(film))
    np.testing.assert_array_equal(to_rgb(read_one(media.set_matrix(film, (-1, 0, 0, 1)))), plain[:, ::-1])


def test_a_film_that_becomes_hdr_on_the_way_goes_on_as_it_began():
    unwrap = Unwrapper("a film", 1)
    plain = av.VideoFrame(64, 16, "nv12")
    plain.colorspace, plain.color_primaries, plain.color_trc, plain.color_range = 1, 1, 1, ColorRange.MPEG
    first = unwrap(plain)
    for curve in (HLG, PQ, HLG):
        later = unwrap(film_frame(patches(stored(greys([26, 26, 26, 26]), curve)), curve))
        assert (later.pixel_format, later.color) == (first.pixel_format, first.color)
        np.testing.assert_allclose(later.planes[0], 16 + 219 * 0.425, atol=2)


def test_a_film_on_a_gpu_leaves_it(monkeypatch):
    monkeypatch.setattr(ffmpeg, "lies_on_gpu", lambda frame: frame.format.name == "nv12")
    sdr = av.VideoFrame(64, 32, "nv12")
    assert Unwrapper("a film", 1)(sdr).on_gpu is not None
    made = Unwrapper("a film", 1)(film_frame(np.full((32, 64, 3), 0.38), HLG, "nv12"))
    assert (made.on_gpu, made.color) == (None, SDR)


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14, 15])
@pytest.mark.parametrize("kind", ["yuv420p", "yuv420p10le"])
def test_sdr_is_left_alone(monkeypatch, transfer, kind):
    def refuse(*_):
        raise AssertionError("no HDR here")

    monkeypatch.setattr(pixels.ToSdr, "__call__", refuse)
    frame = film_frame(np.full((32, 64, 3), 0.38), transfer, kind)
    made = Unwrapper("a film", 1)(frame)
    assert made.color == Color(ColorMatrix.BT2020, full_range=False, primaries=9, transfer=transfer)
    if kind == "yuv420p":
        for mine, plane in zip(made.planes, frame.planes, strict=True):
            assert np.shares_memory(mine, np.frombuffer(memoryview(plane), np.uint8))
