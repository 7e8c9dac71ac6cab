"""Cameras, with a container in FFmpeg's place that fails as devices do."""

import contextlib
import errno
import itertools
import weakref
from fractions import Fraction
from types import SimpleNamespace

import av
import av.error
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.sources.camera import MEASURED_FRAMES, System, open_camera
from animecam.sources.clock import Clock
from animecam.sources.devices import CameraInfo
from animecam.sources.options import SourceOptions
from animecam.sources.packets import MAX_BACKLOG
from animecam.sources.reader import open_decoded
from animecam.types import ColorMatrix

CAMERAS = (CameraInfo(0, "/dev/video0", "Integrated Webcam"), CameraInfo(2, "/dev/video2", "Logi C920"))
INVALID_DATA = 1094995529  # AVERROR_INVALIDDATA
MICROSECONDS = Fraction(1, 1_000_000)


def failure(code):
    """The error that PyAV raises for an error number of FFmpeg."""
    return av.error.classes.get(code, av.error.OSError)(code, "device failed")


class FakePacket:
    size, is_discard, is_corrupt, is_keyframe = 100, False, False, True

    def __init__(self, pts, outcome=None, pixel_format="yuv420p"):
        self.pts = self.dts = pts
        self._outcome, self._pixel_format = outcome, pixel_format

    def decode(self):
        if self._outcome is not None:
            raise self._outcome
        grey = np.full((48, 64, 3), 100, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format=self._pixel_format)
        frame.pts, frame.time_base = self.pts, MICROSECONDS
        return [frame]


class FakeContainer:
    """Delivers the events of a script: a packet, or an error to raise (which ends the iterator, as PyAV's does).

    Once `backlog` packets came after the first, there is none for a moment.
    """

    def __init__(self, script, rate=30, backlog=0, codec="mjpeg"):
        stream = SimpleNamespace(
            disposition=0,
            codec_context=SimpleNamespace(name=codec, codec=av.Codec(codec, "r")),
            width=64,
            height=48,
            time_base=MICROSECONDS,
            duration=None,
            average_rate=Fraction(rate),
            guessed_rate=None,
            sample_aspect_ratio=None,
            frames=0,
            bit_rate=0,
            thread_type="",
            thread_count=0,
        )
        self.streams = SimpleNamespace(video=(stream,), audio=())
        self.format = SimpleNamespace(name="video4linux2,v4l2", flags=0)
        self.flags = 0
        self.duration = None
        self.bit_rate = 0
        self.closed = 0
        events = iter(script)
        self._script = itertools.chain(itertools.islice(events, 1 + backlog), [failure(errno.EAGAIN)], events)

    def demux(self, stream):
        for event in self._script:
            if isinstance(event, BaseException):
                raise event
            yield event

    def close(self):
        self.closed += 1


class FakeSystem:
    """Opens fake containers: `results` holds, for each attempt, a container or an error."""

    def __init__(self, *results, platform="linux"):
        self.now_ns = 0
        self.attempts = []
        self._results = iter(results)
        self.system = System(platform, self._open, lambda: CAMERAS, Clock(lambda: self.now_ns, self._sleep))

    def _open(self, path, **keywords):
        self.attempts.append((path, keywords))
        result = next(self._results)
        if isinstance(result, BaseException):
            raise result
        result.flags = int(keywords["container_options"]["fflags"])
        return result

    def _sleep(self, seconds):
        self.now_ns += round(seconds * 1e9)


def packets(count, period_us=33_333, start_us=7_000_000_000):
    return [FakePacket(start_us + n * period_us) for n in range(count)]


ASKED = SourceOptions(width_px=64, height_px=48)


def test_asks_for_mjpeg_size_and_rate_without_blocking():
    fake = FakeSystem(FakeContainer(packets(3)))
    open_camera("0", SourceOptions(width_px=64, height_px=48, fps=25), fake.system)
    path, keywords = fake.attempts[0]
    assert (path, keywords["format"]) == ("/dev/video0", "v4l2")
    wanted = {"input_format": "mjpeg", "video_size": "64x48", "framerate": "25", "fflags": "+4"}
    assert keywords["container_options"] == wanted
    assert "options" not in keywords  # they would reach the decoder, which then insists on the size
    assert keywords["timeout"] == (10.0, 5.0)


