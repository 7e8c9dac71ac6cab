"""Figures against independent readings of their definitions, and against what they are meant to notice."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from skimage.metrics import peak_signal_noise_ratio
from skimage.transform import SimilarityTransform
from torch import nn

from animecam_export.checkpoints import load_trained
from animecam_export.onnx_export import OnnxOptions, export_onnx
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder, Image
from animecam_training.metrics.cuts import find_cuts
from animecam_training.metrics.evaluate import compare_drawings, evaluate_style, measure_identity, stylize_images
from animecam_training.metrics.flicker import measure_flicker
from animecam_training.metrics.identity import TEMPLATE_PX, IdentityNetwork, fit_similarity
from animecam_training.metrics.pictures import psnr_db, to_batch
from animecam_training.metrics.squeeze import (
    BATCH,
    HEAD_LAYERS,
    SqueezeDistance,
    SqueezeVectors,
    kernel_distance,
    vectors_of,
)
from animecam_training.models.lite import LiteGenerator
from animecam_training.recipe.config import ModelConfig, Recipe
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint
from animecam_training.weights.measured import open_style

RNG = np.random.default_rng(0)


def noise_picture(side: int = 64) -> Image:
    return RNG.integers(0, 256, (side, side, 3), dtype=np.uint8)


def flat_picture(side: int = 64) -> Image:
    return np.full((side, side, 3), RNG.integers(0, 256, 3), np.uint8)


def test_psnr_agrees_with_scikit_image() -> None:
    a, b = noise_picture(), noise_picture()
    assert psnr_db(a, b) == pytest.approx(peak_signal_noise_ratio(b, a))
    assert psnr_db(a, a) == float("inf")
    with pytest.raises(DataError, match="64"):
        psnr_db(a, noise_picture(32))


def test_kernel_distance_follows_its_definition_and_is_unbiased() -> None:
    x, y = RNG.normal(size=(5, 4)), RNG.normal(size=(7, 4)) + 1

    def k(u: np.ndarray, v: np.ndarray) -> float:
        return (u @ v / 4 + 1) ** 3

    own = np.mean([k(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
    other = np.mean([k(y[i], y[j]) for i in range(7) for j in range(7) if i != j])
    cross = np.mean([k(u, v) for u in x for v in y])
    assert kernel_distance(torch.tensor(x), torch.tensor(y)) == pytest.approx(own + other - 2 * cross)
    same = [kernel_distance(torch.randn(20, 3), torch.randn(20, 3)) for _ in range(200)]
    assert np.mean(same) == pytest.approx(0, abs=4 * np.std(same) / 200**0.5)
    assert min(same) < 0


def test_squeeze_vectors_are_means_and_deviations() -> None:
    vectors = SqueezeVectors()
    pictures = to_batch([noise_picture(), flat_picture(), noise_picture()], side_px=64)
    rows = vectors(pictures)
    assert rows.shape == (3, 2688)
    first = vectors.network(pictures[:1])["conv1"][0].flatten(1)
    torch.testing.assert_close(rows[0, :64], first.mean(1))
    torch.testing.assert_close(rows[0, 64:128], first.std(1))
    assert rows[1, 64:128].sum() < rows[0, 64:128].sum() / 100


def test_squeeze_distance_follows_its_definition() -> None:
    distance = SqueezeDistance()
    a, b = to_batch([noise_picture(), flat_picture()], 64), to_batch([noise_picture(), flat_picture()], 64)
    ours, theirs = distance.network(a), distance.network(b)
    expected = np.zeros(2)
    for name in HEAD_LAYERS:
        u, v = (m[name].double().numpy() for m in (ours, theirs))
        u, v = (m / (np.linalg.norm(m, axis=1, keepdims=True) + 1e-10) for m in (u, v))
        head = distance.get_buffer(f"head_{name}").numpy()
        expected += (head * (u - v) ** 2).sum(1).mean((1, 2))
    np.testing.assert_allclose(distance(a, b).numpy(), expected, rtol=1e-4)
    np.testing.assert_allclose(distance(a, a).numpy(), 0, atol=1e-7)


def test_squeeze_distance_ranks_distortions_as_people_do() -> None:
    face = np.ascontiguousarray(data.astronaut()[:256, 100:356])
    blurred = cv2.GaussianBlur(face, (0, 0), 4)
    brighter = np.clip(face.astype(int) + 8, 0, 255).astype(np.uint8)
    assert psnr_db(blurred, face) == pytest.approx(psnr_db(brighter, face), abs=8)
    distance = SqueezeDistance()
    soft, light = distance(to_batch([blurred, brighter]), to_batch([face, face])).tolist()
    assert soft > 5 * light


def test_similarity_agrees_with_scikit_image() -> None:
    turn = SimilarityTransform(scale=2.5, rotation=0.4, translation=(11, -7))
    points = turn(TEMPLATE_PX) + RNG.normal(0, 0.3, TEMPLATE_PX.shape)
    expected = SimilarityTransform.from_estimate(points, TEMPLATE_PX).params[:2]
    np.testing.assert_allclose(fit_similarity(points, TEMPLATE_PX), expected, atol=1e-9)


def test_identity_knows_a_person_again(shared: Path) -> None:
    finder, network = FaceFinder(shared / "weights"), IdentityNetwork(shared / "weights")
    face = np.ascontiguousarray(data.astronaut()[:256, 100:356])
    darker = (face * 0.8).astype(np.uint8)
    ghost = cv2.GaussianBlur(face, (0, 0), 25)
    near = measure_identity([face], [darker], finder, network)
    assert near.mean > 0.9
    assert near.faces == 1
    assert measure_identity([face, face], [darker, ghost], finder, network).worst < 0.5
    with pytest.raises(DataError, match="no face"):
        measure_identity([flat_picture()], [flat_picture()], finder, network)


def moving_clip(frames: int = 4) -> list[Image]:
    """A textured picture that slides by two pixels a frame."""
    wide = cv2.resize(noise_picture(20), (160, 96), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(wide[:, 2 * i : 2 * i + 96]) for i in range(frames)]


def test_flicker_ignores_motion_and_notices_a_lamp() -> None:
    clip = moving_clip()
    calm = measure_flicker(clip, clip)
    assert calm.ratio == pytest.approx(1)
    assert calm.source < 1.5
    assert calm.frames == 3
    inverted = [255 - frame for frame in clip]
    assert measure_flicker(clip, inverted).ratio == pytest.approx(1, rel=0.05)
    lamp = [np.clip(frame.astype(int) + 10 * (i % 2), 0, 255).astype(np.uint8) for i, frame in enumerate(clip)]
    assert measure_flicker(clip, lamp).styled > 8
    for bad in (clip[:1], clip[:3]):
        with pytest.raises(DataError, match="flicker"):
            measure_flicker(clip, bad)


def test_flicker_is_not_measured_over_a_cut() -> None:
    clip = moving_clip()
    other = [np.ascontiguousarray(frame[::-1]) for frame in clip]
    black = np.zeros_like(clip[0])
    assert find_cuts(clip) == frozenset()
    assert find_cuts([*clip, *other, *clip]) == {4, 8}
    assert find_cuts([*clip, black, black, *clip[::-1]]) == frozenset()  # a fade within a shot
    assert find_cuts([*clip, black, *other]) == {5}
    cut = [*clip, *other]
    flicker = measure_flicker(cut, cut, find_cuts(cut))
    assert (flicker.frames, flicker.cuts) == (6, 1)
    assert flicker.source < 1.5
    assert measure_flicker(cut, cut).source > 3
    with pytest.raises(DataError, match="no frame continues"):
        measure_flicker([clip[0], other[0]], [clip[0], other[0]], {1})


class Darken(nn.Module):
    """A generator in miniature: every level halves."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return (picture + 1) * self.gain - 1


