"""The command: it trains, resumes, measures, and fails in one line with a hint."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from animecam_training.checkpoint import load_checkpoint
from animecam_training.cli import main
from animecam_training.config import DataConfig, ModelConfig, Recipe, recipe_to_toml
from animecam_training.data.pictures import write_picture


def _status(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    for i in range(2):
        picture = np.random.default_rng(i).integers(0, 255, (72, 72, 3), dtype=np.uint8)
        write_picture(picture, pairs / f"{i}.in.png")
        write_picture(255 - picture, pairs / f"{i}.out.png")
    made = Recipe(
        steps=2,
        save_every=1,
        model=ModelConfig(widths=(8, 8, 8)),
        data=DataConfig(photos="elsewhere", batch=1, sizes_px=(64,)),
    )
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_to_toml(made))
    return path


def test_run_ends_on_time_and_resumes(recipe: Path, tmp_path: Path) -> None:
    run = ["run", str(recipe), "--out", str(tmp_path / "run"), "--photos", str(tmp_path / "pairs"), "--threads", "1"]
    assert _status([*run, "--minutes", "0"]) == 0
    assert load_checkpoint(tmp_path / "run/last.pt").step == 1
    assert _status([*run, "--resume"]) == 0
    assert load_checkpoint(tmp_path / "run/last.pt").step == 2


def test_errors_are_one_line_and_a_hint(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _status(["run", str(recipe), "--out", str(tmp_path / "run")]) == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert "error: no folder elsewhere" in shown
    assert "hint:" in shown
    recipe.write_text("stepz = 1")
    assert _status(["run", str(recipe), "--out", str(tmp_path / "run")]) == 2
    assert "unknown key stepz" in " ".join(capsys.readouterr().err.split())


def test_prepare_and_evaluate_a_portrait(recipe: Path, shared: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    with tarfile.open(shared / "data/photo.tar") as archive:
        for number in (9, 16):
            member = archive.extractfile(f"photo/train/faker_f_{number:03d}.jpg")
            assert member is not None
            (photos / f"{number}.jpg").write_bytes(member.read())
    weights = ["--weights", str(shared / "weights")]
    assert _status(["prepare", str(photos), str(tmp_path / "made"), *weights, "--size", "128"]) == 0
    assert len(list((tmp_path / "made").glob("*.out.png"))) == 2
    run = ["run", str(recipe), "--out", str(tmp_path / "run"), "--photos", str(tmp_path / "made"), "--minutes", "0"]
    assert _status(run) == 0
    measured = ["evaluate", str(tmp_path / "run/last.pt"), "--photos", str(photos), "--anime", str(tmp_path / "made")]
    measured += [*weights, "--size", "128", "--json", str(tmp_path / "figures.json"), "--grid", str(tmp_path / "g.jpg")]
    assert _status(measured) == 0
    assert '"identity"' in (tmp_path / "figures.json").read_text()
    assert (tmp_path / "g.jpg").is_file()
