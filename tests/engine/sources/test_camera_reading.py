"""Reading cameras: waiting, losses, unplugging. A container in FFmpeg's place fails as devices do."""

import contextlib
import errno
import itertools
import weakref

import pytest

from animecam.errors import SourceError
from animecam.sources.camera import MEASURED_FRAMES, open_camera
from animecam.sources.options import SourceOptions
from animecam.sources.packets import MAX_BACKLOG
from animecam.sources.reader import open_decoded

INVALID_DATA = 1094995529  # AVERROR_INVALIDDATA


def test_frames_are_live_and_count_from_the_first(fakes):
    source = open_camera("0", fakes.ASKED, fakes.FakeSystem(fakes.FakeContainer(fakes.packets(6))).system)
    frames = [source.read() for _ in range(4)]
    assert source.format.is_live
    assert [frame.pts for frame in frames] == [0, 33_333, 66_666, 99_999]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EIO, errno.ENXIO])
def test_unplugged_in_mid_run(code, fakes):
    container = fakes.FakeContainer([*fakes.packets(4), fakes.failure(code)])
    source = open_camera("0", fakes.ASKED, fakes.FakeSystem(container).system)
    assert [source.read() is not None for _ in range(3)] == [True] * 3
    with pytest.raises(SourceError, match="camera 0 was unplugged") as caught:
        source.read()
    assert caught.value.hint
    source.close()
    assert container.closed == 1


def test_an_error_holds_no_buffer_of_the_camera(fakes):
    """Whoever handles it has closed the camera by then, and FFmpeg gives buffers back to the device."""
    *events, empty = fakes.packets(3)
    empty.size, buffer = 0, weakref.ref(empty)
    events += [empty, fakes.failure(errno.ENODEV)]
    del empty
    source = open_camera(
        "0", fakes.ASKED, fakes.FakeSystem(fakes.FakeContainer(events.pop(0) for _ in range(4))).system
    )
    source.read()
    with pytest.raises(SourceError, match="unplugged") as caught:
        source.read()
    assert caught.value.__cause__ is not None
    assert buffer() is None


def test_an_end_is_an_unplugging_too(fakes):
    source = open_camera("0", fakes.ASKED, fakes.FakeSystem(fakes.FakeContainer(fakes.packets(2))).system)
    source.read()
    with pytest.raises(SourceError, match="was unplugged"):
        source.read()


def test_waits_for_a_frame_while_none_is_there(fakes):
    nothing = fakes.failure(errno.EAGAIN)
    fake = fakes.FakeSystem(
        fakes.FakeContainer([*fakes.packets(2), *[nothing] * 20, *fakes.packets(1, start_us=8_000_000_000)])
    )
    source = open_camera("0", fakes.ASKED, fake.system)
    source.read()
    before_ns = fake.now_ns
    assert source.read() is not None
    assert 0.02 < (fake.now_ns - before_ns) / 1e9 < 0.1


def test_a_silent_camera_ends_after_the_time_out(fakes):
    nothing = itertools.repeat(fakes.failure(errno.EAGAIN))
    fake = fakes.FakeSystem(fakes.FakeContainer(itertools.chain(fakes.packets(1), nothing)))
    source = open_camera("0", SourceOptions(width_px=64, height_px=48, read_s=1.5), fake.system)
    with pytest.raises(SourceError, match=r"nothing came for 1\.5 s"):
        source.read()
    assert fake.now_ns / 1e9 == pytest.approx(1.5, abs=0.1)


def test_torn_frames_are_left_out_and_counted(fakes):
    torn = [fakes.FakePacket(7_000_000_000 + n, fakes.failure(INVALID_DATA)) for n in (1, 2)]
    source = open_camera(
        "0",
        fakes.ASKED,
        fakes.FakeSystem(fakes.FakeContainer([*fakes.packets(1), *torn, *fakes.packets(3)[1:]])).system,
    )
    assert [source.read().pts for _ in range(2)] == [0, 33_333]
    assert source.skipped == 2


def test_a_failed_transfer_is_no_end(fakes):
    empty = fakes.FakePacket(7_000_000_001)
    empty.size = 0
    source = open_camera(
        "0",
        fakes.ASKED,
        fakes.FakeSystem(fakes.FakeContainer([*fakes.packets(1), empty, *fakes.packets(3)[1:]])).system,
    )
    assert [source.read().pts for _ in range(2)] == [0, 33_333]


def test_measures_the_rate_and_says_when_it_is_low(caplog, fakes):
    container = fakes.FakeContainer(fakes.packets(MEASURED_FRAMES + 2, period_us=66_667), rate=30)
    source = open_camera("0", fakes.ASKED, fakes.FakeSystem(container).system)
    assert source.measured_fps == 0.0
    for _ in range(MEASURED_FRAMES):
        source.read()
    assert source.measured_fps == pytest.approx(15, abs=0.01)
    assert caplog.text.count("gives 15.0 frames per second of 30") == 1


def test_what_waited_since_opening_is_left_out(caplog, fakes):
    """A jump after old frames would stand still in a recording, and pass for a slow camera."""
    fresh = fakes.packets(MEASURED_FRAMES, start_us=10_000_000_000)
    source = open_camera(
        "0", fakes.ASKED, fakes.FakeSystem(fakes.FakeContainer([*fakes.packets(33), *fresh], backlog=32)).system
    )
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


def test_a_camera_that_never_lets_one_wait_loses_no_more_than_the_longest_backlog(fakes):
    container = fakes.FakeContainer(fakes.packets(1 + MAX_BACKLOG + 5), backlog=MAX_BACKLOG + 5)
    assert frames_until_unplugged(open_camera("0", fakes.ASKED, fakes.FakeSystem(container).system)) == 5


def test_a_camera_that_never_lets_one_wait_keeps_nobody_longer_than_the_time_out(fakes):
    def slowly():
        for packet in fakes.packets(9):
            fake.now_ns += 1_000_000_000
            yield packet

    fake = fakes.FakeSystem(fakes.FakeContainer(slowly(), backlog=8))
    source = open_camera("0", SourceOptions(width_px=64, height_px=48, read_s=1.5), fake.system)
    assert frames_until_unplugged(source) == 6  # after one at opening, and two seconds of waiting


def test_a_device_that_blocks_keeps_its_frames(fakes):
    container = fakes.FakeContainer(fakes.packets(4), backlog=3)
    source = open_decoded("a device", container, SourceError, fakes.ASKED, is_live=True)
    assert [source.read().pts for _ in range(3)] == [0, 33_333, 66_666]


def test_pictures_that_build_on_those_that_waited_are_not_torn_from_them(fakes):
    """A camera that gives H.264 alone: without its key frame nothing after it can be decoded."""
    container = fakes.FakeContainer(fakes.packets(4), backlog=3, codec="h264")
    source = open_camera("0", fakes.ASKED, fakes.FakeSystem(container).system)
    assert [source.read().pts for _ in range(3)] == [0, 33_333, 66_666]


def test_a_camera_that_is_unplugged_before_the_first_read(fakes):
    source = open_camera(
        "0",
        fakes.ASKED,
        fakes.FakeSystem(fakes.FakeContainer([*fakes.packets(3), fakes.failure(errno.ENODEV)], backlog=9)).system,
    )
    with pytest.raises(SourceError, match="was unplugged"):
        source.read()


def test_close_is_quiet_and_twice(fakes):
    container = fakes.FakeContainer(fakes.packets(3))
    source = open_camera("0", fakes.ASKED, fakes.FakeSystem(container).system)
    source.close()
    source.close()
    assert source.read() is None
    assert container.closed >= 1
