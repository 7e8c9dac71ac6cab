"""Sound in AVI files, which say little of it: how long it is, and not when it begins."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

RATE_HZ = 48_000
SECONDS = 2
LONGEST_FRAME = 1536  # samples, of AC-3
SIZE_OF_SAMPLES = 44  # where a stream header has it, from its kind on (AVI RIFF File Reference, AVISTREAMHEADER)


def make_film(path, codec, begins_s=0):
    """A film of two seconds with noise."""
    generator = np.random.default_rng(0)
    with av.open(str(path), "w") as film:
        pictures = film.add_stream("mpeg4", rate=25, width=32, height=32)
        sound = film.add_stream(codec, rate=RATE_HZ, layout="stereo")
        film.start_encoding()
        for index in range(25 * SECONDS):
            picture = av.VideoFrame(32, 32, "yuv420p")
            picture.pts = index
            film.mux(pictures.encode(picture))
        resampler = av.AudioResampler(format=sound.format.name, layout="stereo", rate=RATE_HZ)
        size = sound.codec_context.frame_size or 1024
        for start in range(0, SECONDS * RATE_HZ, size):
            noise = (generator.standard_normal((2, size)) * 3000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(noise, format="s16p", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start + begins_s * RATE_HZ, Fraction(1, RATE_HZ)
            for converted in resampler.resample(frame):
                film.mux(sound.encode(converted))
        film.mux(pictures.encode(None))
        film.mux(sound.encode(None))
    return path


def size_of_samples(path):
    data = path.read_bytes()
    return struct.unpack_from("<I", data, data.index(b"auds") + SIZE_OF_SAMPLES)[0]


def heard(path):
    with av.open(str(path)) as film:
        return sum(frame.samples for frame in film.decode(audio=0))


@pytest.mark.parametrize("extension", ["avi", "mkv", "ts"])
@pytest.mark.parametrize("codec", ["aac", "ac3", "mp2", "mp3"])
def test_framed_sound_is_as_long_as_it_was(converted, tmp_path, read_packets, codec, extension):
    source = make_film(tmp_path / f"in.{extension}", codec)
    out = converted(source, tmp_path / "out.avi")
    (got,), (expected,) = read_packets(out, "audio"), read_packets(source, "audio")
    lengths_s = [packets.times_s[-1] - packets.times_s[0] for packets in (got, expected)]
    assert abs(lengths_s[0] - lengths_s[1]) <= Fraction(1, 20)
    assert size_of_samples(out) == 0
    assert abs(heard(out) - heard(source)) < LONGEST_FRAME  # others say how much of the last frame is sound


def test_pcm_keeps_its_size_of_samples(converted, tmp_path, read_packets):
    source = make_film(tmp_path / "in.avi", "pcm_s16le")
    out = converted(source, tmp_path / "out.avi")
    assert read_packets(out, "audio")[0].times_s == read_packets(source, "audio")[0].times_s
    assert size_of_samples(out) == 4


@pytest.mark.parametrize(("begins_s", "extension"), [(0, "avi"), (1, "avi"), (1, "mkv")])
def test_sound_that_begins_late_is_told_of(converted, tmp_path, caplog, begins_s, extension):
    source = make_film(tmp_path / "in.mp4", "aac", begins_s)
    converted(source, tmp_path / f"out.{extension}")
    told = [r.getMessage() for r in caplog.records if r.name.startswith("animecam")]
    is_moved = begins_s and extension == "avi"
    expected = [
        f"{source}: sound and pictures begin 0.98 s apart, and together in an AVI; a .mkv file keeps them in step"
    ]
    assert told == (expected if is_moved else [])
