"""Recipes: there and back, and errors that name the key."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest

from animecam_training.errors import ConfigError
from animecam_training.models.registry import GENERATORS
from animecam_training.perceptual.registry import FEATURE_NETWORKS
from animecam_training.recipe.config import FeatureName, GeneratorName, ModelConfig, Recipe
from animecam_training.recipe.files import differences, load_recipe, recipe_from_table, recipe_to_toml
from animecam_training.target.lines import LineOptions
from animecam_training.target.options import TargetOptions

_TERMS = (
    *("adversarial_support", "content", "region_own", "region_photo", "colour", "variation_support"),
    *("adversarial_main", "refine_pixels", "refine_features", "variation_main"),
)
NOTHING_AFTER_PRETRAINING = "[dtgan_weights]\nstyle = [0.0, 0.0, 0.0]\n" + "".join(f"{name} = 0.0\n" for name in _TERMS)

NOTHING_BUT_A_JUDGE = "[pair_weights]\npixel = 0\ngradient = 0\nfeature = 0\nadversarial = 1"


def test_toml_there_and_back() -> None:
    recipe = Recipe(
        name='a "quoted" \\ name',
        precision="bf16",
        model=ModelConfig(widths=(8, 16, 24)),
        target=TargetOptions(eye_gain=1.1, lines=LineOptions(gain=7.0)),
    )
    assert recipe_from_table(tomllib.loads(recipe_to_toml(recipe))) == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz = 3", "unknown key stepz"),
        ("[target]\neyes = 2.0", "unknown key target.eyes"),
        ("[target.lines]\nwidth = 2.0", "unknown key target.lines.width"),
        ("[optim]\nrate = 1.0", "unknown key optim.rate"),
        ('steps = "many"', "steps must be int"),
        ("steps = true", "steps must be int"),
        ('method = "magic"', "method must be one of 'pairs', 'dtgan', 'distill'"),
        ("data = 3", "data must be a table"),
        ('[data]\nsizes_px = [64, "x"]', r"data.sizes_px\[1\] must be int"),
        ("[optim]\nbetas = [0.5]", "optim.betas must be a list of 2 float, "),
        ("[data]\nsizes_px = 64", "data.sizes_px must be a list of int, "),
        ("[data]\nsizes_px = [65]", "data.sizes_px has a value that makes no sense"),
        ("[data]\nbatch = 0", "data.batch"),
        ("pretrain_steps = 5", "pretrain_steps has a value that makes no sense"),
        ("[pair_weights]\npixel = 0\ngradient = 0\nfeature = 0", "pair_weights has"),
        ("steps = 5\npretrain_steps = 6", "pretrain_steps"),
        ("save_every = 0", "save_every"),
        ("validate_every = 0", "validate_every"),
        ("[data]\nvalidation_pictures = 0", "data.validation_pictures"),
        ("calm_teacher = 2", "calm_teacher"),
        ('method = "distill"\ncalm_teacher = -1', "calm_teacher"),
        ("spin_teacher = true", "spin_teacher"),
        ("glasses = 1.5", "glasses"),
        ("turns = 1.5", "turns"),
        ("beards = 1.5", "beards"),
        ("lip_shadows = 1.5", "lip_shadows"),
        ('method = "distill"\nbeards = 0.5', "beards"),
        ('method = "distill"\nlip_shadows = 0.5', "lip_shadows"),
        ("seed = -1", "seed"),
        ("[optim]\nbetas = [0.9, 1.0]", "optim.betas"),
        ("[optim]\ndiscriminator_rate = -1.0", "optim.discriminator_rate"),
        ("[optim]\nfinal_share = -1.0", "optim.final_share"),
        ("[optim]\npretrain_rate = -1.0", "optim.pretrain_rate"),
        ("[optim]\nclip_norm = -1.0", "optim.clip_norm"),
        ("[augment]\nblur_px = [0.0, 0.0]", "augment.blur_px"),
        ("[augment]\nblur_px = [2.0, 1.0]", "augment.blur_px"),
        ("[augment]\nmotion_px = [2.0, 1.0]", "augment.motion_px"),
        ("[augment]\nmosaic = 1.5", "augment.mosaic"),
        ("[augment]\nwalls = 0.5", "augment.walls"),
        ('method = "distill"\n[augment]\nwalls = 1.5', "augment.walls"),
        ("[augment]\nmirror = 1.5", "augment.mirror"),
        ('drawing = "anime"\n[anime]\nkey_light = "left"', "augment.mirror"),
        ('method = "dtgan"\n[augment]\nmosaic = 0.5', "augment.mosaic"),
        ("[augment]\ngamma = 0.0", "augment.gamma"),
        ("[data]\nzooms = [inf]", "data.zooms"),
        ("[pair_weights]\npixel = -2.0", "pair_weights has"),
        ("even_light = -0.1", "even_light"),
        ('method = "dtgan"\n[pair_weights]\nworn = 8', "pair_weights.worn"),
        ('method = "distill"\n[pair_weights]\nparts = 8', "pair_weights.parts"),
        ("adversarial_from = 1.0", "adversarial_from"),
        (f"adversarial_from = 0.5\n{NOTHING_BUT_A_JUDGE}", "adversarial_from"),
        ('method = "dtgan"\nadversarial_from = 0.5', "adversarial_from"),
        ("[flat]\ngloss = 0", "flat.gloss"),
        ("[target]\neye_gain = 0", "target.eye_gain"),
        ("[flat]\neye_gain = 0", "flat.eye_gain"),
        ("[anime]\neye_gain = [1.5, 0.0]", "anime.eye_gain"),
        ("[anime]\nnose_gain = 0", "anime.nose_gain"),
        ("[anime]\nmouth_gain = [0.0, 1.0]", "anime.mouth_gain"),
        ("[anime]\njaw = 1.0", "anime.jaw"),
        ("[target.lines]\nsigma_px = 0", "target.lines.sigma_px"),
        ("[anime.lines]\nspread = 0", "anime.lines.spread"),
        ("[flat.lines]\nflow_sigma_px = 0", "flat.lines.flow_sigma_px"),
        ("[flat]\ndenoise_turns = -1", "flat.denoise_turns"),
        ("[flat]\nhair_ink_share = 1.5", "flat.hair_ink_share"),
        ("[flat]\nspace_px = 0", "flat.space_px"),
        ("[flat]\ncolour = 0", "flat.colour"),
        ('[model]\ngenerator = "foo"', "model.generator must be one of 'dtgan', "),
        ('features = "resnet"', "features must be one of 'squeezenet1_1', 'vgg19'"),
        ("[model]\nwidths = [8, 8]", "model.widths"),
        ("[model]\ncontext = -1", "model.context"),
        ("[model]\ncontext = 6", "model.context"),
        ("[optim]\nema_decay = 1.0", "optim.ema_decay"),
        ("[optim]\nlearning_rate = inf", "optim.learning_rate"),
        ("[optim]\nwarmup_steps = -5", "optim.warmup_steps"),
        ("[optim]\ndecay_from = 1.5", "optim.decay_from"),
        ("seed = 18446744073709551616", "seed"),
        ('name = ""', "name"),
        ('name = "../mine"', "name"),
        ("[pair_weights]\ngradient = nan", "pair_weights.gradient"),
        ("[augment]\nblur = 7.0", "augment.blur "),
        ("[augment]\nblur_px = [1.0, inf]", r"augment.blur_px\[1\]"),
        ("[augment]\nexposure = 3.0", "augment.exposure"),
        ("[augment]\nwhite_balance = -0.5", "augment.white_balance"),
        ("[augment]\ngamma = 2.0", "augment.gamma"),
        ("[augment]\nnoise = nan", "augment.noise"),
        ("[dtgan_weights]\ncolour = -1.0", "dtgan_weights has"),
        ("[dtgan_weights]\nstyle = [0.1, -5.0, 25.0]", "dtgan_weights has"),
        (NOTHING_AFTER_PRETRAINING, "dtgan_weights has"),
    ],
)
def test_errors_name_the_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_recipe(path)


def test_all_networks_can_be_asked_for() -> None:
    assert set(get_args(GeneratorName)) == set(GENERATORS)
    assert set(get_args(FeatureName)) == set(FEATURE_NETWORKS)


def test_what_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("= =")
    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML"):
        load_recipe(tmp_path / "bad.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xe0\xff")
    with pytest.raises(ConfigError, match=r"bytes\.toml is not TOML"):
        load_recipe(tmp_path / "bytes.toml")
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["a\nb", "\x7f", 'say "ah"', "back\\slash", "アニメ 🎨"])
def test_any_name_comes_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_to_toml(Recipe(name=name)), "utf-8")
    assert load_recipe(path).name == name


def test_the_mark_that_editors_on_windows_write_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("steps = 7", "utf-8-sig")
    assert load_recipe(path).steps == 7


def test_a_whole_number_serves_as_a_fraction() -> None:
    assert recipe_from_table({"optim": {"learning_rate": 1}}).optim.learning_rate == 1.0


def test_differences_name_nested_keys() -> None:
    assert differences(Recipe(), Recipe(seed=3, model=ModelConfig("dtgan"))) == [
        "seed: 0 -> 3",
        "model.generator: 'dtgan-lite' -> 'dtgan'",
    ]


def test_every_bundled_recipe_is_sound() -> None:
    folder = resources.files("animecam_training") / "configs"
    recipes = [load_recipe(Path(str(path))) for path in folder.iterdir() if path.name.endswith(".toml")]
    assert {recipe.method for recipe in recipes} >= {"pairs", "dtgan"}
