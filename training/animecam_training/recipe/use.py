"""Which values of a recipe are looked at: one that is not, and is no default, is thought to do something."""

from animecam_training.errors import ConfigError
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.files import flattened, recipe_to_table, toml_value
from animecam_training.target.options import DRAWING_SECTIONS

OF_VALIDATION = ("data.validation_pictures", "validate_every")
OF_PRETRAINING = ("optim.pretrain_rate", "dtgan_weights.pretrain_support", "dtgan_weights.pretrain_main")
OF_A_JUDGE = ("model.discriminator", "model.discriminator_channels", "optim.discriminator_rate")


def check_use(recipe: Recipe) -> None:
    """Refuses values that would change nothing. Recipes of checkpoints may hold some: earlier versions let them pass.

    What `prepare` reads and the loop does not counts as looked at.

    Raises:
        ConfigError: There is one; the message names its key.
    """
    usual = flattened(recipe_to_table(Recipe()))
    changed = [key for key, value in flattened(recipe_to_table(recipe)).items() if value != usual[key]]
    for place, why in _unused(recipe).items():
        for key in changed:
            if key == place or key.startswith(f"{place}."):
                hint = f"leave {key} out, or give it its default: {toml_value(usual[key])}"
                raise ConfigError(f"recipe: {key} changes nothing with {why}", hint=hint)


def _unused(recipe: Recipe) -> dict[str, str]:
    """Keys and sections that are not looked at, and with what."""
    method, drawing = f'the method "{recipe.method}"', f'the drawing "{recipe.drawing}"'
    unused: dict[str, str] = {}
    sections = {section for names in DRAWING_SECTIONS.values() for section in names}
    if recipe.method == "pairs":
        unused |= dict.fromkeys(sections.difference(DRAWING_SECTIONS[recipe.drawing]), drawing)
        if recipe.drawing != "flat":
            unused["teacher"] = drawing
    else:
        unused |= dict.fromkeys(("drawing", *sections), method)
    if recipe.method == "dtgan":
        unused |= dict.fromkeys(("pair_weights", "data.validation", *OF_VALIDATION), method)
    else:
        unused |= {"dtgan_weights": method, "data.styles": method}
        if recipe.pair_weights.adversarial == 0:
            unused |= dict.fromkeys(OF_A_JUDGE, "pair_weights.adversarial = 0")
    if not recipe.data.validation:
        unused |= dict.fromkeys(OF_VALIDATION, "no folder in data.validation")
    if recipe.pretrain_steps == 0:
        unused |= dict.fromkeys(OF_PRETRAINING, "pretrain_steps = 0")
    return unused
