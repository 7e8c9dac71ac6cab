"""What an engine that runs takes, holds and leaves alone. The runtime itself is ONNX Runtime in disguise."""

from pathlib import Path

import pytest

from animecam.errors import HostMemoryError

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")


def test_short_memory_of_the_host_makes_no_smaller_engine(
    gpu, runtime, warm_cache: Path, caplog: pytest.LogCaptureFixture, opened, pictures, monkeypatch
):
    """One would take a build, and every start to come would draw with it."""

    def pin(nbytes: int):
        raise HostMemoryError(f"cannot pin {nbytes} bytes of memory")

    backend = opened(warm_cache)
    backend.prepare((3, 32, 32))  # its engine is there
    contexts = len(runtime.contexts)
    monkeypatch.setattr(gpu, "pinned", pin)
    with pytest.raises(HostMemoryError, match="cannot pin"):
        backend.prepare((3, 32, 32))
    assert len(runtime.contexts) == contexts + 1  # nor is it built anew, or tried again
    assert "pictures at a time instead" not in caplog.text
    backend.close()
