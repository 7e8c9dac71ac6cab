"""A network sees dim pictures in good light; its drawings are as dim as they, and as gray."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendInfo, Port, Tensor
from animecam.portrait import load_portrait
from animecam.styles.card import Contract, Rights, StyleCard, Variant
from animecam.styles.network import StyleNet
from animecam.types import Image

CARD = StyleCard("fake", "Fake", "", Contract(), Rights("MIT", "", ""), (Variant("full", "model.onnx", "0" * 64),))


class Painted:
    """A network that changes the numbers of each picture as `paint` does, and keeps what it saw as levels."""

    input = Port("in", (None, 3, None, None), np.dtype(np.float32))
    outputs = (Port("out", (None, 3, None, None), np.dtype(np.float32)),)
    info = BackendInfo("fake", "1", "here", "f32")
    max_batch = 4

    def __init__(self, paint: Callable[[Tensor], Tensor]) -> None:
        self.paint, self.seen = paint, []

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        self.seen += [np.rint((picture.transpose(1, 2, 0) + 1) * 127.5) for picture in batch]
        return (np.clip(self.paint(batch), -1, 1).astype(np.float32),)

    def close(self) -> None:
        pass


def _gray(portrait: Image) -> Image:
    return np.repeat(portrait[..., 1:2], 3, axis=2)


def _before_a_window(light: float) -> tuple[Image, np.ndarray]:
    """The portrait's face in the middle of a bright picture, so much of its light left, and where it is."""
    face = cv2.resize(load_portrait()[40:240, 125:325], (512, 512))
    rows, columns = np.mgrid[:512, :512] / 512 - 0.5
    head = (columns / 0.28) ** 2 + (rows / 0.36) ** 2 < 1
    return np.where(head[..., None], light * face, 245).astype(np.uint8), head


@pytest.mark.parametrize("light", [0.6, 0.3, 0.2])
def test_dim_pictures_are_seen_in_good_light_and_drawn_dim(light: float):
    lit = load_portrait()
    dim = (light * lit).astype(np.uint8)
    backend = Painted(lambda numbers: numbers)
    (drawn,) = StyleNet(CARD, backend)([dim])
    assert 0.75 < backend.seen[0].mean() / lit.mean() < 1.05
    assert np.abs(drawn.astype(int) - dim).max() <= 2


def test_lit_pictures_are_seen_as_they_are():
    lit = load_portrait()
    backend = Painted(lambda numbers: numbers)
    StyleNet(CARD, backend)([lit])
    np.testing.assert_array_equal(backend.seen[0], lit)


@pytest.mark.parametrize("light", [0.6, 0.35, 0.2])
def test_a_head_before_a_window_is_seen_in_good_light_and_the_window_as_it_is(light: float):
    picture, head = _before_a_window(light)
    backend = Painted(lambda numbers: numbers)
    (drawn,) = StyleNet(CARD, backend)([picture])
    seen, lit = backend.seen[0], _before_a_window(1.0)[0]
    assert seen[head].mean() > 0.6 * lit[head].mean()
    assert np.corrcoef(seen[head].ravel(), lit[head].ravel())[0, 1] > 0.97
    (far,) = np.nonzero(~head.any(axis=0))
    np.testing.assert_array_equal(seen[:, far[far < 100]], picture[:, far[far < 100]])
    assert np.abs(drawn.astype(int) - picture).max() <= 2


def test_eyes_that_are_painted_white_are_as_dim_as_the_face_before_a_window():
    picture, head = _before_a_window(0.3)
    (drawn,) = StyleNet(CARD, Painted(np.ones_like))([picture])
    inner = head[200:300, 200:300]
    assert inner.all()
    assert drawn[200:300, 200:300].max() < 0.6 * 255
    assert drawn[:100, :100].min() == 255


def test_a_face_before_a_window_is_lit_more_and_more_as_it_gets_dark():
    """Nothing leaps where it sets in: drawings of a head that turns away from a lamp would flicker."""
    seen: list[float] = []
    for light in np.linspace(1.0, 0.2, 81):
        picture, head = _before_a_window(float(light))
        backend = Painted(lambda numbers: numbers)
        StyleNet(CARD, backend)([picture])
        seen.append(float(backend.seen[0][head].mean()))
    assert np.abs(np.diff(seen)).max() < 4.0  # levels; the light itself takes up to two


def test_what_is_black_stays_nearly_black_whatever_is_painted_of_it():
    backend = Painted(lambda numbers: np.full_like(numbers, -0.8))  # level 25
    (drawn,) = StyleNet(CARD, backend)([np.zeros((64, 64, 3), np.uint8)])
    assert drawn.max() <= 4


def test_what_has_no_colour_is_drawn_without():
    warm = np.array([0.2, 0.0, -0.2], np.float32)[:, None, None]
    net = StyleNet(CARD, Painted(lambda numbers: numbers + warm))
    portrait = load_portrait()
    without, colored = net([_gray(portrait), portrait])
    assert np.ptp(without, axis=2).max() == 0
    added = colored.astype(int) - portrait
    assert np.median(added[..., 0]) > 20 > -20 > np.median(added[..., 2])
