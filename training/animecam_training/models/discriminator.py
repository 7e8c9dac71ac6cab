"""The patch discriminator of the double-tail network (Liu, Chen, Gao: DTGAN, IEICE Trans. E107-D, 2024).

Two of them train: one sees gray pictures and compares the support tail with anime, the other sees colour and compares
the main tail with the refined support output. Every convolution, LADE's 1 x 1 included, has its spectral norm held at
one (Miyato et al., ICLR 2018).
"""

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from animecam_training.models.layers import LEAKY_SLOPE, ConvBlock, xavier_conv

BASE_CHANNELS = 32
STAGES = 3
STEM_KERNEL = 7


class PatchDiscriminator(nn.Module):
    """Judges patches: a stem at full size, three halvings, one logit for every 8 x 8 pixels.

    Args:
        base_channels: Width of the stem; each stage ends at twice the width of the one before.
    """

    def __init__(self, base_channels: int = BASE_CHANNELS) -> None:
        super().__init__()
        self.stem = xavier_conv(3, base_channels, STEM_KERNEL)
        blocks: list[nn.Module] = []
        channels_in, channels = base_channels, base_channels
        for _ in range(STAGES):
            blocks += [ConvBlock(channels_in, channels, stride=2), ConvBlock(channels, 2 * channels)]
            channels *= 2
            channels_in = channels
        self.blocks = nn.Sequential(*blocks)
        self.head = xavier_conv(channels, 1, 1)
        for module in list(self.modules()):
            if isinstance(module, nn.Conv2d):
                spectral_norm(module)

    def forward(self, picture: Tensor) -> Tensor:
        """Logits [N, 1, H / 8, W / 8] of pictures [N, 3, H, W], RGB or repeated gray in [-1, 1]."""
        margin = STEM_KERNEL // 2
        padded = F.pad(picture, (margin, margin, margin, margin), mode="reflect")
        return self.head(self.blocks(F.leaky_relu(self.stem(padded), LEAKY_SLOPE)))
