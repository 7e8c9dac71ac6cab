"""Files that are missing, cut off, damaged or no videos: one line and a hint, and no frame lost that can be had."""

import os
import random

import av
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.sources.file import open_file
from animecam.sources.options import MAX_PIXELS, SourceOptions

OPTIONS = SourceOptions(threads=1)
PACKET = 188  # bytes of a packet of a transport stream
LEANING = {"preset": "fast", "g": "12", "bf": "2"}  # frames that need their neighbours


def drain(source, frames=None):
    frames = [] if frames is None else frames
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def refused(path):
    with pytest.raises(SourceError) as caught:
        open_file(path, OPTIONS)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert path.name in caught.value.message
    return caught.value.message


def damage(path, packets, how):
    """Overwrites the payload of some packets, in decoding order."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for index in packets:
        position, size = places[index]
        data[position : position + size] = bytes(size) if how == "zeros" else random.Random(1).randbytes(size)
    path.write_bytes(data)


def test_missing(tmp_path):
    assert "does not exist" in refused(tmp_path / "nowhere.mp4")


def test_empty(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert "is empty" in refused(tmp_path / "a.mp4")


def test_folder(tmp_path):
    (tmp_path / "a.mp4").mkdir()
    assert "is a folder" in refused(tmp_path / "a.mp4")


def test_no_video(tmp_path):
    (tmp_path / "a.mp4").write_text("Dear diary,\n" * 100)
    assert "is no video" in refused(tmp_path / "a.mp4")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the rights of a file do not bind root")
def test_not_readable(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mp4")
    clip.chmod(0)
    assert "may not be read" in refused(clip)


def test_sound_only(media, tmp_path):
    assert "holds sound but no video" in refused(media.make_audio(tmp_path / "a.m4a"))


@pytest.mark.parametrize(("name", "muxer"), [("a.mkv", None), ("a.mp4", {"movflags": "empty_moov"})])
def test_video_track_without_a_frame(make_clip, tmp_path, name, muxer):
    clip = make_clip(tmp_path / name, frames=0, audio=True, audio_s=0.2, muxer_options=muxer)
    assert "holds no frame" in refused(clip)


@pytest.mark.parametrize("missing", [0.1, 0.25, 0.6])
def test_cut_off_in_or_before_its_index(make_clip, tmp_path, missing):
    clip = make_clip(tmp_path / "a.mp4")
    clip.write_bytes(clip.read_bytes()[: round(clip.stat().st_size * (1 - missing))])
    assert "was cut off" in refused(clip)


def test_cut_off_in_the_middle_gives_what_is_there_then_says_so(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=40, muxer_options={"movflags": "faststart"})
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    frames = []
    with pytest.raises(SourceError, match=r"cut off after \d+ frames") as caught:
        drain(open_file(clip, OPTIONS), frames)
    assert 10 < len(frames) < 40
    assert str(len(frames)) in caught.value.message


@pytest.mark.parametrize(("name", "muxer"), [("a.mkv", None), ("a.mp4", {"movflags": "frag_keyframe+empty_moov"})])
def test_a_recording_that_was_killed_is_read_to_its_end(make_clip, tmp_path, name, muxer):
    """These are made for it: nothing in them says how long they should have been."""
    options = {"preset": "ultrafast", "g": "5"}
    clip = make_clip(tmp_path / name, frames=40, options=options, muxer_options=muxer)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    frames = drain(open_file(clip, OPTIONS))
    assert 10 < len(frames) < 40


@pytest.mark.parametrize(("share", "is_told"), [(0.5, True), (1.0, False)])
def test_a_file_that_promises_a_length_and_ends_before_it_is_told(make_clip, tmp_path, caplog, share, is_told):
    """Matroska does not say how many frames there are, but how long they last."""
    clip = make_clip(tmp_path / "a.mkv", frames=90, options={"preset": "ultrafast", "g": "5"})
    clip.write_bytes(clip.read_bytes()[: round(clip.stat().st_size * share)])
    with caplog.at_level("WARNING", logger="animecam"):
        drain(open_file(clip, OPTIONS))
    assert ("it may be cut off" in caplog.text) == is_told


@pytest.mark.parametrize(
    ("name", "share", "is_told"),
    [("a.mkv", 0.6, True), ("a.mkv", 1.0, False), ("a.flv", 0.6, True), ("a.flv", 1.0, False)],
)
@pytest.mark.parametrize("audio", [True, False])
def test_a_film_whose_pictures_begin_late_is_not_short(make_clip, tmp_path, caplog, name, audio, share, is_told):
    """Its length counts from where the sound begins, or from zero though nothing does.

    Where the .flv is cut FFmpeg finds a third stream, which PyAV had not heard of: an IndexError.
    """
    late = range(60, 180)
    clip = make_clip(tmp_path / name, pts=late, audio=audio, options={"preset": "ultrafast", "g": "5"})
    clip.write_bytes(clip.read_bytes()[: round(clip.stat().st_size * share)])
    with caplog.at_level("WARNING", logger="animecam"):
        drain(open_file(clip, OPTIONS))
    assert ("it may be cut off" in caplog.text) == is_told


def test_a_file_that_is_closed_before_its_end_is_not_told_to_be_short(make_clip, tmp_path, caplog):
    clip = make_clip(tmp_path / "a.mkv", frames=90)
    source = open_file(clip, OPTIONS)
    assert source.read() is not None
    source._is_closed = True  # as another thread does in the middle of a read
    with caplog.at_level("WARNING", logger="animecam"):
        while source._ready:
            source._ready.popleft()
        assert source._read() is None
    source.close()
    assert not caplog.text


def test_a_recording_that_begins_between_key_frames_is_not_short(make_clip, tmp_path, caplog):
    """Of a broadcast: its first pictures need one that was sent before."""
    options = {"preset": "ultrafast", "g": "60", "bf": "0"}
    clip = make_clip(tmp_path / "a.ts", frames=120, rate=15, audio=True, options=options)
    data = clip.read_bytes()
    packets = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
    clip.write_bytes(b"".join(packets[:3] + packets[len(packets) // 6 :]))  # the first ones tell what is in it
    with caplog.at_level("WARNING", logger="animecam"):
        frames = drain(open_file(clip, OPTIONS))
    assert len(frames) == 60
    assert "it may be cut off" not in caplog.text


def boxes(data):
    """Kind and bytes of each box of an MP4, those within others left there (ISO/IEC 14496-12)."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at : at + size]
        at += size


