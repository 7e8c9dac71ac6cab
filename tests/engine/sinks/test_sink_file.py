"""Video files: time, colour, rotation, sound, names."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from animecam.errors import SinkError, UsageError
from animecam.sinks.codecs import quality
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.types import Color, ColorMatrix, PixelFormat

FAST = SinkOptions(threads=1, preset="ultrafast")
FRAMES = 12
NTSC = Fraction(30000, 1001)


def write_all(sink, frames, *, complete=True):
    for frame in frames:
        sink.write(frame)
    sink.close(complete=complete)


@pytest.mark.parametrize("extension", ["mp4", "mov"])
@pytest.mark.parametrize("first", [0, 7])
def test_every_time_stamp_of_ntsc_is_exact(tmp_path, stream_format, make_frame, read_packets, extension, first):
    stream = replace(stream_format, time_base=1 / NTSC, rate=NTSC)
    path = tmp_path / f"out.{extension}"
    write_all(
        FileSink(str(path), stream, SinkOptions(threads=1)),  # the usual preset, which reorders frames
        [make_frame(stream, i, first + i) for i in range(FRAMES)],
    )
    (video,) = read_packets(path, "video")
    assert video.times_s == [(first + i) / NTSC for i in range(FRAMES)]


@pytest.mark.parametrize("lengths_known", [True, False])
@pytest.mark.parametrize("first", [0, 12345])
def test_variable_frame_rate_is_exact(tmp_path, stream_format, make_frame, read_packets, first, lengths_known):
    stream = replace(stream_format, time_base=Fraction(1, 90_000))
    steps = np.random.default_rng(3).integers(1000, 20_000, 40).tolist()
    stamps = [first + sum(steps[:i]) for i in range(len(steps))]
    path = tmp_path / "out.mp4"
    frames = [make_frame(stream, i, t, d * lengths_known) for i, (t, d) in enumerate(zip(stamps, steps, strict=True))]
    write_all(FileSink(str(path), stream, SinkOptions(threads=1)), frames)
    (video,) = read_packets(path, "video")
    assert video.times_s == [Fraction(stamp, 90_000) for stamp in stamps]
    assert film_s(path) == sum(steps[:-1], Fraction(0)) / 90_000 + (
        Fraction(steps[-1], 90_000) if lengths_known else 1 / stream.rate
    )


def film_s(path):
    """How long a player takes the film to be."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return video.duration * video.time_base


@pytest.mark.parametrize("extension", ["mp4", "mov"])
@pytest.mark.parametrize("frames", [1, 2, 6, 20, 70])
@pytest.mark.parametrize("last_ms", [1, 5000])
def test_a_last_picture_that_stands_for_seconds_is_not_cut(
    tmp_path, stream_format, make_frame, extension, frames, last_ms
):
    """Its length went to whichever picture is decoded last: a film of six seconds was one of one."""
    stream = replace(stream_format, time_base=Fraction(1, 1000))
    path = tmp_path / f"out.{extension}"
    lengths_ms = [40] * (frames - 1) + [last_ms]
    drawn = [make_frame(stream, i, 40 * i + 80, length) for i, length in enumerate(lengths_ms)]
    write_all(FileSink(str(path), stream, SinkOptions(threads=1)), drawn)
    assert film_s(path) == Fraction(sum(lengths_ms), 1000)


@pytest.mark.parametrize("extension", ["mp4", "mov"])
@pytest.mark.parametrize("frames", [1, 31, 32, 33, 61, 62, 92])
def test_players_show_every_frame_whatever_the_length(tmp_path, stream_format, make_frame, extension, frames):
    """The last one, too: where a fragment ended amid reordered frames, the edit list left it out."""
    path = tmp_path / f"out.{extension}"
    write_all(
        FileSink(str(path), stream_format, SinkOptions(threads=1)),
        [make_frame(stream_format, i) for i in range(frames)],
    )
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames


def test_b_frames_are_used_and_keep_their_times(tmp_path, stream_format, make_frame):
    path = tmp_path / "out.mp4"
    write_all(
        FileSink(str(path), stream_format, SinkOptions(threads=1)), [make_frame(stream_format, i) for i in range(20)]
    )
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert any(later.pts < earlier.pts for earlier, later in pairwise(packets)), "no frame was reordered"


def test_matroska_is_right_to_the_millisecond(tmp_path, stream_format, make_frame, read_packets):
    stream = replace(stream_format, time_base=1 / NTSC, rate=NTSC)
    write_all(FileSink(str(tmp_path / "out.mkv"), stream, FAST), [make_frame(stream, i, 5 + i) for i in range(FRAMES)])
    (video,) = read_packets(tmp_path / "out.mkv", "video")
    errors = [abs(time - (5 + i) / NTSC) for i, time in enumerate(video.times_s)]
    assert max(errors) <= Fraction(1, 2000)


