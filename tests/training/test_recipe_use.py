"""Values of a recipe that nothing looks at: a run refuses them, and what was trained with some stays of use."""

from dataclasses import replace
from pathlib import Path

import pytest

from animecam_training.cli import main
from animecam_training.errors import ConfigError
from animecam_training.models.registry import build_generator
from animecam_training.recipe.config import DtganWeights, Recipe
from animecam_training.recipe.files import load_recipe, recipe_to_toml
from animecam_training.recipe.use import OF_A_JUDGE, check_use
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint
from animecam_training.run.predecessors import read_predecessor
from animecam_training.weights.bundled import RECIPES


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ('method = "dtgan"\n[pair_weights]\ntone = 4', "pair_weights.tone", 'the method "dtgan"'),
        ('method = "dtgan"\n[pair_weights]\nadversarial = 1', "pair_weights.adversarial", 'the method "dtgan"'),
        ('method = "dtgan"\n[flat]\ngloss = 3', "flat.gloss", 'the method "dtgan"'),
        ("[dtgan_weights]\ncolour = 8", "dtgan_weights.colour", 'the method "pairs"'),
        ('[data]\nstyles = "there"', "data.styles", 'the method "pairs"'),
        ('teacher = "there"', "teacher", 'the drawing "portrait"'),
        ('teacher = "there"\ndrawing = "anime-flat"', "teacher", 'the drawing "anime-flat"'),
        ("[flat]\ngloss = 3", "flat.gloss", 'the drawing "portrait"'),
        ('drawing = "anime-flat"\n[target.lines]\ngain = 3', "target.lines.gain", 'the drawing "anime-flat"'),
        ('[model]\ndiscriminator = "features"', "model.discriminator", "pair_weights.adversarial = 0"),
        ("[optim]\ndiscriminator_rate = 1", "optim.discriminator_rate", "pair_weights.adversarial = 0"),
        ("validate_every = 9", "validate_every", "no folder in data.validation"),
        ("[data]\nvalidation_pictures = 9", "data.validation_pictures", "no folder in data.validation"),
        ('method = "dtgan"\n[data]\nvalidation = "there"', "data.validation", 'the method "dtgan"'),
        ("[optim]\npretrain_rate = 1", "optim.pretrain_rate", "pretrain_steps = 0"),
        ('method = "dtgan"\n[dtgan_weights]\npretrain_main = 2', "dtgan_weights.pretrain_main", "pretrain_steps = 0"),
        ('method = "distill"\n[flat]\ngloss = 3', "flat.gloss", 'the method "distill"'),
        ('method = "distill"\n[anime]\njaw = 0.3', "anime.jaw", 'the method "distill"'),
        ('method = "distill"\ndrawing = "anime"', "drawing", 'the method "distill"'),
        ('method = "distill"\n[data]\nstyles = "there"', "data.styles", 'the method "distill"'),
        ('method = "distill"\n[dtgan_weights]\nstyle = [1]', "dtgan_weights.style", 'the method "distill"'),
    ],
)
def test_a_value_that_changes_nothing_is_named(text: str, key: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        check_use(load_recipe(path))
    assert caught.value.message == f"recipe: {key} changes nothing with {why}"
    assert caught.value.hint.startswith(f"leave {key} out, or ")


def test_who_switches_something_off_is_told_what_the_rest_is_without_it() -> None:
    """Of a recipe that ships nothing can be left out."""
    given = ("pair_weights.adversarial=0", "adversarial_from=0")
    found: list[str] = []
    for _ in OF_A_JUDGE:
        with pytest.raises(ConfigError) as caught:
            check_use(load_recipe(RECIPES / "cel.toml", (*given, *found)))
        key = caught.value.message.split()[1]
        found.append(f"{key}={caught.value.hint.rpartition(': ')[2]}")
    check_use(load_recipe(RECIPES / "cel.toml", (*given, *found)))


@pytest.mark.parametrize(
    "text",
    [
        'drawing = "flat"\nteacher = "there"\n[flat]\ngloss = 3',
        'drawing = "anime-flat"\n[flat]\ngloss = 3\n[anime]\njaw = 0.3',
        '[model]\ndiscriminator = "features"\n[pair_weights]\nadversarial = 1',
        'validate_every = 9\n[data]\nvalidation = "there"\nvalidation_pictures = 9',
        'method = "distill"\nteacher = "there"\nexpressions = 0.3\nglasses = 0.5\neven_light = 0.6',
        'method = "dtgan"\npretrain_steps = 5\n[optim]\npretrain_rate = 2e-4\n[model]\ndiscriminator = "features"',
    ],
)
def test_what_is_looked_at_passes(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    check_use(load_recipe(tmp_path / "recipe.toml"))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_bundled_recipe_is_looked_at_as_a_whole(path: Path) -> None:
    check_use(load_recipe(path))


def test_a_run_refuses_it_and_what_was_trained_so_starts_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Earlier versions let it pass: a run that has it may go on, and its weights are as good as any."""
    recipe = Recipe(dtgan_weights=DtganWeights(colour=8.0))
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(recipe))
    run = ["run", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "run"), "--photos", str(tmp_path / "none")]
    assert main(run) == 2
    assert "dtgan_weights.colour changes nothing" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    weights = build_generator("dtgan-lite").state_dict()
    begun = replace(recipe, data=replace(recipe.data, photos=str(tmp_path / "none")))
    save_checkpoint(Checkpoint(begun, 7, weights, {}), tmp_path / "run/last.pt")
    assert read_predecessor(tmp_path / "run/last.pt").weights.keys() == weights.keys()
    assert main([*run, "--resume"]) == 1
    assert "no folder" in " ".join(capsys.readouterr().err.split())  # and not the recipe
