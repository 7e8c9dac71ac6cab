"""A microphone's sound in recordings: with the pictures within 40 ms, whatever clocks and cables do."""

import math
import threading
import time
from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks.file import FileSink
from animecam.sinks.live_sound import stretched
from animecam.sinks.options import SinkOptions
from animecam.sound import SOUND_RATE_HZ, LeastDelay, SoundChunk
from animecam.sources.microphone import open_microphone

CHUNK = 960  # samples, 20 ms
RATE = 30
MOST_OFFSET_S = 0.040  # from here on lips look wrong
BEEP_HZ = 1000
BEEP_SECONDS = 0.1
EXACT_S = 0.004  # how exactly an onset is found again in what was encoded
TONE_HZ = 440
TONE_LEVEL = 1 / 8  # of FFmpeg's sine
WAIT_SECONDS = 10.0
LIGHT, DARK = 200, 30


class FakeMicrophone:
    """A feed whose chunks a test has made; `now_s` is how far they have arrived."""

    def __init__(self, chunks):
        self.chunks, self.now_s = chunks, math.inf
        self._ends_s = [chunk.start_s + len(chunk.samples) / SOUND_RATE_HZ for chunk in chunks]

    def since(self, number):
        here = bisect_right(self._ends_s, self.now_s)
        return tuple(self.chunks[number:here]), here


def tone(seconds):
    """The chunks of the synthetic microphone, from its beginning on, with the times that it gave them."""
    deadline = time.monotonic() + WAIT_SECONDS
    with open_microphone(f"tone:{TONE_HZ}") as feed:
        while sum(len(chunk.samples) for chunk in feed.since(0)[0]) < seconds * SOUND_RATE_HZ:
            assert time.monotonic() < deadline, "it never spoke"
            threading.Event().wait(0.02)
        return list(feed.since(0)[0])


def beeps_and_silence(time_s, events_s):
    """What is heard at these times: a beep of a tenth of a second from each event on."""
    on = np.zeros(len(time_s), bool)
    for event_s in events_s:
        on |= (time_s >= event_s) & (time_s < event_s + BEEP_SECONDS)
    return (0.5 * np.sin(2 * np.pi * BEEP_HZ * time_s) * on).astype(np.float32)


def microphone(events_s, seconds, *, start_s=0.0, too_fast=0.0, missing=()):
    """Chunks of a sound card whose clock runs too fast by a part; `missing` are spans that never arrive."""
    chunks = []
    for first in range(0, round(seconds * SOUND_RATE_HZ), CHUNK):
        times_s = start_s + (first + np.arange(CHUNK)) / SOUND_RATE_HZ / (1 + too_fast)
        if not any(begin <= times_s[0] < end for begin, end in missing):
            chunks.append(SoundChunk(float(times_s[0]), beeps_and_silence(times_s, events_s)))
    return FakeMicrophone(chunks)


def record(
    path, stream, make_frame, feed, events_s, seconds, *, start_s=0.0, late_s=0.05, camera_too_fast=0.0, delay_ms=0
):
    """Films flashes at the times of the beeps; frames reach the sink `late_s` after they were taken, jittering."""
    sink = FileSink(str(path), stream, SinkOptions(microphone=feed, audio_delay_ms=delay_ms))
    jitter = np.random.default_rng(1)
    for index in range(round(seconds * RATE)):
        taken_s = start_s + index / RATE
        is_light = any(event_s <= taken_s < event_s + BEEP_SECONDS for event_s in events_s)
        pts = round(index / RATE * (1 + camera_too_fast) / stream.time_base)
        frame = make_frame(stream, index, pts=pts, level=(LIGHT if is_light else DARK, 128, 128))
        arrived_s = taken_s + (0.0 if index % 5 == 0 else jitter.uniform(0, 0.02))
        feed.now_s = taken_s + late_s
        sink.write(replace(frame, captured_ns=round(arrived_s * 1e9)))
    sink.close(complete=True)


