"""The double-tail method (Liu, Chen, Gao: DTGAN, IEICE Trans. E107-D, 2024): photos and anime pictures, unpaired.

The support tail learns lines and shading from anime, against a discriminator that sees gray. The main tail repeats what
support drew, cleaned by non-local means and L0 smoothing, against a discriminator that sees colour.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from animecam_training.data.sets import Batch
from animecam_training.errors import ConfigError
from animecam_training.losses.adversarial import (
    main_discriminator,
    main_generator,
    support_discriminator,
    support_generator,
)
from animecam_training.losses.perceptual import compute_features, content, style
from animecam_training.losses.picture import lab_color, refinement_features, refinement_pixels, total_variation
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
from animecam_training.methods.judging import detached_maps, looks_at_maps, new_discriminator, opinions
from animecam_training.models.generator import TwoTailed
from animecam_training.models.registry import build_generator, inference_generator
from animecam_training.ops.color import to_gray
from animecam_training.ops.guided import guided_filter
from animecam_training.ops.refine import refine
from animecam_training.ops.superpixel_batch import fill_with_means, superpixel_batch
from animecam_training.perceptual.base import FeatureMaps
from animecam_training.perceptual.registry import open_features
from animecam_training.recipe.config import DtganWeights, Recipe
from animecam_training.run.checkpoint import StateDict
from animecam_training.run.distributed import share_weights
from animecam_training.run.ema import MovingAverage
from animecam_training.run.predecessors import open_teacher


class Drawn(NamedTuple):
    """One batch through the generator, each [N, 3, S, S], RGB in [-1, 1].

    Attributes:
        support: s1, the support output after its guided filter.
        main: m, the main output.
        refined: R, the support output cleaned; no gradient.
        gray_support: s1 in gray, three channels.
    """

    support: Tensor
    main: Tensor
    refined: Tensor
    gray_support: Tensor


class Seen(NamedTuple):
    """Feature maps of what the discriminators judge, all through one window.

    Attributes:
        anime: Of the anime pictures in gray.
        smoothed: Of those with smoothed edges, in gray; none where the discriminators look at pixels.
        gray_support: Of s1 in gray.
        refined: Of R.
        main: Of m.
    """

    anime: FeatureMaps
    smoothed: FeatureMaps
    gray_support: FeatureMaps
    refined: FeatureMaps
    main: FeatureMaps


class DtganMethod:
    """Pre-training on content, then turns of the generator and the two discriminators.

    With a teacher, content, regions and colour are held to what the teacher draws of the photo, not to the photo: the
    adversarial stage then takes over where a supervised one ended, and does not bring back what that one removed.

    Args:
        recipe: Weights `dtgan_weights`; the generator must be a `TwoTailed` one.
        device: Where to compute.

    Raises:
        ConfigError: The recipe names a generator with one tail.
        CheckpointError: The teacher's checkpoint cannot be read.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        self.device = device
        torch.manual_seed(recipe.seed)  # pyright: ignore[reportUnknownMemberType]
        generator = build_generator(recipe.model.generator, **recipe.model.options)
        if not isinstance(generator, TwoTailed):
            raise ConfigError(
                f"recipe: model.generator is {recipe.model.generator!r}, which has one tail",
                hint='the method "dtgan" needs model.generator = "dtgan-double" or "dtgan-lite-double"',
            )
        self.generator: nn.Module = place(generator, device)
        self.features = place(open_features(recipe.features, weights=features_file(recipe)), device)
        self.d_support = place(new_discriminator(recipe.model, self.features), device)
        self.d_main = place(new_discriminator(recipe.model, self.features), device)
        share_weights([self.generator, self.d_support, self.d_main])
        self.teacher = place(open_teacher(Path(recipe.teacher)), device) if recipe.teacher else None
        if len(recipe.dtgan_weights.style) != len(self.features.style_layers):
            raise ConfigError(
                f"recipe: dtgan_weights.style needs {len(self.features.style_layers)} numbers",
                hint="one for each style layer: " + ", ".join(self.features.style_layers),
            )
        optim = recipe.optim
        self.g_optimizer = make_adam([self.generator], optim.learning_rate, optim)
        self.d_optimizer = make_adam([self.d_support, self.d_main], optim.discriminator_rate, optim)
        self.average = MovingAverage(self.generator, optim.ema_decay)
        self._averaged = build_generator(recipe.model.generator, **recipe.model.options).to(device).eval()

    def train_step(self, batch: Batch, step: int) -> Losses:
        """Pre-training: one generator step on content. Later: the generator's turn, then the discriminators'."""
        self.generator.train()
        optim = self.recipe.optim
        share = rate_at(optim, step, self.recipe.steps)
        if step < self.recipe.pretrain_steps:
            return self._pretrain_step(batch, step, (optim.pretrain_rate or optim.learning_rate) * share)
        drawn, seen, losses = self._generator_step(batch, step, optim.learning_rate * share)
        return losses | self._discriminator_step(batch, drawn, seen, optim.discriminator_rate * share)

    @torch.no_grad()
    def _held(self, batch: Batch) -> Tensor:
        """What content, regions and colour are held to, [N, 3, S, S]: the clean photo, or the teacher's drawing."""
        return batch["clean"] if self.teacher is None else self.teacher(batch["clean"]).float()

    def _pretrain_step(self, batch: Batch, step: int, rate: float) -> Losses:
        weights = self.recipe.dtgan_weights
        with autocast(self.recipe, self.device):
            tails = self.generator(batch["photo"])
            pictures = [guided_filter(tails.support), tails.main.float()]
            (photo,), drawn = compute_features(
                self.features, [self._held(batch)], pictures, generator=window_source(self.recipe.seed, step)
            )
        layer = self.features.content_layer
        terms = {"pretrain_support": content(photo[layer], drawn[0][layer])}
        terms["pretrain_main"] = content(photo[layer], drawn[1][layer])
        total = weighted_sum(terms, {name: getattr(weights, name) for name in terms})
        norm = descend(total, self.g_optimizer, rate, terms, self.recipe.optim.clip_norm)
        self.average.update(self.generator)
        return {f"G/{name}": value for name, value in detached(terms).items()} | {"G/gradient_norm": norm}

    def _generator_step(self, batch: Batch, step: int, rate: float) -> tuple[Drawn, Seen, Losses]:
        self.d_support.requires_grad_(False)
        self.d_main.requires_grad_(False)
        with autocast(self.recipe, self.device):
            tails = self.generator(batch["photo"])
            support = guided_filter(tails.support)
            drawn = Drawn(support, tails.main.float(), refine(tails.support), to_gray(support))
            terms, seen = self._generator_terms(batch, drawn, step)
        total = weighted_sum(terms, _row_weights(self.recipe.dtgan_weights))
        norm = descend(total, self.g_optimizer, rate, terms, self.recipe.optim.clip_norm)
        self.average.update(self.generator)
        losses = {f"G/{name}": value for name, value in detached(terms).items()}
        return drawn, seen, losses | {"G/gradient_norm": norm}

    def _generator_terms(self, batch: Batch, drawn: Drawn, step: int) -> tuple[dict[str, Tensor], Seen]:
        """Every row of the method's table that concerns the generator, unweighted, and what was seen for it."""
        photo, layer = self._held(batch), self.features.content_layer
        own_regions = fill_with_means(drawn.support, superpixel_batch(drawn.support))
        photo_regions = fill_with_means(photo, batch["regions"])
        smoothed = [to_gray(batch["smoothed"])] if looks_at_maps(self.d_support) else []
        fixed, learned = compute_features(
            self.features,
            [photo, to_gray(batch["anime"]), own_regions, photo_regions, drawn.refined, *smoothed],
            [drawn.support, drawn.gray_support, drawn.main],
            generator=window_source(self.recipe.seed, step),
        )
        f_photo, f_anime, f_own, f_photo_regions, f_refined, *f_smoothed = fixed
        f_support, f_gray, f_main = learned
        seen = Seen(f_anime, f_smoothed[0] if f_smoothed else {}, f_gray, f_refined, f_main)
        styles = {f"style_{i}": style(f_anime[name], f_gray[name]) for i, name in enumerate(self.features.style_layers)}
        terms = styles | {
            "adversarial_support": support_generator(opinions(self.d_support, drawn.gray_support, f_gray)),
            "content": content(f_photo[layer], f_support[layer]),
            "region_own": content(f_own[layer], f_support[layer]),
            "region_photo": content(f_photo_regions[layer], f_support[layer]),
            "colour": lab_color(photo, drawn.support),
            "variation_support": total_variation(drawn.support),
            "adversarial_main": main_generator(opinions(self.d_main, drawn.main, f_main)),
            "refine_pixels": refinement_pixels(drawn.refined, drawn.main),
            "refine_features": refinement_features(f_refined[layer], f_main[layer]),
            "variation_main": total_variation(drawn.main),
        }
        return terms, seen

    def _discriminator_step(self, batch: Batch, drawn: Drawn, seen: Seen, rate: float) -> Losses:
        self.d_support.requires_grad_(True)
        self.d_main.requires_grad_(True)
        with autocast(self.recipe, self.device):
            terms = {
                "support": support_discriminator(
                    opinions(self.d_support, to_gray(batch["anime"]), seen.anime),
                    opinions(self.d_support, drawn.gray_support.detach(), detached_maps(seen.gray_support)),
                    opinions(self.d_support, to_gray(batch["smoothed"]), seen.smoothed),
                    self.recipe.dtgan_weights.smoothed_edges,
                ),
                "main": main_discriminator(
                    opinions(self.d_main, drawn.refined, seen.refined),
                    opinions(self.d_main, drawn.main.detach(), detached_maps(seen.main)),
                ),
            }
        descend(terms["support"] + terms["main"], self.d_optimizer, rate, terms)
        return {f"D/{name}": value for name, value in detached(terms).items()}

    def state(self) -> dict[str, StateDict]:
        """Modules, optimisers and the average."""
        return {
            "generator": self.generator.state_dict(),
            "d_support": self.d_support.state_dict(),
            "d_main": self.d_main.state_dict(),
            "g_optimizer": self.g_optimizer.state_dict(),
            "d_optimizer": self.d_optimizer.state_dict(),
            "average": self.average.state_dict(),
        }

    def load_state(self, state: Mapping[str, StateDict]) -> None:
        """Go on from `state`."""
        self.generator.load_state_dict(state["generator"])
        self.d_support.load_state_dict(state["d_support"])
        self.d_main.load_state_dict(state["d_main"])
        self.g_optimizer.load_state_dict(state["g_optimizer"])
        self.d_optimizer.load_state_dict(state["d_optimizer"])
        self.average.load_state_dict(state["average"])

    @torch.no_grad()
    def draw(self, picture: Tensor) -> Tensor:
        """Style [N, 3, H, W] with the averaged main tail."""
        self._averaged.load_state_dict(self.average.weights)
        return inference_generator(self._averaged)(picture)


def _row_weights(weights: DtganWeights) -> dict[str, float]:
    """Weights by the names of the terms."""
    styles = {f"style_{i}": weight for i, weight in enumerate(weights.style)}
    names = (
        *("adversarial_support", "content", "region_own", "region_photo", "colour", "variation_support"),
        *("adversarial_main", "refine_pixels", "refine_features", "variation_main"),
    )
    return styles | {name: float(getattr(weights, name)) for name in names}
