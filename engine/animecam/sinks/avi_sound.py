"""What an AVI is told of sound that comes in frames, as that of MP3 and AC-3 does."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from animecam.sources.file import open_container
from animecam.sources.options import SourceOptions

AVI = "avi"
MISCOUNTED = ("adpcm_", "dts", "eac3", "vorbis")
"""How the names of kinds begin whose blocks FFmpeg's muxer, which is not told how long they are, counts at another
pace: they play several times too fast or too slowly, or the file cannot be written."""

_FRAMED = frozenset({"aac", "ac3", "mp2", "mp2float", "mp3", "mp3float"})
"""FFmpeg's decoders of sound whose frames vary in size, or may."""


@contextmanager
def avi_template(path: Path, track: AudioStream) -> Generator[AudioStream]:
    """A track as an AVI can be told of it; for the length of the block.

    An AVI says of framed sound how much memory a frame needs, and is read as if every frame were that large unless its
    header says 0 in another place. FFmpeg copies the size it read into that place, and then the sound plays several
    times too fast. Matroska knows no such size, so that a track that came through it has none.

    Args:
        path: The film with the track.
        track: It, as the open film has it.

    Raises:
        av.error.FFmpegError: The film cannot be read.
    """
    if track.codec_context.name not in _FRAMED:  # of PCM, and of kinds that come in blocks, that size is needed
        yield track
        return
    with _through_matroska(path, track.index) as copy:
        yield copy.streams.audio[0]


def _through_matroska(path: Path, index: int) -> InputContainer:
    memory = BytesIO()
    with open_container(path, SourceOptions()) as film, av.open(memory, "w", format="matroska") as copy:
        track = film.streams[index]
        assert isinstance(track, AudioStream), "it was one when the file was opened before"
        copied = copy.add_stream_from_template(track)
        for packet in film.demux(track):
            if packet.size:  # one is enough to see what is in it
                packet.stream = copied
                copy.mux(packet)
                break
    memory.seek(0)
    return av.open(memory, "r")