def test_stylize_images_keeps_the_range() -> None:
    image = noise_picture(16)
    (dark,) = stylize_images(Darken(), [image])
    np.testing.assert_array_equal(np.abs(dark.astype(int) - image / 2).max() <= 0.5, True)
    with pytest.raises(DataError, match="20 x 16"):
        stylize_images(Darken(), [np.zeros((16, 20, 3), np.uint8)])


def test_evaluation_sees_photos_become_anime() -> None:
    photos = [noise_picture() for _ in range(4)]
    aim = vectors_of(flat_picture() for _ in range(5))
    drawn = [flat_picture() for _ in range(4)]
    none = evaluate_style(photos, photos, aim)
    full = evaluate_style(photos, drawn, aim)
    assert none.relative_distance == pytest.approx(1)
    assert none.squeeze_distance == pytest.approx(0, abs=1e-6)
    assert full.relative_distance < 0.3
    assert full.squeeze_distance > 0.2
    assert full.identity is None
    with pytest.raises(DataError, match="3 styled"):
        evaluate_style(photos, drawn[:3], aim)
    for few in (aim[:1], vectors_of([])):
        with pytest.raises(DataError, match=f"{len(few)} anime pictures"):
            evaluate_style(photos, drawn, few)


def test_a_set_is_looked_at_a_few_pictures_at_a_time() -> None:
    """All of it was read before the first was looked at: 3,000 pictures took six gibibytes."""
    read: list[int] = []
    seen: list[tuple[int, int]] = []

    def pictures() -> Iterator[Image]:
        for number in range(2 * BATCH + 3):
            read.append(number)
            yield np.full((32, 32, 3), number, np.uint8)

    vectors = vectors_of(pictures(), lambda batch: seen.append((len(read), len(batch))))
    assert seen == [(BATCH, BATCH), (2 * BATCH, BATCH), (2 * BATCH + 3, 3)]
    whole = [np.full((32, 32, 3), number, np.uint8) for number in read]
    assert torch.equal(vectors, SqueezeVectors()(to_batch(whole)))


