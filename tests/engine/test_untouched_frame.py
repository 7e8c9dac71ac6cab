"""From a decoder to an encoder no whole frame is converted: counted, and seen in the pixels."""

import av.video.reformatter
import cv2
import numpy as np
import pytest

from animecam.drawing.networks import open_networks
from animecam.run.session import opened_outputs, opened_source, run
from animecam.settings import Look, Settings
from animecam.sinks import opening as sinks
from animecam.sources import pixels
from animecam.sources.opening import SourceOptions

WIDTH_PX, HEIGHT_PX, FRAMES = 1280, 720, 6
SIZE_PX = 192
CONVERTERS = ("transform", "cvtColor", "cvtColorTwoPlane")


@pytest.fixture
def converted_px(monkeypatch):
    """Pixels of every colour conversion that anything in this process asks of OpenCV or FFmpeg."""
    counts = []

    def counted(function):
        def call(picture, *args, **kwargs):
            counts.append(picture.shape[0] * picture.shape[1])
            return function(picture, *args, **kwargs)

        return call

    for name in CONVERTERS:
        monkeypatch.setattr(cv2, name, counted(getattr(cv2, name)))

    class Reformatter:
        def __init__(self):
            self._real = av.video.reformatter.VideoReformatter()

        def reformat(self, frame, *args, **kwargs):
            counts.append(frame.width * frame.height)
            return self._real.reformat(frame, *args, **kwargs)

    monkeypatch.setattr(pixels, "VideoReformatter", Reformatter)
    return counts


def _read(path):
    with opened_source(str(path), SourceOptions()) as source:
        frames = []
        while (frame := source.read()) is not None:
            frames.append([plane.copy() for plane in frame.planes])
        return frames


def test_a_720p_clip_is_decoded_drawn_and_encoded_without_a_full_frame_conversion(tmp_path, media, converted_px):
    clip = media.make_clip(
        tmp_path / "clip.mp4", width_px=WIDTH_PX, height_px=HEIGHT_PX, frames=FRAMES, content=media.portrait
    )
    settings = Settings(Look(size_px=SIZE_PX), threads=1)
    lossless = sinks.SinkOptions(crf=0)
    with (
        opened_source(str(clip), SourceOptions()) as source,
        open_networks(settings) as networks,
        opened_outputs((str(tmp_path / "out.mp4"),), source.format, lossless) as outputs,
    ):
        figures = run(source, networks, outputs)
    assert (figures.frames_out, figures.with_faces) == (FRAMES, FRAMES)
    assert converted_px, "the counter sees nothing"
    assert max(converted_px) <= SIZE_PX**2  # the largest picture is a head's crop
    for before, after in zip(_read(clip), _read(tmp_path / "out.mp4"), strict=True):
        changed = before[0] != after[0]
        assert 0.02 < changed.mean() < 0.6  # the head
        for was, now in zip(before, after, strict=True):
            edge = np.s_[:, : was.shape[1] // 8]
            np.testing.assert_array_equal(was[edge], now[edge])