def test_avi_counts_frames(tmp_path, stream_format, make_frame, read_packets, decode):
    stream = replace(stream_format, time_base=Fraction(1, 90_000))
    stamps = [0, 3000, 6100, 8900, 12_000]
    write_all(FileSink(str(tmp_path / "o.avi"), stream, FAST), [make_frame(stream, i, t) for i, t in enumerate(stamps)])
    assert len(decode(tmp_path / "o.avi")) == len(stamps)
    (video,) = read_packets(tmp_path / "o.avi", "video")
    assert [time - video.times_s[0] for time in video.times_s] == [Fraction(i, 30) for i in range(len(stamps))]


def test_camera_time_starts_at_zero(tmp_path, live_format, make_frame, read_packets):
    boot_us = 98_765_432_101
    stamps = [0, 33_412, 66_001, 66_001, 99_000]  # the clock stands still once
    path = tmp_path / "out.mp4"
    write_all(
        FileSink(str(path), live_format, FAST), [make_frame(live_format, i, boot_us + t) for i, t in enumerate(stamps)]
    )
    (video,) = read_packets(path, "video")
    assert video.times_s == [Fraction(t, 1_000_000) for t in (0, 33_412, 66_001, 66_002, 99_000)]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("height_px", [64, 66])  # PyAV's borrowing of memory is wrong for the second
@pytest.mark.parametrize("pixel_format", [p for p in PixelFormat if p.is_yuv])
def test_pixels_arrive_in_their_own_format(
    tmp_path, stream_format, make_frame, decode, pixel_format, height_px, packed
):
    stream = replace(stream_format, pixel_format=pixel_format, height_px=height_px)
    frame = make_frame(stream)
    if not packed:
        strided = tuple(np.repeat(plane, 2, axis=0)[::2] for plane in frame.planes)
        assert not strided[0].flags.c_contiguous
        frame = replace(frame, planes=strided, packed=None)
    write_all(FileSink(str(tmp_path / "out.mkv"), stream, replace(FAST, crf=0)), [frame])
    (picture,) = decode(tmp_path / "out.mkv")
    stored = {PixelFormat.NV12: "yuv420p"}.get(pixel_format, pixel_format.value)
    assert picture.format.name == stored
    expected = list(frame.planes)
    if pixel_format is PixelFormat.NV12:
        expected = [expected[0], expected[1][..., 0], expected[1][..., 1]]
    for plane, want in zip(picture.planes, expected, strict=True):
        got = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        np.testing.assert_array_equal(got, want)  # crf 0 is lossless


def test_encoder_may_look_ahead_while_the_caller_forgets_its_frames(tmp_path, stream_format, make_frame, decode):
    sink = FileSink(str(tmp_path / "out.mp4"), stream_format, SinkOptions(threads=1, crf=10))
    levels = [40 + 5 * i for i in range(30)]
    for i, level in enumerate(levels):
        sink.write(make_frame(stream_format, i, level=(level, 128, 128)))
        np.full((HEAP_ROWS, 96), 255, np.uint8)  # takes the memory of frames that were let go too early
    sink.close(complete=True)
    seen = [
        float(np.frombuffer(p.planes[0], np.uint8).reshape(64, -1)[:, :96].mean()) for p in decode(tmp_path / "out.mp4")
    ]
    np.testing.assert_allclose(seen, levels, atol=1.5)


HEAP_ROWS = 96  # of a 4:2:0 frame of 64 lines


