"""Drawing: codings, sizes, batches, and what a network may not do."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions, Port, Tensor
from animecam.errors import StyleError
from animecam.portrait import load_portrait
from animecam.styles.add import add_style
from animecam.styles.card import FULL, Contract, Layout, PixelCoding, PixelType, Rights, StyleCard, Variant
from animecam.styles.fit import fit_to
from animecam.styles.network import StyleNet, open_style
from animecam.styles.pixels import batch_shape, decode, encode
from animecam.styles.registry import find_style

OPTIONS = BackendOptions(threads=1)
RANGES = [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)]
CODINGS = [PixelCoding(layout, kind, *ends) for layout in Layout for kind in list(PixelType)[:2] for ends in RANGES]
CODINGS += [PixelCoding(layout, PixelType.UINT8, 0.0, 255.0) for layout in Layout]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_pixels_go_in_as_stated_and_come_back_the_same(coding: PixelCoding):
    picture = noise(16, 24)
    batch = np.zeros(batch_shape(coding, 2, 16, 24), coding.pixel_type.dtype)
    encode(picture, coding, batch[1])
    stated = picture / 255 * (coding.white - coding.black) + coding.black
    axes = (2, 0, 1) if coding.layout is Layout.NCHW else (0, 1, 2)
    tolerance = 0.2 if coding.pixel_type is PixelType.FLOAT16 else 1e-4
    np.testing.assert_allclose(batch[1].astype(float), stated.transpose(axes), atol=tolerance)
    assert not batch[0].any()
    back = decode(batch[1], coding)
    np.testing.assert_array_equal(back, picture)
    assert not np.shares_memory(back, batch)


@pytest.mark.parametrize("layout", Layout)
def test_numbers_beyond_black_and_white_are_cut_off(layout: Layout):
    coding = PixelCoding(layout, PixelType.FLOAT32, -1.0, 1.0)
    numbers = np.full(batch_shape(coding, 1, 2, 2)[1:], -1.7, np.float32)
    numbers[0] = 1.7
    assert set(decode(numbers, coding).ravel()) == {0, 255}


@pytest.mark.parametrize(
    ("contract", "size_px", "scaled_px", "padded_px"),
    [
        (Contract(multiple_px=8), (256, 256), (256, 256), (256, 256)),
        (Contract(multiple_px=8), (250, 257), (250, 257), (256, 264)),
        (Contract(multiple_px=8, min_px=64), (1, 1), (1, 1), (64, 64)),
        (Contract(multiple_px=32, min_px=40), (33, 200), (33, 200), (64, 224)),
        (Contract(multiple_px=8, max_px=300), (592, 296), (296, 148), (296, 152)),
        (Contract(fixed_px=(256, 256)), (512, 512), (256, 256), (256, 256)),
        (Contract(fixed_px=(256, 256)), (100, 200), (128, 256), (256, 256)),
        (Contract(fixed_px=(64, 256)), (1000, 1), (64, 1), (64, 256)),
    ],
)
def test_sizes_are_brought_to_what_the_network_takes(contract, size_px, scaled_px, padded_px):
    fit = fit_to(contract, *size_px)
    assert (fit.scaled_px, fit.padded_px) == (scaled_px, padded_px)
    picture = np.full((*size_px, 3), 77, np.uint8)
    fitted = fit.apply(picture)
    assert fitted.shape[:2] == padded_px
    assert (fitted == 77).all()  # the border is the picture's, not black
    assert (fit.undo(fitted) == picture).all()


class FakeBackend:
    """Gives back what it gets, and remembers how it was asked."""

    def __init__(self, max_batch: int = 2, **ports: object) -> None:
        self.info = BackendInfo("fake", "1", "none", "f32")
        shape = ports.get("shape", (None, 3, None, None))
        self.input = Port("x", shape, np.dtype(ports.get("type_in", np.float32)))
        self.outputs = (Port("y", shape, np.dtype(ports.get("type_out", np.float32))),)
        self.max_batch = max_batch
        self.shapes: list[tuple[int, ...]] = []
        self.closed = 0
        self.crop = int(ports.get("crop", 0))

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        self.shapes.append(batch.shape)
        return (batch[:, :, self.crop :].copy(),)

    def close(self) -> None:
        self.closed += 1


def card(contract: Contract | None = None) -> StyleCard:
    variant = Variant("full", "model.onnx", "0" * 64)
    return StyleCard("fake", "Fake", "", contract or Contract(), Rights("MIT", "", ""), (variant,))


def test_pictures_keep_their_order_over_batches():
    backend = FakeBackend(max_batch=2)
    pictures = [noise(8, 16, seed) for seed in range(5)]
    drawn = StyleNet(card(), backend)(pictures)
    for picture, result in zip(pictures, drawn, strict=True):
        np.testing.assert_array_equal(picture, result)
    assert backend.shapes == [(2, 3, 16, 16), (2, 3, 16, 16), (1, 3, 16, 16)]


def test_results_stay_valid_when_more_is_drawn():
    net = StyleNet(card(), FakeBackend())
    first = net([noise(16, 16, 1)])[0]
    net([noise(16, 16, 2)])
    np.testing.assert_array_equal(first, noise(16, 16, 1))


def test_a_network_of_a_fixed_batch_is_fed_whole_batches():
    backend = FakeBackend(max_batch=4, shape=(4, 3, None, None))
    pictures = [noise(16, 16, seed) for seed in range(5)]
    drawn = StyleNet(card(), backend)(pictures)
    assert backend.shapes == [(4, 3, 16, 16)] * 2
    assert len(drawn) == 5
    np.testing.assert_array_equal(drawn[4], pictures[4])


def test_it_is_settled_as_its_network_is():
    backend = FakeBackend()
    assert StyleNet(card(), backend).is_settled
    for is_settled in (False, True):
        backend.is_settled = is_settled
        assert StyleNet(card(), backend).is_settled is is_settled


def test_no_pictures_are_no_work():
    backend = FakeBackend()
    assert StyleNet(card(), backend)([]) == ()
    assert backend.shapes == []


@pytest.mark.parametrize("others", [[noise(16, 24)], [noise(16, 16)[:, :, :1]]])
def test_pictures_of_several_sizes_are_refused(others: list[np.ndarray]):
    with pytest.raises(StyleError, match="one size"):
        StyleNet(card(), FakeBackend())([noise(16, 16), *others])


@pytest.mark.parametrize(
    "ports",
    [
        {"type_in": np.uint8},
        {"type_out": np.float16},
        {"shape": (None, None, None, 3), "crop": 1},
        {"shape": (1, 3, 256, 256)},
        {"shape": (None, 3)},
    ],
)
def test_a_network_that_is_not_its_cards_is_refused(ports: dict):
    with pytest.raises(StyleError, match=r"fake.*") as caught:
        StyleNet(card(), FakeBackend(**ports))([noise(16, 16)])
    assert "card" in caught.value.hint


def test_a_result_of_another_size_is_refused():
    with pytest.raises(StyleError, match="gave 1x3x15x16 for 1x3x16x16"):
        StyleNet(card(), FakeBackend(crop=1))([noise(16, 16)])


def test_it_closes_its_network():
    backend = FakeBackend()
    with StyleNet(card(), backend) as net:
        assert net.info.name == "fake"
    assert backend.closed == 1


@pytest.mark.usefixtures("user_folder")
def test_the_starter_draws_the_same_on_both_runtimes():
    head = load_portrait()[20:276, 90:346]
    drawn = {}
    for choice in (BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME):
        with open_style("starter", choice, replace(OPTIONS, allow_bf16=False, allow_int8=False), FULL) as net:
            drawn[choice] = net([head])[0].astype(int)
    first, second = drawn.values()
    assert np.abs(first - second).max() <= 1
    change = np.abs(first - head).mean()
    assert 3 < change < 40  # it draws, and what it draws is still the portrait


@pytest.mark.usefixtures("user_folder")
def test_the_starter_takes_any_size():
    with open_style("starter", BackendChoice.ONNXRUNTIME, OPTIONS, FULL) as net:
        for height, width in [(1, 1), (17, 31), (64, 48)]:
            assert net([load_portrait()[:height, :width]])[0].shape == (height, width, 3)


def test_a_damaged_style_is_not_opened(write_toy: Callable[..., Path], user_folder: Path):
    model = add_style(write_toy(), name="toy").folder / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(StyleError, match="damaged"):
        open_style("toy", BackendChoice.AUTO, OPTIONS, FULL)


def test_a_card_that_lies_is_refused_when_the_style_is_opened(
    write_toy: Callable[..., Path], toy: SimpleNamespace, user_folder: Path
):
    folder = add_style(write_toy(layout="NHWC"), name="toy").folder
    style = find_style("toy").card
    replace(style, contract=Contract()).save(folder)
    with pytest.raises(StyleError, match="its card says float32 NCHW"):
        open_style("toy", BackendChoice.ONNXRUNTIME, OPTIONS, FULL)
