"""Fixtures of several tests of the export."""

from pathlib import Path

import pytest


@pytest.fixture
def no_user_styles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled styles alone: one of the user's with the same name would be found first."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