def test_frames_are_live_and_count_from_the_first():
    source = open_camera("0", ASKED, FakeSystem(FakeContainer(packets(6))).system)
    frames = [source.read() for _ in range(4)]
    assert source.format.is_live
    assert [frame.pts for frame in frames] == [0, 33_333, 66_666, 99_999]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]


def test_own_format_is_taken_and_said(caplog):
    refuses = failure(errno.EINVAL)
    fake = FakeSystem(refuses, refuses, FakeContainer(packets(3), rate=10))
    source = open_camera("0", SourceOptions(width_px=1280, height_px=720), fake.system)
    assert [len(keywords["container_options"]) for _, keywords in fake.attempts] == [4, 3, 1]
    assert source.read() is not None
    assert "cannot do MJPEG 1280x720 at 30 fps; it gives 64x48 at 10 fps" in caplog.text


def test_another_size_than_asked_is_said(caplog):
    open_camera("0", SourceOptions(width_px=1280, height_px=720), FakeSystem(FakeContainer(packets(3))).system)
    assert "it gives 64x48" in caplog.text


def test_what_was_asked_is_not_worth_a_word(caplog):
    open_camera("0", ASKED, FakeSystem(FakeContainer(packets(3))).system)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("asked_fps", "rate", "warning"),
    [
        (60, 30, "camera 0 cannot do 64x48 at 60 fps; it gives 64x48 at 30 fps"),
        (30, Fraction(30_000, 1001), ""),
        (None, 10, ""),  # nobody asked
    ],
)
def test_another_rate_than_asked_is_said(caplog, asked_fps, rate, warning):
    options = SourceOptions(width_px=64, height_px=48, fps=asked_fps)
    open_camera("0", options, FakeSystem(FakeContainer(packets(3), rate=rate)).system)
    assert (warning in caplog.text) if warning else (caplog.text == "")
    assert "MJPEG" not in caplog.text


@pytest.mark.parametrize(
    ("platform", "codec", "pixel_format", "matrix"),
    [
        ("linux", "rawvideo", "yuyv422", ColorMatrix.BT601),
        ("linux", "rawvideo", "nv12", ColorMatrix.BT601),
        ("linux", "rawvideo", "rgb24", ColorMatrix.UNSPECIFIED),  # RGB has none
        ("linux", "mjpeg", "yuv422p", ColorMatrix.UNSPECIFIED),  # its decoder would have said
        ("darwin", "rawvideo", "nv12", ColorMatrix.UNSPECIFIED),
    ],
)
def test_raw_pixels_have_the_matrix_that_the_kernel_means(platform, codec, pixel_format, matrix):
    events = [FakePacket(n, pixel_format=pixel_format) for n in (1, 2)]
    fake = FakeSystem(FakeContainer(events, codec=codec), platform=platform)
    source = open_camera("0", ASKED, fake.system)
    assert (source.format.color.matrix, source.read().color.matrix) == (matrix, matrix)


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (errno.EBUSY, "camera 0 is busy", "close the other program"),
        (errno.EACCES, "permission denied", "group 'video'"),
        (errno.EPERM, "permission denied", "group 'video'"),
        (errno.ENOENT, "camera 0 does not exist", "there is 0: Integrated Webcam; 2: Logi C920"),
        (errno.ENODEV, "camera 0 does not exist", "there is 0: Integrated Webcam; 2: Logi C920"),
        (errno.ENOMEM, "cannot be read", "plug it in again"),
    ],
)
def test_failures_to_open(code, message, hint):
    fake = FakeSystem(failure(code))
    with pytest.raises(SourceError, match=message) as caught:
        open_camera("0", ASKED, fake.system)
    assert hint in caught.value.hint
    assert len(fake.attempts) == 1  # asking for less would not help


def test_a_camera_that_can_do_nothing():
    refuses = failure(errno.EINVAL)
    with pytest.raises(SourceError, match="cannot be read"):
        open_camera("0", ASKED, FakeSystem(refuses, refuses, refuses).system)


