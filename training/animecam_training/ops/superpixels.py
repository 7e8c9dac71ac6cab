"""Superpixels (Felzenszwalb, Huttenlocher, IJCV 2004). Without torch: data preparation needs none."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

SCALE = 5.0
SIGMA_PX = 0.8
MIN_AREA_PX = 50


def find_superpixels(picture: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Labels 0 … n - 1 of connected regions of like colour.

    Args:
        picture: RGB, uint8 [H, W, 3].

    Returns:
        int32 [H, W].
    """
    labels = felzenszwalb(picture, scale=SCALE, sigma=SIGMA_PX, min_size=MIN_AREA_PX, channel_axis=2)
    return np.asarray(labels, dtype=np.int32)
