"""The real tensorrt-rtx builds the real engines here, without a GPU; what runs them is tested with `-m gpu`."""

import errno
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from animecam.cuda.turns import gpu_turn
from animecam.engines import build
from animecam.engines import store as store_module
from animecam.engines.aside import aside
from animecam.engines.build import build_engine, quiet
from animecam.engines.flavour import CLASSIC, RTX, Flavour, load_flavour
from animecam.engines.key import PORTABLE, EngineKey, Target, gpu_word, read_record
from animecam.engines.network import check_types, count_types, fix_shape, parse_network
from animecam.engines.store import EngineStore, key_for
from animecam.errors import BackendError, CacheError
from animecam.styles.registry import find_style, list_styles, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

SHAPE = (3, 64, 64)
STYLES = [style.name for style in list_styles() if style.is_bundled]


@pytest.fixture(scope="module")
def rtx() -> Flavour:
    return load_flavour(RTX)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A convolution and a sum, half, so small that its engine is built in an instant."""
    folder = tmp_path / "ink"
    folder.mkdir()
    write_network(folder / "model.fp16.onnx")
    return folder / "model.fp16.onnx"


def write_network(path: Path, kind: int = TensorProto.FLOAT16, sum_kind: int = TensorProto.FLOAT) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    weights = np.random.default_rng(7).normal(size=(3, 3, 3, 3)).astype(dtype)
    nodes = [
        helper.make_node("Conv", ["picture", "weights"], ["mixed"], pads=[1, 1, 1, 1]),
        helper.make_node("Cast", ["mixed"], ["wide"], to=sum_kind),
        helper.make_node("ReduceMean", ["wide"], ["mean"], axes=[2, 3]),
        helper.make_node("Cast", ["mean"], ["shift"], to=kind),
        helper.make_node("Sub", ["mixed", "shift"], ["drawn"]),
    ]
    ports = [helper.make_tensor_value_info(name, kind, ("n", 3, "h", "w")) for name in ("picture", "drawn")]
    graph = helper.make_graph(nodes, "ink", ports[:1], ports[1:], [numpy_helper.from_array(weights, "weights")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def without_types(record: Path) -> str:
    return json.dumps({name: value for name, value in json.loads(record.read_text()).items() if name != "types"})


def key_of(rtx: Flavour, model: Path, **changes: object) -> EngineKey:
    return replace(key_for(rtx, None, model, parse_network(rtx, model).ports, SHAPE, 4), **changes)


@pytest.mark.parametrize("name", STYLES)
def test_every_shipped_style_becomes_an_fp16_engine(rtx: Flavour, name: str, tmp_path: Path):
    half = verified_half(find_style(name))
    shares: list[float] = []
    built = build_engine(rtx, half, key_of(rtx, half), progress=lambda share: shares.append(share) or True)
    assert len(built.data) > half.stat().st_size
    assert built.layers["CONVOLUTION HALF"] >= 21
    assert "CONVOLUTION FLOAT" not in built.layers
    assert "REDUCE HALF" not in built.layers
    assert built.layers["REDUCE FLOAT"] == 3 * built.layers["STATISTIC FLOAT"] + 3 * (name == "starter")
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


def test_engines_keep_what_their_layers_are(rtx: Flavour, network: Path, monkeypatch: pytest.MonkeyPatch):
    configs = []

    def set_batch(flavour: Flavour, builder, config, *rest) -> None:
        configs.append(config)
        real(flavour, builder, config, *rest)

    real = build._set_batch
    monkeypatch.setattr(build, "_set_batch", set_batch)
    build_engine(rtx, network, key_of(rtx, network))
    assert configs[0].profiling_verbosity == rtx.api.ProfilingVerbosity.DETAILED


@pytest.mark.parametrize("name", STYLES)
def test_the_fp32_network_is_taken_as_what_it_is(rtx: Flavour, name: str):
    model = find_style(name).model_path()
    key = key_of(rtx, model)
    assert key.precision == "f32"
    parsed = parse_network(rtx, model)
    fix_shape(rtx, parsed, SHAPE)
    assert "CONVOLUTION HALF" not in count_types(rtx, parsed)


def test_an_fp16_network_that_is_fp32_is_an_error():
    with pytest.raises(BackendError, match="2 convolutions in fp32"):
        check_types("f16", {"CONVOLUTION HALF": 20, "CONVOLUTION FLOAT": 2})
    with pytest.raises(BackendError, match="0 convolutions in fp32"):
        check_types("f16", {"ELEMENTWISE HALF": 20})
    check_types("f32", {"CONVOLUTION FLOAT": 2})


def test_sums_in_half_are_an_error(rtx: Flavour, network: Path):
    write_network(network, sum_kind=TensorProto.FLOAT16)
    with pytest.raises(BackendError, match="sums in half"):
        build_engine(rtx, network, key_of(rtx, network))


def test_the_ports_are_read_without_building(rtx: Flavour, network: Path):
    parsed = parse_network(rtx, network)
    port = parsed.ports.input
    assert (port.name, port.shape, port.dtype) == ("picture", (None, 3, None, None), np.float16)
    assert [port.name for port in parsed.ports.outputs] == ["drawn"]
    fix_shape(rtx, parsed, (3, 64, 48))
    assert tuple(parsed.network.get_output(0).shape) == (-1, 3, 64, 48)
    with pytest.raises(BackendError, match=r"takes pictures of 3x\?x\?, not 4x8x8"):
        fix_shape(rtx, parse_network(rtx, network), (4, 8, 8))


@pytest.mark.parametrize("content", [b"", b"no network at all"])
def test_a_damaged_network_is_named(rtx: Flavour, tmp_path: Path, content: bytes):
    (tmp_path / "damaged.onnx").write_bytes(content)
    with pytest.raises(BackendError, match=r"damaged\.onnx") as caught:
        parse_network(rtx, tmp_path / "damaged.onnx")
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_an_engine_is_built_once_and_recorded(rtx: Flavour, network: Path, tmp_path: Path):
    store, key = EngineStore(rtx, tmp_path), key_of(rtx, network)
    assert "not there" in store.problem(network, key)
    first = store.engine(network, key)
    again = store.engine(network, key)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.data == first.data
    assert store.problem(network, key) == ""
    record = read_record(first.path.with_suffix(".json"))
    assert record == first.record
    assert record.key == key
    assert (record.key.gpu, record.key.runtime, record.key.version) == (PORTABLE, RTX, rtx.version)
    assert record.layers["CONVOLUTION HALF"] == 1
    assert record.parity.psnr_db is None
    assert "no GPU" in record.parity.note
    assert not record.types.is_known
    assert "no GPU" in record.types.note
    assert first.path.name == "ink-model.fp16-3x64x64-b4-tensorrt-rtx-portable.engine"
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".engine", ".json", ".lock"}


def test_a_full_disk_does_not_cost_the_engine(rtx: Flavour, network: Path, tmp_path: Path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module, "write_whole", refuse)
    key = key_of(rtx, network)
    engine = EngineStore(rtx, tmp_path).engine(network, key)
    assert engine.is_new
    assert len(engine.data) > 1000
    assert "No space left on device: it serves this run alone; set XDG_CACHE_HOME" in caplog.text
    with pytest.raises(CacheError, match="No space left on device"):  # built ahead, it would be for nothing
        EngineStore(rtx, tmp_path, must_keep=True).engine(network, key)


def test_two_that_want_one_engine_build_it_once(rtx: Flavour, network: Path, tmp_path: Path):
    key = key_of(rtx, network)
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(EngineStore(rtx, tmp_path).engine, network, key) for _ in range(2)]
        engines = [future.result(timeout=60) for future in asked]
    assert sorted(engine.is_new for engine in engines) == [False, True]
    assert engines[0].data == engines[1].data


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda engine, record: engine.write_bytes(engine.read_bytes()[:-9]), "truncated or damaged"),
        (lambda engine, record: record.write_text("{"), "cannot be read"),
        (lambda engine, record: record.write_text("{}"), "no record of an engine"),
        (lambda engine, record: record.write_text(without_types(record)), "or an older version's"),
        (lambda engine, record: record.unlink(), "cannot be read"),
        (
            lambda engine, record: record.write_text(record.read_text().replace(load_flavour(RTX).version, "1.2.0")),
            "version 1.2.0 is not ",
        ),
        (
            lambda engine, record: write_network(engine.parent / "ink" / "model.fp16.onnx", TensorProto.FLOAT),
            "onnx_sha",
        ),
    ],
    ids=["truncated", "no-json", "empty", "older", "gone", "version", "network"],
)
def test_an_engine_that_is_not_good_is_built_anew_with_the_reason(
    rtx: Flavour, network: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage, reason: str
):
    store = EngineStore(rtx, tmp_path)
    engine = store.engine(network, key_of(rtx, network))
    damage(engine.path, engine.path.with_suffix(".json"))
    again = store.engine(network, key_of(rtx, network))
    assert again.is_new
    assert reason in caplog.text
    assert len([line for line in caplog.messages if "built anew" in line]) == 1
    assert store.problem(network, key_of(rtx, network)) == ""


def test_an_engine_that_draws_something_else_is_not_kept(rtx: Flavour, network: Path, tmp_path: Path):
    def check(data: bytes, key: EngineKey, path: Path):
        raise BackendError("the engine draws something else")

    with pytest.raises(BackendError, match="something else"):
        EngineStore(rtx, tmp_path, check).engine(network, key_of(rtx, network))
    assert not list(tmp_path.glob("*.engine"))


def test_a_build_can_be_ended(rtx: Flavour, network: Path, tmp_path: Path):
    with pytest.raises(BackendError, match="ended before it was done"):
        EngineStore(rtx, tmp_path).engine(network, key_of(rtx, network), lambda share: False)
    assert not list(tmp_path.glob("*.engine"))
    assert EngineStore(rtx, tmp_path).engine(network, key_of(rtx, network), quiet).is_new  # the runtime is not confused


def test_an_interrupt_ends_a_build_and_is_not_swallowed(rtx: Flavour, network: Path, monkeypatch: pytest.MonkeyPatch):
    """The bindings print what is raised in a callback and build on; a Ctrl-C must end the build and get out."""
    half = verified_half(find_style("cel"))
    started, stopped, waits, ends = threading.Event(), threading.Event(), [], []
    wait = threading.Event.wait

    def interrupted(self, timeout=None):
        if threading.current_thread() is threading.main_thread() and started.is_set() and not waits:
            waits.append(timeout)
            raise KeyboardInterrupt
        return wait(self, timeout)

    monkeypatch.setattr(threading.Event, "wait", interrupted)

    def progress(share: float) -> bool:
        started.set()
        return not stopped.is_set()

    def build_it() -> None:
        try:
            build_engine(rtx, half, key_of(rtx, half), progress=progress)
        except BackendError as error:
            ends.append(error.message)

    with pytest.raises(KeyboardInterrupt):
        aside(build_it, stopped.set)
    assert len(waits) == 1
    assert len(ends) == 1
    assert "was ended before it was done" in ends[0]
    assert aside(lambda: build_engine(rtx, network, key_of(rtx, network)), stopped.set).data
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 / 0, stopped.set)


def test_work_that_needs_a_turn_is_done_by_who_has_it():
    """In another thread it would wait for the turn of the one that waits for it."""

    def work() -> bool:
        with gpu_turn(lambda: True) as is_mine:
            return is_mine

    with gpu_turn(lambda: False):
        assert aside(work, lambda: None)


def test_turing_gets_engines_of_its_own(rtx: Flavour, network: Path):
    target = Target("NVIDIA GeForce RTX 2080", (7, 5))
    assert gpu_word(rtx, target) == "sm_75"
    assert gpu_word(rtx, Target("NVIDIA GeForce RTX 4090", (8, 9))) == PORTABLE
    assert gpu_word(replace(rtx, name=CLASSIC), target) == "NVIDIA GeForce RTX 2080 sm_75"
    turing = build_engine(rtx, network, key_of(rtx, network, gpu="sm_75"))
    assert turing.data != build_engine(rtx, network, key_of(rtx, network)).data


def test_what_was_measured_is_kept_and_never_costs_the_engine(rtx: Flavour, network: Path, tmp_path: Path, monkeypatch):
    """Another version's, damaged or unreadable before; and where the runtime does not tell it, by None."""
    classic, key, timings = replace(rtx, name=CLASSIC), key_of(rtx, network), tmp_path / "gpu.timing"
    for before in (None, b"", b"damaged"):
        if before is not None:
            timings.write_bytes(before)
        assert build_engine(classic, network, key, timings=timings).data
        assert len(timings.read_bytes()) > 100
    timings.unlink()
    monkeypatch.setattr(rtx.api.ITimingCache, "serialize", lambda _: None)
    assert build_engine(classic, network, key, timings=timings).data
    timings.mkdir()
    assert build_engine(classic, network, key, timings=timings).data
