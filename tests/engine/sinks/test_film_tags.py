"""What a drawn film tells of the film that it was made of."""

import struct
from fractions import Fraction

import av
import pytest
from av.stream import Disposition

from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions

WHEN = {"com.apple.quicktime.creationdate": "2024-07-14T15:03:22+0200", "com.apple.quicktime.make": "Apple"}
PAIR = {"com.apple.quicktime.content.identifier": "1-2-3", "com.apple.quicktime.live-photo.auto": "1"}
WHERE = {"com.apple.quicktime.location.ISO6709": "+47.3+008.5/", "location": "+47.3000+008.5000/"}


@pytest.fixture
def film(tmp_path, make_clip):
    """Writes a film that says this of itself."""

    def make(tags):
        clip = make_clip(tmp_path / "plain.mov", frames=2, audio=True)
        path = tmp_path / "film.mov"
        with av.open(clip) as source, av.open(path, "w", options={"movflags": "+use_metadata_tags"}) as output:
            tracks = {stream.index: output.add_stream_from_template(stream) for stream in source.streams}
            output.metadata.update(tags)
            for packet in source.demux():
                if packet.size:
                    packet.stream = tracks[packet.stream.index]
                    output.mux(packet)
        with av.open(path) as container:
            assert tags.items() <= container.metadata.items()
        return path

    return make


@pytest.fixture
def told(tmp_path, stream_format, make_frame):
    """Draws a film, in effect, and reads what the result says of itself."""

    def write(source, kind, **options):
        path = tmp_path / f"out.{kind}"
        sink = FileSink(str(path), stream_format, SinkOptions(audio_from=source, threads=1, overwrite=True, **options))
        for index in range(2):
            sink.write(make_frame(stream_format, index))
        sink.close(complete=True)
        with av.open(path) as container:
            assert [stream.type for stream in container.streams] == ["video", "audio"]
            assert Disposition.default in container.streams.video[0].disposition  # the track that players show
            return path, {tag.lower(): value for tag, value in container.metadata.items()}

    return write


@pytest.mark.parametrize("kind", ["mov", "mp4", "m4v", "mkv"])
def test_a_film_of_a_phone_keeps_its_date_and_loses_its_place(film, told, kind):
    source = film(WHEN | PAIR | WHERE | {"title": "A walk", "com.maker.gps": "47.3"})
    path, tags = told(source, kind)
    assert WHEN.items() <= tags.items()
    assert tags["title"] == "A walk"
    assert not any("location" in tag or "identifier" in tag or "live-photo" in tag or "gps" in tag for tag in tags)
    assert b"47.3" not in path.read_bytes()
    path, tags = told(source, kind, keeps_location=True)
    assert tags["com.apple.quicktime.location.iso6709"] == "+47.3+008.5/"
    assert tags["location"] == "+47.3000+008.5000/"


def test_titles_stay_where_all_players_look_for_them(film, told):
    path, tags = told(film({"title": "A walk"}), "mov")
    assert tags["title"] == "A walk"
    assert b"\xa9nam" in path.read_bytes()


def movie_s(path):
    """How long the header says that a film is (ISO/IEC 14496-12, mvhd), by which players go."""
    data = path.read_bytes()
    units, length = struct.unpack_from(">II", data, data.rindex(b"mvhd") + 16)
    return length / units


@pytest.mark.parametrize("cut_s", [1, 0.5])
@pytest.mark.parametrize("begins_s", [0, 2])
def test_a_part_of_a_film_is_no_longer_than_it_is_for_its_chapters(
    tmp_path, stream_format, make_frame, make_clip, cut_s, begins_s
):
    source = tmp_path / "in.mp4"
    plain = make_clip(tmp_path / "plain.mp4", pts=range(begins_s * 30, begins_s * 30 + 60))
    chapter = {"time_base": Fraction(1), "metadata": {}}
    with av.open(plain) as film, av.open(source, "w") as copy:
        track = copy.add_stream_from_template(film.streams.video[0])
        parts = ({"id": 0, "start": 0, "end": begins_s + 4}, {"id": 1, "start": begins_s + 4, "end": begins_s + 30})
        copy.set_chapters([chapter | part for part in parts])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = track
                copy.mux(packet)
    path = tmp_path / "out.mp4"
    sink = FileSink(str(path), stream_format, SinkOptions(audio_from=source, threads=1, cut_s=cut_s))
    for index in range(30):
        sink.write(make_frame(stream_format, begins_s * 30 + index))
    sink.close(complete=True)
    with av.open(path) as container:
        found_s = [chapter["end"] * chapter["time_base"] for chapter in container.chapters()]
    assert found_s == pytest.approx([cut_s], abs=0.01)
    assert movie_s(path) == pytest.approx(1, abs=0.1)  # what begins late begins at 0 there
