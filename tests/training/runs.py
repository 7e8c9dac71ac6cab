"""What the tests of the loop share: recipes of a few small steps, and the pictures for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam_training.recipe.config import DataConfig, ModelConfig, OptimConfig, PairWeights, Recipe
from animecam_training.run.loop import RunOptions, train

SIDE_PX = 96
WIDTHS = (8, 8, 8)


def picture(rng: np.random.Generator) -> np.ndarray:
    image = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
    image[20:70, 30:80] = rng.integers(0, 255, 3)
    return image


def recipe_of(pairs: Path, **changes: object) -> Recipe:
    recipe = Recipe(
        steps=4,
        save_every=2,
        log_every=2,
        grid_every=100,
        model=ModelConfig(widths=WIDTHS, discriminator_channels=4),
        data=DataConfig(photos=str(pairs), batch=2, sizes_px=(64, 72)),
        optim=OptimConfig(warmup_steps=1),
        pair_weights=PairWeights(adversarial=0.1, stability=0.5),
    )
    return replace(recipe, **changes)


def validated(recipe: Recipe, unseen: Path, every: int = 1, most: int = 64) -> Recipe:
    data = replace(recipe.data, validation=str(unseen), validation_pictures=most)
    return replace(recipe, data=data, validate_every=every)


def stop_after_two(recipe: Recipe, folder: Path) -> None:
    def stop(step: int) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, RunOptions(folder), stop)


def unpaired(pairs: Path, styles: Path, generator: str, **changes: object) -> Recipe:
    recipe = recipe_of(
        pairs,
        method="dtgan",
        steps=2,
        pretrain_steps=1,
        log_every=1,
        model=ModelConfig(generator, WIDTHS if "lite" in generator else (), discriminator_channels=4),
        data=DataConfig(photos=str(pairs), styles=str(styles), batch=1, sizes_px=(64,), zooms=(1.0,)),
    )
    return replace(recipe, **changes)
