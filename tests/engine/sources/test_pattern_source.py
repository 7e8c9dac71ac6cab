"""The synthetic camera: the same pixels in every run, on time, and failing when told to."""

import threading
import time
from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam.errors import SourceError, UsageError
from animecam.sources.clock import Clock
from animecam.sources.options import SourceOptions
from animecam.sources.pattern import open_pattern
from animecam.types import Color, ColorMatrix, PixelFormat


class FakeClock:
    """A clock that only moves when somebody sleeps, or when the test moves it."""

    def __init__(self):
        self.now_ns = 5_000_000_000
        self.slept_s = []

    def sleep(self, seconds):
        self.slept_s.append(seconds)
        self.now_ns += round(seconds * 1e9)

    @property
    def clock(self):
        return Clock(now_ns=lambda: self.now_ns, sleep=self.sleep)


def open_with(uri, fake=None, **options):
    clock = (fake or FakeClock()).clock
    return open_pattern(uri, SourceOptions(**options), clock)


def drain(source):
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def picture(frame):
    return [plane.copy() for plane in frame.planes]


def test_two_runs_see_the_same_pixels_and_frames_differ():
    uri = "pattern:64x48@30?frames=4&live=0"
    first, second = drain(open_with(uri)), drain(open_with(uri))
    assert len(first) == 4
    for one, other in zip(first, second, strict=True):
        for plane, same in zip(one.planes, other.planes, strict=True):
            np.testing.assert_array_equal(plane, same)
    assert not np.array_equal(first[0].planes[0], first[1].planes[0])


def test_motion_takes_the_same_time_at_every_rate():
    slow = drain(open_with("pattern:64x48@10?frames=4&live=0"))
    fast = drain(open_with("pattern:64x48@30?frames=12&live=0"))
    np.testing.assert_array_equal(slow[3].planes[0], fast[9].planes[0])


def test_missed_frames_change_nothing_in_those_that_come():
    fake = FakeClock()
    live = open_with("pattern:64x48@30", fake)
    live.read()
    fake.now_ns += 200_000_000
    frame = live.read()
    unpaced = drain(open_with(f"pattern:64x48@30?frames={frame.pts + 1}&live=0"))
    np.testing.assert_array_equal(frame.planes[0], unpaced[frame.pts].planes[0])


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize("size", ["2x2", "62x34", "34x62"])
@pytest.mark.parametrize("faces", [0, 1, 2])
def test_any_format_and_size(pixel_format, size, faces):
    source = open_with(f"pattern:{size}?format={pixel_format.value}&faces={faces}&live=0&frames=1")
    frame = source.read()
    width_px, height_px = map(int, size.split("x"))
    assert (source.format.width_px, source.format.height_px) == (width_px, height_px)
    assert frame.pixel_format is source.format.pixel_format is pixel_format
    for plane, layout in zip(frame.planes, pixel_format.planes, strict=True):
        assert plane.shape[:2] == (height_px // layout.step_y, width_px // layout.step_x)
        assert plane.dtype == np.uint8
        assert not plane.flags.writeable
    assert sum(plane.size for plane in frame.planes) == frame.packed.size
    assert np.shares_memory(frame.packed, frame.planes[-1])


def test_formats_show_the_same_picture():
    rgb = open_with("pattern:160x120?format=rgb24&live=0").read().planes[0]
    expected = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)[:120]
    for name in ("yuv420p", "nv12", "yuv444p"):
        luma = open_with(f"pattern:160x120?format={name}&live=0").read().planes[0]
        assert np.abs(luma.astype(int) - expected).max() <= 4


def test_chroma_lies_where_luma_does():
    """Red of the suit: the centre of mass of Cr must agree between half and full resolution."""

    def centre(plane, step):
        weight = np.maximum(plane.astype(float) - 128, 0)
        y, x = np.mgrid[0 : plane.shape[0], 0 : plane.shape[1]] + 0.5
        return (x * weight).sum() / weight.sum() * step, (y * weight).sum() / weight.sum() * step

    half = open_with("pattern:320x240?format=yuv420p&live=0").read().planes[2]
    full = open_with("pattern:320x240?format=yuv444p&live=0").read().planes[2]
    np.testing.assert_allclose(centre(half, 2), centre(full, 1), atol=0.15)


def test_colour_says_what_the_numbers_mean():
    assert open_with("pattern:64x48").format.color == Color(ColorMatrix.BT601)
    assert open_with("pattern:64x720").format.color == Color(ColorMatrix.BT709)
    assert open_with("pattern:64x48?format=rgb24").format.color == Color(full_range=True)


def test_no_face_is_only_wall_and_the_second_is_mirrored():
    wall = open_with("pattern:160x120?faces=0&live=0")
    np.testing.assert_array_equal(wall.read().planes[0], wall.read().planes[0])
    two = open_with("pattern:320x120?faces=2&live=0&format=rgb24").read().planes[0].astype(float)
    orange = np.nonzero((two[:, :, 0] > 180) & (two[:, :, 2] < 90))[1]
    assert (orange < 160).mean() == pytest.approx(0.5, abs=0.1)  # a suit in each half


