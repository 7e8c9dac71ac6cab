"""Networks that users chose, each for himself: ready before their pictures are drawn with them."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.openvino_ import OpenVinoBackend
from animecam.backends.switching import Preparable
from animecam.drawing.networks import open_networks
from animecam.render.scope import whole_frame_region
from animecam.run.session import opened_source
from animecam.settings import Look, Quality, Settings, Unseen
from animecam.sources.opening import SourceOptions
from animecam.styles.registry import find_style, verified_int8

SETTINGS = Settings(Look(size_px=192), threads=1)


def frame_of(width_px, height_px):
    with opened_source(f"pattern:{width_px}x{height_px}@30?frames=1&live=0", SourceOptions()) as film:
        return film.read()


@pytest.mark.parametrize("unseen", [Unseen.KEEP, Unseen.DRAW])
def test_a_network_is_ready_for_a_file_s_pictures_before_it_draws(unseen):
    look = replace(SETTINGS.look, unseen=unseen)
    with (
        open_networks(SETTINGS) as networks,
        opened_source("pattern:426x240@30?frames=1&live=0", SourceOptions()) as film,
    ):
        frame = film.read()
        networks.make_ready(look, Quality.FULL, frame)
        backend = networks.draw_with(look.style, Quality.FULL)._backend
        if not isinstance(backend, Preparable):
            pytest.skip("the network of this machine takes pictures of any size")
        whole = whole_frame_region(frame, look.size_px)
        assert backend.is_ready((3, 192, 192))
        assert backend.is_ready((3, whole.height_px, whole.width_px)) == (unseen is Unseen.DRAW)


def test_it_is_known_what_is_ready_for_a_frame():
    look, frame, other = replace(SETTINGS.look, unseen=Unseen.DRAW), frame_of(426, 240), frame_of(320, 240)
    with open_networks(SETTINGS) as networks:
        assert not networks.is_ready(look, Quality.FULL, frame)
        assert not networks.is_ready(replace(look, style="nobody's"), Quality.FULL, frame)
        networks.make_ready(look, Quality.FULL, frame)
        assert networks.is_ready(look, Quality.FULL, frame)
        if isinstance(networks.draw_with(look.style, Quality.FULL)._backend, Preparable):
            assert not networks.is_ready(look, Quality.FULL, other)
            assert networks.is_ready(replace(look, unseen=Unseen.KEEP), Quality.FULL, other)


def test_a_size_that_is_asked_for_does_not_make_room(monkeypatch):
    """Whoever changes the shape of his pictures all the time would take those of others, who draw heads for now."""
    monkeypatch.setattr("animecam.backends.openvino_.KEPT_SHAPES", 2)
    backend = OpenVinoBackend(verified_int8(find_style("cel"), "lite"), BackendOptions(threads=1))
    shapes = [(3, side_px, side_px) for side_px in (64, 72, 80)]
    backend.prepare(shapes[0])
    backend.prepare(shapes[1])
    assert backend.is_ready(shapes[0])
    backend.prepare(shapes[2])
    assert [backend.is_ready(shape) for shape in shapes] == [True, False, True]
    assert backend.run(np.zeros((1, *shapes[0]), np.float32))[0].shape == (1, *shapes[0])
    backend.close()
