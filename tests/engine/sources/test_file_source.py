"""Video files: exact times, own pixel formats without a copy, flags and rotation."""

import gc
import itertools
import struct
import threading
from fractions import Fraction

import av
import numpy as np
import pytest

from animecam.color import rgb_to_yuv_matrix
from animecam.errors import SourceError
from animecam.sinks.convert import to_rgb
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.types import Color, ColorMatrix, PixelFormat

OPTIONS = SourceOptions(threads=1)


def read_all(source):
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


def test_ntsc_times_are_exact(make_clip, tmp_path):
    source = open_file(make_clip(tmp_path / "a.mp4", rate=Fraction(30000, 1001), frames=6), OPTIONS)
    frames = read_all(source)
    assert source.format.rate == Fraction(30000, 1001)
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(1001 * n, 30000) for n in range(6)]
    assert {frame.duration * frame.time_base for frame in frames} == {Fraction(1001, 30000)}
    assert [frame.index for frame in frames] == list(range(6))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_rate_is_kept_frame_by_frame(make_clip, tmp_path, name):
    pts = [0, 40, 55, 120, 121, 400]
    clip = make_clip(tmp_path / name, pts=pts, time_base=Fraction(1, 1000), options={"bf": "2"})
    frames = read_all(open_file(clip, OPTIONS))
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(stamp, 1000) for stamp in pts]


def test_frames_come_in_display_order_with_every_frame_once(make_clip, media, tmp_path):
    options = {"preset": "fast", "bf": "3", "g": "8"}
    clip = make_clip(tmp_path / "a.mp4", frames=20, content=media.counter, options=options)
    frames = read_all(open_file(clip, SourceOptions(threads=2)))
    assert [media.counter_index(frame.planes[0]) for frame in frames] == list(range(20))


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", {"preset": "fast", "bf": "3"}), ("mpeg4", {"bf": "2", "qmax": "2"})]
)
@pytest.mark.parametrize("threads", [1, 2])
def test_pictures_of_an_avi_are_shown_in_even_steps_from_its_begin(make_clip, media, tmp_path, codec, options, threads):
    """It stores no presentation times, and pictures that wait for others made FFmpeg's wrong."""
    clip = make_clip(tmp_path / "a.avi", codec=codec, frames=20, content=media.counter, options=options)
    frames = read_all(open_file(clip, SourceOptions(threads=threads)))
    assert [media.counter_index(frame.planes[0]) for frame in frames] == list(range(20))
    assert [frame.pts * frame.time_base for frame in frames] == [Fraction(n, 30) for n in range(20)]


def test_format_tells_length_and_rate(make_clip, tmp_path):
    source = open_file(make_clip(tmp_path / "a.mp4", frames=9, rate=25, audio=True), OPTIONS)
    assert (source.format.frames, source.format.duration_s, source.format.is_live) == (9, pytest.approx(0.36), False)
    assert source.format.bit_rate > 0
    source.close()


@pytest.mark.parametrize("turn_deg", [0, 90, 180, 270])
def test_rotation_is_the_counter_clockwise_turn_that_players_apply(make_clip, tmp_path, turn_deg):
    clip = make_clip(tmp_path / "a.mp4", rotation_deg=turn_deg)
    source = open_file(clip, OPTIONS)
    assert source.format.rotation_deg == turn_deg
    assert source.read().rotation_deg == turn_deg
    source.close()
    # The matrix in the file itself (ISO/IEC 14496-12, tkhd: x' = a x + c y, y' = b x + d y, y down), not PyAV's word.
    data = clip.read_bytes()
    a, b, _, c, d = struct.unpack_from(">5i", data, data.index(b"tkhd") + 4 + 40)
    right_goes_to = (a >> 16, b >> 16)
    assert right_goes_to == {0: (1, 0), 90: (0, -1), 180: (-1, 0), 270: (0, 1)}[turn_deg]
    assert (c >> 16, d >> 16) == (-right_goes_to[1], right_goes_to[0])  # a turn, no mirror


