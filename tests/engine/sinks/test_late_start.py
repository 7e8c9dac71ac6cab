"""Films that begin late by their own clock, as parts of recordings do: where nothing would be shown first."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import pytest

from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions

HOUR_S = 3600
MS = Fraction(1, 1000)
FRAMES = 30


def late(film: Path, out: Path, *, start_s=HOUR_S, sound_s=Fraction(0)) -> Path:
    """The same film at an hour of its clock, in two chapters, its sound later than its pictures."""
    with ExitStack() as stack:
        source = stack.enter_context(av.open(str(film)))
        copy = stack.enter_context(av.open(str(out), "w", options={"output_ts_offset": str(start_s)}))
        tracks = {track.index: copy.add_stream_from_template(track) for track in source.streams}
        begin = start_s * 1000
        marks = [(begin, begin + 400, "one"), (begin + 400, begin + 1000, "two")]
        copy.set_chapters(
            [
                {"id": number, "start": start, "end": end, "time_base": MS, "metadata": {"title": title}}
                for number, (start, end, title) in enumerate(marks)
            ]
        )
        for packet in [packet for packet in source.demux() if packet.size]:
            if packet.stream.type == "audio":
                packet.pts += round(sound_s / packet.time_base)
                packet.dts += round(sound_s / packet.time_base)
            packet.stream = tracks[packet.stream.index]
            copy.mux(packet)
    return out


def converted(source: Path, out: Path, cut_s=None) -> Path:
    film = open_file(source, SourceOptions(threads=1))
    sink = FileSink(str(out), film.format, SinkOptions(audio_from=source, threads=1, cut_s=cut_s))
    while (frame := film.read()) is not None:
        sink.write(frame)
    sink.close(complete=True)
    film.close()
    return out


def chapters_ms(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as film:
        return [
            tuple(round(part[edge] * part["time_base"] / MS) for edge in ("start", "end")) for part in film.chapters()
        ]


@pytest.mark.parametrize("sound_s", [Fraction(0), Fraction(1, 2), Fraction(-1, 2)])
@pytest.mark.parametrize(("source", "out"), [("in.mkv", "o.mp4"), ("in.flv", "o.mov"), ("in.mp4", "o.mp4")])
def test_its_result_begins_at_zero_in_step(tmp_path, make_clip, read_packets, caplog, source, out, sound_s):
    plain = make_clip(tmp_path / "plain.mp4", frames=FRAMES, audio=True)
    film = late(plain, tmp_path / source, sound_s=sound_s)
    (before, heard), (after, kept) = (
        [read_packets(path, kind)[0].times_s for kind in ("video", "audio")]
        for path in (film, converted(film, tmp_path / out))
    )
    assert abs(min(after[0], kept[0])) <= MS
    for mine, theirs in ((after, before), (kept, heard)):
        assert (
            max(abs(time - (first - min(before[0], heard[0]))) for time, first in zip(mine, theirs, strict=True)) <= MS
        )
    (told,) = [record.getMessage() for record in caplog.records if record.name.startswith("animecam")]
    assert told.startswith(f"{film} begins at 3")
    assert told.endswith("s by its own clock: its result begins at 0")


def test_its_chapters_go_along(tmp_path, make_clip):
    film = late(make_clip(tmp_path / "plain.mp4", frames=FRAMES, audio=True), tmp_path / "in.mkv")
    first, second = chapters_ms(converted(film, tmp_path / "o.mp4"))
    assert first == pytest.approx((0, 400), abs=30)  # the sound begins so much before the pictures
    assert second == pytest.approx((400, 1000), abs=30)
    (only,) = chapters_ms(converted(film, tmp_path / "cut.mp4", cut_s=0.3))
    assert only == pytest.approx((0, 300), abs=30)


def test_an_avi_is_not_filled_up(tmp_path, make_clip, decode):
    film = late(make_clip(tmp_path / "plain.mp4", frames=FRAMES, audio=True), tmp_path / "in.mkv")
    out = converted(film, tmp_path / "o.avi")
    assert len(decode(out)) == FRAMES
    with av.open(str(out)) as container:
        assert container.duration < 2 * av.time_base


def test_matroska_begins_when_its_source_does(tmp_path, make_clip, read_packets, caplog):
    film = late(make_clip(tmp_path / "plain.mp4", frames=FRAMES, audio=True), tmp_path / "in.mkv")
    out = converted(film, tmp_path / "o.mkv")
    for kind in ("video", "audio"):
        assert read_packets(out, kind)[0].times_s == read_packets(film, kind)[0].times_s
    assert chapters_ms(out) == chapters_ms(film)
    assert not caplog.records


@pytest.mark.parametrize("name", ["in.mkv", "in.mp4"])
def test_its_length_is_that_of_what_is_shown(tmp_path, make_clip, name):
    film = open_file(late(make_clip(tmp_path / "p.mp4", frames=FRAMES), tmp_path / name), SourceOptions(threads=1))
    assert film.format.duration_s == pytest.approx(FRAMES / 30, abs=0.1)
    film.close()


def test_a_part_of_a_second_is_kept(tmp_path, make_clip, read_packets):
    plain = make_clip(tmp_path / "plain.mp4", frames=FRAMES)
    film = late(plain, tmp_path / "in.mp4", start_s=0.7)
    assert read_packets(converted(film, tmp_path / "o.mp4"), "video")[0].times_s[0] == Fraction(7, 10)