def test_live_frames_come_on_schedule_without_drift():
    fake = FakeClock()
    source = open_with("pattern:64x48@29.97?frames=31", fake)
    start_ns = fake.now_ns
    frames = drain(source)
    assert len(frames) == 31
    for frame in frames:
        due_ns = start_ns + round(frame.pts * 1e9 / Fraction("29.97"))
        assert 0 <= frame.captured_ns - due_ns <= 1  # the fake clock rounds to whole nanoseconds
    assert source.format.rate == Fraction("29.97")
    assert source.format.time_base == 1 / Fraction("29.97")


def test_a_late_reader_gets_the_newest_frame_and_no_backlog():
    fake = FakeClock()
    source = open_with("pattern:64x48@10", fake)
    assert [source.read().pts for _ in range(2)] == [0, 1]
    fake.now_ns += 470_000_000  # four frames passed meanwhile, the fifth is under way
    late = source.read()
    assert (late.pts, late.index) == (5, 2)
    assert source.read().pts == 6
    assert fake.slept_s[-1] <= 0.05  # waits look up often, so that close() is noticed


def test_a_reader_that_is_fast_enough_misses_nothing():
    fake = FakeClock()
    source = open_with("pattern:64x48@10", fake)
    for expected in range(5):
        assert source.read().pts == expected
        fake.now_ns += 60_000_000


def test_unpaced_frames_do_not_wait():
    fake = FakeClock()
    source = open_with("pattern:64x48@30?frames=9&live=0", fake)
    assert len(drain(source)) == 9
    assert fake.slept_s == []
    assert not source.format.is_live
    assert (source.format.frames, source.format.duration_s) == (9, pytest.approx(0.3))


@pytest.mark.parametrize("live", [0, 1])
def test_unplugged_in_mid_run(live):
    source = open_with(f"pattern:64x48@30?unplug_at=5&live={live}")
    assert [source.read().pts for _ in range(5)] == [0, 1, 2, 3, 4]
    for _ in range(2):  # it does not come back
        with pytest.raises(SourceError, match="unplugged") as caught:
            source.read()
        assert caught.value.hint


def test_stalled_in_mid_run():
    fake = FakeClock()
    source = open_with("pattern:64x48@30?stall_at=2&live=0", fake, read_s=3.0)
    source.read()
    source.read()
    before_ns = fake.now_ns
    with pytest.raises(SourceError, match="nothing came for 3 s"):
        source.read()
    assert (fake.now_ns - before_ns) / 1e9 == pytest.approx(3.0)


def test_busy():
    with pytest.raises(SourceError, match="is busy") as caught:
        open_with("pattern:64x48?busy=1")
    assert "other program" in caught.value.hint


def test_close_ends_a_wait_in_another_thread():
    source = open_pattern("pattern:64x48@30?stall_at=0", SourceOptions(read_s=30))
    results = []
    reader = threading.Thread(target=lambda: results.append(source.read()))
    reader.start()
    time.sleep(0.02)
    source.close()
    source.close()
    reader.join(2)
    assert results == [None]


@pytest.mark.parametrize("rate", ["30.00000000001", "999999.9999", "12345678/411523"])
def test_every_rate_fits_the_32_bits_of_ffmpeg(rate):
    made = open_with(f"pattern:64x48@{rate}").format.rate
    assert max(made.numerator, made.denominator) < 1 << 31
    assert float(made) == pytest.approx(float(Fraction(rate)), rel=1e-4)


def test_a_rate_too_large_for_a_float_is_another_one():
    with pytest.raises(UsageError, match="own rate, and 30 is asked for"):
        open_with(f"pattern:64x48@{'9' * 400}", fps=30)


def test_size_and_rate_can_be_asked_for_where_the_uri_says_nothing():
    source = open_with("pattern:", width_px=96, height_px=64, fps=12.5)
    assert (source.format.width_px, source.format.height_px, source.format.rate) == (96, 64, Fraction(25, 2))
    source = open_with("pattern:64x48@30000/1001", width_px=64, height_px=48, fps=29.97)
    assert (source.format.width_px, source.format.rate) == (64, Fraction(30000, 1001))
    source = open_with("pattern:")
    assert (source.format.width_px, source.format.height_px, source.format.rate) == (640, 480, 30)


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"width_px": 96, "height_px": 64}, "own size, and 96x64"), ({"fps": 12.5}, "own rate, and 12.5")],
    ids=["size", "rate"],
)
def test_another_size_or_rate_than_that_of_the_uri_is_refused(asked, words):
    with pytest.raises(UsageError, match=words) as caught:
        open_with("pattern:64x48@10", **asked)
    assert "leave one out" in caught.value.hint


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("pattern:640", "no size and rate"),
        ("pattern:0x48", "cannot be made"),
        ("pattern:999999x999999", "cannot be made"),
        ("pattern:63x48", "odd side"),
        ("pattern:64x48@0", "cannot be made"),
        ("pattern:64x48@99999999999", "cannot be made"),
        ("pattern:64x48@1/99999999999", "cannot be made"),
        ("pattern:64x48@1/0", "no rate"),
        ("pattern:64x48@1.2.3", "no rate"),
        ("pattern:64x48?faces=3", "0 to 2 faces"),
        ("pattern:64x48?faces=some", "no number"),
        ("pattern:64x48?smile=1", "unknown smile"),
        ("pattern:64x48?format=bgr24", "unknown format bgr24"),
    ],
)
def test_mistakes_in_the_uri(uri, message):
    with pytest.raises(UsageError, match=message) as caught:
        open_with(uri)
    assert caught.value.hint