def test_no_cameras_at_all():
    fake = FakeSystem(failure(errno.ENOENT))
    system = System("linux", fake.system.open, lambda: (), fake.system.clock)
    with pytest.raises(SourceError) as caught:
        open_camera("5", ASKED, system)
    assert "pattern:640x480@30" in caught.value.hint


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EIO, errno.ENXIO])
def test_unplugged_in_mid_run(code):
    container = FakeContainer([*packets(4), failure(code)])
    source = open_camera("0", ASKED, FakeSystem(container).system)
    assert [source.read() is not None for _ in range(3)] == [True] * 3
    with pytest.raises(SourceError, match="camera 0 was unplugged") as caught:
        source.read()
    assert caught.value.hint
    source.close()
    assert container.closed == 1


def test_an_error_holds_no_buffer_of_the_camera():
    """Whoever handles it has closed the camera by then, and FFmpeg gives buffers back to the device."""
    *events, empty = packets(3)
    empty.size, buffer = 0, weakref.ref(empty)
    events += [empty, failure(errno.ENODEV)]
    del empty
    source = open_camera("0", ASKED, FakeSystem(FakeContainer(events.pop(0) for _ in range(4))).system)
    source.read()
    with pytest.raises(SourceError, match="unplugged") as caught:
        source.read()
    assert caught.value.__cause__ is not None
    assert buffer() is None


def test_an_end_is_an_unplugging_too():
    source = open_camera("0", ASKED, FakeSystem(FakeContainer(packets(2))).system)
    source.read()
    with pytest.raises(SourceError, match="was unplugged"):
        source.read()


def test_waits_for_a_frame_while_none_is_there():
    nothing = failure(errno.EAGAIN)
    fake = FakeSystem(FakeContainer([*packets(2), *[nothing] * 20, *packets(1, start_us=8_000_000_000)]))
    source = open_camera("0", ASKED, fake.system)
    source.read()
    before_ns = fake.now_ns
    assert source.read() is not None
    assert 0.02 < (fake.now_ns - before_ns) / 1e9 < 0.1


def test_a_silent_camera_ends_after_the_time_out():
    nothing = itertools.repeat(failure(errno.EAGAIN))
    fake = FakeSystem(FakeContainer(itertools.chain(packets(1), nothing)))
    source = open_camera("0", SourceOptions(width_px=64, height_px=48, read_s=1.5), fake.system)
    with pytest.raises(SourceError, match=r"nothing came for 1\.5 s"):
        source.read()
    assert fake.now_ns / 1e9 == pytest.approx(1.5, abs=0.1)


def test_a_silent_camera_is_closed_when_opening_fails():
    container = FakeContainer(itertools.repeat(failure(errno.EAGAIN)))
    with pytest.raises(SourceError, match="nothing came"):
        open_camera("0", ASKED, FakeSystem(container).system)
    assert container.closed == 1


def test_torn_frames_are_left_out_and_counted():
    torn = [FakePacket(7_000_000_000 + n, failure(INVALID_DATA)) for n in (1, 2)]
    source = open_camera("0", ASKED, FakeSystem(FakeContainer([*packets(1), *torn, *packets(3)[1:]])).system)
    assert [source.read().pts for _ in range(2)] == [0, 33_333]
    assert source.skipped == 2


def test_a_failed_transfer_is_no_end():
    empty = FakePacket(7_000_000_001)
    empty.size = 0
    source = open_camera("0", ASKED, FakeSystem(FakeContainer([*packets(1), empty, *packets(3)[1:]])).system)
    assert [source.read().pts for _ in range(2)] == [0, 33_333]


def test_measures_the_rate_and_says_when_it_is_low(caplog):
    container = FakeContainer(packets(MEASURED_FRAMES + 2, period_us=66_667), rate=30)
    source = open_camera("0", ASKED, FakeSystem(container).system)
    assert source.measured_fps == 0.0
    for _ in range(MEASURED_FRAMES):
        source.read()
    assert source.measured_fps == pytest.approx(15, abs=0.01)
    assert caplog.text.count("gives 15.0 frames per second of 30") == 1


