"""The head shape covers a head, ends before the crop does, and has no kinks."""

import numpy as np
import pytest

from animecam.faces.align import FACE_TEMPLATE, HEAD_CENTRE, HEAD_SIDE, TEMPLATE_PX
from animecam.render.masks import full_mask, head_mask


@pytest.mark.parametrize("size", [(192, 192), (256, 256), (512, 512), (256, 192)])
def test_head_mask_ends_before_the_crop(size):
    mask = head_mask(*size)
    assert mask.dtype == np.float32
    assert mask.shape == size[::-1]
    assert mask.min() == 0.0
    assert mask.max() == 1.0
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert not border.any()


def test_the_face_shows_in_full():
    """Eyes, nose, mouth and chin of an aligned face lie where nothing of the filmed face is mixed in."""
    mask = head_mask(256, 256)
    chin = FACE_TEMPLATE[3] + (FACE_TEMPLATE[3] - FACE_TEMPLATE[2]) * 1.35  # seen on the mean of eighty portraits
    for point in (*FACE_TEMPLATE, chin):
        x, y = ((point - HEAD_CENTRE) / (TEMPLATE_PX * HEAD_SIDE) + 0.5) * 256
        assert mask[int(y), int(x)] > 0.99


def test_it_fades_without_kinks_and_only_outwards():
    row = head_mask(256, 256)[123, 128:].astype(float)
    slopes = np.diff(row)
    assert slopes.max() <= 0
    assert np.abs(np.diff(slopes)).max() < 0.01  # a straight ramp of the same width bends by 0.03 at its ends


def test_masks_are_shared_and_read_only():
    assert head_mask(64, 64) is head_mask(64, 64)
    for mask in (head_mask(64, 64), full_mask(64, 32)):
        with pytest.raises(ValueError, match="read-only"):
            mask[0, 0] = 1


def test_full_mask_shows_everything():
    mask = full_mask(24, 16)
    assert mask.shape == (16, 24)
    assert (mask == 1.0).all()
