"""What the doctor says of machines that lack something; nothing of it stops a run that can do without."""

import shutil

from animecam import doctor
from animecam.cache import usable_cache
from animecam.doctor import State
from animecam.styles.registry import BUNDLED


def test_a_cache_that_cannot_be_written_is_told_and_done_without(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # no folder can be made in a file
    assert usable_cache() is None
    assert "not kept" in caplog.text
    finding = next(finding for finding in doctor.examine() if finding.subject == "cache")
    assert finding.state is State.OPTIONAL
    assert "XDG_CACHE_HOME" in finding.hint


def test_a_cache_is_made_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = usable_cache()
    assert cache is not None
    assert cache.is_dir()
    assert not list(cache.iterdir())


def test_one_damaged_style_does_not_hide_the_others(tmp_path, monkeypatch):
    bundled = tmp_path / "bundled"
    for name in ("cel", "starter"):
        shutil.copytree(BUNDLED / name, bundled / name)
    (bundled / "cel" / "model.onnx").write_bytes(b"damaged")
    monkeypatch.setattr("animecam.styles.registry.BUNDLED", bundled)
    states = {finding.subject: finding.state for finding in doctor.examine()}
    assert states["style cel"] is State.BROKEN
    assert states["style starter"] is State.WORKS
