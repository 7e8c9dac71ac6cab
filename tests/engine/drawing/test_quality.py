"""A style of two networks: which one draws, what is refused, and what the governor finds."""

import sys
import threading
import time
import traceback
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from animecam.backends import opening, tensorrt_
from animecam.backends.base import BackendChoice, BackendInfo
from animecam.backends.onnxruntime_ import OnnxRuntimeBackend
from animecam.backends.opening import runs_on_gpu
from animecam.backends.status import BackendStatus
from animecam.cuda.base import GpuFacts
from animecam.drawing.governing import Governed
from animecam.drawing.governor import INT8_ALIKE, Choice, Rung
from animecam.drawing.networks import open_networks
from animecam.errors import StyleError, UsageError
from animecam.settings import Controls, Look, Quality, Settings
from animecam.styles.card import FULL, LITE, Contract, NetworkForm, Rights, StyleCard, Variant
from animecam.styles.registry import file_sha256, user_styles

GAINS = {FULL: -1.0, LITE: -0.5}
PICTURE = np.full((192, 192, 3), 255, np.uint8)
COSTS = {FULL: 0.2, LITE: 0.1}
LEVELS = {FULL: 0, LITE: 64}  # what each makes of white
WAIT_SECONDS = 20.0
FRAME_SECONDS = 1 / 60  # a run that may change its network is live: it draws no faster than a camera films


