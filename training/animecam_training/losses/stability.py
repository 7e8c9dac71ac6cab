"""A term for calm films: what is seen a moment later, moved a little and with other noise, is to be drawn the same.

A network draws every frame for itself. Where a line may be drawn here or a pixel beside, noise and the grid of its
coarse layers decide, and the line trembles. No film is needed to unlearn that.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

FARTHEST_PX = 2.5
"""How far a picture is moved along each side: past the grid of the layers at half and at quarter size."""

MOST_NOISE = 0.04
"""Largest deviation of the noise, in [-1, 1]: five levels of 255, a webcam in the evening."""

MARGIN_PX = 8
"""What is beyond the border is made up, and nearer to it the network sees that."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What changes from one frame to the next.

    Attributes:
        shift_px: How far each picture moves to the right and down, fp32 [N, 2].
        noise: What is added to the photos, fp32 [N, 3, S, S], in their range of [-1, 1].
    """

    shift_px: Tensor
    noise: Tensor

    @classmethod
    def draw(cls, photo: Tensor, source: torch.Generator, *, rank: int = 0, ranks: int = 1) -> "Moment":
        """A random moment.

        Each process draws that of all their photos and takes its own part, so that several do what one does with the
        photos of all. The noise of 32 crops of 192 px takes 13 ms (one core).

        Args:
            photo: [N, 3, S, S].
            source: Randomness, on the CPU; the same in every process.
            rank: Number of this process.
            ranks: How many have so many photos each.
        """
        count = len(photo)
        of_all, own = count * ranks, slice(count * rank, count * (rank + 1))
        shift_px = (torch.rand(of_all, 2, generator=source) * 2 - 1) * FARTHEST_PX
        deviation = torch.rand(of_all, 1, 1, 1, generator=source) * MOST_NOISE
        noise = torch.randn(of_all, *photo.shape[1:], generator=source)[own] * deviation[own]
        return cls(shift_px[own].to(photo.device), noise.to(photo.device))

    def later(self, photo: Tensor) -> Tensor:
        """The photos [N, 3, S, S] a moment later."""
        return (self.moved(photo) + self.noise).clamp(-1.0, 1.0)

    def moved(self, pictures: Tensor) -> Tensor:
        """Pictures [N, C, S, S] moved, interpolated by bicubics; fp32."""
        height, width = pictures.shape[2:]
        with torch.autocast(pictures.device.type, enabled=False):  # places in bf16 come in steps of a third of a pixel
            to_source = torch.eye(2, 3, device=pictures.device).repeat(len(pictures), 1, 1)
            to_source[:, :, 2] = -2.0 * self.shift_px / torch.tensor([width, height], device=pictures.device)
            grid = F.affine_grid(to_source, list(pictures.shape), align_corners=False)
            return F.grid_sample(pictures.float(), grid, mode="bicubic", padding_mode="border", align_corners=False)


def stability_l1(now: Tensor, later: Tensor, moment: Moment) -> Tensor:
    """Mean |G(T x) - T G(x)|, the border left out.

    The regularisation of Eilertsen, Mantiuk, Unger, "Single-Frame Regularization for Temporally Stable CNNs",
    CVPR 2019 ("transform invariance"), with noise in T as far as the network sees it, and L1.

    Args:
        now: What was drawn of the photos, G(x), [N, 3, S, S], RGB in [-1, 1].
        later: What was drawn of them a moment later, G(T x).
        moment: T.
    """
    inner = (..., slice(MARGIN_PX, -MARGIN_PX), slice(MARGIN_PX, -MARGIN_PX))
    return F.l1_loss(later.float()[inner], moment.moved(now)[inner])
