"""Least-squares adversarial terms (Mao et al., ICCV 2017) with the targets of DTGAN."""

from collections.abc import Sequence

import torch
from torch import Tensor

Logits = Sequence[Tensor]
"""What a discriminator says of a batch: one map of logits [N, 1, h, w], or one for each layer that it looks at."""

SUPPORT_REAL = 0.9
SUPPORT_FAKE = 0.1
"""Soft labels of the discriminator that sees gray pictures."""

MAIN_REAL = 1.0
MAIN_FAKE = 0.0

SUPPORT_REAL_WEIGHT = 0.5
MAIN_WEIGHT = 0.1


def least_squares(logits: Logits, target: float) -> Tensor:
    """Mean (D(x) - target)^2 over each map, and over the maps."""
    return torch.stack([(one.float() - target).square().mean() for one in logits]).mean()


def support_generator(logits_styled: Logits) -> Tensor:
    """Mean (D_s(gray s1) - 0.9)^2: the support tail wants to pass as anime."""
    return least_squares(logits_styled, SUPPORT_REAL)


def main_generator(logits_drawn: Logits) -> Tensor:
    """Mean (D_m(m) - 1)^2: the main tail wants to pass as the refined support output."""
    return least_squares(logits_drawn, MAIN_REAL)


def support_discriminator(
    logits_anime: Logits, logits_styled: Logits, logits_smoothed: Logits, smoothed_weight: float
) -> Tensor:
    """0.5 (D(gray a) - 0.9)^2 + (D(gray s1) - 0.1)^2 + w_e (D(gray e) - 0.1)^2, means over the logit maps.

    Args:
        logits_anime: Of gray anime pictures.
        logits_styled: Of the gray, guided-filtered support output, detached.
        logits_smoothed: Of gray anime pictures with smoothed edges, so that D learns to look at lines.
        smoothed_weight: w_e; 2 for the "Hayao" style of the paper, 5 for "Shinkai".
    """
    return (
        SUPPORT_REAL_WEIGHT * least_squares(logits_anime, SUPPORT_REAL)
        + least_squares(logits_styled, SUPPORT_FAKE)
        + smoothed_weight * least_squares(logits_smoothed, SUPPORT_FAKE)
    )


def main_discriminator(logits_refined: Logits, logits_drawn: Logits) -> Tensor:
    """0.1 [(D(R) - 1)^2 + D(m)^2]: refined support outputs against those of the main tail, detached."""
    return MAIN_WEIGHT * (least_squares(logits_refined, MAIN_REAL) + least_squares(logits_drawn, MAIN_FAKE))
