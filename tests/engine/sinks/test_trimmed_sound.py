"""Sound that was trimmed away in an MP4, which keeps it and says that it is not heard."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions

TRIMMED_S = Fraction(3, 2)
LENGTH_S = 4


@pytest.fixture
def trimmed(tmp_path, make_clip) -> Path:
    """A film whose first second and a half are not to be seen nor heard, as phones trim: the last key frame stays."""
    options = {"preset": "ultrafast", "g": "30", "sc_threshold": "0"}
    plain = make_clip(tmp_path / "plain.mp4", frames=30 * LENGTH_S, audio=True, options=options)
    path = tmp_path / "in.mp4"
    with av.open(plain) as film, av.open(path, "w", options={"avoid_negative_ts": "disabled"}) as copy:
        tracks = {track.index: copy.add_stream_from_template(track) for track in film.streams}
        for packet in film.demux():
            if packet.size and packet.dts * packet.time_base >= 1:
                packet.pts -= round(TRIMMED_S / packet.time_base)
                packet.dts -= round(TRIMMED_S / packet.time_base)
                packet.stream = tracks[packet.stream.index]
                copy.mux(packet)
    return path


def heard_s(path: Path) -> float:
    """How long a player would hear something."""
    with av.open(path) as film:
        return sum(frame.samples / frame.sample_rate for frame in film.decode(audio=0))


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_it_is_not_heard_again(tmp_path, read_packets, trimmed, extension):
    film = open_file(trimmed, SourceOptions(threads=1))
    out = tmp_path / f"out.{extension}"
    sink = FileSink(str(out), film.format, SinkOptions(audio_from=trimmed, threads=1))
    while (frame := film.read()) is not None:
        sink.write(frame)
    sink.close(complete=True)
    film.close()
    assert abs(read_packets(out, "video")[0].times_s[0]) <= Fraction(1, 20)
    assert heard_s(trimmed) == pytest.approx(LENGTH_S - float(TRIMMED_S), abs=0.05)
    assert heard_s(out) == pytest.approx(heard_s(trimmed), abs=0.05)