def test_a_student_is_as_near_as_its_drawings_are() -> None:
    wanted = [flat_picture() for _ in range(3)]
    near = [np.clip(picture.astype(int) + 4, 0, 255).astype(np.uint8) for picture in wanted]
    likeness = compare_drawings(wanted, near)
    expected_db = np.mean([psnr_db(a, b) for a, b in zip(near, wanted, strict=True)])
    assert likeness.psnr_db == pytest.approx(expected_db)
    assert likeness.squeeze_distance < 0.1 < compare_drawings(wanted, [noise_picture()] * 3).squeeze_distance


@pytest.fixture
def lite_checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    recipe = Recipe(name="ink", model=ModelConfig("dtgan-lite", (8, 8, 8)))
    weights = LiteGenerator((8, 8, 8)).state_dict()
    save_checkpoint(Checkpoint(recipe, 7, weights, {}), tmp_path / "last.pt")
    return tmp_path / "last.pt"


def test_a_checkpoint_and_its_export_draw_the_same(lite_checkpoint: Path, tmp_path: Path) -> None:
    trained = open_style(lite_checkpoint)
    assert (trained.name, trained.steps) == ("ink", 7)
    folder = tmp_path / "style"
    folder.mkdir()
    export_onnx(load_trained(lite_checkpoint, "dtgan").module, folder / "model.onnx", OnnxOptions())
    feeding = {"layout": "NCHW", "black": -1.0, "white": 1.0}
    card = {"name": "ink", "contract": {"input": feeding, "output": feeding}, "training": {"steps": 7}}
    card["variants"] = [{"file": "model.onnx"}]
    (folder / "card.json").write_text(json.dumps(card))
    images = [noise_picture(40), flat_picture(64)]
    expected = stylize_images(trained.draw, images)
    for path, steps in ((folder, 7), (folder / "model.onnx", None)):
        shipped = open_style(path)
        assert shipped.steps == steps
        for a, b in zip(expected, stylize_images(shipped.draw, images), strict=True):
            assert np.abs(a.astype(int) - b).max() <= 1
    card["contract"] = {"input": feeding | {"layout": "NHWC"}, "output": feeding}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match="'ink' is not fed NCHW"):
        open_style(folder)


def test_a_network_of_one_size_refuses_others(lite_checkpoint: Path, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.onnx"
    export_onnx(load_trained(lite_checkpoint, "dtgan").module, fixed, OnnxOptions(fixed_px=(64, 64)))
    draw = open_style(fixed).draw
    assert stylize_images(draw, [noise_picture(64)])[0].shape == (64, 64, 3)
    with pytest.raises(DataError, match="64 x 64 only"):
        stylize_images(draw, [noise_picture(72)])


def test_kernel_distance_agrees_with_torchmetrics() -> None:
    kid = pytest.importorskip("torchmetrics.image.kid", reason="needs torchmetrics")
    vectors = SqueezeVectors()
    ours = to_batch([noise_picture() for _ in range(4)], 64)
    theirs = to_batch([flat_picture() for _ in range(4)], 64)
    metric = kid.KernelInceptionDistance(feature=vectors, subset_size=4, subsets=1)
    metric.update(theirs, real=True)
    metric.update(ours, real=False)
    assert kernel_distance(vectors(ours), vectors(theirs)) == pytest.approx(metric.compute()[0].item(), rel=1e-4)
