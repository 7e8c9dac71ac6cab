"""Subtitles go along where the container can hold them as they are; else it is said that they do not."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions

MS = Fraction(1, 1000)
LINES = [(100, 300, b"Hello"), (700, 900, b"Bye")]  # in milliseconds: when, and for how long
FRAMES = 60  # two seconds


def subtitled(film: Path, out: Path, lines=LINES, kinds=("eng",), *, first=False) -> Path:
    """A film with a track of subtitles for each language; `first`: stored before all pictures."""
    codec = "mov_text" if out.suffix == ".mp4" else "subrip"
    with av.open(str(film)) as source, av.open(str(out), "w") as container:
        streams = {stream.index: container.add_stream_from_template(stream) for stream in source.streams}
        packets = []
        for number, language in enumerate(kinds):
            track = container.add_mux_stream(codec)
            track.time_base = MS
            track.metadata["language"] = language
            for begin, length, text in lines:
                packet = av.Packet((struct.pack(">H", len(text)) if codec == "mov_text" else b"") + text)
                packet.pts = packet.dts = begin + number
                packet.duration, packet.time_base, packet.stream = length, MS, track
                packets.append(packet)
        others = [packet for packet in source.demux() if packet.size]
        for packet in others:
            packet.stream = streams[packet.stream_index]
        if first:
            container.start_encoding()
            for packet in packets + others:
                container.mux_one(packet)
        else:
            container.mux(sorted(packets + others, key=lambda packet: packet.dts * packet.time_base))
    return out


def converted(source: Path, out: Path, *, frames=FRAMES, cut_s=None) -> Path:
    film = open_file(source, SourceOptions(threads=1))
    sink = FileSink(str(out), film.format, SinkOptions(audio_from=source, threads=1, cut_s=cut_s))
    for _ in range(frames):
        sink.write(film.read())
    sink.close(complete=True)
    film.close()
    return out


def lines_of(path: Path, track=0):
    with av.open(str(path)) as container:
        found = []
        for packet in container.demux(container.streams.subtitles[track]):
            text = bytes(packet).lstrip(b"\0").lstrip(bytes(range(32)))
            if text:
                found.append(
                    (round(packet.pts * packet.time_base / MS), round(packet.duration * packet.time_base / MS), text)
                )
        return found


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.name.startswith("animecam")]


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
@pytest.mark.parametrize("audio", [False, True])
def test_subtitles_are_copied_at_their_times(tmp_path, make_clip, caplog, extension, audio):
    plain = make_clip(tmp_path / f"plain.{extension}", frames=FRAMES, audio=audio)
    source = subtitled(plain, tmp_path / f"in.{extension}", kinds=("eng", "deu"))
    out = converted(source, tmp_path / f"out.{extension}")
    assert lines_of(out) == LINES
    assert lines_of(out, 1) == [(begin + 1, length, text) for begin, length, text in LINES]
    with av.open(str(out)) as container:
        assert [stream.language for stream in container.streams.subtitles] == ["eng", "deu"]
        assert len(container.streams.audio) == audio
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    assert not warnings_of(caplog)


@pytest.mark.parametrize("extension", ["mp4", "mov"])
@pytest.mark.parametrize("is_followed_by_nothing", [False, True])
def test_a_film_does_not_end_later_for_its_subtitles(tmp_path, make_clip, extension, is_followed_by_nothing):
    """FFmpeg let the last text, or the time without one after it, last twice as long."""
    lines = [*LINES, (1600, 300, b"")] if is_followed_by_nothing else LINES
    source = subtitled(make_clip(tmp_path / "plain.mp4", frames=FRAMES), tmp_path / "in.mp4", lines, ("eng", "deu"))
    out = converted(source, tmp_path / f"out.{extension}")
    assert lines_of(out) == LINES
    with av.open(str(out)) as container:
        assert container.duration == pytest.approx(2e6, abs=1000)
        last_ms = sum(lines[-1][:2])
        for number, stream in enumerate(container.streams.subtitles):
            assert stream.duration * stream.time_base / MS == pytest.approx(last_ms + number, abs=2)


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_of_a_part_of_a_film_only_those_that_begin_in_it_are_copied(tmp_path, make_clip, extension):
    lines = [*LINES, (1700, 200, b"Late")]
    plain = make_clip(tmp_path / f"plain.{extension}", frames=FRAMES, audio=True)
    source = subtitled(plain, tmp_path / f"in.{extension}", lines)
    out = converted(source, tmp_path / f"out.{extension}", frames=30, cut_s=1)
    assert lines_of(out) == [LINES[0], (700, 300, b"Bye")]


@pytest.mark.parametrize("extension", ["mp4", "avi"])
def test_subtitles_that_do_not_fit_are_left_out_and_said_to_be(tmp_path, make_clip, caplog, extension):
    source = subtitled(make_clip(tmp_path / "plain.mkv", frames=FRAMES, audio=True), tmp_path / "in.mkv")
    out = converted(source, tmp_path / f"out.{extension}")
    with av.open(str(out)) as container:
        assert not container.streams.subtitles
        assert len(container.streams.audio) == 1
    text = f"{source}: 1 of its 1 subtitle tracks left out, of a kind that {extension} files cannot hold"
    assert warnings_of(caplog) == [text]


def test_sound_does_not_wait_for_subtitles_that_are_stored_before_it(tmp_path, make_clip):
    plain = make_clip(tmp_path / "plain.mkv", frames=FRAMES, audio=True)
    source = subtitled(plain, tmp_path / "in.mkv", [*LINES, (1900, 50, b"Late")], first=True)
    out = converted(source, tmp_path / "out.mkv")
    with av.open(str(out)) as container:
        kinds = [packet.stream.type for packet in container.demux() if packet.size]
    assert kinds.index("audio") < len(kinds) / 4
    assert lines_of(out)[-1] == (1900, 50, b"Late")
