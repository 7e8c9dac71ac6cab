"""All figures of a style on one set of portraits."""

# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, Image
from animecam_training.metrics.identity import IdentityNetwork, five_points
from animecam_training.metrics.pictures import psnr_db, to_batch
from animecam_training.metrics.squeeze import SqueezeDistance, kernel_distance, vectors_of
from animecam_training.models.generator import SIZE_MULTIPLE
from animecam_training.ops.levels import HALF_RANGE, to_levels

BATCH = 8

Draw = Callable[[Tensor], Tensor]
"""A generator as it is measured: RGB fp32 [1, 3, H, W] in [-1, 1] on the CPU to the same, wherever it computes."""


@dataclass(frozen=True, slots=True)
class IdentityFigures:
    """Cosines of each face with its styled self.

    Attributes:
        mean: Over the faces that were found.
        worst: The least of them.
        faces: How many were found.
    """

    mean: float
    worst: float
    faces: int


@dataclass(frozen=True, slots=True)
class StyleFigures:
    """What a style does to a set of portraits.

    Attributes:
        pictures: Number of portraits.
        squeeze_kid: Distance of the styled portraits to the anime pictures.
        squeeze_kid_photos: Distance of the portraits themselves.
        squeeze_distance: Mean squeeze distance of a styled portrait to its photo.
        psnr_db: Mean PSNR of a styled portrait to its photo.
        identity: None where it was not measured.
    """

    pictures: int
    squeeze_kid: float
    squeeze_kid_photos: float
    squeeze_distance: float
    psnr_db: float
    identity: IdentityFigures | None = None

    @property
    def relative_distance(self) -> float:
        """Share of the way to the anime pictures that is left: 1 is a photo, 0 is one of them."""
        return self.squeeze_kid / self.squeeze_kid_photos


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near drawings are to other pictures: to the photos, or to what a teacher draws of them.

    Attributes:
        squeeze_distance: Mean squeeze distance.
        psnr_db: Mean PSNR.
    """

    squeeze_distance: float
    psnr_db: float


@torch.inference_mode()
def stylize_images(draw: Draw, images: Iterable[Image]) -> list[Image]:
    """Run a generator over pictures.

    Args:
        draw: The generator.
        images: RGB, uint8 [H, W, 3], sides multiples of 8.

    Raises:
        DataError: A side is no multiple of 8.
    """
    styled: list[Image] = []
    for image in images:
        if image.shape[0] % SIZE_MULTIPLE or image.shape[1] % SIZE_MULTIPLE:
            raise DataError(f"a picture of {image.shape[1]} x {image.shape[0]}", hint="sides must be multiples of 8")
        drawn = draw(torch.from_numpy(image).permute(2, 0, 1)[None].float() / HALF_RANGE - 1)
        pixels = to_levels(drawn[0].float()).cpu()
        styled.append(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))
    return styled


def measure_identity(
    photos: Iterable[Image], styled: Iterable[Image], finder: FaceFinder, network: IdentityNetwork
) -> IdentityFigures:
    """Whether the people remain.

    Args:
        photos: RGB, uint8 [H, W, 3], a face in each.
        styled: The same pictures after styling, of the same sizes.
        finder: Finds the faces in the photos.
        network: Compares them.

    Raises:
        DataError: No face in any photo.
    """
    cosines: list[float] = []
    for photo, drawn in zip(photos, styled, strict=True):
        face = finder.find(photo)
        if face is not None:
            cosines.append(network.cosine(photo, drawn, five_points(face)))
    if not cosines:
        raise DataError("no face in any of the portraits", hint="identity needs photos of people")
    return IdentityFigures(float(np.mean(cosines)), min(cosines), len(cosines))


@torch.inference_mode()
def evaluate_style(
    photos: Sequence[Image],
    styled: Sequence[Image],
    aim: Tensor,
    *,
    identity: IdentityFigures | None = None,
    also: Callable[[Tensor], None] | None = None,
) -> StyleFigures:
    """All figures that still pictures allow.

    Args:
        photos: RGB, uint8 [H, W, 3]; two at least.
        styled: The same pictures after styling, of the same sizes.
        aim: What the style aims at, as `vectors_of` it; of two pictures at least.
        identity: As `measure_identity` found it; None where nobody looked.
        also: Given the styled pictures, see `vectors_of`.

    Raises:
        DataError: Too few pictures, or pictures that do not belong together.
    """
    if len(photos) != len(styled) or min(len(photos), len(aim)) < 2:
        raise DataError(
            f"{len(photos)} photos, {len(styled)} styled and {len(aim)} anime pictures",
            hint="give each photo with its styled self, and two pictures of either kind at least",
        )
    likeness = compare_drawings(photos, styled)
    return StyleFigures(
        pictures=len(photos),
        squeeze_kid=kernel_distance(vectors_of(styled, also), aim),
        squeeze_kid_photos=kernel_distance(vectors_of(photos), aim),
        squeeze_distance=likeness.squeeze_distance,
        psnr_db=likeness.psnr_db,
        identity=identity,
    )


@torch.inference_mode()
def compare_drawings(wanted: Sequence[Image], drawn: Sequence[Image]) -> Likeness:
    """How near drawings are to other pictures.

    Args:
        wanted: What they are compared with, RGB, uint8 [H, W, 3]; one at least.
        drawn: The drawings, in the same order and of the same sizes.
    """
    distance, starts = SqueezeDistance(), range(0, len(wanted), BATCH)
    distances = [distance(to_batch(drawn[i : i + BATCH]), to_batch(wanted[i : i + BATCH])) for i in starts]
    return Likeness(
        squeeze_distance=float(torch.cat(distances).mean()),
        psnr_db=float(np.mean([psnr_db(mine, theirs) for mine, theirs in zip(drawn, wanted, strict=True)])),
    )