@pytest.mark.parametrize(("begin", "end", "is_told"), [(0, 5, False), (4, 5, False), (0, 3, True)])
def test_a_piece_of_a_film_in_fragments_is_not_short(make_clip, tmp_path, caplog, begin, end, is_told):
    options = {"preset": "ultrafast", "g": "30", "sc_threshold": "0"}
    muxer = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    clip = make_clip(tmp_path / "a.mp4", frames=150, options=options, muxer_options=muxer)
    parts = list(boxes(clip.read_bytes()))
    head = bytearray(b"".join(box for kind, box in parts if kind in (b"ftyp", b"moov")))
    length = head.index(b"mdhd") + 20
    head[length : length + 4] = (5 * int.from_bytes(head[length - 4 : length])).to_bytes(4)  # seconds in its units
    fragments = [box for kind, box in parts if kind in (b"moof", b"mdat")]
    clip.write_bytes(head + b"".join(fragments[2 * begin : 2 * end]))
    with caplog.at_level("WARNING", logger="animecam"):
        drain(open_file(clip, OPTIONS))
    assert ("it may be cut off" in caplog.text) == is_told


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_sound_that_outlasts_the_pictures_is_no_sign_of_a_cut(make_clip, tmp_path, caplog, name):
    plain = make_clip(tmp_path / "plain.mp4", frames=30, audio=True, audio_s=4.0)
    clip = tmp_path / name
    with av.open(plain) as film, av.open(clip, "w") as copy:
        tracks = {track.index: copy.add_stream_from_template(track) for track in film.streams}
        for packet in film.demux():
            if packet.size:
                packet.stream = tracks[packet.stream.index]
                copy.mux(packet)
    source = open_file(clip, OPTIONS)
    assert source.format.duration_s == pytest.approx(1.0, abs=0.1)
    assert len(drain(source)) == 30
    assert "it may be cut off" not in caplog.text


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("packets", [[4], [10], [11, 12], [14, 15, 16]])
def test_damaged_frames_are_left_out_and_counted(make_clip, media, tmp_path, packets, threads):
    clip = make_clip(tmp_path / "a.mp4", frames=40, content=media.counter, options=LEANING)
    sound = drain(open_file(clip, OPTIONS))
    damage(clip, packets, "zeros")
    source = open_file(clip, SourceOptions(threads=threads))
    frames = drain(source)
    assert source.skipped >= len(packets)
    assert len(frames) + source.skipped == 40
    assert frames[-1].pts == sound[-1].pts  # reading went on
    assert [frame.index for frame in frames] == list(range(len(frames)))
    levels = {frame.pts: frame.planes[0].mean() for frame in sound}
    near_key = [frame for frame in frames if frame.pts >= sound[36].pts]  # the last group of pictures is sound
    assert [frame.planes[0].mean() for frame in near_key] == [levels[frame.pts] for frame in sound[36:]]


def test_a_healthy_file_counts_nothing(make_clip, tmp_path):
    source = open_file(make_clip(tmp_path / "a.mp4", frames=24, options=LEANING), OPTIONS)
    drain(source)
    assert source.skipped == 0


def test_nothing_that_can_be_decoded(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=6)
    damage(clip, range(6), "zeros")
    assert "no frame of it can be decoded" in refused(clip)


def test_noise_in_a_transport_stream_does_not_end_it(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.ts", frames=30, options={"preset": "ultrafast", "g": "5"})
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = random.Random(2).randbytes(2000)
    clip.write_bytes(data)
    frames = drain(open_file(clip, OPTIONS))
    assert len(frames) >= 20
    assert frames[-1].time_s - frames[0].time_s == pytest.approx(29 / 30, abs=0.02)


def test_titles_in_another_alphabet(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=2)
    clip.write_bytes(clip.read_bytes().replace(b"VideoHandler", b"Vid\xe9oHandler"))  # Latin-1 where UTF-8 is due
    assert len(drain(open_file(clip, OPTIONS))) == 2


def test_absurd_size(make_clip, tmp_path, monkeypatch):
    monkeypatch.setattr("animecam.sources.pixel_limit.MAX_PIXELS", 1000)  # a real one would fill the memory of the test
    assert "64x48 pixels" in refused(make_clip(tmp_path / "a.mp4", frames=1))


def test_8k_is_read(make_clip, tmp_path):
    def grey(index, width_px, height_px):
        return np.full((height_px, width_px, 3), 90, np.uint8)

    size = {"width_px": 7680, "height_px": 4320}
    clip = make_clip(tmp_path / "a.mkv", codec="mjpeg", pixel_format="yuvj420p", frames=1, content=grey, **size)
    frame = open_file(clip, OPTIONS).read()
    assert (frame.width_px, frame.height_px) == (7680, 4320)
    assert frame.width_px * frame.height_px * 4 <= MAX_PIXELS  # and 16K would be


def test_names_that_look_like_protocols(make_clip, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    odd = clip.rename(tmp_path / "concat:x.mp4")
    source = open_file(odd, OPTIONS)
    assert source.read() is not None
    source.close()
