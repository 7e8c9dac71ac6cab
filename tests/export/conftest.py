"""Fixtures of several tests of the export."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend


@pytest.fixture
def no_user_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled styles alone: one of the user's with the same name would be found first."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def run() -> Callable[..., np.ndarray]:
    """`run(model, batch, runtime=BackendChoice.ONNXRUNTIME)`: what a network gives, in float32."""
    return _run


def _run(model: Path, batch: np.ndarray, runtime: BackendChoice = BackendChoice.ONNXRUNTIME) -> np.ndarray:
    backend = open_backend(model, runtime, BackendOptions(threads=1, allow_bf16=False))
    try:
        return backend.run(batch)[0]
    finally:
        backend.close()
