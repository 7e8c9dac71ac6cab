"""What the values of a recipe must hold."""

import dataclasses

from animecam_training.recipe.config import Recipe
from animecam_training.target.options import DRAWING_SECTIONS

SMALLEST_CROP_PX = 64
SIZE_MULTIPLE = 8  # of crops; the generators halve three times
MOST_SEED = 2**32 - 1
MOST_CONTEXT = 5  # the fifth block looks 256 pixels to either side
PRETRAINING = ("pretrain_support", "pretrain_main")

Rules = dict[str, tuple[bool, str]]
"""By key: whether its value is sound, and what is wanted, in words."""


def rules_of(recipe: Recipe) -> Rules:
    """Of every key of a recipe."""
    data, model = recipe.data, recipe.model
    sizes = bool(data.sizes_px) and all(s >= SMALLEST_CROP_PX and s % SIZE_MULTIPLE == 0 for s in data.sizes_px)
    calm = recipe.calm_teacher == 0 or (recipe.calm_teacher > 0 and recipe.method == "distill")
    of_pairs = 1 if recipe.method == "pairs" else 0
    pretrain = 0 <= recipe.pretrain_steps <= (recipe.steps if recipe.method == "dtgan" else 0)
    rules = {
        "name": (bool(recipe.name) and "/" not in recipe.name, "a word without /"),
        "steps": (recipe.steps > 0, "1 or more"),
        "pretrain_steps": (pretrain, '0, or up to steps with the method "dtgan"'),
        "save_every": (recipe.save_every > 0, "1 or more"),
        "grid_every": (recipe.grid_every > 0, "1 or more"),
        "log_every": (recipe.log_every > 0, "1 or more"),
        "validate_every": (recipe.validate_every > 0, "1 or more"),
        "calm_teacher": (calm, '0, or more with the method "distill"'),
        "spin_teacher": (not recipe.spin_teacher or recipe.method == "distill", 'true with the method "distill" alone'),
        "expressions": (0 <= recipe.expressions <= 1, "0 to 1"),
        "turns": (0 <= recipe.turns <= 1, "0 to 1"),
        "beards": (0 <= recipe.beards <= of_pairs, '0, or to 1 with the method "pairs"'),
        "lip_shadows": (0 <= recipe.lip_shadows <= of_pairs, '0, or to 1 with the method "pairs"'),
        "glasses": (0 <= recipe.glasses <= 1, "0 to 1"),
        "gloss": (0 <= recipe.gloss <= 1, "0 to 1"),
        "even_light": (0 <= recipe.even_light <= 1, "0 to 1"),
        "model.widths": (len(model.widths) in (0, 3) and all(w > 0 for w in model.widths), "three numbers, or none"),
        "model.context": (0 <= model.context <= MOST_CONTEXT, f"0 to {MOST_CONTEXT}"),
        "model.discriminator_channels": (model.discriminator_channels > 0, "1 or more"),
        "data.batch": (data.batch > 0, "1 or more"),
        "data.validation_pictures": (data.validation_pictures > 0, "1 or more"),
        "data.workers": (data.workers >= 0, "0 or more"),
        "data.sizes_px": (sizes, f"multiples of {SIZE_MULTIPLE} from {SMALLEST_CROP_PX}"),
        "data.zooms": (bool(data.zooms) and all(z >= 1 for z in data.zooms), "1.0 or more, one number at least"),
        "seed": (0 <= recipe.seed <= MOST_SEED, f"0 to {MOST_SEED}"),
    }
    return rules | _augment_rules(recipe) | _optim_rules(recipe) | _weight_rules(recipe) | _drawing_rules(recipe)


def _augment_rules(recipe: Recipe) -> Rules:
    """Those of what is done to inputs."""
    augment = recipe.augment
    least_blur, most_blur = augment.blur_px
    least_motion, most_motion = augment.motion_px
    # Mirrored drawings would have the light from the right.
    is_lit = (
        recipe.method == "pairs" and "anime" in DRAWING_SECTIONS[recipe.drawing] and recipe.anime.key_light == "left"
    )
    most_mirrored, mirror = (0, '0 with anime.key_light = "left"') if is_lit else (1, "0 to 1")
    most_mosaics = 0 if recipe.method == "dtgan" else 1
    most_walls = 1 if recipe.method == "distill" else 0
    return {
        "augment.colour": (0 <= augment.colour <= 1, "0 to 1"),
        "augment.exposure": (0 <= augment.exposure < 1, "0 to less than 1"),
        "augment.white_balance": (0 <= augment.white_balance < 1, "0 to less than 1"),
        "augment.gamma": (0 < augment.gamma <= 1, "more than 0, to 1"),
        "augment.blur": (0 <= augment.blur <= 1, "0 to 1"),
        "augment.blur_px": (0 < least_blur <= most_blur, "two above 0, the smaller first"),
        "augment.noise": (0 <= augment.noise <= 1, "0 to 1"),
        "augment.jpeg": (0 <= augment.jpeg <= 1, "0 to 1"),
        "augment.haze": (0 <= augment.haze <= 1, "0 to 1"),
        "augment.motion": (0 <= augment.motion <= 1, "0 to 1"),
        "augment.motion_px": (0 < least_motion <= most_motion, "two above 0, the smaller first"),
        "augment.mirror": (0 <= augment.mirror <= most_mirrored, mirror),
        "augment.mosaic": (0 <= augment.mosaic <= most_mosaics, '0, or to 1 with the method "pairs" or "distill"'),
        "augment.walls": (0 <= augment.walls <= most_walls, '0, or to 1 with the method "distill"'),
    }


