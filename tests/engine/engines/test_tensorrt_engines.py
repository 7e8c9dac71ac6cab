"""New engines are compared, recorded, refused or built anew. The runtime itself is ONNX Runtime in disguise."""

import hashlib
import logging
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.tensorrt_ import TensorRtDevice
from animecam.drawing.device_styles import DeviceStyles
from animecam.engines.key import read_record
from animecam.engines.refusal import remember_refusal
from animecam.errors import BackendError, DeviceMemoryError
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")


def test_a_build_between_two_steps_ends_when_it_is_told_to(gpu, runtime, tmp_path: Path):
    device = TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=tmp_path))
    device.end()
    with pytest.raises(BackendError, match="was ended before it was done"):
        device.bind(0, 0, batch=1, size_px=32)
    assert not list(tmp_path.glob("*.engine"))
    device.close()


def test_the_new_engine_is_compared_and_the_result_recorded(gpu, runtime, tmp_path: Path, opened, pictures):
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()
    (path,) = tmp_path.glob("*.engine")
    record = read_record(path.with_suffix(".json"))
    assert record.parity.psnr_db > 60
    assert record.parity.pictures == 2
    assert record.key.version == "9.9"
    (jit,) = tmp_path.glob("*.jit")
    assert jit.name == f"{path.stem}-Fake-RTX-4090.jit"
    assert jit.read_bytes() == b"kernels"


def test_what_was_compiled_is_never_replaced_by_less(gpu, runtime, tmp_path: Path, opened, pictures):
    backend = opened(tmp_path)
    backend.run(pictures())
    (jit,) = tmp_path.glob("*.jit")  # kept before the backend is closed: a program may be killed
    jit.write_bytes(b"kernels of four numbers of pictures")
    backend.close()
    assert jit.read_bytes() == b"kernels of four numbers of pictures"
    gpu.is_closed = False
    backend = opened(tmp_path)
    backend.run(pictures())  # the runtime does not take these: what it compiles now is kept, however small
    backend.close()
    assert jit.read_bytes() == b"kernels"


def test_what_was_compiled_between_two_steps_is_kept_before_frames_come(
    gpu, runtime, fakes: ModuleType, tmp_path: Path
):
    def open_network(style: str, size_px: int) -> TensorRtDevice:
        return TensorRtDevice(CEL.model_path(), verified_half(CEL), BackendOptions(cache_dir=tmp_path, gpu=0))

    styles = DeviceStyles(fakes.FakeGpu(), open_network)  # which the styles open once more
    try:
        end_s = time.monotonic() + 60
        while styles("cel", 32) is None:
            assert time.monotonic() < end_s
            time.sleep(0.05)
        (jit,) = tmp_path.glob("*.jit")
        assert jit.read_bytes() == b"kernels"
    finally:
        styles.close()


def test_the_types_of_the_new_engine_are_read_back_and_recorded(gpu, runtime, tmp_path: Path, opened, pictures):
    backend = opened(tmp_path)
    backend.run(pictures())
    assert {context.nvtx_verbosity for context in runtime.contexts} == {runtime.ProfilingVerbosity.NONE}
    backend.close()
    (record,) = map(read_record, tmp_path.glob("*.json"))
    assert record.types.is_known
    assert "the runtime names 21 convolutions" in record.types.note
    assert record.types.layers == {
        "CONVOLUTION HALF": 20,
        "CONVOLUTION HALF TO FLOAT": 1,
        "KGEN FLOAT": 10,
        "REFORMAT HALF": 1,
        "STATISTIC FLOAT": 10,
    }


def test_an_fp16_engine_that_came_out_in_fp32_is_refused(
    gpu, runtime, fakes: ModuleType, tmp_path: Path, opened, pictures
):
    runtime.layers = fakes.FLOAT_LAYERS
    backend = opened(tmp_path)
    with pytest.raises(BackendError, match="the fp16 engine came out with 21 of 21 convolutions in float") as caught:
        backend.run(pictures())
    assert "\n" not in caught.value.message
    assert "report it" in caught.value.hint
    assert not [*tmp_path.glob("*.engine"), *tmp_path.glob("*.json")]
    assert runtime.runs == 0
    runtime.layers = fakes.HALF_LAYERS
    backend.close()


def test_an_engine_that_was_refused_is_not_built_at_every_start(
    gpu, runtime, fakes: ModuleType, tmp_path: Path, opened, expected, pictures
):
    def again(message: str | None) -> None:
        gpu.is_closed = False
        backend = opened(tmp_path)
        if message is None:
            np.testing.assert_allclose(backend.run(pictures())[0], expected(pictures()), atol=5e-3)
        else:
            with pytest.raises(BackendError, match=message):
                backend.run(pictures())
        backend.close()

    runtime.layers = fakes.FLOAT_LAYERS
    again("would be slow$")
    runtime.layers = fakes.HALF_LAYERS
    again(r"would be slow \(so it was on \d{4}-\d\d-\d\d\)$")
    (note,) = tmp_path.glob("*.refused")
    good = note.read_text()
    note.write_text(good.replace('"version": "9.9"', '"version": "9.8"'))  # of another version of the runtime
    again(None)
    assert not list(tmp_path.glob("*.refused"))
    for path in tmp_path.glob("*.engine"):
        path.unlink()
    note.write_text(good[:40])
    again(None)  # what nobody can read keeps nobody from trying


