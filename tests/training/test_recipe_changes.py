"""Values of a recipe that the command line changes."""

from pathlib import Path

import pytest

from animecam_training.cli import main
from animecam_training.errors import ConfigError
from animecam_training.recipe.changes import changed
from animecam_training.recipe.files import load_recipe, recipe_to_toml
from animecam_training.weights.bundled import RECIPES

CEL = RECIPES / "cel.toml"


def test_values_of_every_kind_take_the_place_of_the_recipes_own():
    changes = [
        "steps=10700",
        "optim.learning_rate = 2e-3",
        "model.widths=[16, 32, 64]",
        "model.norm=coarse",
        "precision='fp32'",
        "spin_teacher=false",
        "flat.lines.gain=12",
    ]
    recipe, plain = load_recipe(CEL, changes), load_recipe(CEL)
    assert recipe.steps == 10700
    assert recipe.optim.learning_rate == 2e-3
    assert recipe.optim.betas == plain.optim.betas
    assert recipe.model.widths == (16, 32, 64)
    assert recipe.model.norm == "coarse"
    assert recipe.precision == "fp32"
    assert recipe.spin_teacher is False
    assert recipe.flat.lines.gain == 12.0
    assert recipe.flat.lines.softness == plain.flat.lines.softness


def test_a_value_may_have_equals_signs_and_the_last_change_wins():
    table = changed({}, ["data.photos=a", "data.photos=/mnt/set=1/photos"])
    assert table == {"data": {"photos": "/mnt/set=1/photos"}}


def test_a_value_brings_no_second_key():
    assert changed({}, ["name=1\nsteps = 2"]) == {"name": "1\nsteps = 2"}


def test_the_table_that_is_changed_stays():
    table = {"optim": {"betas": [0.9, 0.99]}}
    changed(table, ["optim.betas=[0.5, 0.9]"])
    assert table == {"optim": {"betas": [0.9, 0.99]}}


@pytest.mark.parametrize("change", ["steps", "=3", "steps=", "optim.=3", ".steps=3", "steps.more=1"])
def test_what_is_no_change_is_refused_by_name(change):
    with pytest.raises(ConfigError, match="--set") as caught:
        changed({"steps": 3}, [change])
    assert change in caught.value.message
    assert "--set steps=4000" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "named"), [("optim.lr=1", "optim.lr"), ("steps=many", "steps"), ("optim.betas=2", "optim.betas")]
)
def test_a_change_is_checked_as_the_recipe_is(change, named):
    with pytest.raises(ConfigError, match=named):
        load_recipe(CEL, [change])


def test_pictures_are_prepared_by_changed_values(tmp_path: Path, capsys):
    arguments = ["prepare", str(tmp_path), str(tmp_path / "out"), "--kind", "photo"]
    assert main([*arguments, "--set", "glasses=2"]) == 2
    assert "glasses" in capsys.readouterr().err
    assert main([*arguments[:-1], "style", "--set", "glasses=0.5"]) == 2
    assert "--set" in capsys.readouterr().err


def test_a_recipe_that_is_written_and_read_holds_the_changes(tmp_path: Path):
    recipe = load_recipe(CEL, ["steps=5"])
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_to_toml(recipe))
    assert load_recipe(path) == recipe
