"""A film or a stream whose pictures change their size or turn on the way: all become like the first, in their shape."""

import itertools
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from animecam.bars import Inset, inset
from animecam.errors import SourceError
from animecam.sinks.convert import to_rgb
from animecam.sources import pixels
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.sources.orientation import Orientation
from animecam.sources.pixels import Unwrapper
from animecam.sources.reader import open_decoded
from animecam.types import Color, ColorMatrix, PixelFormat

OPTIONS = SourceOptions(threads=1)
RGB = (200, 60, 90)
EXACT = {"preset": "ultrafast", "crf": "1"}


def plain(_index, width_px, height_px):
    return np.full((height_px, width_px, 3), RGB, np.uint8)


def corners(_index, width_px, height_px):
    """Light is the upper half, and lighter its left part."""
    picture = np.full((height_px, width_px, 3), 30, np.uint8)
    picture[: height_px // 2] = 120
    picture[: height_px // 2, : width_px // 2] = 210
    return picture


def read_all(source):
    frames = list(iter(source.read, None))
    source.close()
    return frames


def joined(path, *parts):
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize("ending", ["ts", "h264"])
@pytest.mark.parametrize("threads", [1, 2])
def test_pictures_of_another_size_lie_between_black_bars(make_clip, media, tmp_path, caplog, ending, threads):
    """They were squeezed into the first size: faces were not found, or drawn as wide as a table."""
    first = make_clip(tmp_path / f"a.{ending}", frames=3, content=media.counter)
    second = make_clip(tmp_path / f"b.{ending}", frames=3, width_px=96, height_px=192, content=media.counter)
    source = open_file(joined(tmp_path / f"c.{ending}", first, second), SourceOptions(threads=threads))
    frames = read_all(source)
    assert {frame.planes[0].shape for frame in frames} == {(48, 64)}
    assert [frame.inset for frame in frames] == [None] * 3 + [Inset(20, 0, 24, 48)] * 3
    filmed = [frame.planes[0][2:46, 22:42] for frame in frames]
    assert [media.counter_index(luma) for luma in filmed] == [0, 1, 2, 0, 1, 2]
    for frame in frames[3:]:
        bars = np.concatenate([to_rgb(frame)[:, :19], to_rgb(frame)[:, 45:]], axis=1)
        assert bars.max() == 0
        assert not any(plane.flags.writeable for plane in frame.planes)
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(frames))
    assert sum("changes from 64x48 to 96x192 pixels" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("size", [(32, 24), (128, 96), (66, 48), (64, 200), (200, 64), (1280, 720)])
@pytest.mark.parametrize("first", ["yuv420p", "yuv422p", "yuv444p", "yuvj420p"])
@pytest.mark.parametrize("matrices", [(ColorMatrix.BT601, ColorMatrix.BT709), (ColorMatrix.BT709, ColorMatrix.BT709)])
def test_their_colour_is_as_it_was(make_clip, tmp_path, size, first, matrices):
    shapes = ((64, 48, first, Color(matrices[0], full_range="j" in first)), (*size, "yuv420p", Color(matrices[1])))
    parts = [
        make_clip(
            tmp_path / f"{number}.ts",
            frames=2,
            content=plain,
            width_px=width_px,
            height_px=height_px,
            pixel_format=kind,
            color=color,
            options=EXACT,
        )
        for number, (width_px, height_px, kind, color) in enumerate(shapes)
    ]
    frames = read_all(open_file(joined(tmp_path / "c.ts", *parts), OPTIONS))
    shown = [to_rgb(frame).astype(int) for frame in frames]
    assert max(np.abs(picture[20:28, 30:34] - RGB).max() for picture in shown) <= 3
    assert {(frame.pixel_format.value, frame.color.matrix) for frame in frames} == {
        (first.replace("j", ""), matrices[0])
    }


@pytest.mark.parametrize("later_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("first_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("first", [*PixelFormat])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_pictures_that_are_turned_otherwise_stand_upright(monkeypatch, first, first_deg, later_deg, is_mirrored):
    held = iter([Orientation(rotation_deg=first_deg), Orientation(is_mirrored, later_deg), None])
    monkeypatch.setattr(pixels, "orientation", lambda _: next(held))
    unwrap = Unwrapper("a film", 1)
    picture = corners(0, 64, 48)
    stored = av.VideoFrame.from_ndarray(picture, format="rgb24")
    made = [
        unwrap(stored.reformat(format=first.value, dst_colorspace=5, dst_color_range=ColorRange.MPEG)) for _ in range(3)
    ]
    assert {pixel.size for pixel in made} == {(64, 48)}
    upright = np.rot90(picture[:, ::-1] if is_mirrored else picture, later_deg // 90)
    wanted = np.zeros((64, 48, 3) if first_deg % 180 else (48, 64, 3), np.uint8)
    left, top, across, down = inset(upright.shape[1], upright.shape[0], wanted.shape[1::-1], step_px=2)
    turned = unwrap.shape.rotation_deg // 90
    for pixel in made[1:]:  # the last said nothing of its turn, which holds on
        luma = pixel.planes[0] if pixel.planes[0].ndim == 2 else pixel.planes[0][..., 1]
        shown = np.rot90(luma, turned)[top : top + down, left : left + across]
        for y, x in itertools.product((0.25, 0.75), repeat=2):
            level = int(shown[round(y * down), round(x * across)])
            stored_level = int(upright[round(y * upright.shape[0]), round(x * upright.shape[1]), 1])
            code = stored_level if first is PixelFormat.RGB24 else 16 + stored_level * 219 / 255
            assert abs(level - code) <= 3


def test_a_picture_that_is_only_turned_is_not_told(monkeypatch, caplog):
    held = iter([Orientation(), Orientation(rotation_deg=180), Orientation(rotation_deg=90)])
    monkeypatch.setattr(pixels, "orientation", lambda _: next(held))
    unwrap = Unwrapper("a film", 1)
    insets = [unwrap(av.VideoFrame(64, 48, "yuv420p")).inset for _ in range(2)]
    assert (insets, caplog.messages) == ([None, None], [])
    assert unwrap(av.VideoFrame(64, 48, "yuv420p")).inset == Inset(14, 0, 36, 48)
    assert "changes from 64x48 to 48x64 pixels" in caplog.text


@pytest.mark.parametrize(
    ("aspects", "sizes", "place"),
    [
        (("64/45", "16/15"), ((72, 64), (96, 64)), None),  # of 16:10 both, as digital television does it
        (("1", "2"), ((64, 48), (32, 48)), None),
        (("1", "2"), ((64, 48), (64, 48)), None),  # films say wrong things of pixels: told so alone it does not count
        (("1", "1/2"), ((64, 48), (64, 48 + 16)), Inset(20, 0, 24, 48)),
    ],
)
def test_pixels_that_are_no_squares_keep_the_shape_of_what_they_show(make_clip, tmp_path, aspects, sizes, place):
    parts = [
        make_clip(
            tmp_path / f"{number}.ts",
            frames=3,
            width_px=width_px,
            height_px=height_px,
            options=EXACT | {"aspect": aspect},
        )
        for number, (aspect, (width_px, height_px)) in enumerate(zip(aspects, sizes, strict=True))
    ]
    source = open_file(joined(tmp_path / "c.ts", *parts), OPTIONS)
    frames = read_all(source)
    assert source.format.pixel_aspect == Fraction(aspects[0])
    assert [frame.inset for frame in frames] == [None] * 3 + [place] * 3


def test_a_stream_that_says_its_turn_with_its_first_picture_alone_keeps_it(make_clip, tmp_path):
    """Of H.264 FFmpeg tells it with the pictures that have it beside them: all others lay on their side."""
    clip = make_clip(tmp_path / "a.mp4", frames=6, content=corners)
    turned = tmp_path / "b.ts"
    with av.open(str(clip)) as container, av.open(str(turned), "w") as output:
        stream = container.streams.video[0]
        copy = output.add_stream_from_template(stream)
        bits = av.BitStreamFilterContext("h264_mp4toannexb,h264_metadata=display_orientation=insert:rotate=90", stream)
        for packet in container.demux(stream):
            for part in bits.filter(packet if packet.size else None):
                part.stream = copy
                output.mux(part)
    with av.open(str(turned)) as container:
        assert [bool(picture.side_data) for picture in container.decode(video=0)].count(True) < 6
    frames = read_all(open_file(turned, OPTIONS))
    assert {(frame.rotation_deg, frame.planes[0].shape, frame.inset) for frame in frames} == {(90, (48, 64), None)}


def test_ten_bits_are_fitted_as_they_are_read(make_clip, tmp_path):
    first = make_clip(tmp_path / "a.ts", frames=2, content=plain, options=EXACT)
    tall = make_clip(
        tmp_path / "b.ts", frames=2, content=plain, width_px=48, height_px=96, pixel_format="yuv420p10le", options=EXACT
    )
    frames = read_all(open_file(joined(tmp_path / "c.ts", first, tall), OPTIONS))
    assert np.abs(to_rgb(frames[-1])[10:38, 24:40].astype(int) - RGB).max() <= 3


def test_a_source_is_opened_like_one_before_it(make_clip, tmp_path):
    first = open_file(make_clip(tmp_path / "a.mp4", frames=2, pixel_format="yuv422p", rotation_deg=90), OPTIONS)
    tall = make_clip(tmp_path / "b.mp4", frames=2, content=plain, width_px=96, height_px=128)
    again = open_decoded("it", av.open(str(tall)), SourceError, replace(OPTIONS, like=first.format), is_live=False)
    same = [(s.width_px, s.height_px, s.pixel_format, s.rotation_deg) for s in (first.format, again.format)]
    assert same[0] == same[1]
    for frame in read_all(again):
        assert np.abs(to_rgb(frame)[4:60, 4:44].astype(int) - RGB).max() <= 3
    first.close()


@pytest.mark.parametrize(
    ("shape", "into", "step", "place"),
    [
        ((4, 3), (64, 48), 2, (0, 0, 64, 48)),
        ((3, 4), (64, 48), 2, (14, 0, 36, 48)),
        ((1000, 1), (64, 48), 2, (0, 22, 64, 2)),
        ((1, 1000), (63, 47), 1, (31, 0, 1, 47)),
        ((854, 480), (640, 360), 2, (0, 0, 640, 360)),
    ],
)
def test_the_largest_place_in_the_middle(shape, into, step, place):
    assert inset(*shape, into, step_px=step) == place