def test_what_waited_since_opening_is_left_out(caplog):
    """A jump after old frames would stand still in a recording, and pass for a slow camera."""
    fresh = packets(MEASURED_FRAMES, start_us=10_000_000_000)
    source = open_camera("0", ASKED, FakeSystem(FakeContainer([*packets(33), *fresh], backlog=32)).system)
    assert [source.read().pts for _ in range(3)] == [0, 33_333, 66_666]
    for _ in range(MEASURED_FRAMES - 3):
        source.read()
    assert source.measured_fps == pytest.approx(30, abs=0.01)
    assert caplog.text == ""


def frames_until_unplugged(source):
    count = 0
    with contextlib.suppress(SourceError):
        for _ in iter(source.read, None):
            count += 1
    return count


def test_a_camera_that_never_lets_one_wait_loses_no_more_than_the_longest_backlog():
    container = FakeContainer(packets(1 + MAX_BACKLOG + 5), backlog=MAX_BACKLOG + 5)
    assert frames_until_unplugged(open_camera("0", ASKED, FakeSystem(container).system)) == 5


def test_a_camera_that_never_lets_one_wait_keeps_nobody_longer_than_the_time_out():
    def slowly():
        for packet in packets(9):
            fake.now_ns += 1_000_000_000
            yield packet

    fake = FakeSystem(FakeContainer(slowly(), backlog=8))
    source = open_camera("0", SourceOptions(width_px=64, height_px=48, read_s=1.5), fake.system)
    assert frames_until_unplugged(source) == 6  # after one at opening, and two seconds of waiting


def test_a_device_that_blocks_keeps_its_frames():
    container = FakeContainer(packets(4), backlog=3)
    source = open_decoded("a device", container, SourceError, ASKED, is_live=True)
    assert [source.read().pts for _ in range(3)] == [0, 33_333, 66_666]


def test_pictures_that_build_on_those_that_waited_are_not_torn_from_them():
    """A camera that gives H.264 alone: without its key frame nothing after it can be decoded."""
    container = FakeContainer(packets(4), backlog=3, codec="h264")
    source = open_camera("0", ASKED, FakeSystem(container).system)
    assert [source.read().pts for _ in range(3)] == [0, 33_333, 66_666]


def test_a_camera_that_is_unplugged_before_the_first_read():
    source = open_camera("0", ASKED, FakeSystem(FakeContainer([*packets(3), failure(errno.ENODEV)], backlog=9)).system)
    with pytest.raises(SourceError, match="was unplugged"):
        source.read()


@pytest.mark.parametrize(
    ("device", "platform", "path"),
    [
        ("2", "linux", "/dev/video2"),
        ("/dev/video7", "linux", "/dev/video7"),
        ("logi", "linux", "/dev/video2"),
        ("2", "win32", "/dev/video2"),  # by number in the list of the system
        ("Integrated", "darwin", "/dev/video0"),
    ],
)
def test_devices_by_number_path_and_name(device, platform, path):
    fake = FakeSystem(FakeContainer(packets(3)), platform=platform)
    open_camera(device, ASKED, fake.system)
    assert fake.attempts[0][0] == path


@pytest.mark.parametrize("device", ["7", "Kodak", ""])
def test_unknown_devices(device):
    with pytest.raises(SourceError, match="does not exist") as caught:
        open_camera(device, ASKED, FakeSystem(platform="win32").system)
    assert "2: Logi C920" in caught.value.hint


def test_other_systems_have_their_own_words():
    fake = FakeSystem(failure(errno.EIO), FakeContainer(packets(3)), platform="darwin")
    open_camera("0", ASKED, fake.system)
    assert [keywords["container_options"].get("pixel_format") for _, keywords in fake.attempts] == ["nv12", None]
    assert fake.attempts[0][1]["format"] == "avfoundation"
    with pytest.raises(SourceError) as caught:
        open_camera("0", ASKED, FakeSystem(failure(errno.EPERM), platform="darwin").system)
    assert "privacy settings" in caught.value.hint
    with pytest.raises(SourceError, match="cannot be opened on plan9"):
        open_camera("0", ASKED, FakeSystem(platform="plan9").system)


def test_close_is_quiet_and_twice():
    container = FakeContainer(packets(3))
    source = open_camera("0", ASKED, FakeSystem(container).system)
    source.close()
    source.close()
    assert source.read() is None
    assert container.closed >= 1
