"""Opening cameras: which one, what it is asked, why it fails. A container in FFmpeg's place fails as devices do."""

import errno
import itertools
from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.errors import SourceError
from animecam.sources.camera import System, open_camera
from animecam.sources.options import SourceOptions
from animecam.types import ColorMatrix


def test_asks_for_mjpeg_size_and_rate_without_blocking(fakes):
    fake = fakes.FakeSystem(fakes.FakeContainer(fakes.packets(3)))
    open_camera("0", SourceOptions(width_px=64, height_px=48, fps=25), fake.system)
    path, keywords = fake.attempts[0]
    assert (path, keywords["format"]) == ("/dev/video0", "v4l2")
    wanted = {"input_format": "mjpeg", "video_size": "64x48", "framerate": "25", "fflags": "+4"}
    assert keywords["container_options"] == wanted
    assert "options" not in keywords  # they would reach the decoder, which then insists on the size
    assert keywords["timeout"] == (10.0, 5.0)


def test_own_format_is_taken_and_said(caplog, fakes):
    refuses = fakes.failure(errno.EINVAL)
    fake = fakes.FakeSystem(refuses, refuses, fakes.FakeContainer(fakes.packets(3), rate=10))
    source = open_camera("0", SourceOptions(width_px=1280, height_px=720), fake.system)
    assert [len(keywords["container_options"]) for _, keywords in fake.attempts] == [4, 3, 1]
    assert source.read() is not None
    assert "cannot do MJPEG 1280x720 at 30 fps; it gives 64x48 at 10 fps" in caplog.text


def test_another_size_than_asked_is_said(caplog, fakes):
    open_camera(
        "0", SourceOptions(width_px=1280, height_px=720), fakes.FakeSystem(fakes.FakeContainer(fakes.packets(3))).system
    )
    assert "it gives 64x48" in caplog.text


def test_what_was_asked_is_not_worth_a_word(caplog, fakes):
    open_camera("0", fakes.ASKED, fakes.FakeSystem(fakes.FakeContainer(fakes.packets(3))).system)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("asked_fps", "rate", "warning"),
    [
        (60, 30, "camera 0 cannot do 64x48 at 60 fps; it gives 64x48 at 30 fps"),
        (30, Fraction(30_000, 1001), ""),
        (None, 10, ""),  # nobody asked
    ],
)
def test_another_rate_than_asked_is_said(caplog, asked_fps, rate, warning, fakes):
    options = SourceOptions(width_px=64, height_px=48, fps=asked_fps)
    open_camera("0", options, fakes.FakeSystem(fakes.FakeContainer(fakes.packets(3), rate=rate)).system)
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
def test_raw_pixels_have_the_matrix_that_the_kernel_means(platform, codec, pixel_format, matrix, fakes):
    events = [fakes.FakePacket(n, pixel_format=pixel_format) for n in (1, 2)]
    fake = fakes.FakeSystem(fakes.FakeContainer(events, codec=codec), platform=platform)
    source = open_camera("0", fakes.ASKED, fake.system)
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
def test_failures_to_open(code, message, hint, fakes):
    fake = fakes.FakeSystem(fakes.failure(code))
    with pytest.raises(SourceError, match=message) as caught:
        open_camera("0", fakes.ASKED, fake.system)
    assert hint in caught.value.hint
    assert len(fake.attempts) == 1  # asking for less would not help


def test_a_camera_that_can_do_nothing(fakes):
    refuses = fakes.failure(errno.EINVAL)
    with pytest.raises(SourceError, match="cannot be read"):
        open_camera("0", fakes.ASKED, fakes.FakeSystem(refuses, refuses, refuses).system)


def test_no_cameras_at_all(fakes):
    fake = fakes.FakeSystem(fakes.failure(errno.ENOENT))
    system = System("linux", fake.system.open, lambda: (), fake.system.clock)
    with pytest.raises(SourceError) as caught:
        open_camera("5", fakes.ASKED, system)
    assert "pattern:640x480@30" in caught.value.hint


def test_a_silent_camera_is_closed_when_opening_fails(fakes):
    container = fakes.FakeContainer(itertools.repeat(fakes.failure(errno.EAGAIN)))
    with pytest.raises(SourceError, match="nothing came"):
        open_camera("0", fakes.ASKED, fakes.FakeSystem(container).system)
    assert container.closed == 1


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
def test_devices_by_number_path_and_name(device, platform, path, fakes):
    fake = fakes.FakeSystem(fakes.FakeContainer(fakes.packets(3)), platform=platform)
    open_camera(device, fakes.ASKED, fake.system)
    assert fake.attempts[0][0] == path


@pytest.mark.parametrize("device", ["7", "Kodak", ""])
def test_unknown_devices(device, fakes):
    with pytest.raises(SourceError, match="does not exist") as caught:
        open_camera(device, fakes.ASKED, fakes.FakeSystem(platform="win32").system)
    assert "2: Logi C920" in caught.value.hint


def test_where_there_is_no_camera_the_synthetic_one_is_named_without_an_option(fakes):
    """`bench` has no --input."""
    system = replace(fakes.FakeSystem(platform="win32").system, list=tuple)
    with pytest.raises(SourceError) as caught:
        open_camera("7", fakes.ASKED, system)
    assert caught.value.hint == "no camera was found; plug one in, or try the synthetic one: pattern:640x480@30"


def test_other_systems_have_their_own_words(fakes):
    fake = fakes.FakeSystem(fakes.failure(errno.EIO), fakes.FakeContainer(fakes.packets(3)), platform="darwin")
    open_camera("0", fakes.ASKED, fake.system)
    assert [keywords["container_options"].get("pixel_format") for _, keywords in fake.attempts] == ["nv12", None]
    assert fake.attempts[0][1]["format"] == "avfoundation"
    with pytest.raises(SourceError) as caught:
        open_camera("0", fakes.ASKED, fakes.FakeSystem(fakes.failure(errno.EPERM), platform="darwin").system)
    assert "privacy settings" in caught.value.hint
    with pytest.raises(SourceError, match="cannot be opened on plan9"):
        open_camera("0", fakes.ASKED, fakes.FakeSystem(platform="plan9").system)
