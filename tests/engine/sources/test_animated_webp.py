"""Animated WebP: every frame, for its time."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from animecam.cli import main
from animecam.errors import SourceError
from animecam.sources import animated_webp
from animecam.sources.opening import SourceOptions, open_source

DURATIONS_MS = (100, 40, 260)
GREYS = (40, 120, 200)


@pytest.fixture
def sticker(tmp_path):
    """Writes three grey pictures."""

    def make(durations_ms=DURATIONS_MS):
        animation = cv2.Animation()
        animation.frames = [np.full((48, 64, 3), grey, np.uint8) for grey in GREYS]
        animation.durations = list(durations_ms)
        path = tmp_path / "in.webp"
        assert cv2.imwriteanimation(str(path), animation, [cv2.IMWRITE_WEBP_QUALITY, 100])
        return path

    return make


def frames_of(path):
    source = open_source(str(path), SourceOptions())
    frames = list(iter(source.read, None))
    source.close()
    assert source.read() is None
    return source.format, frames


def test_all_frames_come_at_their_times(sticker):
    stream, frames = frames_of(sticker())
    assert (stream.width_px, stream.height_px, stream.frames) == (64, 48, 3)
    assert stream.duration_s == pytest.approx(0.4)
    assert [frame.pts * frame.time_base for frame in frames] == [0, Fraction(1, 10), Fraction(14, 100)]
    assert [frame.duration for frame in frames] == list(DURATIONS_MS)
    assert [int(np.median(frame.planes[0])) for frame in frames] == pytest.approx(GREYS, abs=3)


def test_transparent_parts_show_paper(tmp_path):
    path = tmp_path / "in.webp"
    with av.open(str(path), "w", format="webp") as container:
        track = container.add_stream("libwebp_anim", rate=10, width=64, height=48, pix_fmt="bgra")
        for index, grey in enumerate(GREYS):
            picture = np.full((48, 64, 4), (grey, grey, grey, 255), np.uint8)
            picture[:, :32, 3] = 0
            frame = av.VideoFrame.from_ndarray(picture, format="bgra")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    _, frames = frames_of(path)
    for frame, grey in zip(frames, GREYS, strict=True):
        assert frame.planes[0][:, :28].min() > 250
        assert np.median(frame.planes[0][:, 36:]) == pytest.approx(grey, abs=3)


def test_frames_without_a_time_are_shown_as_browsers_do(sticker):
    _, frames = frames_of(sticker(durations_ms=(0, 0, 0)))
    assert [frame.duration for frame in frames] == [100, 100, 100]


def test_what_cannot_be_read_at_once_is_refused(sticker, monkeypatch):
    monkeypatch.setattr(animated_webp, "MOST_PIXELS", 2 * 48 * 64)
    with pytest.raises(SourceError, match="has 3 frames of 64x48 pixels"):
        frames_of(sticker())


def test_damage_is_told(sticker):
    path = sticker()
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(SourceError, match="is damaged or cut off"):
        frames_of(path)


def test_one_becomes_another(sticker, tmp_path):
    assert main(["convert", str(sticker())]) == 0
    is_read, animation = cv2.imreadanimation(str(tmp_path / "in-anime.webp"))
    assert is_read
    assert list(animation.durations)[:2] == list(DURATIONS_MS)[:2]
