"""Picture operations against scikit-image, OpenCV, scipy or a closed form."""

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.color import rgb2lab

from animecam_training.ops.bilateral import bilateral_filter
from animecam_training.ops.color import rgb_to_lab, to_gray
from animecam_training.ops.edges import smooth_edges
from animecam_training.ops.guided import guided_filter
from animecam_training.ops.l0 import l0_smooth
from animecam_training.ops.nlm import non_local_means
from animecam_training.ops.refine import refine
from animecam_training.ops.superpixel_batch import fill_with_means, superpixel_batch
from animecam_training.ops.superpixels import find_superpixels


def noisy_step(height: int, width: int, *, noise: float, seed: int = 0) -> np.ndarray:
    """RGB in [0, 1]: dark on the left, bright on the right, with noise."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 0.3)
    picture[:, width // 2 :] = 0.7
    return np.clip(picture + rng.normal(0, noise, picture.shape), 0, 1)


def to_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(picture, -1, 0)[None].astype(np.float32)) * 2 - 1


def to_array(picture: torch.Tensor) -> np.ndarray:
    return np.moveaxis((picture[0].numpy() + 1) / 2, 0, -1)


def test_lab_agrees_with_scikit_image_and_its_gradients_are_finite() -> None:
    levels = np.linspace(0, 1, 9)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(27, 27, 3)
    np.testing.assert_allclose(np.moveaxis(rgb_to_lab(to_tensor(cube))[0].numpy(), 0, -1), rgb2lab(cube), atol=0.02)
    picture = to_tensor(cube).requires_grad_()
    rgb_to_lab(picture).sum().backward()
    assert picture.grad is not None
    assert torch.isfinite(picture.grad).all()
    double = torch.rand(1, 3, 2, 2, dtype=torch.float64) * 1.6 - 0.8
    step = 1e-2
    for channel in range(3):
        moved = double.clone()
        moved[0, channel] += step
        numeric = (rgb_to_lab(moved) - rgb_to_lab(double)).sum() / step
        point = ((moved + double) / 2).requires_grad_()
        (slope,) = torch.autograd.grad(rgb_to_lab(point).sum(), point)
        assert slope[0, channel].sum().item() == pytest.approx(numeric.item(), rel=0.01)


def test_gray_agrees_with_opencv() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    gray = to_gray(to_tensor(picture / 255))
    assert gray.shape == (1, 3, 6, 5)
    np.testing.assert_allclose(to_array(gray)[..., 2] * 255, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), atol=0.51)


def test_guided_filter_follows_its_definition() -> None:
    picture = noisy_step(14, 17, noise=0.1)
    mean = np.zeros_like(picture)
    gain, shift = np.zeros_like(picture), np.zeros_like(picture)
    expected = np.zeros_like(picture)

    def window(y: int, x: int) -> tuple[slice, slice]:
        return slice(max(0, y - 2), y + 3), slice(max(0, x - 2), x + 3)

    for y, x in np.ndindex(14, 17):
        patch = picture[window(y, x)]
        mean[y, x], variance = patch.mean((0, 1)), patch.var((0, 1))
        gain[y, x] = variance / (variance + 0.01)
        shift[y, x] = mean[y, x] * (1 - gain[y, x])
    for y, x in np.ndindex(14, 17):
        expected[y, x] = gain[window(y, x)].mean((0, 1)) * picture[y, x] + shift[window(y, x)].mean((0, 1))
    np.testing.assert_allclose(to_array(guided_filter(to_tensor(picture))), expected, atol=1e-5)


def test_the_bilateral_filter_agrees_with_opencv() -> None:
    step = (noisy_step(23, 30, noise=0.05) * 255).astype(np.uint8)
    noise = np.random.default_rng(2).integers(0, 256, (17, 12, 3), dtype=np.uint8)
    for picture, colour, radius_px in ((step, 25.0, 2), (step, 80.0, 4), (noise, 60.0, 2)):
        expected = cv2.bilateralFilter(picture, 2 * radius_px + 1, colour, 2.0, borderType=cv2.BORDER_REFLECT_101)
        filtered = bilateral_filter(to_tensor(picture / 255), radius_px=radius_px, space_px=2.0, colour=colour)
        np.testing.assert_allclose(to_array(filtered) * 255, expected, atol=0.6)


def l0_by_dense_algebra(picture: np.ndarray, smoothing: float, kappa: float) -> np.ndarray:
    """Xu's algorithm in float64 with the linear system solved directly instead of by an FFT."""
    height, width, channels = picture.shape
    identity = np.eye(height * width).reshape(height * width, height, width)
    dx = (np.roll(identity, 1, 2) - identity).reshape(height * width, -1)
    dy = (np.roll(identity, 1, 1) - identity).reshape(height * width, -1)
    dx, dy = dx.T, dy.T
    start = picture.reshape(-1, channels)
    s, beta = start, 2 * smoothing
    while beta < 1e5:
        gx, gy = dx.T @ s, dy.T @ s
        kept = (gx**2 + gy**2).sum(1, keepdims=True) >= smoothing / beta
        right = start + beta * (dx @ (gx * kept) + dy @ (gy * kept))
        s = np.linalg.solve(np.eye(len(s)) + beta * (dx @ dx.T + dy @ dy.T), right)
        beta *= kappa
    return s.reshape(picture.shape)