@pytest.mark.parametrize(
    "color",
    [
        Color(ColorMatrix.BT709, full_range=True, primaries=1, transfer=1),
        Color(ColorMatrix.BT709, full_range=False, primaries=1, transfer=1),
        Color(ColorMatrix.BT601, full_range=False, primaries=6, transfer=6),
        Color(ColorMatrix.BT2020, full_range=False, primaries=9, transfer=14),
    ],
)
def test_colour_flags(make_clip, tmp_path, color):
    source = open_file(make_clip(tmp_path / "a.mp4", color=color), OPTIONS)
    assert source.format.color == color
    assert source.read().color == color
    source.close()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("yuv420p", PixelFormat.YUV420P),
        ("yuvj420p", PixelFormat.YUV420P),
        ("yuv422p", PixelFormat.YUV422P),
        ("yuvj422p", PixelFormat.YUV422P),
        ("yuv444p", PixelFormat.YUV444P),
        ("yuvj444p", PixelFormat.YUV444P),
        ("nv12", PixelFormat.NV12),
        ("rgb24", PixelFormat.RGB24),
    ],
)
def test_common_formats_travel_as_read_only_views(make_clip, tmp_path, stored, expected):
    codec = "mjpeg" if stored.startswith("yuvj") else "rawvideo"
    clip = make_clip(tmp_path / "a.nut", codec=codec, pixel_format=stored, width_px=20, height_px=12, frames=2)
    frame = read_all(open_file(clip, OPTIONS))[0]
    assert frame.pixel_format is expected
    with av.open(str(clip)) as container:
        decoded = next(container.decode(video=0))
        layouts = zip(frame.planes, decoded.planes, expected.planes, strict=True)
        for plane, original, layout in layouts:
            rows = np.frombuffer(memoryview(original), np.uint8).reshape(original.height, original.line_size)
            used = rows[:, : original.width * layout.channels]
            np.testing.assert_array_equal(plane.reshape(plane.shape[0], -1), used)
    assert not any(plane.flags.writeable or plane.flags.owndata for plane in frame.planes)
    assert frame.color.full_range == (stored.startswith("yuvj") or stored == "rgb24")


def test_frames_outlive_their_source(make_clip, media, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=12, content=media.counter)
    frames = read_all(open_file(clip, OPTIONS))
    gc.collect()
    spoil = [np.full((64, 128), 255, np.uint8) for _ in range(50)]  # would land in memory that was freed too early
    assert [media.counter_index(frame.planes[0]) for frame in frames] == list(range(12))
    assert len(spoil) == 50