@pytest.mark.parametrize("size", [(97, 65), (1, 1), (96, 64)])
def test_rgb_becomes_luma_and_chroma_of_even_size(tmp_path, stream_format, make_frame, decode, size):
    stream = replace(stream_format, pixel_format=PixelFormat.RGB24, width_px=size[0], height_px=size[1])
    frame = make_frame(stream)
    frame.planes[0][...] = (200, 40, 90)
    write_all(FileSink(str(tmp_path / "out.mkv"), stream, replace(FAST, crf=0)), [frame])
    (picture,) = decode(tmp_path / "out.mkv")
    assert (picture.width, picture.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert (picture.colorspace, picture.color_range) == (ColorMatrix.BT601, 1)
    rgb = picture.to_ndarray(format="rgb24", src_colorspace="ITU601", src_color_range="MPEG")
    assert np.abs(rgb.astype(int) - (200, 40, 90)).max() <= 3


@pytest.mark.parametrize("extension", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize(
    "color",
    [
        Color(ColorMatrix.BT709, False, 1, 1),
        Color(ColorMatrix.BT601, True, 6, 6),
        Color(ColorMatrix.BT2020, True, 9, 14),
    ],
)
def test_meaning_of_the_numbers_is_kept(tmp_path, stream_format, make_frame, decode, color, extension):
    stream = replace(stream_format, color=color)
    write_all(FileSink(str(tmp_path / f"o.{extension}"), stream, FAST), [make_frame(stream, i) for i in range(2)])
    picture = decode(tmp_path / f"o.{extension}")[0]
    assert (picture.colorspace, picture.color_range - 1) == (color.matrix, color.full_range)
    with av.open(str(tmp_path / f"o.{extension}")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc) == (color.primaries, color.transfer)


@pytest.mark.parametrize("pixel_format", [PixelFormat.NV12, PixelFormat.YUV422P])
def test_full_range_codes_survive_a_change_of_layout(tmp_path, stream_format, make_frame, decode, pixel_format):
    stream = replace(stream_format, pixel_format=pixel_format, color=Color(full_range=True))
    write_all(
        FileSink(str(tmp_path / "o.webm"), stream, replace(FAST, crf=4, pixel_format=PixelFormat.YUV420P)),
        [make_frame(stream, level=_black_and_white(stream))],
    )
    (picture,) = decode(tmp_path / "o.webm")
    luma = np.frombuffer(picture.planes[0], np.uint8).reshape(picture.planes[0].height, -1)[:64, :96]
    assert luma[:, :40].max() <= 3
    assert luma[:, 56:].min() >= 252


def _black_and_white(stream):
    luma = np.zeros((stream.height_px, stream.width_px), np.uint8)
    luma[:, stream.width_px // 2 :] = 255
    return (luma, 128, 128)


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_rotation_is_noted(tmp_path, stream_format, make_frame, decode, rotation_deg, extension):
    stream = replace(stream_format, rotation_deg=rotation_deg)
    write_all(FileSink(str(tmp_path / f"o.{extension}"), stream, FAST), [make_frame(stream, i) for i in range(2)])
    picture = decode(tmp_path / f"o.{extension}")[0]
    assert picture.rotation % 360 == rotation_deg
    assert (picture.width, picture.height) == (96, 64)


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
def test_pictures_are_turned_where_rotation_cannot_be_noted(tmp_path, stream_format, make_frame, decode, pixel_format):
    stream = replace(stream_format, rotation_deg=90, pixel_format=pixel_format)
    frame = make_frame(stream)
    frame.planes[0][...] = 30
    frame.planes[0][:, 48:] = 220  # bright on the right, so on top after a quarter turn against the clock
    write_all(FileSink(str(tmp_path / "o.avi"), stream, FAST), [frame])
    (picture,) = decode(tmp_path / "o.avi")
    assert (picture.width, picture.height) == (64, 96)
    luma = picture.to_ndarray(format="gray")
    assert luma[:40].mean() > luma[56:].mean() + 100


def test_camera_pictures_are_stored_so_that_every_player_takes_them(tmp_path, live_format, make_frame, decode):
    stream = replace(live_format, pixel_format=PixelFormat.YUV422P, color=Color(ColorMatrix.BT601, full_range=True))
    write_all(FileSink(str(tmp_path / "o.mp4"), stream, FAST), [make_frame(stream, i, i * 33_333) for i in range(2)])
    picture = decode(tmp_path / "o.mp4")[0]
    assert picture.format.name in ("yuv420p", "yuvj420p")
    assert picture.color_range == 2


def test_file_appears_only_when_complete(tmp_path, stream_format, make_frame, decode):
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format))
    assert sink.location == tmp_path / "clip.partial.mp4"
    assert [p.name for p in tmp_path.iterdir()] == ["clip.partial.mp4"]
    sink.close(complete=True)
    sink.close(complete=True)
    assert sink.location == tmp_path / "clip.mp4"
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_interrupted_file_plays_and_keeps_its_temporary_name(tmp_path, stream_format, make_frame, decode):
    (tmp_path / "clip.mp4").write_bytes(b"an older film")
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, replace(FAST, overwrite=True))
    write_all(sink, [make_frame(stream_format, i) for i in range(FRAMES)], complete=False)
    assert len(decode(sink.location)) == FRAMES
    assert sink.location.name == "clip.partial.mp4"
    assert (tmp_path / "clip.mp4").read_bytes() == b"an older film"


def test_existing_file_is_replaced_when_asked_also_behind_a_link(tmp_path, stream_format, make_frame, decode):
    (tmp_path / "real").mkdir()
    old = tmp_path / "real" / "clip.mp4"
    old.write_bytes(b"an older film")
    link = tmp_path / "link.mp4"
    link.symlink_to(old)
    write_all(FileSink(str(link), stream_format, replace(FAST, overwrite=True)), [make_frame(stream_format)])
    assert link.is_symlink()
    assert len(decode(old)) == 1


