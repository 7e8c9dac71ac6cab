"""Engines that were built without a GPU are compared when one first loads them, as new ones are when they are built."""

import errno
import json
import logging
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.tensorrt_ import TensorRtBackend
from animecam.engines import store as store_module
from animecam.engines.ahead import Networks, Place, build_ahead
from animecam.engines.build import quiet
from animecam.engines.key import read_record
from animecam.engines.ports import read_ports
from animecam.engines.store import EngineStore, key_for
from animecam.errors import BackendError
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")
HALF = verified_half(CEL)
SHAPE = (3, 32, 32)


@pytest.fixture
def copied(runtime, opened, tmp_path: Path) -> Path:
    """An engine that another machine built, which has no GPU."""
    flavour = runtime.flavour
    engine = EngineStore(flavour, tmp_path).engine(
        HALF, key_for(flavour, None, HALF, read_ports(flavour, HALF, tmp_path).ports, SHAPE, 4)
    )
    assert not engine.record.is_compared
    runtime.beside.clear()  # nobody records there
    return engine.path


@pytest.fixture
def started(gpu, opened, tmp_path: Path):
    """`started()`: another start of the program."""
    backends: list[TensorRtBackend] = []

    def start() -> TensorRtBackend:
        for backend in backends:
            backend.close()
        gpu.is_closed = False
        backends.append(opened(tmp_path))
        return backends[-1]

    yield start
    for backend in backends:
        backend.close()


def test_it_is_compared_at_its_first_load_and_never_again(
    runtime, copied: Path, started, pictures, expected, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="animecam")
    before = copied.stat().st_mtime_ns
    np.testing.assert_allclose(started().run(pictures())[0], expected(pictures()), atol=5e-3)
    record = read_record(copied.with_suffix(".json"))
    assert record.parity.psnr_db > 60
    assert record.types.is_known
    assert len(runtime.sessions) == 2  # one that is compared, one that draws
    started().run(pictures())
    assert len(runtime.sessions) == 3
    assert copied.stat().st_mtime_ns == before  # it was not built anew
    assert len([line for line in caplog.messages if line.endswith("without a GPU: it is compared now")]) == 1


@pytest.mark.parametrize("how", ["draws something else", "convolutions in float"])
def test_one_that_is_wrong_is_refused_and_that_is_remembered(
    runtime, fakes: ModuleType, copied: Path, started, pictures, how: str
):
    if how == "draws something else":
        runtime.error = 0.2
    else:
        runtime.layers = fakes.FLOAT_LAYERS
    with pytest.raises(BackendError, match=how):
        started().run(pictures())
    assert not [path for path in (copied, copied.with_suffix(".json")) if path.exists()]
    with pytest.raises(BackendError, match=rf"{how}.* \(so it was on"):
        started().run(pictures())
    assert len(runtime.sessions) == 1  # neither compared nor built again


def test_one_that_does_not_load_here_is_built_anew(
    runtime, copied: Path, started, pictures, expected, caplog: pytest.LogCaptureFixture
):
    data = copied.read_bytes() + b" of another GPU"
    record = json.loads(copied.with_suffix(".json").read_text())
    record["sha256"] = store_module.hashlib.sha256(data).hexdigest()
    copied.write_bytes(data)
    copied.with_suffix(".json").write_text(json.dumps(record))
    runtime.refused.add(data)
    np.testing.assert_allclose(started().run(pictures())[0], expected(pictures()), atol=5e-3)
    assert "built anew: tensorrt-rtx: cannot load the engine" in caplog.text
    assert read_record(copied.with_suffix(".json")).is_compared


def test_where_the_result_cannot_be_kept_it_draws_all_the_same(
    runtime, copied: Path, started, pictures, expected, caplog: pytest.LogCaptureFixture, monkeypatch
):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_module, "write_whole", refuse)
    np.testing.assert_allclose(started().run(pictures())[0], expected(pictures()), atol=5e-3)
    assert "No space left on device: it is compared again at the next start" in caplog.text
    assert not read_record(copied.with_suffix(".json")).is_compared


def test_a_build_ahead_compares_it_too(runtime, fakes: ModuleType, copied: Path, tmp_path: Path):
    place = Place(runtime.flavour, fakes.FakeGpu(), tmp_path)
    (engine,) = build_ahead(place, Networks("cel", CEL.model_path(), HALF), [32], quiet)
    assert (engine.is_new, engine.record.is_compared) == (False, True)
    assert not place.gpu.open
    runtime.beside.clear()  # nobody records there


def test_a_network_that_is_half_by_itself_is_half_outside(gpu, runtime, tmp_path: Path, opened, pictures, expected):
    """As on the processor, and as the card of a style says that the user added."""
    backend = TensorRtBackend(HALF, None, BackendOptions(cache_dir=tmp_path, gpu=0))
    half = pictures().astype(np.float16)
    drawn = backend.run(half)[0]  # its engine was compared with what the processor computes of it
    assert [port.dtype for port in (backend.input, *backend.outputs)] == [np.float16, np.float16]
    assert drawn.dtype == np.float16
    np.testing.assert_allclose(drawn, expected(half.astype(np.float32)), atol=5e-3)
    backend.close()