def _optim_rules(recipe: Recipe) -> Rules:
    """Those of the optimisers."""
    optim = recipe.optim
    return {
        "optim.learning_rate": (optim.learning_rate >= 0, "0 or more"),
        "optim.discriminator_rate": (optim.discriminator_rate >= 0, "0 or more"),
        "optim.betas": (all(0 <= beta < 1 for beta in optim.betas), "two from 0 to less than 1"),
        "optim.warmup_steps": (optim.warmup_steps >= 0, "0 or more"),
        "optim.decay_from": (0 <= optim.decay_from <= 1, "0 to 1"),
        "optim.final_share": (0 <= optim.final_share <= 1, "0 to 1"),
        "optim.pretrain_rate": (optim.pretrain_rate >= 0, "0 or more"),
        "optim.clip_norm": (optim.clip_norm >= 0, "0 or more"),
        "optim.ema_decay": (0 <= optim.ema_decay < 1, "0 to less than 1"),
    }


def _weight_rules(recipe: Recipe) -> Rules:
    """Those of the losses' weights, and of when the discriminator comes."""
    worn = recipe.pair_weights.worn == 0 or recipe.method != "dtgan"
    parts = recipe.pair_weights.parts == 0 or recipe.method == "pairs"
    is_judged = recipe.method != "dtgan" and recipe.pair_weights.adversarial > 0
    supervisors = dataclasses.asdict(recipe.pair_weights) | {"adversarial": 0.0}
    # Until the discriminator comes another term has to say what is wanted.
    late = recipe.adversarial_from == 0 or (0 < recipe.adversarial_from < 1 and is_judged and any(supervisors.values()))
    weights = dataclasses.astuple(recipe.pair_weights)
    supervised = any(weights) and min(weights) >= 0
    rows = dataclasses.asdict(recipe.dtgan_weights)
    first = [rows.pop(name) for name in PRETRAINING]
    style = rows.pop("style")
    adversary = rows.pop("smoothed_edges")
    unpaired = any((*rows.values(), *style)) and min(*rows.values(), *first, *style, adversary) >= 0
    return {
        "adversarial_from": (late, "0, or to less than 1 with pair_weights.adversarial and another"),
        "pair_weights.worn": (worn, '0, or more with the method "pairs" or "distill"'),
        "pair_weights.parts": (parts, '0, or more with the method "pairs"'),
        "pair_weights": (supervised, "one weight above 0, and none below"),
        "dtgan_weights.pretrain_main": (recipe.pretrain_steps == 0 or any(first), "one of pretrain_* not 0"),
        "dtgan_weights.style": (len(style) > 0, "one number for each style layer"),
        "dtgan_weights": (unpaired or not style, "one weight above 0 after pre-training, and none below"),
    }


def _drawing_rules(recipe: Recipe) -> Rules:
    """Those of the sections that say how targets are drawn."""
    target, anime, flat = recipe.target, recipe.anime, recipe.flat
    positive = "more than 0"
    rules = {
        "target.eye_gain": (target.eye_gain > 0, positive),
        "anime.eye_gain": (min(anime.eye_gain) > 0, positive),
        "anime.nose_gain": (anime.nose_gain > 0, positive),
        "anime.mouth_gain": (min(anime.mouth_gain) > 0, positive),
        "anime.jaw": (0 <= anime.jaw < 1, "0 to less than 1"),
        "flat.eye_gain": (flat.eye_gain > 0, positive),
        "flat.gloss": (flat.gloss > 0, positive),
        "flat.denoise_turns": (flat.denoise_turns >= 0, "0 or more"),
        "flat.space_px": (flat.space_px > 0, positive),
        "flat.colour": (flat.colour > 0, positive),
        "flat.face_reach": (0 < flat.face_reach <= 1, "more than 0, to 1"),
        "flat.edge": (flat.edge > 0, positive),
        "flat.face_edge_gain": (flat.face_edge_gain > 0, positive),
        "flat.line_ink": (flat.line_ink >= 0, "0 or more"),
        "flat.face_ink_share": (0 <= flat.face_ink_share <= 1, "0 to 1"),
        "flat.hair_ink_share": (0 <= flat.hair_ink_share <= 1, "0 to 1"),
        "flat.strand_px": (flat.strand_px >= 0, "0 or more"),
        "flat.eye_light": (0 <= flat.eye_light <= 1, "0 to 1"),
    }
    for name, lines in (("target", target.lines), ("anime", anime.lines), ("flat", flat.lines)):
        rules[f"{name}.lines.sigma_px"] = (lines.sigma_px > 0, positive)
        rules[f"{name}.lines.spread"] = (lines.spread > 0, positive)
        rules[f"{name}.lines.flow_sigma_px"] = (lines.flow_sigma_px > 0, positive)
    return rules