def test_file_that_appears_meanwhile_is_not_replaced(tmp_path, stream_format, make_frame, decode):
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format))
    (tmp_path / "clip.mp4").write_bytes(b"somebody else's")
    with pytest.raises(SinkError, match="appeared"):
        sink.close(complete=True)
    assert (tmp_path / "clip.mp4").read_bytes() == b"somebody else's"
    assert len(decode(sink.location)) == 1


@pytest.mark.parametrize("complete", [True, False])
def test_no_frame_no_file(tmp_path, stream_format, complete):
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    if complete:
        with pytest.raises(SinkError, match="no frame arrived"):
            sink.close(complete=True)
    sink.close(complete=False)
    assert list(tmp_path.iterdir()) == []


def test_changed_size_is_an_error_and_what_came_before_is_saved(tmp_path, stream_format, make_frame, decode):
    sink = FileSink(str(tmp_path / "clip.mp4"), stream_format, FAST)
    sink.write(make_frame(stream_format))
    with pytest.raises(SinkError, match="from 96x64 to 64x64"):
        sink.write(make_frame(replace(stream_format, width_px=64)))
    sink.close(complete=False)
    assert len(decode(sink.location)) == 1


def test_name_with_colon_percent_and_spaces(tmp_path, stream_format, make_frame, decode, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "http: 100%d ünï 'x'.mp4"
    write_all(FileSink(name, stream_format, FAST), [make_frame(stream_format)])
    assert [p.name for p in tmp_path.iterdir()] == [name]
    with (tmp_path / name).open("rb") as file, av.open(file) as container:
        assert sum(1 for _ in container.decode(video=0)) == 1


@pytest.mark.parametrize(
    ("codec", "error", "match"),
    [
        ("libx999", UsageError, "no encoder libx999"),
        ("aac", UsageError, "no video encoder"),
        ("h264_v4l2m2m", SinkError, "does not work here"),
        ("libvpx", SinkError, "cannot open"),
    ],
)
def test_codecs_that_cannot_be_used_are_named_at_once(tmp_path, stream_format, codec, error, match):
    with pytest.raises(error, match=match) as raised:
        FileSink(str(tmp_path / "o.mov"), stream_format, SinkOptions(codec=codec))
    assert raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_does_not_work_takes_no_older_part_with_it(tmp_path, stream_format):
    part = tmp_path / "o.partial.mov"
    part.write_bytes(b"an older film")
    with pytest.raises(SinkError, match="does not work here"):
        FileSink(str(tmp_path / "o.mov"), stream_format, SinkOptions(codec="h264_v4l2m2m", overwrite=True))
    assert part.read_bytes() == b"an older film"


@pytest.mark.parametrize("codec", ["libx265", "ffv1", "prores_ks"])
def test_other_codecs_by_name(tmp_path, stream_format, make_frame, decode, codec):
    frames = [make_frame(stream_format, i) for i in range(3)]
    write_all(FileSink(str(tmp_path / "o.mkv"), stream_format, SinkOptions(codec=codec, threads=1)), frames)
    assert len(decode(tmp_path / "o.mkv")) == 3


def test_codec_that_the_container_never_holds_is_named_at_once(tmp_path, stream_format):
    with pytest.raises(SinkError, match="webm files cannot hold video of the encoder libx264"):
        FileSink(str(tmp_path / "o.webm"), stream_format, SinkOptions(codec="libx264"))
    assert list(tmp_path.iterdir()) == []


def test_quality_is_refused_where_the_encoder_has_none(tmp_path, stream_format):
    with pytest.raises(UsageError, match="constant quality") as caught:
        FileSink(str(tmp_path / "o.mkv"), stream_format, SinkOptions(codec="ffv1", crf=20))
    assert "leave the crf out" in caught.value.hint


@pytest.mark.parametrize(
    ("codec", "worst"), [("libx264", 51), ("libx265", 51), ("libvpx-vp9", 63), ("libsvtav1", 63), ("hevc_nvenc", 51)]
)
def test_quality_has_the_encoders_range(codec, worst):
    assert quality(codec, SinkOptions(crf=worst))
    for crf in (-1, worst + 1):
        with pytest.raises(UsageError, match=rf"crf {crf} is outside 0\.\.{worst}, the range of {codec}"):
            quality(codec, SinkOptions(crf=crf))


def test_the_best_quality_is_the_best_of_the_encoder():
    """Of SVT-AV1's numbers 0 means that none is given, which was as bad as 35."""
    assert dict(quality("libsvtav1", SinkOptions(crf=0)))["crf"] == "1"
    assert dict(quality("libx264", SinkOptions(crf=0)))["crf"] == "0"