@pytest.mark.parametrize("size_px", [(1, 1), (17, 31), (18, 31), (17, 32)])
@pytest.mark.parametrize("stored", ["yuv420p", "yuv422p", "yuv444p", "nv12"])
def test_odd_sides_grow_by_the_last_row_and_column(make_clip, tmp_path, size_px, stored):
    width_px, height_px = size_px
    codec = "rawvideo" if stored == "nv12" else "ffv1"
    clip = make_clip(
        tmp_path / "a.mkv", codec=codec, pixel_format=stored, width_px=width_px, height_px=height_px, frames=2
    )
    source = open_file(clip, OPTIONS)
    frame = read_all(source)[1]
    even = (height_px + height_px % 2, width_px + width_px % 2)
    assert (source.format.height_px, source.format.width_px) == even
    for plane, layout in zip(frame.planes, frame.pixel_format.planes, strict=True):
        assert plane.shape[:2] == (even[0] // layout.step_y, even[1] // layout.step_x)
    luma = frame.planes[0]
    np.testing.assert_array_equal(luma[-1], luma[height_px - 1])
    np.testing.assert_array_equal(luma[:, -1], luma[:, width_px - 1])


def test_odd_rgb_stays_odd(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.nut", codec="rawvideo", pixel_format="rgb24", width_px=17, height_px=31)
    assert read_all(open_file(clip, OPTIONS))[0].planes[0].shape == (31, 17, 3)


def flat(rgb):
    return lambda index, width_px, height_px: np.full((height_px, width_px, 3), rgb, np.uint8)


@pytest.mark.parametrize("height_px", [48, 720])
@pytest.mark.parametrize(
    ("codec", "pixel_format", "options", "rgb"),
    [
        ("ffv1", "bgr0", None, (200, 100, 50)),
        ("libx264rgb", "rgb24", {"qp": "0"}, (200, 100, 50)),  # decodes to planes of green, blue and red
        ("gif", "rgb8", None, (255, 0, 0)),
    ],
)
def test_rgb_becomes_yuv_with_the_matrix_it_is_labelled_with(
    make_clip, tmp_path, codec, pixel_format, options, rgb, height_px
):
    clip = make_clip(
        tmp_path / ("a.gif" if codec == "gif" else "a.mkv"),
        codec=codec,
        pixel_format=pixel_format,
        content=flat(rgb),
        height_px=height_px,
        frames=1,
        options=options,
    )
    frame = read_all(open_file(clip, OPTIONS))[0]
    assert frame.pixel_format is PixelFormat.YUV420P
    assert frame.color.matrix is (ColorMatrix.BT709 if height_px == 720 else ColorMatrix.BT601)
    assert not frame.color.full_range
    expected = rgb_to_yuv_matrix(frame.color, height_px) @ (*rgb, 1)
    np.testing.assert_allclose([float(plane.mean()) for plane in frame.planes], expected, atol=1.5)


@pytest.mark.parametrize("full_range", [False, True])
def test_ten_bits_become_eight_with_matrix_and_range_kept(make_clip, tmp_path, full_range):
    color = Color(ColorMatrix.BT2020, full_range, primaries=9, transfer=14)
    clip = make_clip(tmp_path / "a.mkv", codec="libx265", pixel_format="yuv420p10le", color=color, frames=2)
    with av.open(str(clip)) as container:
        decoded = next(container.decode(video=0))
        stored = np.frombuffer(memoryview(decoded.planes[0]), "<u2").reshape(48, -1)[:, :64]
    source = open_file(clip, OPTIONS)
    frame = read_all(source)[0]
    assert (frame.pixel_format, frame.color) == (PixelFormat.YUV420P, color)
    np.testing.assert_allclose(frame.planes[0], stored / 4, atol=1.5)


def test_grey_keeps_its_numbers(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mkv", codec="ffv1", pixel_format="gray", frames=1)
    with av.open(str(clip)) as container:
        stored = next(container.decode(video=0)).to_ndarray()
    frame = read_all(open_file(clip, OPTIONS))[0]
    assert frame.pixel_format is PixelFormat.YUV420P
    np.testing.assert_allclose(frame.planes[0], stored, atol=1.0 if frame.color.full_range else 0.0)
    assert all(set(np.unique(plane)) == {128} for plane in frame.planes[1:])


def test_a_raw_stream_without_times_gets_increasing_ones(make_clip, tmp_path):
    frames = read_all(open_file(make_clip(tmp_path / "a.h264", frames=6), OPTIONS))
    assert len(frames) == 6
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(frames))


@pytest.mark.parametrize("matrices", [(ColorMatrix.BT709, ColorMatrix.BT601), (ColorMatrix.BT601, ColorMatrix.BT2020)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_a_change_of_matrix_on_the_way_changes_no_colour(tmp_path, matrices, pixel_format):
    """Outputs are tagged with the first frame's: the second part came out in wrong colours."""
    joined = tmp_path / "ab.ts"
    for matrix in matrices:
        part = tmp_path / f"{matrix.name}.ts"
        _write_one_colour(part, (30, 200, 60), matrix, pixel_format)
        with joined.open("ab") as file:
            file.write(part.read_bytes())
    frames = read_all(open_file(joined, OPTIONS))
    assert len(frames) == 6
    assert {frame.color.matrix for frame in frames} == {matrices[0]}
    for frame in frames:
        assert np.abs(to_rgb(frame)[24, 32].astype(int) - (30, 200, 60)).max() <= 5  # it was 25


def _write_one_colour(path, rgb, matrix, pixel_format):
    codes = np.rint(rgb_to_yuv_matrix(Color(matrix), 48) @ (*rgb, 1)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        stream.codec_context.colorspace, stream.codec_context.color_range = int(matrix), 1
        for _ in range(3):
            frame = av.VideoFrame(64, 48, pixel_format)
            for plane, code in zip(frame.planes, codes, strict=True):
                plane.update(bytes([int(code)]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_the_cover_of_a_song_is_no_video(media, tmp_path):
    song = media.make_audio(tmp_path / "a.mp4", cover=True)
    with av.open(str(song)) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(SourceError, match="holds sound but no video"):
        open_file(song, OPTIONS)


def test_close_in_the_middle_and_twice(make_clip, tmp_path):
    source = open_file(make_clip(tmp_path / "a.mp4"), OPTIONS)
    frame = source.read()
    source.close()
    source.close()
    assert source.read() is None
    assert frame.planes[0].mean() > 0


def test_close_from_another_thread_while_reading(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=100)
    for _ in range(5):
        source = open_file(clip, OPTIONS)
        reader = threading.Thread(target=read_all, args=(source,))
        reader.start()
        source.close()
        reader.join(5)
        assert not reader.is_alive()
