"""Shares the pixels that several faces claim, so that neither the order of the faces nor a mask's edge shows."""

from collections.abc import Sequence

import numpy as np

from animecam.affine import bounding_box, chain, invert
from animecam.pauses import Pausing, at_once
from animecam.render.masks import Mask
from animecam.render.resample import resample
from animecam.types import Affine, Box, Region

SHARPNESS = 2
"""Power to which a face's claim to a pixel is raised: with 1 both faces would shine through each other all over, with
much more the border between them is hard."""

SMALLEST = 1e-6
"""Stands for 0 in divisors."""


def share_pixels(regions: Sequence[Region], masks: Sequence[Mask], strength: float) -> tuple[Mask, ...]:
    """Masks for pasting regions one after the other that together show what each alone would.

    Where masks w overlap, the part 1 - Π(1 - w) of a pixel is drawn, split among the faces by w to the power
    SHARPNESS; as pasting covers what was pasted before, each share is divided by what the later ones leave.

    Args:
        regions: Where the masks lie in the frame.
        masks: What shows of each region on its own.
        strength: Share of the drawn picture in what shows, in [0, 1].

    Returns:
        One mask a region, in the same order, in which they must be pasted.
    """
    return at_once(sharing_pixels(regions, masks, strength))


def sharing_pixels(regions: Sequence[Region], masks: Sequence[Mask], strength: float) -> Pausing[tuple[Mask, ...]]:
    """As `share_pixels`, with a pause after each region."""
    shared: list[Mask] = []
    for index, (mask, rivals) in enumerate(zip(masks, find_rivals(regions), strict=True)):
        if rivals:
            claims = {other: _seen_from(regions[index], regions[other], masks[other]) for other in rivals}
            shared.append(_share(mask, claims, index, strength))
        else:
            shared.append(mask if strength == 1.0 else mask * np.float32(strength))
        yield
    return tuple(shared)


def share_below(region: Region, mask: Mask, heads: Sequence[Region], masks: Sequence[Mask], strength: float) -> Mask:
    """The mask with which a whole frame is pasted before the heads on top of it, so that all together show no more.

    Heads leave 1 - s M of what is below them, where M is the part of a pixel that any of them covers and s the
    strength. Of the frame s w (1 - M) is to be seen, so it is pasted with that much divided by what they leave.

    Args:
        region: The whole frame.
        mask: What shows of it on its own (w).
        heads: Regions that are pasted after it, shared out by `share_pixels`.
        masks: What shows of each of them on its own.
        strength: Share of the drawn picture in what shows, in [0, 1].

    Returns:
        A mask of the region's size.
    """
    if strength == 1.0 or not heads:  # what the heads do not cover in full shows the drawn frame, in full
        return mask if strength == 1.0 else mask * np.float32(strength)
    undrawn = np.ones_like(mask)
    for head, head_mask in zip(heads, masks, strict=True):
        undrawn = undrawn * (1.0 - _seen_from(region, head, head_mask))
    left = 1.0 - strength * (1.0 - undrawn)
    return (strength * mask * undrawn / np.maximum(left, SMALLEST)).astype(np.float32, copy=False)


def find_rivals(regions: Sequence[Region]) -> list[list[int]]:
    """For each region the places of the others that may claim pixels of it, in their order."""
    boxes = [bounding_box(r.to_frame, Box(0, 0, r.width_px, r.height_px)) for r in regions]
    return [
        [other for other in range(len(boxes)) if other != index and _meet(boxes[index], boxes[other])]
        for index in range(len(boxes))
    ]


def _meet(one: Box, other: Box) -> bool:
    is_beside = one.right <= other.left or other.right <= one.left
    return not is_beside and one.top < other.bottom and other.top < one.bottom


def _seen_from(region: Region, other: Region, mask: Mask) -> Mask:
    """The mask of another region in the pixels of this one."""
    return resample(mask, to_other(region, other), region.width_px, region.height_px, outside=0)


def to_other(region: Region, other: Region) -> Affine:
    """Maps crop pixels of a region to crop pixels of another."""
    return chain(invert(other.to_frame), region.to_frame)


def _share(mask: Mask, claims: dict[int, Mask], index: int, strength: float) -> Mask:
    """The mask with which face `index` is pasted, given the masks of its rivals by their places in the order."""
    undrawn = 1.0 - mask
    total = own = mask**SHARPNESS
    later = np.zeros_like(mask)
    for other, claim in claims.items():
        undrawn = undrawn * (1.0 - claim)
        weight = claim**SHARPNESS
        total = total + weight
        if other > index:
            later += weight
    part = (1.0 - undrawn) * np.float32(strength) / np.maximum(total, SMALLEST)
    pasted = part * own / np.maximum(1.0 - part * later, SMALLEST)
    return np.clip(pasted, 0.0, 1.0).astype(np.float32, copy=False)
