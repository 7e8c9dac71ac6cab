"""Where memory is short, engines for fewer pictures are taken. The runtime itself is ONNX Runtime in disguise."""

from pathlib import Path

import numpy as np
import pytest

from animecam.errors import BackendError, DeviceMemoryError

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")


def test_short_memory_makes_the_batch_smaller_and_says_so(
    gpu, runtime, warm_cache: Path, caplog: pytest.LogCaptureFixture, opened, pictures, expected
):
    backend = opened(warm_cache)
    gpu.free = 4096 + 2 * 2 * 2 * 2 * 3 * 40 * 40  # the context, and input and output on both sides, for two pictures
    batch = pictures(3, 40)
    np.testing.assert_allclose(backend.run(batch)[0], expected(batch), atol=5e-3)
    assert "takes 2 pictures at a time instead" in caplog.text
    backend.close()
    gpu.free = 1 << 30


def test_a_context_without_memory_counts_as_short_memory(gpu, runtime, warm_cache: Path, caplog, opened, pictures):
    backend = opened(warm_cache)
    runtime.contexts_refused = 1
    backend.run(pictures())
    assert "takes 2 pictures at a time instead" in caplog.text
    backend.close()


def test_a_build_without_memory_counts_as_short_memory(gpu, runtime, tmp_path: Path, caplog, opened, pictures):
    backend = opened(tmp_path)
    runtime.builds_refused = 1
    backend.run(pictures(1, 56))
    assert "OutOfMemory (Requested size was 3221225472 bytes.)); model.fp16.onnx takes 2 pictures" in caplog.text
    runtime.builds_refused = 3
    with pytest.raises(DeviceMemoryError, match=r"cannot build an engine from model\.fp16\.onnx") as caught:
        backend.run(pictures(1, 72))
    assert "a smaller size (`size_px`)" in caught.value.hint
    backend.close()


def test_no_start_waits_again_for_a_build_that_found_no_memory(gpu, runtime, tmp_path: Path, caplog, opened, pictures):
    runtime.builds_refused = 1
    backend = opened(tmp_path)
    backend.run(pictures(1, 64))
    backend.close()
    caplog.clear()
    gpu.is_closed, runtime.builds_refused = False, 1
    again = opened(tmp_path)
    again.run(pictures(1, 64))
    assert "at a time instead" not in caplog.text
    assert [path.name.split("-")[3] for path in tmp_path.glob("*.engine")] == ["b2"]
    assert runtime.builds_refused == 1  # nothing was built
    again.close()


def test_tactics_that_find_no_memory_are_no_reason_of_a_later_failure(
    gpu, runtime, tmp_path: Path, monkeypatch, opened, pictures
):
    """The build does without them and is good; then its engine cannot be loaded."""
    runtime.complaints = ["Tactic request: 6144MB Available: 4095MB. Device memory is insufficient to use tactic."]
    monkeypatch.setattr(runtime, "deserialize_cuda_engine", lambda _: None)
    backend = opened(tmp_path)
    with pytest.raises(BackendError, match="cannot load the engine") as caught:
        backend.run(pictures(1, 72))
    assert not isinstance(caught.value, DeviceMemoryError)
    assert "tactic" not in caught.value.message
    backend.close()


def test_what_was_told_before_an_engine_is_loaded_is_no_reason_either(
    gpu, runtime, warm_cache: Path, monkeypatch, caplog, opened, pictures
):
    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))  # its engine is there
    backend.close()  # and loaded no more
    gpu.is_closed = False
    backend = opened(warm_cache)
    runtime.messages.append("Error Code 2: OutOfMemory (no room)")
    monkeypatch.setattr(runtime, "deserialize_cuda_engine", lambda _: None)
    with pytest.raises(BackendError, match="cannot load the engine"):
        backend.prepare((3, 32, 32))
    assert "pictures at a time instead" not in caplog.text
    backend.close()


def test_no_memory_at_all_is_an_error(gpu, runtime, warm_cache: Path, opened, pictures):
    backend = opened(warm_cache)
    gpu.free = 4095
    with pytest.raises(DeviceMemoryError, match="memory of the GPU is full"):
        backend.run(pictures())
    backend.close()
