"""Networks that users chose, each for himself: ready before their pictures are drawn with them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.opening import open_backend
from animecam.backends.openvino_ import OpenVinoBackend
from animecam.backends.switching import Preparable
from animecam.drawing.networks import open_networks
from animecam.render.scope import whole_frame_region
from animecam.run.session import opened_source
from animecam.settings import Look, Quality, Settings, Unseen
from animecam.sources.opening import SourceOptions
from animecam.styles.registry import find_style, verified_int8

WAIT_S = 30
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


@pytest.mark.parametrize(
    ("looks", "edge"),
    [({"scope": "person"}, "soft"), ({"background": "blur"}, "soft"), ({"hair_tint": "blue"}, "soft"), ({}, "person")],
)
def test_what_finds_persons_is_opened_for_those_who_need_it(looks, edge):
    """A sixth of a second of the thread that draws for all."""
    look, frame = replace(SETTINGS.look, unseen=Unseen.KEEP), frame_of(426, 240)
    with open_networks(SETTINGS) as networks:
        networks.make_ready(look, Quality.AUTO, frame)
        assert not networks._person.is_open
    with open_networks(replace(SETTINGS, head_edge=edge)) as networks:
        look = replace(look, **looks)
        networks.draw(look.style).make_ready(192, 192)
        networks.draw(look.style).make_ready(344, 192)
        assert not networks.is_ready(look, Quality.AUTO, frame)
        networks.make_ready(look, Quality.AUTO, frame)
        assert networks._person.is_open
        assert networks.is_ready(look, Quality.AUTO, frame)


def test_who_asks_for_persons_while_their_network_is_opened_waits_for_it(monkeypatch):
    begun, go_on, opened = threading.Event(), threading.Event(), []

    def open_slowly(*given):
        opened.append(given)
        begun.set()
        assert go_on.wait(WAIT_S)
        return open_backend(*given)

    monkeypatch.setattr("animecam.drawing.person_network.open_backend", open_slowly)
    with open_networks(SETTINGS) as networks, ThreadPoolExecutor(2) as threads:
        opening = threads.submit(networks.prepare_persons)
        assert begun.wait(WAIT_S)
        drawing = threads.submit(networks._person)
        assert not networks._person.is_open
        go_on.set()
        opening.result(WAIT_S)
        assert drawing.result(WAIT_S) is networks._person()
    assert len(opened) == 1


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
