"""Supervised training towards a known picture: a drawn target, or what a teacher draws."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from animecam_training.data.sets import Batch
from animecam_training.errors import CheckpointError, ConfigError
from animecam_training.losses.adversarial import MAIN_FAKE, MAIN_REAL, least_squares
from animecam_training.losses.detail import detail_l1
from animecam_training.losses.perceptual import compute_features
from animecam_training.losses.stability import Moment, stability_l1
from animecam_training.losses.supervised import covered_l1, feature_l1, gradient_l1, parts_l1, pixel_l1, tone_l1
from animecam_training.methods.base import (
    Losses,
    autocast,
    descend,
    detached,
    features_file,
    make_adam,
    place,
    rate_at,
    weighted_sum,
    window_source,
)
from animecam_training.methods.judging import detached_maps, new_discriminator, opinions
from animecam_training.models.generator import TwoTailed
from animecam_training.models.registry import build_generator
from animecam_training.ops.bilateral import bilateral_filter
from animecam_training.ops.spin import cycle_spin
from animecam_training.perceptual.registry import open_features
from animecam_training.recipe.config import Recipe
from animecam_training.run.checkpoint import StateDict
from animecam_training.run.distributed import rank_of_ranks, share_weights
from animecam_training.run.ema import MovingAverage
from animecam_training.run.predecessors import open_teacher

DETAIL_LAYERS = {"squeezenet1_1": ("conv1", "fire3", "fire5", "fire7"), "vgg19": ("conv2_2", "conv3_3", "conv4_4")}
"""From lines to shapes: what a supervised picture is compared by."""


class PairMethod:
    """Learn to draw targets.

    Args:
        recipe: Weights `pair_weights`; with an adversarial weight a discriminator trains alongside.
        device: Where to compute.

    Raises:
        ConfigError: The recipe names a generator with two tails.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        self.device = device
        torch.manual_seed(recipe.seed)  # pyright: ignore[reportUnknownMemberType]
        generator = build_generator(recipe.model.generator, **recipe.model.options)
        if isinstance(generator, TwoTailed):
            raise ConfigError(
                f"recipe: model.generator is {recipe.model.generator!r}, which has two tails",
                hint=f'the method "{recipe.method}" needs model.generator = "dtgan" or "dtgan-lite"',
            )
        self.generator = place(generator, device)
        layers = DETAIL_LAYERS.get(recipe.features)
        features = open_features(recipe.features, weights=features_file(recipe), style_layers=layers)
        self.features = place(features, device)
        self.discriminator: nn.Module | None = None
        optim = recipe.optim
        if recipe.pair_weights.adversarial:
            self.discriminator = place(new_discriminator(recipe.model, self.features), device)
            self.d_optimizer = make_adam([self.discriminator], optim.discriminator_rate, optim)
        share_weights([self.generator, *([self.discriminator] if self.discriminator else [])])
        self.g_optimizer = make_adam([self.generator], optim.learning_rate, optim)
        self.average = MovingAverage(self.generator, optim.ema_decay)
        self._averaged = build_generator(recipe.model.generator, **recipe.model.options).to(device).eval()

    def target(self, batch: Batch) -> Tensor:
        """What the generator should draw, [N, 3, S, S]."""
        return batch["target"]

    def train_step(self, batch: Batch, step: int) -> Losses:
        """One step of the generator, and of the discriminator where there is one."""
        recipe, optim = self.recipe, self.recipe.optim
        self.generator.train()
        judge = self.discriminator if step >= recipe.adversarial_from * recipe.steps else None
        share = rate_at(optim, step, recipe.steps)
        photo, target = batch["photo"], self.target(batch)
        with autocast(recipe, self.device):
            drawn = self.generator(photo)
            source = window_source(recipe.seed, step)
            (wanted,), (seen,) = compute_features(self.features, [target], [drawn], generator=source)
            terms = {
                "pixel": pixel_l1(drawn, target),
                "gradient": gradient_l1(drawn, target),
                "detail": detail_l1(drawn, target),
                "feature": feature_l1(seen, wanted),
            }
            if recipe.pair_weights.tone:
                terms["tone"] = tone_l1(drawn, target)
            if recipe.pair_weights.worn:
                terms["worn"] = covered_l1(drawn, target, batch["cover"])
            if recipe.pair_weights.parts:
                terms["parts"] = parts_l1(drawn, target, batch["parts"])
            if recipe.pair_weights.stability:
                rank, ranks = rank_of_ranks()
                moment = Moment.draw(photo, source, rank=rank, ranks=ranks)
                terms["stability"] = stability_l1(drawn, self.generator(moment.later(photo)), moment)
            if judge is not None:
                judge.requires_grad_(False)
                terms["adversarial"] = least_squares(opinions(judge, drawn, seen), MAIN_REAL)
        total = weighted_sum(terms, {name: getattr(recipe.pair_weights, name) for name in terms})
        rate = optim.learning_rate * share
        norm = descend(total, self.g_optimizer, rate, terms, optim.clip_norm)
        self.average.update(self.generator)
        losses = {f"G/{name}": value for name, value in detached(terms).items()} | {"G/gradient_norm": norm}
        if judge is not None:
            judge.requires_grad_(True)
            with autocast(recipe, self.device):
                judged = {
                    "D/real": least_squares(opinions(judge, target, wanted), MAIN_REAL),
                    "D/fake": least_squares(opinions(judge, drawn.detach(), detached_maps(seen)), MAIN_FAKE),
                }
            descend(judged["D/real"] + judged["D/fake"], self.d_optimizer, optim.discriminator_rate * share, judged)
            losses |= detached(judged)
        return losses

    def state(self) -> dict[str, StateDict]:
        """Modules, optimisers and the average."""
        state: dict[str, StateDict] = {
            "generator": self.generator.state_dict(),
            "g_optimizer": self.g_optimizer.state_dict(),
            "average": self.average.state_dict(),
        }
        if self.discriminator is not None:
            state |= {"discriminator": self.discriminator.state_dict(), "d_optimizer": self.d_optimizer.state_dict()}
        return state

    def load_state(self, state: Mapping[str, StateDict]) -> None:
        """Go on from `state`."""
        self.generator.load_state_dict(state["generator"])
        self.g_optimizer.load_state_dict(state["g_optimizer"])
        self.average.load_state_dict(state["average"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(state["discriminator"])
            self.d_optimizer.load_state_dict(state["d_optimizer"])

    @torch.no_grad()
    def draw(self, picture: Tensor) -> Tensor:
        """Style [N, 3, H, W] with the averaged weights."""
        self._averaged.load_state_dict(self.average.weights)
        return self._averaged(picture)


class DistillMethod(PairMethod):
    """Learn to draw what a teacher draws; the student sees degraded crops, the teacher clean ones.

    Nor does the teacher see glasses that `prepare` put on: they are laid on what it draws, so that a student learns to
    draw the eyes behind them and frames that its teacher loses. Nor gloss that was put on, nor the colour of a wall
    ("tint"): it sees a gray one, and what it draws gets the colour.

    Raises:
        CheckpointError: The recipe names no teacher, or its checkpoint cannot be read.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        super().__init__(recipe, device)
        if not recipe.teacher:
            raise CheckpointError("the recipe names no teacher", hint="--teacher STYLE, or teacher in the recipe")
        self.teacher = place(open_teacher(Path(recipe.teacher)), device)

    @torch.no_grad()
    def target(self, batch: Batch) -> Tensor:
        """What the teacher draws from the clean crop, calmed as the recipe says, with wall and glasses added."""
        clean = batch["clean"]
        drawn = cycle_spin(self.teacher, clean) if self.recipe.spin_teacher else self.teacher(clean)
        for _ in range(self.recipe.calm_teacher):
            drawn = bilateral_filter(drawn)
        if "tint" in batch:
            drawn = ((drawn + 1) / 2 * batch["tint"]).clamp(0, 1) * 2 - 1
        return torch.lerp(drawn, batch["worn"], batch["cover"])