@pytest.mark.parametrize("shape", [(8, 8), (6, 9)])
def test_l0_agrees_with_a_dense_solver(shape: tuple[int, int]) -> None:
    picture = noisy_step(*shape, noise=0.03)
    expected = l0_by_dense_algebra(picture, 0.005, 2.0)
    np.testing.assert_allclose(to_array(l0_smooth(to_tensor(picture))), expected, atol=2e-3)


def test_l0_makes_a_noisy_step_flat_and_keeps_its_height() -> None:
    smooth = to_array(l0_smooth(to_tensor(noisy_step(32, 32, noise=0.02)), smoothing=0.01))
    left, right = smooth[:, 2:14], smooth[:, 18:30]
    assert left.std() < 0.003
    assert right.std() < 0.003
    assert right.mean() - left.mean() == pytest.approx(0.4, abs=0.02)


def test_non_local_means_agrees_with_opencv() -> None:
    picture = (noisy_step(40, 36, noise=0.02) * 255).round().astype(np.uint8)
    gray = picture[..., 0]
    expected = cv2.fastNlMeansDenoising(gray, None, h=6, templateWindowSize=7, searchWindowSize=7)
    batch = to_tensor(np.repeat(gray[..., None], 3, axis=2) / 255)
    ours = to_array(non_local_means(batch, strength=6))[..., 1] * 255
    assert np.abs(ours - expected).max() <= 1.5  # OpenCV rounds its weights and its result
    assert np.abs(ours - gray).mean() > 1


def test_refined_picture_has_neither_noise_nor_gradient() -> None:
    picture = to_tensor(noisy_step(32, 32, noise=0.02)).requires_grad_()
    refined = refine(picture)
    assert not refined.requires_grad
    assert refined[..., 2:14].std() < picture[..., 2:14].std() / 4


def test_edges_are_blurred_and_the_rest_is_untouched() -> None:
    rng = np.random.default_rng(2)
    picture = np.full((40, 40, 3), 90, np.uint8)
    picture[:, 20:] = 200
    picture[:, :, 1] += rng.integers(0, 3, (40, 40), dtype=np.uint8)
    edges = cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 100, 200) > 0
    near = ndimage.binary_dilation(edges, np.ones((5, 5)))
    binomial = np.array([1, 4, 6, 4, 1]) / 16  # the 5 x 5 Gaussian that OpenCV documents for 8-bit pictures
    blurred = ndimage.convolve1d(picture.astype(float), binomial, axis=0, mode="mirror")
    blurred = ndimage.convolve1d(blurred, binomial, axis=1, mode="mirror")
    result = smooth_edges(picture)
    assert near.any()
    np.testing.assert_array_equal(result[~near], picture[~near])
    assert np.abs(result[near] - blurred[near]).max() <= 1.0
    assert np.abs(result[near].astype(int) - picture[near]).max() > 10


def test_superpixels_follow_the_colours_and_are_filled_with_means() -> None:
    picture = (noisy_step(24, 24, noise=0.0) * 255).astype(np.uint8)
    labels = find_superpixels(picture)
    assert len(np.unique(labels)) == 2
    pictures = to_tensor(noisy_step(24, 24, noise=0.1)).repeat(2, 1, 1, 1)
    pictures[1] *= -0.5
    batch = superpixel_batch(to_tensor(picture / 255).repeat(2, 1, 1, 1))
    np.testing.assert_array_equal(batch[0].numpy(), labels)
    filled = fill_with_means(pictures, batch).numpy()
    for n, channel in np.ndindex(2, 3):
        means = ndimage.mean(pictures[n, channel].numpy(), labels, index=labels)
        np.testing.assert_allclose(filled[n, channel], means, atol=1e-5)
