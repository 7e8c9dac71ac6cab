"""Files appear whole or not at all, on every system."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from animecam.cache import write_whole


@pytest.fixture
def as_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is open is neither moved nor removed."""
    opened = []
    make, replace, unlink = tempfile.NamedTemporaryFile, os.replace, os.unlink

    def noted(*args, **options):
        opened.append(make(*args, **options))
        return opened[-1]

    def refuse_open(path) -> None:
        if any(Path(file.name) == Path(path) and not file.closed for file in opened):
            raise PermissionError(errno.EACCES, "it is being used by another process", str(path))

    def guarded_replace(source, target):
        refuse_open(source)
        replace(source, target)

    def guarded_unlink(path, **options):
        refuse_open(path)
        unlink(path, **options)

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", noted)
    monkeypatch.setattr(os, "replace", guarded_replace)
    monkeypatch.setattr(os, "unlink", guarded_unlink)


@pytest.mark.usefixtures("as_on_windows")
def test_a_file_is_closed_before_it_gets_its_name(tmp_path: Path):
    write_whole(tmp_path / "a.engine", b"first")
    write_whole(tmp_path / "a.engine", b"second")
    assert (tmp_path / "a.engine").read_bytes() == b"second"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.usefixtures("as_on_windows")
def test_nothing_is_left_of_a_file_that_cannot_get_its_name(tmp_path: Path):
    (tmp_path / "a.engine").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - which one differs between systems
        write_whole(tmp_path / "a.engine", b"first")
    assert [path.name for path in tmp_path.iterdir()] == ["a.engine"]
