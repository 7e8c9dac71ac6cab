"""Films whose sound is hard to copy: odd names and titles, unknown kinds of sound, clocks that start late or jump."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions

TICK_S = Fraction(1, 90_000)  # of a transport stream
TEN_HOURS_S = 36_000


def remuxed(source: Path, out: Path, kinds=("video", "audio"), prepare=lambda copy: None, **options) -> Path:
    """A film with a track of each kind, of the packets of another."""
    packets = []
    with ExitStack() as stack:
        copy = stack.enter_context(av.open(str(out), "w", options=options))
        for kind in kinds:
            film = stack.enter_context(av.open(str(source)))
            track = copy.add_stream_from_template(film.streams.best(kind))
            for packet in film.demux(film.streams.best(kind)):
                if packet.size:
                    packet.stream = track
                    packets.append(packet)
        prepare(copy)
        copy.mux(sorted(packets, key=lambda packet: packet.dts * packet.time_base))
    return out


def at_ten_hours(source: Path, out: Path) -> Path:
    """The same film in a transport stream whose clock began ten hours ago."""
    return remuxed(source, out, output_ts_offset=str(TEN_HOURS_S), mpegts_copyts="1")


def heard(path: Path) -> int:
    """Samples that a player would hear on the first track."""
    with av.open(str(path)) as film:
        return sum(frame.samples for frame in film.decode(audio=0))


def test_a_name_with_a_colon(converted, tmp_path, make_clip, read_packets, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "in.mp4", audio=True).rename("a:b.mp4")
    assert len(read_packets(converted(Path("a:b.mp4"), Path("out.mp4")), "audio")) == 1


def describe(copy) -> None:
    copy.metadata["title"] = "A walk"
    part = {"id": 1, "start": 0, "end": 100, "time_base": Fraction(1, 1000), "metadata": {"title": "Start"}}
    copy.set_chapters([part])


def test_titles_in_an_old_encoding(converted, tmp_path, make_clip):
    source = remuxed(make_clip(tmp_path / "plain.mp4", audio=True), tmp_path / "in.mp4", prepare=describe)
    source.write_bytes(source.read_bytes().replace(b"A walk", b"A w\xe4lk").replace(b"Start", b"St\xe4rt"))
    with av.open(str(converted(source, tmp_path / "out.mp4"))) as film:
        assert film.metadata["title"] == "A w\ufffdlk"
        assert film.chapters()[0]["metadata"]["title"] == "St\ufffdrt"


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_sound_of_an_unknown_kind_is_left_out(converted, tmp_path, make_clip, read_packets, caplog, extension):
    plain = make_clip(tmp_path / "plain.mp4", audio=True)
    source = remuxed(plain, tmp_path / "in.mp4", kinds=("video", "audio", "audio"))
    data = source.read_bytes()
    entry, codec = data.rindex(b"mp4a"), data.rindex(b"esds")  # the third track becomes one such as phones record
    source.write_bytes(data[:entry] + b"apac" + data[entry + 4 : codec] + b"dapa" + data[codec + 4 :])
    out = converted(source, tmp_path / f"out.{extension}")
    (kept,) = read_packets(out, "audio")
    assert kept.data == read_packets(plain, "audio")[0].data
    warnings = [r.getMessage() for r in caplog.records if r.name.startswith("animecam")]
    assert warnings == [f"{source}: 1 of its 2 sound tracks left out, silent or of a kind that is unknown here"]


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_sound_that_is_announced_and_never_comes_is_left_out(
    converted, tmp_path, make_clip, read_packets, caplog, extension
):
    """Recorded broadcasts list languages that nobody speaks."""
    plain, source = make_clip(tmp_path / "plain.ts", audio=True), tmp_path / "in.ts"
    with av.open(str(plain)) as film, av.open(str(source), "w") as copy:
        tracks = {
            track.index: copy.add_stream_from_template(track)
            for track in (film.streams.video[0], film.streams.audio[0])
        }
        copy.add_stream("ac3", rate=48_000)
        for packet in film.demux():
            if packet.size:
                packet.stream = tracks[packet.stream.index]
                copy.mux(packet)
    out = converted(source, tmp_path / f"out.{extension}")
    assert len(read_packets(out, "audio")) == 1
    assert heard(out) == heard(plain)
    assert f"{source}: 1 of its 2 sound tracks left out, silent" in caplog.text


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
@pytest.mark.parametrize("make", [lambda source, out: source, at_ten_hours])
def test_a_transport_stream_begins_near_zero(converted, tmp_path, make_clip, read_packets, make, extension):
    plain = make_clip(tmp_path / "plain.ts", frames=40, audio=True)
    out = converted(make(plain, tmp_path / "in.ts"), tmp_path / f"out.{extension}")
    for kind in ("video", "audio"):
        (got,), (expected,) = read_packets(out, kind), read_packets(plain, kind)
        errors_s = [abs(a - b) for a, b in zip(got.times_s, expected.times_s, strict=True)]
        assert max(errors_s) <= Fraction(1, 1000), kind  # Matroska counts milliseconds
    assert heard(out) == heard(plain)


@pytest.mark.parametrize("make", [lambda source, out: source, at_ten_hours])
@pytest.mark.parametrize("audio_s", [1.5, 2.0, 4.0])
def test_joined_transport_streams_stay_in_step(converted, tmp_path, make_clip, read_packets, caplog, audio_s, make):
    parts = [make_clip(tmp_path / "a.ts", frames=60, audio=True, audio_s=audio_s)]
    parts += [make(make_clip(tmp_path / "b.ts", frames=90, audio=True), tmp_path / "late.ts")]
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    out = converted(source, tmp_path / "out.mp4")
    (pictures,), (sound,) = read_packets(out, "video"), read_packets(out, "audio")
    (last_pictures,), (last_sound,) = read_packets(parts[1], "video"), read_packets(parts[1], "audio")
    moved_s = pictures.times_s[-1] - last_pictures.times_s[-1]
    assert pictures.times_s[-1] - pictures.times_s[0] == pytest.approx(5, abs=0.1)
    assert "cut off" not in caplog.text
    assert abs(sound.times_s[-1] - last_sound.times_s[-1] - moved_s) <= 2 * TICK_S
    assert sound.times_s == sorted(set(sound.times_s))


FLV_HEAD, FLV_TAG, FLV_SOUND = 13, 11, 8  # bytes, bytes of a tag's head, kind of a tag


def flv_tags(data):
    """(Place, size, kind) of each tag of an FLV (Adobe Flash Video File Format 10.1, E.4)."""
    at = FLV_HEAD
    while at < len(data):
        size = FLV_TAG + int.from_bytes(data[at + 1 : at + 4]) + 4
        yield at, size, data[at]
        at += size


def put_before(source: Path, number: int, by_ms: int) -> None:
    """Gives a packet of sound of an FLV the time of the one before it, or one before that."""
    data = bytearray(source.read_bytes())
    before, at = [place for place, _, kind in flv_tags(data) if kind == FLV_SOUND][number - 1 : number + 1]
    data[at + 4 : at + 7] = (int.from_bytes(data[before + 4 : before + 7]) - by_ms).to_bytes(3)
    source.write_bytes(data)


def appended(source: Path) -> None:
    """Lets all of an FLV but its heads come again, with the same times."""
    data = source.read_bytes()
    is_head = {FLV_SOUND: b"\0", 9: b"\0"}  # of a codec, in the second byte
    again = [
        data[at : at + size]
        for at, size, kind in flv_tags(data)
        if kind in is_head and data[at + FLV_TAG + 1 : at + FLV_TAG + 2] != is_head[kind]
    ]
    source.write_bytes(data + b"".join(again))


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
@pytest.mark.parametrize("by_ms", [0, 200])
def test_a_packet_of_sound_whose_time_repeats_or_goes_back_costs_itself(
    converted, tmp_path, make_clip, read_packets, extension, by_ms
):
    source = make_clip(tmp_path / "in.flv", frames=60, audio=True)
    (whole,) = read_packets(source, "audio")
    put_before(source, 40, by_ms)
    (sound,) = read_packets(converted(source, tmp_path / f"out.{extension}"), "audio")
    assert sound.times_s == sorted(set(sound.times_s))
    assert len(whole.data) - len(sound.data) == 1
    assert abs(sound.times_s[-1] - whole.times_s[-1]) <= Fraction(1, 40)


def test_sound_whose_times_go_back_in_a_format_that_never_starts_over(
    converted, tmp_path, make_clip, read_packets, caplog
):
    flv, source = make_clip(tmp_path / "in.flv", frames=60, audio=True), tmp_path / "in.mkv"
    put_before(flv, 40, 0)
    packets = len(read_packets(remuxed(flv, source), "audio")[0].data)
    (sound,) = read_packets(converted(source, tmp_path / "out.mp4"), "audio")
    assert len(sound.data) == packets - 1
    assert f"{source}: packets of its sound left out, whose times repeat or go back: 1" in caplog.text
    assert len(read_packets(converted(source, tmp_path / "out.mkv"), "audio")[0].data) == packets


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_a_recording_whose_clock_starts_over_stays_in_step(converted, tmp_path, make_clip, read_packets, extension):
    source = make_clip(tmp_path / "in.flv", frames=60, audio=True, options={"preset": "ultrafast", "bf": "0"})
    (whole,) = read_packets(source, "audio")
    appended(source)
    out = converted(source, tmp_path / f"out.{extension}")
    (pictures,), (sound,) = read_packets(out, "video"), read_packets(out, "audio")
    assert sound.times_s == sorted(set(sound.times_s))
    assert 2 * len(whole.data) - len(sound.data) <= 2
    assert abs(pictures.times_s[-1] - sound.times_s[-1]) <= Fraction(1, 10)


@pytest.mark.parametrize("silent_s", [5, 12])
def test_silence_in_a_transport_stream_stays(converted, tmp_path, make_clip, read_packets, silent_s):
    """A second language is heard now and then, while the pictures go on."""
    plain, source = make_clip(tmp_path / "plain.ts", frames=500, audio=True), tmp_path / "in.ts"
    with av.open(str(plain)) as film, av.open(str(source), "w") as copy:
        tracks = {track.index: copy.add_stream_from_template(track) for track in film.streams}
        for packet in film.demux():
            time_s = (packet.dts or 0) * packet.time_base
            is_silent = packet.stream.type == "audio" and 2 < time_s < 2 + silent_s
            if packet.size and not is_silent:
                packet.stream = tracks[packet.stream.index]
                copy.mux(packet)
    out = converted(source, tmp_path / "out.mp4")
    (got,), (expected,) = read_packets(out, "audio"), read_packets(source, "audio")
    assert max(abs(a - b) for a, b in zip(got.times_s, expected.times_s, strict=True)) <= Fraction(1, 1000)


class BrokenSound:
    """Sound that fails once it is open, with an error that no output names."""

    late_s = 0

    def __init__(self) -> None:
        self.is_closed = False

    @property
    def rates(self) -> tuple[int, ...]:
        raise RuntimeError("broken")

    def close(self) -> None:
        self.is_closed = True


def test_whatever_fails_while_opening_everything_is_closed(tmp_path, stream_format, monkeypatch):
    sound = BrokenSound()
    monkeypatch.setattr("animecam.sinks.encoder.AudioCopier", lambda source, container, **_: sound)
    with pytest.raises(RuntimeError):
        FileSink(str(tmp_path / "out.mp4"), stream_format, SinkOptions(threads=1, audio_from=tmp_path / "in.mp4"))
    assert sound.is_closed


def test_sound_that_cannot_be_opened_says_so(tmp_path, stream_format):
    with pytest.raises(SinkError, match="cannot read the sound"):
        FileSink(str(tmp_path / "out.mp4"), stream_format, SinkOptions(audio_from=tmp_path / "nowhere.mp4"))


def with_raw_sound(source: Path, out: Path, channels: int, samples: int = 4800) -> Path:
    """An AVI with the pictures of a film and PCM, whose channels it numbers and does not name."""
    noise = np.random.default_rng(channels).integers(-3000, 3000, (samples, channels), np.int16)
    with av.open(str(source)) as film, av.open(str(out), "w") as copy:
        pictures = copy.add_stream_from_template(film.streams.video[0])
        sound = copy.add_stream("pcm_s16le", rate=48_000, layout=f"{channels} channels")
        copy.start_encoding()
        packet = av.Packet(noise.tobytes())
        packet.stream, packet.pts, packet.dts, packet.time_base = sound, 0, 0, Fraction(1, 48_000)
        copy.mux(packet)
        for picture in film.demux(video=0):
            if picture.size:
                picture.stream = pictures
                copy.mux(picture)
    return out


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "avi"])
@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (2, "stereo"), (4, "4.0"), (6, "5.1"), (8, "7.1")])
def test_channels_without_names_get_the_usual_ones(
    converted, tmp_path, make_clip, read_packets, extension, channels, layout
):
    source = with_raw_sound(make_clip(tmp_path / "plain.mp4", codec="mpeg4"), tmp_path / "in.avi", channels)
    out = converted(source, tmp_path / f"out.{extension}")
    (got,), (expected,) = read_packets(out, "audio"), read_packets(source, "audio")
    assert b"".join(got.data) == b"".join(expected.data)
    if extension in ("mp4", "mov") and channels > 1:  # of one alone FFmpeg reads no name
        with av.open(str(out)) as film:
            assert film.streams.audio[0].codec_context.layout.name == layout


def test_too_many_channels_without_names_are_refused_before_any_work(converted, tmp_path, make_clip):
    source = with_raw_sound(make_clip(tmp_path / "plain.mp4", codec="mpeg4"), tmp_path / "in.avi", 9)
    with pytest.raises(SinkError, match="does not say where its 9 channels of sound belong"):
        converted(source, tmp_path / "out.mp4")
    assert len(converted(source, tmp_path / "out.mkv").read_bytes()) > 9 * 2 * 4800
