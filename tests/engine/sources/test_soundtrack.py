"""The packets of a film's sound: untouched where the clock is sound, on one clock where it jumps."""

from fractions import Fraction
from itertools import pairwise

import av
import pytest

from animecam.sources.soundtrack import Soundtrack

PACKET = 188  # bytes
PICTURES = 0x100  # FFmpeg's number of the first track
TICK_S = Fraction(1, 90_000)  # of a transport stream


def times_s(path):
    sound = Soundtrack(path)
    times = [packet.dts * packet.time_base for packet in sound.packets()]
    sound.close()
    sound.close()
    return times


def stored_s(path):
    with av.open(str(path)) as film:
        return [packet.dts * packet.time_base for packet in film.demux(audio=0) if packet.size]


def without_pictures(stream):
    packets = [stream[start : start + PACKET] for start in range(0, len(stream), PACKET)]
    return b"".join(p for p in packets if int.from_bytes(p[1:3]) & 0x1FFF != PICTURES)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_times_stay_as_they_are(make_clip, tmp_path, name):
    clip = make_clip(tmp_path / name, audio=True, audio_s=1.5)
    assert times_s(clip) == stored_s(clip)


def test_a_film_without_sound(make_clip, tmp_path):
    assert times_s(make_clip(tmp_path / "a.ts")) == []


def test_sound_without_pictures_goes_on_without_a_gap(media, tmp_path):
    part = media.make_audio(tmp_path / "part.ts", seconds=1.5)
    source = tmp_path / "a.ts"
    source.write_bytes(part.read_bytes() * 2)
    times, stored = times_s(source), stored_s(part)
    assert times[: len(stored)] == stored
    steps_s = [after - before for before, after in pairwise(times)]
    usual_s = stored[1] - stored[0]
    assert max(abs(step_s - usual_s) for step_s in steps_s) <= TICK_S
    assert len(times) == 2 * len(stored)


def test_pictures_that_go_on_are_not_awaited_for_ever(make_clip, tmp_path, monkeypatch):
    monkeypatch.setattr("animecam.sources.soundtrack.MAX_HELD", 4)
    part = make_clip(tmp_path / "part.ts", frames=60, audio=True)
    source = tmp_path / "a.ts"
    source.write_bytes(part.read_bytes() + without_pictures(part.read_bytes()))
    times = times_s(source)
    assert times == sorted(set(times))
    assert len(times) == 2 * len(stored_s(part))


def test_a_stream_that_appears_on_the_way_is_passed_over(make_clip, tmp_path):
    """FFmpeg finds one where an .flv is cut off; PyAV, which knows the streams of the beginning, ended the program."""
    clip = make_clip(tmp_path / "a.flv", pts=range(60, 180), audio=True, options={"preset": "ultrafast", "g": "5"})
    whole = times_s(clip)
    clip.write_bytes(clip.read_bytes()[: round(clip.stat().st_size * 0.6)])
    times = times_s(clip)
    assert times == whole[: len(times)]
    assert len(times) > len(whole) // 4