def onsets(path):
    """When light and sound go on in a file: two lists in seconds, by the stamps a player goes by."""
    with av.open(str(path)) as container:
        lights = [(f.time, f.to_ndarray(format="gray").mean() > (LIGHT + DARK) / 2) for f in container.decode(video=0)]
    with av.open(str(path)) as container:
        level, begin_s = [], None
        for frame in container.decode(audio=0):
            begin_s = frame.time if begin_s is None else begin_s
            level.append(np.abs(frame.to_ndarray()).max(axis=0))
    loud = np.concatenate(level) > 0.1
    flashes = [lights[i][0] for i in range(1, len(lights)) if lights[i][1] and not lights[i - 1][1]]
    places = np.flatnonzero(loud)
    first = places[np.flatnonzero(np.diff(places, prepend=-SOUND_RATE_HZ) > SOUND_RATE_HZ // 5)]
    return flashes, [begin_s + place / SOUND_RATE_HZ for place in first]


def offsets(path, count):
    flashes, beeps = onsets(path)
    assert (len(flashes), len(beeps)) == (count, count)
    return [beep - flash for flash, beep in zip(flashes, beeps, strict=True)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_flash_and_beep_fall_together(tmp_path, live_format, make_frame, name, record_property):
    events_s = [100.5, 101.5, 102.5]
    feed = microphone(events_s, 4.0, start_s=99.0)
    record(tmp_path / name, live_format, make_frame, feed, events_s, 3.0, start_s=100.0)
    found = offsets(tmp_path / name, 3)
    record_property("offset_ms", [round(1000 * each, 1) for each in found])
    assert max(map(abs, found)) < MOST_OFFSET_S


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
@pytest.mark.parametrize("delay_ms", [2000, 80, -80, -1500])
def test_sound_is_moved_by_what_was_asked_for(tmp_path, live_format, make_frame, name, delay_ms):
    events_s = [101.7, 102.0]  # -1500 ms is more than sound may be late by itself
    moved = []
    for asked_ms in (0, delay_ms):
        target = tmp_path / f"{asked_ms}{name}"
        feed = microphone(events_s, 6.0, start_s=99.0)
        record(target, live_format, make_frame, feed, events_s, 4.2, start_s=100.0, delay_ms=asked_ms)
        moved.append(offsets(target, len(events_s)))
    for before_s, after_s in zip(*moved, strict=True):
        assert after_s - before_s == pytest.approx(delay_ms / 1000, abs=EXACT_S)


def test_moved_later_sound_from_before_the_first_picture_is_kept(tmp_path, live_format, make_frame):
    feed = microphone([99.6], 4.0, start_s=99.0)
    record(tmp_path / "a.mp4", live_format, make_frame, feed, [], 2.0, start_s=100.0, delay_ms=1000)
    _, beeps = onsets(tmp_path / "a.mp4")
    assert beeps == pytest.approx([0.6], abs=EXACT_S + 0.02)  # the time by which all pictures arrive late


@pytest.mark.parametrize(("delay_ms", "loud_s"), [(0, (0.0, 1.0)), (400, (0.4, 1.0)), (-700, (0.0, 0.3))])
def test_the_tone_begins_and_ends_later_or_earlier_and_the_rest_is_silence(
    tmp_path, live_format, make_frame, delay_ms, loud_s
):
    feed = FakeMicrophone(tone(1.0))
    start_s = feed.chunks[0].start_s
    record(tmp_path / "a.mkv", live_format, make_frame, feed, [], 1.0, start_s=start_s, delay_ms=delay_ms)
    with av.open(str(tmp_path / "a.mkv")) as container:
        frames = list(container.decode(audio=0))
    level = np.abs(np.concatenate([frame.to_ndarray()[0] for frame in frames]))
    places = frames[0].time + np.flatnonzero(level > TONE_LEVEL / 4) / SOUND_RATE_HZ
    assert places[0] == pytest.approx(loud_s[0], abs=0.03)  # a chunk and a packet more or less
    assert places[-1] == pytest.approx(loud_s[1], abs=0.12)  # sound goes ahead of the pictures by so much
    assert np.diff(places).max() < 1 / TONE_HZ  # without a gap


@pytest.mark.parametrize(("too_fast", "camera_too_fast"), [(0.001, 0.0), (-0.001, 0.0), (0.0, 0.001), (-0.001, 0.001)])
def test_clocks_that_drift_apart_do_not_part_sound_and_picture(
    tmp_path, live_format, make_frame, too_fast, camera_too_fast
):
    events_s = [float(second) for second in range(2, 40, 4)]
    feed = microphone(events_s, 40.0, too_fast=too_fast)
    target = tmp_path / "a.mkv"
    record(target, live_format, make_frame, feed, events_s, 40.0, camera_too_fast=camera_too_fast)
    assert max(map(abs, offsets(target, len(events_s)))) < MOST_OFFSET_S


def test_a_gap_is_filled_with_silence_and_what_follows_is_in_its_place(tmp_path, live_format, make_frame):
    events_s = [0.5, 3.5]
    feed = microphone(events_s, 5.0, missing=[(1.0, 3.0)])
    record(tmp_path / "a.mp4", live_format, make_frame, feed, events_s, 5.0)
    assert max(map(abs, offsets(tmp_path / "a.mp4", 2))) < MOST_OFFSET_S


@pytest.mark.parametrize("missing", [(1.0, 99.0), (0.0, 99.0)])
def test_a_microphone_that_dies_or_never_speaks_holds_nothing_up(
    tmp_path, live_format, make_frame, read_packets, missing
):
    feed = microphone([], 3.0, missing=[missing])
    target = tmp_path / "a.mp4"
    sink = FileSink(str(target), live_format, SinkOptions(microphone=feed))
    for index in range(90):
        feed.now_s = index / RATE
        frame = make_frame(live_format, index, pts=round(index / RATE / live_format.time_base))
        sink.write(replace(frame, captured_ns=round(index / RATE * 1e9)))
    # Though the sound has ended, pictures reach the disk: what is there now plays without its end.
    (video,) = read_packets(tmp_path / "a.partial.mp4", "video")
    assert max(video.times_s) > 1.5
    sink.close(complete=True)
    (sound,) = read_packets(target, "audio")
    assert float(max(sound.times_s)) == pytest.approx(3.0, abs=0.05)


def test_sound_ends_with_the_pictures(tmp_path, live_format, make_frame, read_packets):
    feed = microphone([], 10.0, start_s=-1.0)
    record(tmp_path / "a.mp4", live_format, make_frame, feed, [], 2.0, late_s=1.0)
    (sound,) = read_packets(tmp_path / "a.mp4", "audio")
    ends = float(max(sound.times_s) + sound.lengths_s[-1])
    assert ends == pytest.approx(2.0, abs=0.12)


def test_a_file_that_counts_frames_takes_no_live_sound(tmp_path, live_format):
    with pytest.raises(SinkError, match="avi files count frames"):
        FileSink(str(tmp_path / "a.avi"), live_format, SinkOptions(microphone=microphone([], 1.0)))
    assert list(tmp_path.iterdir()) == []


def test_least_delay_finds_the_other_clock_through_chance_delays_and_follows_its_drift():
    clock, chance = LeastDelay(), np.random.default_rng(3)
    errors = []
    for number in range(3000):
        ours_s = number * 0.02
        theirs_s = ours_s * 1.0001 - 7.0
        offset_s = clock.add(theirs_s, ours_s + chance.exponential(0.02))
        errors.append(theirs_s + offset_s - ours_s)
    assert max(errors[100:]) < 0.008
    assert min(errors[100:]) > -0.001


def test_stretching_changes_the_length_and_keeps_the_tone():
    time_s = np.arange(4800) / SOUND_RATE_HZ
    tone = np.sin(2 * np.pi * 300 * time_s).astype(np.float32)
    longer = stretched(tone, 4809)
    assert len(longer) == 4809
    assert np.abs(longer).max() <= 1.0
    assert abs(np.sum(np.diff(np.sign(longer)) != 0) - np.sum(np.diff(np.sign(tone)) != 0)) <= 1
    assert stretched(tone, len(tone)) is tone


def test_a_microphone_costs_a_frame_next_to_nothing(tmp_path, live_format, make_frame, record_property):
    feed = microphone([], 12.0)
    took_s = []
    for options in (SinkOptions(), SinkOptions(microphone=feed)):
        sink = FileSink(str(tmp_path / f"{len(took_s)}.mp4"), live_format, options)
        stamps = [round(index / RATE / live_format.time_base) for index in range(300)]
        frames = [make_frame(live_format, index, pts=pts) for index, pts in enumerate(stamps)]
        start_s = time.perf_counter()
        for index, frame in enumerate(frames):
            feed.now_s = index / RATE + 0.05
            sink.write(replace(frame, captured_ns=round(index / RATE * 1e9)))
        took_s.append((time.perf_counter() - start_s) / len(frames))
        sink.close(complete=True)
    record_property("ms_a_frame", round(1000 * (took_s[1] - took_s[0]), 3))
    assert took_s[1] - took_s[0] < Fraction(1, RATE) / 4
