"""The person mask: the bundled network on a real portrait, and the steadying around it with a fake one."""

import numpy as np
import pytest

from animecam.backends.base import BackendInfo, Port
from animecam.errors import BackendError
from animecam.portrait import load_portrait
from animecam.render.person import STEADINESS, PersonMasker


class FakeSegmenter:
    """Says that the person is where red is above half, as sure as it was told to be."""

    def __init__(self, shape=(1, 32, 32, 3), out_shape=(1, 32, 32, 1)):
        self.info = BackendInfo("fake", "1", "cpu", "f32")
        self.input = Port("in", shape, np.dtype(np.float32))
        self.outputs = (Port("out", out_shape, np.dtype(np.float32)),)
        self.max_batch = 1
        self.sureness = 1.0
        self.seen = []

    def run(self, batch):
        self.seen.append(batch)
        is_person = batch[..., :1] > 0.5
        return (np.where(is_person, 0.5 + self.sureness / 2, 0.5 - self.sureness / 2).astype(np.float32),)

    def close(self):
        pass


def half_red(size=32):
    picture = np.zeros((size, size, 3), np.uint8)
    picture[:, : size // 2, 0] = 255
    return picture


@pytest.mark.parametrize(
    ("shape", "out_shape"),
    [
        ((1, 3, 32, 32), (1, 1, 32, 32)),
        ((1, 32, 32, 3), (1, 16, 16, 1)),
        ((1, None, None, 3), (1, None, None, 1)),
        ((1, 32, 32, 3), (1, 32, 32, 2)),
    ],
)
def test_another_network_is_refused(world, shape, out_shape):
    masker = PersonMasker(lambda: FakeSegmenter(shape, out_shape))
    with pytest.raises(BackendError, match="no person mask network") as refused:
        masker([world.region(32, (0, 0), 1.0)], [half_red()])
    assert refused.value.hint


@pytest.mark.parametrize("size", [32, 64, 24])
def test_masks_have_the_size_of_the_picture_and_the_network_its_own(world, size):
    backend = FakeSegmenter()
    region = world.region(size, (0, 0), 1.0)
    (mask,) = PersonMasker(lambda: backend)([region], [half_red(size)])
    (batch,) = backend.seen
    assert batch.shape == (1, 32, 32, 3)
    assert batch.dtype == np.float32
    assert batch.max() == pytest.approx(1.0)
    assert mask.shape == (size, size)
    assert mask.dtype == np.float32
    assert mask[size // 2, size // 8] == pytest.approx(1.0)
    assert mask[size // 2, -size // 8] == pytest.approx(0.0)
    edge = mask[size // 2]
    assert np.abs(np.diff(edge)).max() < 0.5  # softened


def test_where_the_network_is_sure_nothing_lags(world):
    region = world.region(32, (0, 0), 1.0)
    backend = FakeSegmenter()
    masker = PersonMasker(lambda: backend)
    masker([region], [half_red()])
    (mask,) = masker([region], [half_red()[:, ::-1]])
    assert mask[16, 4] == pytest.approx(0.0, abs=1e-6)
    assert mask[16, 28] == pytest.approx(1.0, abs=1e-6)


def test_where_it_is_unsure_the_last_mask_stays_in_part(world):
    region = world.region(32, (0, 0), 1.0)
    backend = FakeSegmenter()
    masker = PersonMasker(lambda: backend)
    masker([region], [half_red()])
    backend.sureness = 0.1
    (mask,) = masker([region], [half_red()[:, ::-1]])
    assert mask[16, 4] == pytest.approx(0.45 + STEADINESS * 0.9 * (1.0 - 0.45), abs=0.01)


def test_another_face_has_no_past(world):
    backend = FakeSegmenter()
    masker = PersonMasker(lambda: backend)
    masker([world.region(32, (0, 0), 1.0)], [half_red()])
    backend.sureness = 0.1
    (mask,) = masker([world.region(32, (0, 0), 1.0, track_id=3)], [half_red()[:, ::-1]])
    assert mask[16, 4] == pytest.approx(0.45, abs=1e-6)


def test_what_is_forgotten_has_no_past_either(world):
    region, backend = world.region(32, (0, 0), 1.0), FakeSegmenter()
    masker = PersonMasker(lambda: backend)
    masker([region], [half_red()])
    masker.forget()
    backend.sureness = 0.1
    (mask,) = masker([region], [half_red()[:, ::-1]])
    assert mask[16, 4] == pytest.approx(0.45, abs=1e-6)


def test_the_bundled_network_finds_the_astronaut(world, bundled_masker):
    picture = load_portrait()
    region = world.region(256, (0, 0), 1.0)
    small = np.ascontiguousarray(picture[: picture.shape[0] // 2 * 2 : 2, : picture.shape[1] // 2 * 2 : 2])
    (mask,) = bundled_masker([region], [small])
    assert mask[55, 112] > 0.9  # her forehead
    assert mask[200, 110] > 0.9  # her suit
    assert mask[40, 10] < 0.1  # the flag behind her
    assert mask[20, 245] < 0.1  # the wall
    assert 0.3 < mask.mean() < 0.8
