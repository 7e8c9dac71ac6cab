"""The first look at a folder: its faults and duplicates, by several processes as by one, with its progress."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from animecam_training.cli import main
from animecam_training.data import looks
from animecam_training.data.crops import CropOptions
from animecam_training.data.looks import judge
from animecam_training.data.pictures import list_pictures, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.data.quality import QualityLimits

LIMITS = QualityLimits()


@pytest.fixture
def source(tmp_path: Path, colourful: Callable[..., np.ndarray]) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(3):
        write_picture(colourful(seed), folder / f"{seed}.png")
    write_picture(colourful(1, 64), folder / "0_small_copy_of_1.png")
    write_picture(np.zeros((64, 64, 3), np.uint8), folder / "dark.png")
    (folder / "broken.jpg").write_bytes(b"not a picture")
    return folder


def test_processes_see_what_one_sees(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pictures were read by one process, without a word, before several began."""
    monkeypatch.setattr(looks, "LEAST_A_WORKER", 1)
    paths = list_pictures(source)
    alone = judge(paths, [], LIMITS, 1)
    told: list[tuple[int, int]] = []
    together = judge(paths, [], LIMITS, 2, lambda done, total: told.append((done, total)))
    assert list(together.items()) == list(alone.items())
    assert {path.name: verdict for path, verdict in alone.items()} == {
        **{"0.png": None, "1.png": None, "2.png": None},
        **{"0_small_copy_of_1.png": "duplicate", "dark.png": "dark", "broken.jpg": "unreadable"},
    }
    assert told == [(done, 6) for done in range(1, 7)]


def test_what_was_kept_before_stays_and_what_is_gone_counts_for_nothing(source: Path) -> None:
    copy = source / "0_small_copy_of_1.png"
    assert judge([source / "1.png"], [copy], LIMITS, 1) == {source / "1.png": "duplicate"}
    broken = source / "broken.jpg"
    assert judge([source / "1.png"], [broken], LIMITS, 1) == {source / "1.png": None}
    assert judge([], [copy], LIMITS, 1, lambda *_: pytest.fail("looked at pictures of which nothing is asked")) == {}


def test_a_folder_that_goes_on_looks_at_what_it_kept(source: Path, tmp_path: Path) -> None:
    options = PrepareOptions("style", crop=CropOptions(side_px=64))
    assert prepare(source, tmp_path / "out", options).kept == 3
    write_picture(np.full((80, 80, 3), 255, np.uint8), source / "white.png")
    told: list[tuple[int, int]] = []
    assert prepare(source, tmp_path / "out", options, on_look=lambda *of: told.append(of)).kept == 3
    assert told[-1] == (4, 4)  # the three that were kept, and the new one


def test_the_command_shows_both_passes(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bar stood at 0/? until all pictures had been read once."""
    words = ["prepare", str(source), str(tmp_path / "out"), "--kind", "style", "--size", "64", "--workers", "1"]
    assert main(words) == 0
    bars = capsys.readouterr().err.splitlines()
    assert [" ".join(bar.split()[::2][:2]) for bar in bars] == ["looking 6/6", "preparing 6/6"]
    assert main([*words[:1], str(tmp_path / "absent"), *words[2:]]) == 1
    assert capsys.readouterr().err.startswith("animecam-train: no folder ")