def test_a_failure_that_passes_is_not_remembered(gpu, runtime, tmp_path: Path, opened, pictures, expected):
    """Another program had the GPU for itself: tomorrow the engine may run."""
    backend = opened(tmp_path)
    runtime.fails = True
    with pytest.raises(BackendError, match="cannot be run"):
        backend.run(pictures())
    assert not list(tmp_path.glob("*.refused"))
    runtime.fails = False
    np.testing.assert_allclose(backend.run(pictures())[0], expected(pictures()), atol=5e-3)
    backend.close()


def test_a_good_engine_is_used_whatever_was_refused_before(gpu, runtime, tmp_path: Path, opened, pictures):
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()
    gpu.is_closed = False
    (path,) = tmp_path.glob("*.engine")
    remember_refusal(path, read_record(path.with_suffix(".json")).key, "it would be slow")
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()


def test_a_check_without_room_is_no_refusal(gpu, runtime, tmp_path: Path, opened, pictures):
    backend = opened(tmp_path)
    gpu.free = 4095
    with pytest.raises(DeviceMemoryError):
        backend.run(pictures())
    assert not list(tmp_path.glob("*.refused"))
    gpu.free = 1 << 30
    backend.run(pictures())
    backend.close()


@pytest.mark.parametrize(
    "told", [None, '{"Layers": ["conv + relu", "conv"], "Bindings": []}'], ids=["nothing", "names"]
)
def test_types_that_the_runtime_does_not_tell_are_recorded_as_unknown(
    gpu, runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture, told: str | None, opened, pictures
):
    runtime.layers = told
    backend = opened(tmp_path)
    with caplog.at_level(logging.INFO, logger="animecam"):
        backend.run(pictures())
    backend.close()
    (record,) = map(read_record, tmp_path.glob("*.json"))
    assert (record.types.is_known, record.types.layers) == (False, {})
    assert f"types of the layers of the f16 engine: {record.types.note}" in caplog.text
    assert record.parity.psnr_db > 60  # which is proved all the same


SECOND_IS_NAN = np.array([0.0, np.nan], np.float32).reshape(2, 1, 1, 1)


@pytest.mark.parametrize("error", [0.2, np.nan, np.inf, SECOND_IS_NAN], ids=str)
def test_an_engine_that_draws_something_else_is_refused(gpu, runtime, tmp_path: Path, error: object, opened, pictures):
    runtime.error = error
    backend = opened(tmp_path)
    with pytest.raises(BackendError, match="draws something else"):
        backend.run(pictures())
    assert not list(tmp_path.glob("*.engine"))
    backend.close()


def test_an_engine_that_the_runtime_refuses_is_built_anew(
    gpu, runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture, opened, pictures, expected
):
    first = opened(tmp_path)
    first.run(pictures())
    first.close()
    gpu.is_closed = False
    (path,) = tmp_path.glob("*.engine")
    damaged = b"of another driver" + path.read_bytes()
    record = path.with_suffix(".json")
    text = record.read_text().replace(read_record(record).sha256, hashlib.sha256(damaged).hexdigest())
    path.write_bytes(damaged)
    record.write_text(text)
    runtime.refused.add(damaged)
    again = opened(tmp_path)
    np.testing.assert_allclose(again.run(pictures())[0], expected(pictures()), atol=5e-3)
    assert "built anew: tensorrt-rtx: cannot load the engine" in caplog.text
    assert "another version" in caplog.text
    again.close()


@pytest.mark.parametrize("damage", ["read_bytes", "unlink"])
def test_compiled_kernels_that_another_process_takes_away_are_compiled_again(
    gpu, runtime, tmp_path: Path, opened, pictures, monkeypatch, damage: str
):
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()
    (jit,) = tmp_path.glob("*.jit")
    jit.write_bytes(b"another driver's")
    real = getattr(Path, damage)

    def gone(path: Path, *options, **named):
        if path == jit:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return real(path, *options, **named)

    monkeypatch.setattr(Path, damage, gone)
    gpu.is_closed = False
    backend = opened(tmp_path)
    backend.run(pictures())
    backend.close()


def test_a_driver_that_is_too_old_is_no_lack_of_memory(gpu, runtime, tmp_path: Path, opened, pictures, monkeypatch):
    words = "CUDA initialization failure with error: 35: CUDA driver version is insufficient for CUDA runtime version"
    monkeypatch.setattr(runtime, "deserialize_cuda_engine", lambda _: runtime.messages.append(words))
    backend = opened(tmp_path)
    with pytest.raises(BackendError, match="driver version is insufficient") as caught:
        backend.run(pictures())
    assert not isinstance(caught.value, DeviceMemoryError)
    assert "update the NVIDIA driver" in caught.value.hint
    assert "animecam build" not in caught.value.hint  # it was built just now
    backend.close()
