"""A film that goes on where an earlier run was stopped: every picture once, at its own time, with all of the sound."""

import errno
import shutil
import sys
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks.begun import WARM_UP_FRAMES, EncodedOtherwiseError, Making, _closed_part, changed_since, find_begun
from animecam.sinks.claim import Claim
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sinks.paths import Target, earlier, key_file

SCENE = 40  # frames until the picture changes so much that the encoder makes a key frame
FRAMES = 230
STOPPED = 150
MAKING = Making("this film", "this style", "drawn so", "1")
LEVEL_TOLERANCE = 3


@pytest.fixture
def film(stream_format, make_frame):
    """`film(first, stamps=None)`: its frames from the first on; what one shows says which it is."""

    def frames(first=0, stamps=None, count=FRAMES):
        for index in range(first, count):
            luma = 30 + index % SCENE * 2 + index // SCENE % 2 * 100
            frame = make_frame(stream_format, index, pts=stamps[index] if stamps else None, level=(luma, 128, 128))
            grain = np.random.default_rng(index // SCENE).integers(-20, 20, frame.planes[0].shape)
            frame.planes[0][...] = luma + grain - round(grain.mean())
            yield frame

    return frames


def numbers(pictures):
    """Which frames pictures are."""
    found = []
    for picture in pictures:
        level = float(picture.to_ndarray()[: picture.height].mean())
        scene = level > 30 + 2 * SCENE + 5
        found.append(round((level - 30 - 100 * scene) / 2))
    return found


def length(path):
    with av.open(str(path)) as container:
        return container.duration


def stop(target, stream, frames, **options):
    sink = FileSink(str(target), stream, SinkOptions(making=MAKING, **options))
    for frame in frames:
        sink.write(frame)
    sink.close(complete=False)


def go_on(target, stream, film, begun, *, complete=True, count=FRAMES, stamps=None, **options):
    sink = FileSink(str(target), stream, SinkOptions(making=MAKING, begun=begun, **options))
    for frame in film(begun.unread, stamps, count):
        sink.write(frame)
    sink.close(complete=complete)


@pytest.mark.parametrize(
    ("name", "codec"),
    [(f"a.{ending}", codec) for ending in ("mp4", "mov") for codec in ("libx264", "libx265")]
    + [("a.mp4", "libvpx-vp9")],
)
def test_every_picture_is_there_once_at_its_own_time(tmp_path, stream_format, film, decode, read_packets, name, codec):
    whole, target = tmp_path / f"whole{name[1:]}", tmp_path / name
    sink = FileSink(str(whole), stream_format, SinkOptions(codec=codec))
    for frame in film():
        sink.write(frame)
    sink.close(complete=True)
    stop(target, stream_format, film(count=STOPPED), codec=codec)
    begun = find_begun(target, MAKING)
    assert begun is not None
    assert WARM_UP_FRAMES < begun.frames < STOPPED
    go_on(target, stream_format, film, begun, codec=codec)
    pictures = decode(target)
    assert numbers(pictures) == [index % SCENE for index in range(FRAMES)]
    (made,), (wanted,) = read_packets(target, "video"), read_packets(whole, "video")
    assert made.times_s == wanted.times_s
    assert sum(made.lengths_s) == sum(wanted.lengths_s)
    assert length(target) == length(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([whole.name, target.name])


def test_uneven_times_stay_and_sound_is_whole(tmp_path, stream_format, film, make_clip, read_packets):
    """The encoder guesses the first decoding times of its second part, and would go back in time."""
    rng = np.random.default_rng(3)
    stamps = np.cumsum(rng.choice([200, 1000, 1001, 4000], FRAMES)).tolist()
    stream = replace(stream_format, time_base=Fraction(1, 30_000))
    clip = make_clip(tmp_path / "source.mp4", frames=30, audio=True, audio_s=stamps[-1] / 30_000)
    target = tmp_path / "a.mp4"

    def uneven(first=0, stamps=stamps, count=FRAMES):
        return (replace(frame, time_base=stream.time_base) for frame in film(first, stamps, count))

    stop(target, stream, uneven(count=STOPPED), audio_from=clip)
    begun = find_begun(target, MAKING)
    go_on(target, stream, uneven, begun, audio_from=clip, stamps=stamps)
    (pictures,) = read_packets(target, "video")
    assert pictures.times_s == [Fraction(pts, 30_000) for pts in stamps]
    assert read_packets(target, "audio")[0].data == read_packets(clip, "audio")[0].data


def test_a_film_that_counts_in_other_units_than_its_file_keeps_its_length(tmp_path, stream_format, film):
    """Milliseconds become sixteenths of that in an MP4: the last picture would last for half a minute."""
    stream = replace(stream_format, time_base=Fraction(1, 1000))
    stamps = [2500 + round(index * 100 / 3) for index in range(FRAMES)]

    def late(first=0, stamps=stamps, count=FRAMES):
        return (replace(frame, time_base=stream.time_base) for frame in film(first, stamps, count))

    target, whole = tmp_path / "a.mp4", tmp_path / "whole.mp4"
    stop(target, stream, late(count=STOPPED))
    go_on(target, stream, late, find_begun(target, MAKING), stamps=stamps)
    sink = FileSink(str(whole), stream, SinkOptions())
    for frame in late():
        sink.write(frame)
    sink.close(complete=True)
    assert length(target) == length(whole)


def test_it_may_be_stopped_again_and_again(tmp_path, stream_format, film, decode):
    target = tmp_path / "a.mp4"
    stop(target, stream_format, film(count=100))
    first = find_begun(target, MAKING)
    go_on(target, stream_format, film, first, complete=False, count=170)
    second = find_begun(target, MAKING)
    assert second.frames > first.frames
    # Nothing new arrives but what is drawn again.
    go_on(target, stream_format, film, second, complete=False, count=second.frames)
    assert find_begun(target, MAKING) == second
    go_on(target, stream_format, film, find_begun(target, MAKING))
    assert numbers(decode(target)) == [index % SCENE for index in range(FRAMES)]


def test_a_run_that_was_killed_can_be_gone_on_with(tmp_path, stream_format, film, decode):
    target = tmp_path / "a.mp4"
    partial = Target.of(target).partial
    sink = FileSink(str(target), stream_format, SinkOptions(making=MAKING))
    for frame in film(count=STOPPED):
        sink.write(frame)
    saved = shutil.copy(partial, tmp_path / "saved"), shutil.copy(key_file(partial), tmp_path / "key")
    sink.close(complete=False)
    shutil.move(saved[0], partial)
    shutil.move(saved[1], key_file(partial))
    begun = find_begun(target, MAKING)
    assert begun is not None
    go_on(target, stream_format, film, begun)
    assert numbers(decode(target)) == [index % SCENE for index in range(FRAMES)]


def test_one_that_was_killed_while_it_copied_loses_nothing(tmp_path, stream_format, film, monkeypatch):
    target = tmp_path / "a.mp4"
    partial = Target.of(target).partial
    stop(target, stream_format, film(count=STOPPED))
    begun = find_begun(target, MAKING)
    shutil.copy(partial, earlier(partial))
    partial.write_bytes(partial.read_bytes()[:300])
    assert find_begun(target, MAKING) == replace(begun, path=earlier(partial))


def test_names_of_the_greatest_length_go_on_too(tmp_path, stream_format, film):
    target = tmp_path / ("ä" * 125 + ".mp4")
    stop(target, stream_format, film(count=STOPPED))
    go_on(target, stream_format, film, find_begun(target, MAKING))
    assert list(tmp_path.iterdir()) == [target]


def test_another_encoder_is_refused_and_what_is_there_stays(tmp_path, stream_format, film):
    target = tmp_path / "a.mp4"
    stop(target, stream_format, film(count=STOPPED))
    begun = find_begun(target, MAKING)
    with pytest.raises(EncodedOtherwiseError, match="encoded otherwise") as caught:
        FileSink(str(target), stream_format, SinkOptions(making=MAKING, begun=begun, codec="libx265"))
    assert "`overwrite=True`" in caught.value.hint
    assert find_begun(target, MAKING) == begun
    assert not earlier(begun.path).exists()


def test_what_was_made_otherwise_is_no_beginning(tmp_path, stream_format, film):
    target = tmp_path / "a.mp4"
    assert find_begun(target, MAKING) is None
    stop(target, stream_format, film(count=STOPPED))
    assert find_begun(target, MAKING) is not None
    assert changed_since(target, MAKING) == ()
    otherwise = replace(MAKING, style="that style", version="2")
    assert find_begun(target, otherwise) is None
    assert changed_since(target, otherwise) == ("style", "version")
    key = key_file(Target.of(target).partial)
    key.write_text('["as earlier versions noted it", "head"]')
    assert find_begun(target, MAKING) is None
    assert changed_since(target, MAKING) == ("version",)
    for broken in ("", '"old"', "[1]", '{"a": 1}', "[1, 2, 3]"):
        key.write_text(broken)
        assert find_begun(target, MAKING) is None
    key.unlink()
    assert changed_since(target, MAKING) is None


@pytest.mark.skipif(sys.platform == "win32", reason="files are not claimed there")
def test_what_another_run_is_writing_is_not_looked_at(tmp_path, stream_format, film):
    target = tmp_path / "a.mp4"
    stop(target, stream_format, film(count=STOPPED))
    partial = Target.of(target).partial
    with closing(Claim(partial, target)), pytest.raises(SinkError, match="is being written by another run"):
        find_begun(target, MAKING)
    shutil.copy(partial, earlier(partial))
    with closing(Claim(earlier(partial), target)), pytest.raises(SinkError, match="is being written by another run"):
        find_begun(target, MAKING)
    assert find_begun(target, MAKING) is not None
    with closing(Claim(partial, target)):
        pass  # it was let go of


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.avi"])
def test_files_that_move_or_lose_time_stamps_begin_anew(tmp_path, stream_format, film, name):
    stop(tmp_path / name, stream_format, film(count=STOPPED))
    assert find_begun(tmp_path / name, MAKING) is None


def test_a_short_beginning_is_not_worth_it(tmp_path, stream_format, film):
    target = tmp_path / "a.mp4"
    stop(target, stream_format, film(count=WARM_UP_FRAMES))
    assert find_begun(target, MAKING) is None


@pytest.mark.parametrize("is_aside", [False, True])
def test_a_disk_that_fills_while_pictures_are_copied_costs_nothing(
    tmp_path, stream_format, film, monkeypatch, is_aside
):
    target = tmp_path / "a.mp4"
    stop(target, stream_format, film(count=STOPPED))
    begun = find_begun(target, MAKING)
    content = begun.path.read_bytes()
    if is_aside:  # as after a run that was killed while it copied
        begun = replace(begun, path=begun.path.replace(earlier(begun.path)))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("animecam.sinks.encoder.Encoder.go_on", full)
    with pytest.raises(SinkError, match="disk is full"):
        FileSink(str(target), stream_format, SinkOptions(making=MAKING, begun=begun))
    partial = Target.of(target).partial
    assert partial.read_bytes() == content
    assert sorted(tmp_path.iterdir()) == sorted([partial, key_file(partial)])


def test_begun_anew_forgets_what_was_there(tmp_path, stream_format, film):
    target = tmp_path / "a.mp4"
    stop(target, stream_format, film(count=STOPPED))
    partial = Target.of(target).partial
    shutil.copy(partial, earlier(partial))
    sink = FileSink(str(target), stream_format, SinkOptions())
    for frame in film(count=50):
        sink.write(frame)
    sink.close(complete=False)
    assert list(tmp_path.iterdir()) == [partial]
    assert find_begun(target, MAKING) is None


@pytest.mark.parametrize(
    ("times", "keys", "count"),
    [
        ([0, 2, 1, 3, 5, 4], "k..k..", 3),
        ([0, 2, 1, 3, 5, 4], "k.....", 0),
        ([0, 3, 1, 2, 6, 4, 5, 7], "k...k..k", 7),  # 4 and 5 are shown before the key frame 6: it parts nothing
        ([0, 3, 1, 2, 6, 4, 5], "k...k..", 0),
        ([0, 1, 4, 2], "k..k", 0),
        ([0, 1], "kk", 1),
        ([], "", 0),
    ],
)
def test_a_film_is_parted_where_no_picture_needs_a_later_one(times, keys, count):
    assert _closed_part(times, [key == "k" for key in keys]) == count
