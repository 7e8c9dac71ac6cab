"""Whole clips on a GPU that is the host, with real faces and a real style: what the processor's renderer makes."""

import logging
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.backends.opening import open_backend
from animecam.drawing import device_opening
from animecam.drawing import networks as networks_module
from animecam.drawing.gpu_renderer import GpuRenderer
from animecam.drawing.networks import open_networks
from animecam.drawing.renderer import Renderer
from animecam.errors import BackendError
from animecam.render.calm import IN_PLACE, Calm
from animecam.render.device_path import DevicePath, PathOptions
from animecam.run.outputs import Outputs
from animecam.run.pipeline import Pipeline
from animecam.run.session import convert_file
from animecam.settings import Look, Settings
from animecam.sources.opening import SourceOptions, open_source
from animecam.styles.registry import find_style, verified_model
from animecam.timing import Timing

SIZE_PX = 192

MOST_LEVELS, SHARE_WITHIN_ONE = 2, 0.999  # measured: 1 and 1.0


@pytest.fixture
def real_style(host, gpu):
    """`cel` as it ships, for both sides: by ONNX Runtime, with pictures rounded to 16 bits as on a GPU."""
    model = verified_model(find_style("cel"), "full")
    backend = open_backend(model, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))

    class RealStyle(host.HostNetwork):
        info = BackendInfo("host", "1", "host", "f16")

        def compute(self, numbers):
            wide = numbers.astype(np.float32)
            drawn = [backend.run(wide[index : index + 1])[0] for index in range(len(wide))]
            return np.clip(np.concatenate(drawn), -1, 1).astype(np.float16)

    yield RealStyle(gpu)
    backend.close()


class Sink:
    uri = "memory:"

    def __init__(self):
        self.frames = []

    def write(self, frame):
        self.frames.append(frame)

    def close(self, *, complete):
        self.is_complete = complete


def test_a_clip_comes_out_as_from_the_processor(host, gpu, real_style, make_clip, media, tmp_path):
    """The whole way: decode, track, upload, crop, style, calm, match, paste, download, three frames at a time."""
    clip = make_clip(tmp_path / "clip.mp4", width_px=320, height_px=240, frames=12, content=media.portrait)
    settings = Settings(Look(style="cel", size_px=SIZE_PX), backend=BackendChoice.ONNXRUNTIME, threads=1)
    results = []
    with open_networks(settings) as networks:
        for is_on_gpu in (False, True):
            with ExitStack() as stack:
                source = open_source(str(clip), SourceOptions())
                stack.callback(source.close)
                timing = Timing()
                renderer = networks.renderer(timing, is_live=False)
                renderer._steps = replace(renderer._steps, draw=lambda _style: real_style, calm=Calm(IN_PLACE))
                render = renderer
                if is_on_gpu:
                    path = DevicePath(gpu, PathOptions(most_faces=2, largest_px=SIZE_PX))
                    stack.callback(path.close)
                    render = GpuRenderer(
                        path,
                        renderer,
                        find_network=lambda *_: real_style,
                        note_network=lambda *_: None,
                        can_fade=True,
                    )
                sink = Sink()
                with Outputs([sink]) as outputs:
                    figures = Pipeline(source, render, outputs, timing).run()
                assert figures.with_faces == figures.frames_out == 12
                results.append((sink.frames, figures))
    on_cpu, on_gpu = (frames for frames, _ in results)
    assert [frame.pts for frame in on_gpu] == [frame.pts for frame in on_cpu]
    assert gpu.replays > 0
    for mine, theirs in zip(on_gpu, on_cpu, strict=True):
        for plane, other in zip(mine.planes, theirs.planes, strict=True):
            levels = np.abs(plane.astype(int) - other)
            assert levels.max() <= MOST_LEVELS
            assert (levels <= 1).mean() >= SHARE_WITHIN_ONE
    assert {"track", "send", "draw", "fetch"} <= set(results[1][1].stage_ms)


def test_networks_draw_on_the_gpu_that_is_there(host, gpu, make_clip, media, tmp_path, monkeypatch, caplog):
    """From the settings to a file: the first run begins on the processor, the second is on the GPU all along."""
    clip = make_clip(tmp_path / "clip.mp4", width_px=320, height_px=240, frames=12, content=media.portrait)
    monkeypatch.setattr(networks_module, "open_gpu", lambda _index: gpu)
    monkeypatch.setattr(networks_module, "runs_on_gpu", lambda *_: True)
    monkeypatch.setattr(device_opening, "open_device_style", lambda *_: host.HostNetwork(gpu))
    settings = Settings(Look(style="cel", size_px=SIZE_PX), max_faces=1, threads=1)
    with caplog.at_level(logging.INFO, logger="animecam"), open_networks(settings) as networks:
        for run in (1, 2):
            gpu.done.clear()
            figures = convert_file(clip, tmp_path / f"{run}.mp4", networks, lambda _format: lambda _figures: None)
            assert figures.frames_out == 12
            host.until(lambda: "cel at 192 px is drawn on host now" in caplog.text)
        assert [name for _, name in gpu.done].count("network") == 12
        assert networks.backend_info.name == networks.info_of(settings.look).name == "host"
        assert networks.summary_of(settings.look).endswith("by host 1 (f16) on a GPU on the host")
        assert gpu.replays > 0
    assert gpu.is_closed


@pytest.mark.parametrize(("asked", "level"), [(0, logging.INFO), (3, logging.WARNING)])
def test_networks_without_a_gpu_stay_on_the_processor(monkeypatch, caplog, asked, level):
    """Who names one by its number is told so: it was drawn on the processor without a word."""

    def none(_index):
        raise BackendError("there is no NVIDIA driver")

    monkeypatch.setattr(networks_module, "open_gpu", none)
    with caplog.at_level(logging.INFO, logger="animecam"), open_networks(Settings(threads=1, gpu=asked)) as networks:
        for _ in range(2):
            with networks.rendering(Timing()) as render:
                assert isinstance(render, Renderer)
    (told,) = (record for record in caplog.records if "frames stay on the processor" in record.message)
    assert (told.levelno, told.message.partition(": ")[2]) == (level, "there is no NVIDIA driver")
