"""How a bench goes from run to advice: runs and times are scripted, what is made of them is not."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.backends.base import BackendChoice, BackendInfo
from animecam.cli import main
from animecam.measure import bench
from animecam.measure.bench import Run, measure
from animecam.measure.capacity import NetworkTime
from animecam.measure.spread import Ratio, Spread
from animecam.measure.verdict import verdict
from animecam.run.pipeline import Figures
from animecam.settings import Look, Quality, Settings
from animecam.timing import Percentiles
from animecam.types import Color, PixelFormat, StreamFormat

STREAM = StreamFormat(
    1280, 720, PixelFormat.YUV420P, Color(), 0, time_base=Fraction(1, 30), rate=Fraction(30), is_live=True
)
SETTINGS = Settings(Look(size_px=256))
SLOW_MS = {"read": 33.0, "track": 5.0, "draw": 60.0, "render": 65.0, "write": 0.1, "emit": 4.0}


def figures(fps_out, stage_ms):
    means_ms = {name: Percentiles(p50=ms, mean=ms, count=100) for name, ms in stage_ms.items()}
    return Figures(frames_in=200, frames_out=100, with_faces=100, fps_in=30.0, fps_out=fps_out, stage_ms=means_ms)


def timed(size_px, ms, quality, backend="openvino"):
    return NetworkTime(quality, backend, "f32", size_px, Spread.of([ms]), Ratio(ms / 200, ms / 200, ms / 200))


class Script:
    """Runs that come out as they are told, and what was asked of them."""

    def __init__(self):
        self.info, self.quality = BackendInfo("openvino", "1", "A processor", "f32"), "lite"
        self.figures = [figures(15.0, SLOW_MS)]
        self.times = []
        self.asked, self.told = [], []

    def run_once(self, settings, _source, _seconds):
        self.asked.append(settings)
        now = self.figures.pop(0) if len(self.figures) > 1 else self.figures[0]
        return Run(settings, now, STREAM, self.info, self.quality)

    def time_networks(self, *_):
        return self.times, Spread.of([200.0]), {}

    def measure(self, source="pattern:", **rates):
        return measure(replace(SETTINGS, **rates), source, 1.0, self.told.append)


@pytest.fixture
def script(monkeypatch):
    script = Script()
    monkeypatch.setattr(bench, "run_once", script.run_once)
    monkeypatch.setattr(bench, "_time_networks", script.time_networks)
    return script


def test_what_is_advised_is_what_is_tried(script):
    """The full network holds the rate in another runtime, at a size that ran with the lite one."""
    script.times = [timed(256, 60.0, "lite"), timed(256, 20.0, "full", "onnxruntime"), timed(224, 15.0, "lite")]
    script.figures.append(figures(30.0, SLOW_MS | {"draw": 20.0, "render": 25.0}))
    report = script.measure()
    (check,) = report.checks
    assert check.held
    assert check.candidate is report.holds[30.0]
    assert script.asked[1] == replace(SETTINGS, backend=BackendChoice.ONNXRUNTIME, quality=Quality.FULL)
    assert script.told[-1] == "trying the full network in onnxruntime at 256 px"
    assert json.loads(json.dumps(report.as_json()))["checks"][0]["quality"] == "full"


@pytest.mark.parametrize("fps_out", [0.0, 15.0])
def test_a_camera_s_password_stays_out_of_the_report(script, fps_out):
    script.figures = [figures(fps_out, SLOW_MS if fps_out else {"read": 33.0})]
    report = script.measure("rtsp://me:secret@cam/1")
    assert report.source == "rtsp://cam/1"
    assert "secret" not in json.dumps(report.as_json()) + "".join(script.told)


def test_after_what_does_not_hold_comes_the_best_that_takes_less(script):
    script.times = [
        *(timed(256, 60.0, "lite"), timed(320, 24.0, "full"), timed(320, 25.0, "full", "onnxruntime")),
        *(timed(320, 12.0, "lite"), timed(224, 10.0, "full")),
    ]
    checks = script.measure().checks
    tried = [(one.candidate.network.size_px, one.candidate.network.quality, one.held) for one in checks]
    assert tried == [(320, "full", False), (320, "lite", False)]


def test_a_network_that_no_option_names_is_not_tried(script):
    script.times = [timed(256, 60.0, "lite"), timed(320, 10.0, "tiny"), timed(224, 10.0, "lite")]
    script.measure()
    assert [(one.look.size_px, one.quality) for one in script.asked[1:]] == [(224, Quality.LITE)]


@pytest.mark.parametrize("rates", [{"max_fps": 15.0}, {"target_fps": 15.0}, {"target_fps": 15.0, "max_fps": 20.0}])
def test_a_rate_is_what_is_to_be_held_and_holds_no_run_back(script, rates):
    """With its frames held back a run was told to be limited by its network."""
    script.times = [timed(256, 60.0, "lite"), timed(224, 40.0, "lite")]
    report = script.measure(**rates)
    assert report.fps == 15.0
    assert [one.held for one in report.checks] == [True]
    assert script.asked == [
        SETTINGS,
        replace(SETTINGS, look=Look(size_px=224), quality=Quality.LITE, backend=BackendChoice.OPENVINO),
    ]


def test_what_drew_on_a_gpu_sets_the_load(script):
    """The package is named otherwise than the choice, and the network was twice as slow in the run as alone."""
    script.info, script.quality = BackendInfo("tensorrt-rtx", "1", "A GPU", "f16"), "full"
    script.figures = [figures(30.0, SLOW_MS | {"draw": 6.0, "render": 11.0})]
    script.times = [timed(256, 3.0, "full", "tensorrt"), timed(512, 9.0, "full", "tensorrt"), timed(256, 60.0, "full")]
    report = script.measure()
    assert [one.frame_ms for one in report.candidates] == [11.0, 23.0, 125.0]


def test_what_drew_may_be_missing_among_what_was_timed(script):
    script.info = BackendInfo("torch", "2", "A GPU", "f16")
    script.times = [timed(256, 20.0, "full")]
    assert [one.frame_ms for one in script.measure().candidates] == [25.0]


def test_the_runtimes_of_the_gpu_that_was_asked_for_are_timed(monkeypatch):
    class AskedError(Exception):
        pass

    def usable_backends(gpu):
        raise AskedError(gpu)

    monkeypatch.setattr(bench, "usable_backends", usable_backends)
    settings = replace(SETTINGS, gpu=1)
    with pytest.raises(AskedError, match="1"):
        bench._time_networks(settings, Script().run_once(settings, "pattern:", 1.0), 1.0, lambda _: None)


def test_a_bench_that_saw_nothing_says_so_and_times_nothing(script, tmp_path, monkeypatch, capfd):
    script.figures = [Figures()]
    monkeypatch.setattr(bench, "_time_networks", lambda *_: pytest.fail("for nothing"))
    report = script.measure()
    assert list(verdict(report)) == ["no frame was drawn: is there anything to see in the source?"]
    path = tmp_path / "bench.json"
    assert main(["bench", "--source", "pattern:", "--json", str(path)]) == 0
    assert capfd.readouterr().out == "no frame was drawn: is there anything to see in the source?\n"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert (content["networks"], content["limit"], content["reference"]["ms"]) == ([], None, None)