def _write(folder, quality, *, has_int8):
    path = folder / f"{quality}.onnx"
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, "h", "w"]) for name in ("in", "out")]
    weights = numpy_helper.from_array((GAINS[quality] * np.eye(3, dtype=np.float32))[:, :, None, None], "weights")
    node = helper.make_node("Conv", ["in", "weights"], ["out"])
    graph = helper.make_graph([node], quality, ports[:1], ports[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    int8 = NetworkForm(path.name, file_sha256(path), 50.0) if has_int8 else None
    return Variant(quality, path.name, file_sha256(path), cost=COSTS[quality], int8=int8)


@pytest.fixture
def make_style(tmp_path, monkeypatch):
    """`make_style(FULL, LITE, in_int8=(LITE,))`: a style `ink` with these networks, some of them in INT8 as well."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def make(*qualities, in_int8=()):
        folder = user_styles() / "ink"
        folder.mkdir(parents=True)
        variants = tuple(_write(folder, quality, has_int8=quality in in_int8) for quality in qualities)
        StyleCard("ink", "Ink", "For tests.", Contract(), Rights("MIT", "", ""), variants).save(folder)
        return folder

    return make


def _stacks() -> str:
    """What every thread is at."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames().items()
    return "\n".join(f"{names.get(ident)}:\n{''.join(traceback.format_stack(frame)[-6:])}" for ident, frame in frames)


def _settings(quality=Quality.AUTO):
    return Settings(Look("ink", size_px=192), threads=1, quality=quality)


def _level(networks, quality=None):
    return int(networks.draw("ink", quality)([PICTURE])[0][0, 0, 0])


@pytest.mark.parametrize(
    ("asked", "draws"), [(Quality.AUTO, LITE), (Quality.LITE, LITE), (Quality.FULL, FULL)], ids=str
)
def test_a_processor_draws_with_the_lite_network_unless_told_otherwise(make_style, asked, draws):
    make_style(FULL, LITE)
    with open_networks(_settings(asked)) as networks:
        assert _level(networks) == pytest.approx(LEVELS[draws], abs=1)
        assert networks.usual_quality("ink") == draws
        assert f"ink ({draws})" in networks.summary
        assert f"ink ({draws}) at 256 px" in networks.summary_of(Look("ink", size_px=256))


@pytest.mark.parametrize("asked", [Quality.AUTO, Quality.LITE, Quality.FULL], ids=str)
def test_users_of_one_run_may_choose_another_network_than_its_settings_say(make_style, asked):
    make_style(FULL, LITE)
    draws = {Quality.AUTO: LITE, Quality.LITE: LITE, Quality.FULL: FULL}
    with open_networks(_settings(asked)) as networks:
        for chosen, quality in draws.items():
            draw = networks.draw_with("ink", chosen)
            assert int(draw([PICTURE])[0][0, 0, 0]) == pytest.approx(LEVELS[quality], abs=1)
            assert networks.draw_with("ink", chosen) is draw
        assert networks.draw_with("ink", asked) is networks.draw("ink")


def test_a_gpu_draws_with_the_full_network(monkeypatch):
    def probe(choice, _gpu):
        return BackendStatus(choice.value, usable=True)

    monkeypatch.setattr(opening, "_has_gpu", lambda _gpu: True)
    monkeypatch.setattr(opening, "_probe", probe)
    assert runs_on_gpu(BackendChoice.AUTO)
    assert runs_on_gpu(BackendChoice.TENSORRT)
    assert not runs_on_gpu(BackendChoice.OPENVINO)
    variants = tuple(Variant(quality, f"{quality}.onnx", "") for quality in (FULL, LITE))
    card = StyleCard("ink", "Ink", "", Contract(), Rights("MIT", "", ""), variants)
    assert card.suited(on_gpu=True).quality == FULL
    assert card.suited(on_gpu=False).quality == LITE


def test_a_gpu_that_draws_nothing_leaves_the_processor_its_network(make_style, monkeypatch):
    """There is one, and a runtime for it; then its driver is too old, an engine refused, its memory full."""
    make_style(FULL, LITE)
    monkeypatch.setattr(opening, "_has_gpu", lambda _gpu: True)
    monkeypatch.setattr(opening, "_probe", lambda choice, _gpu=0: BackendStatus(choice.value, usable=True))
    with open_networks(_settings()) as networks:
        assert networks.usual_quality("ink") == LITE
        assert networks.qualities("ink") == COSTS
        assert networks.summary.startswith("ink (lite) at 192 px by openvino")


def test_what_is_said_goes_by_what_the_frame_path_of_a_gpu_draws(make_style):
    make_style(FULL, LITE)
    with open_networks(_settings()) as networks:
        networks.note_device("ink", BackendInfo("tensorrt-rtx", "1", "A GPU", "f16"))
        assert networks.summary == "ink (full) at 192 px by tensorrt-rtx 1 (f16) on A GPU"
        assert networks.qualities("ink") == {LITE: COSTS[LITE]}  # only the size is governed there
        assert _level(networks) == pytest.approx(LEVELS[LITE], abs=1)
        networks.note_device("ink", None)
        assert networks.drawn_quality("ink") == LITE
        assert networks.qualities("ink") == COSTS
        networks.note_choice("ink", FULL)
        networks.begin_run()
        assert networks.drawn_quality("ink") == LITE


class OnGpu(OnnxRuntimeBackend):
    """TensorRT in disguise, which has its engines when it is let."""

    has_engines = False

    def __init__(self, model, half, options):
        assert half is None
        super().__init__(model, options)
        self.info = BackendInfo("tensorrt-rtx", "1", "A GPU", "f32")

    def is_ready(self, _shape):
        return self.has_engines

    def prepare(self, _shape):
        pass

    def end(self):
        pass


@pytest.mark.parametrize(("asked", "draws"), [(Quality.AUTO, FULL), (Quality.LITE, LITE)], ids=str)
def test_a_gpu_that_is_fed_from_the_host_draws_with_its_own_network(make_style, monkeypatch, asked, draws):
    make_style(FULL, LITE)
    monkeypatch.setattr(tensorrt_, "TensorRtBackend", OnGpu)
    monkeypatch.setattr("animecam.cuda.gpu.look_at_gpu", lambda index: GpuFacts("A GPU", (8, 9)))
    with open_networks(_settings(asked)) as networks:
        assert _level(networks) == pytest.approx(LEVELS[LITE], abs=1)
        assert networks.summary.startswith("ink (lite) at 192 px by openvino")
        monkeypatch.setattr(OnGpu, "has_engines", True)
        assert _level(networks) == pytest.approx(LEVELS[draws], abs=1)
        assert networks.summary == f"ink ({draws}) at 192 px by tensorrt-rtx 1 (f32) on A GPU"
        assert networks.qualities("ink") == {LITE: COSTS[LITE]}
    with open_networks(replace(_settings(asked), backend=BackendChoice.TENSORRT)) as networks:
        assert _level(networks) == pytest.approx(LEVELS[draws], abs=1)
        assert networks.drawn_quality("ink") == draws


def test_a_gpu_draws_with_the_network_that_a_user_chooses(make_style, monkeypatch):
    make_style(FULL, LITE)
    monkeypatch.setattr(tensorrt_, "TensorRtBackend", OnGpu)
    monkeypatch.setattr("animecam.cuda.gpu.look_at_gpu", lambda index: GpuFacts("A GPU", (8, 9)))
    monkeypatch.setattr(OnGpu, "has_engines", True)
    with open_networks(_settings()) as networks:
        assert _level(networks) == pytest.approx(LEVELS[FULL], abs=1)
        assert networks.draw_with("ink", Quality.FULL) is networks.draw("ink")  # it takes the GPU's memory once
        lite = networks.draw_with("ink", Quality.LITE)([PICTURE])[0]
        assert int(lite[0, 0, 0]) == pytest.approx(LEVELS[LITE], abs=1)


@pytest.mark.parametrize(("has", "asked"), [(LITE, Quality.FULL), (FULL, Quality.LITE)])
def test_a_network_that_a_style_lacks_is_refused_with_what_it_has(make_style, has, asked):
    make_style(has)
    with pytest.raises(StyleError, match=f"ink has no {asked} network") as caught, open_networks(_settings(asked)):
        pass
    assert caught.value.exit_status == UsageError.exit_status
    assert has in caught.value.hint
    assert "auto" in caught.value.hint


@pytest.mark.parametrize("has", [FULL, LITE])
def test_a_style_of_one_network_is_drawn_with_it(make_style, has):
    make_style(has)
    with open_networks(_settings()) as networks:
        assert _level(networks) == pytest.approx(LEVELS[has], abs=1)
        assert tuple(networks.qualities("ink")) == (has,)


def test_the_other_network_is_opened_in_the_background(make_style):
    make_style(FULL, LITE)
    with open_networks(_settings()) as networks:
        assert networks.qualities("ink") == COSTS
        assert not networks.is_prepared("ink", FULL)
        networks.prepare_later("ink", FULL, 192)
        end_s = time.monotonic() + WAIT_SECONDS
        while not networks.is_prepared("ink", FULL):
            assert time.monotonic() < end_s, _stacks()
            assert _level(networks) == pytest.approx(LEVELS[LITE], abs=1)  # the run goes on meanwhile
            time.sleep(FRAME_SECONDS)
        assert _level(networks, FULL) == pytest.approx(LEVELS[FULL], abs=1)


def test_a_network_that_does_not_work_is_not_offered_again(make_style, caplog):
    folder = make_style(FULL, LITE)
    with open_networks(_settings()) as networks:
        (folder / f"{FULL}.onnx").write_bytes(b"damaged")
        networks.prepare_later("ink", FULL, 192)
        end_s = time.monotonic() + WAIT_SECONDS
        while LITE not in networks.qualities("ink") or FULL in networks.qualities("ink"):
            assert time.monotonic() < end_s
            time.sleep(0.005)
    assert "damaged" in caplog.text


def test_a_mistake_in_the_background_is_told_in_a_line_and_not_made_again(make_style, monkeypatch, caplog):
    def fail(*_):
        raise ValueError("no such thing")

    make_style(FULL, LITE)
    uncaught = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)
    with open_networks(_settings()) as networks:
        monkeypatch.setattr(networks, "_warm", fail)
        networks.prepare_later("ink", FULL, 192)
        networks._preparing.join(WAIT_SECONDS)
        assert networks.qualities("ink") == {LITE: COSTS[LITE]}
    assert "the full network of ink does not work: ValueError: no such thing" in caplog.text
    assert not uncaught


@pytest.mark.parametrize(("in_int8", "more"), [((FULL, LITE), INT8_ALIKE), ((LITE,), 0.0)])
def test_what_networks_cost_goes_by_the_precision_in_use(make_style, in_int8, more):
    """That of the full network is not foretold as if it were in INT8, too, where the lite one alone is."""
    make_style(FULL, LITE, in_int8=in_int8)
    with open_networks(_settings()) as networks:
        assert networks.qualities("ink") == COSTS
        networks._styles["ink", LITE]._backend.info = BackendInfo("openvino", "1", device="CPU", precision="int8")
        assert networks.qualities("ink") == {quality: cost + more for quality, cost in COSTS.items()}


def test_a_named_quality_leaves_the_governor_no_choice(make_style):
    make_style(FULL, LITE)
    with open_networks(replace(_settings(Quality.FULL), target_fps=30.0)) as networks:
        assert networks.qualities("ink") == {FULL: COSTS[FULL]}


def test_what_is_said_goes_by_the_network_that_a_governor_chose(make_style):
    class Climber:
        """Wants the full network at once."""

        def observe(self, *_):
            return Choice(Rung(384, FULL), "test")

        def begin_style(self):
            pass

    make_style(FULL, LITE)
    with open_networks(replace(_settings(), target_fps=30.0)) as networks:
        controls = Controls(Look("ink", size_px=192))
        governing = Governed(Climber(), controls, networks)
        networks.draw("ink", FULL)  # open, so that the change takes one frame
        governing.draw("ink")
        assert networks.summary_of(controls.look).startswith("ink (lite) at 192 px by ")
        governing.observe(controls.look, 5.0, 3.0)
        assert networks.summary_of(controls.look).startswith("ink (full) at 384 px by ")
        networks._styles["ink", FULL]._backend.info = BackendInfo("other", "1", device="there", precision="f16")
        assert networks.summary_of(controls.look).endswith("by other 1 (f16) on there")
        assert networks.info_of(controls.look).name == "other"


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cap_that_is_no_frame_rate_is_refused(fps):
    with pytest.raises(UsageError, match="max_fps"):
        Settings(max_fps=fps)
