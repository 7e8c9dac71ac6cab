"""What validation refuses: pictures that cannot be validated on, runs that do not fit, a method without drawings."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from animecam_training.cli import main
from animecam_training.data.crops import CropOptions
from animecam_training.data.index import sources_of
from animecam_training.data.names import list_pairs, parts_of, target_of
from animecam_training.data.pictures import read_picture, write_mask, write_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.errors import CheckpointError, ConfigError, DataError
from animecam_training.recipe.config import PairWeights
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run.loop import RunOptions, train


def test_other_unseen_pictures_are_refused_when_a_run_goes_on(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType
) -> None:
    """Their errors do not compare; which of the states is best would mean nothing."""
    recipe = runs.validated(runs.recipe_of(pairs), unseen)
    train(recipe, RunOptions(tmp_path / "run", minutes=0))
    with pytest.raises(CheckpointError, match=r"validation 3 .*, now 2 "):
        train(runs.validated(recipe, unseen, most=2), RunOptions(tmp_path / "run", resume=True))
    # Where they lie, and how often they are looked at, is free.
    moved = runs.validated(recipe, unseen.rename(tmp_path / "moved"), every=2)
    train(moved, RunOptions(tmp_path / "run", resume=True, minutes=0))


def test_a_damaged_best_state_is_named_and_a_stray_one_not_overwritten(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType
) -> None:
    recipe = runs.validated(runs.recipe_of(pairs), unseen)
    train(recipe, RunOptions(tmp_path / "run", minutes=0))
    (tmp_path / "run/best.pt").write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"best\.pt is damaged") as caught:
        train(recipe, RunOptions(tmp_path / "run", resume=True))
    assert "remove it" in caught.value.hint
    (tmp_path / "run/last.pt").unlink()
    with pytest.raises(CheckpointError, match="holds the best state of a run, and not its last"):
        train(recipe, RunOptions(tmp_path / "run"))


def test_what_cannot_be_validated_on_is_named_before_the_first_step(
    pairs: Path, unseen: Path, tmp_path: Path, runs: ModuleType
) -> None:
    recipe = runs.validated(runs.recipe_of(pairs), unseen)
    run = RunOptions(tmp_path / "run")
    first = list_pairs(unseen)[0]
    whole = first.read_bytes(), target_of(first).read_bytes()
    write_picture(np.zeros((90, 96, 3), np.uint8), first)
    with pytest.raises(DataError, match=r"d\.out\.png is not of the size of its picture"):
        train(recipe, run)
    write_picture(np.zeros((90, 96, 3), np.uint8), target_of(first))
    with pytest.raises(DataError, match=r"d\.in\.png is 96 x 90 pixels: .* multiples of 8 up to 1024"):
        train(recipe, run)
    for path in (first, target_of(first)):
        write_picture(np.zeros((64, 1032, 3), np.uint8), path)
    with pytest.raises(DataError, match=r"d\.in\.png is 1032 x 64 pixels"):
        train(recipe, run)
    first.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"d\.in\.png is not a picture"):
        train(recipe, run)
    first.write_bytes(whole[0])
    target_of(first).write_bytes(whole[1])
    write_mask(np.zeros((40, 96), np.uint8), parts_of(first))
    with pytest.raises(DataError, match=r"d\.parts\.png is not of the size of its picture"):
        train(recipe, run)
    (unseen / "copy.in.png").write_bytes(list_pairs(pairs)[1].read_bytes())
    (unseen / "copy.out.png").write_bytes(whole[1])
    with pytest.raises(DataError, match=r"copy\.in\.png is trained on, too, as .*b\.in\.png"):
        train(recipe, run)
    for path in unseen.glob("*.out.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"no pairs in .*unseen"):
        train(recipe, run)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no pictures in .*empty"):
        train(runs.validated(recipe, tmp_path / "empty"), run)
    assert not (tmp_path / "run").exists()


def test_the_method_dtgan_says_that_it_has_none(
    pairs: Path, styles: Path, unseen: Path, tmp_path: Path, runs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = runs.unpaired(pairs, styles, "dtgan-lite-double", pair_weights=PairWeights())
    (tmp_path / "r.toml").write_text(recipe_to_toml(recipe))
    run = ["run", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run")]
    for words, message in (
        (["--validation", str(unseen)], 'the method "dtgan" has no drawings to validate by'),
        (["--validation", str(unseen), "--resume"], 'the method "dtgan" has no drawings to validate by'),
        (["--set", f"data.validation={unseen}"], 'data.validation changes nothing with the method "dtgan"'),
    ):
        assert main([*run, *words]) == 2
        assert message in " ".join(capsys.readouterr().err.split())
    with pytest.raises(ConfigError, match="has no drawings to validate by"):
        train(runs.validated(recipe, unseen), RunOptions(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_one_portrait_cut_twice_is_refused(one_portrait: Path, tmp_path: Path, runs: ModuleType) -> None:
    """Other margins, another name: no file equals another, and yet it is one person."""
    other = tmp_path / "renamed"
    other.mkdir()
    (other / "somebody_else.png").write_bytes((one_portrait / "x.png").read_bytes())
    write_picture(read_picture(one_portrait / "x.png")[:, ::-1], one_portrait / "second_person.png")
    for source, seed in ((one_portrait, 0), (other, 1)):
        options = PrepareOptions("photo", seed=seed, copies=2, crop=CropOptions(side_px=96))
        prepare(source, tmp_path / f"heads{seed}", options)
    trained, unseen = tmp_path / "heads0", tmp_path / "heads1"
    recipe = runs.recipe_of(trained, method="distill", steps=1, pair_weights=PairWeights(), teacher="nobody")
    with pytest.raises(DataError, match=r"somebody_else_0\.in\.png was cut out of a picture that is .*x_0\.in\.png"):
        train(runs.validated(recipe, unseen), RunOptions(tmp_path / "run"))
    for path in trained.glob("x_*"):
        path.unlink()  # nobody learns from it now, though the index still tells of it
    with pytest.raises(CheckpointError, match="nobody"):
        train(runs.validated(recipe, unseen), RunOptions(tmp_path / "run"))


def test_folders_without_an_index_tell_nothing(tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_text('{"picture": "a.jpg", "verdict": "kept"}\n{"pict')
    assert sources_of([tmp_path / "a_0.in.png", tmp_path / "plain.jpg", tmp_path / "elsewhere/a_0.in.png"]) == {}
