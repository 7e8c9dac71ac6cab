"""What users order of the render thread beside a look: how many faces, which network, and a file beside a live user."""

import queue
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from animecam.settings import Look, Quality
from animecam.web import rounds
from animecam.web.orders import Order
from animecam.web.rounds import Drawer
from animecam.web.studio import Studio

WAIT_S = 5


@pytest.fixture
def studio(engine):
    with Studio(engine.open) as opened:
        yield opened


def order(style="invert", max_faces=4):
    return Order(Look(style), max_faces, Quality.AUTO)


def take_seat(studio, max_faces=4):
    results = queue.SimpleQueue()
    return studio.seat(order(max_faces=max_faces), results.put, results.put), results


def test_a_user_gets_the_network_and_the_number_of_faces_that_are_ordered(studio, engine, fakes):
    engine.faces = 6
    seat, results = take_seat(studio)
    for changes in ({}, {"quality": Quality.FULL}, {"max_faces": 8}, {"max_faces": 8}):
        seat.order = replace(seat.order, **changes)
        seat.put(fakes.make_frame())
        results.get(timeout=WAIT_S)
    assert engine.qualities == [Quality.AUTO] + 3 * [Quality.FULL]
    assert [drawing.planned for drawing in engine.drawings] == [2, 2]  # with more faces it begins anew
    assert engine.batches == [4, 6]  # and rests while nothing changes


def test_live_users_do_not_wait_for_all_of_a_group(studio, engine, fakes):
    """Who had 32 faces drawn held everybody up for as long as they took."""
    engine.faces = 9
    group, its_results = take_seat(studio, max_faces=9)
    group.put(fakes.make_frame(level=20))
    its_results.get(timeout=WAIT_S)
    assert engine.batches == [9]  # nobody else is there
    engine.draw_s = 0.1
    seat, results = take_seat(studio, max_faces=1)
    engine.gate.clear()
    seat.put(fakes.make_frame(level=40))
    while len(engine.drawings) < 2:  # the render thread is busy, so that all that comes now is one round
        threading.Event().wait(0.001)
    group.put(fakes.make_frame(level=60, index=1))
    seat.put(fakes.make_frame(level=80, index=1))
    engine.gate.set()
    for index in (0, 1):
        assert results.get(timeout=WAIT_S).frame.index == index
    for level in (120, 140):
        group.put(fakes.make_frame(level=level, index=2))  # the newest one waits until the last one is drawn
    assert [its_results.get(timeout=WAIT_S).frame.index for _ in range(2)] == [1, 2]
    assert engine.batches[1:] == [1, 1, 4, 4, 1, 4, 4, 1]
    assert group.figures().dropped == 1


def test_live_users_do_not_wait_for_a_group_in_a_file(studio, engine, fakes):
    """Each of a file's frames held everybody up for as long as all its heads took."""
    engine.faces, engine.draw_s = 5, 0.1
    order_of_frames = []

    def draw_film():
        with studio.rendering(order("flat", max_faces=5)) as (render, _):
            rendered = render(fakes.make_frame())
            order_of_frames.append("film")
            assert rendered.frame.planes[0][24, 32] == fakes.FLAT_LEVEL

    seat, results = take_seat(studio, max_faces=1)
    engine.gate.clear()
    film = threading.Thread(target=draw_film)
    film.start()
    while not engine.drawings:  # the first head of the film is being drawn
        threading.Event().wait(0.001)
    for level in (20, 40, 60, 80, 100):  # or the network would rest
        seat.put(fakes.make_frame(level=level))
        engine.gate.set()
        results.get(timeout=WAIT_S)
        order_of_frames.append("live")
    film.join(WAIT_S)
    assert order_of_frames.index("film") >= 3
    assert set(engine.batches) == {1}
    seat.close()
    engine.batches.clear()
    draw_film()
    assert engine.batches == [5]  # with nobody else there, they are drawn together


def test_a_file_s_network_is_made_ready_in_its_own_time(studio, engine, fakes):
    """The first upload that was drawn with the full network held everybody up for a second."""
    with studio.rendering(replace(order("flat"), quality=Quality.FULL)) as (render, _):
        assert engine.made_ready == []
        render(fakes.make_frame())  # `make_ready` looks at the thread
        assert engine.made_ready == [("flat", Quality.FULL)]


def test_small_pictures_of_a_group_in_a_file_share_a_round(studio, engine, fakes, monkeypatch):
    """A GPU draws a head in a millisecond: a head a round made a film of many slow for nobody's good."""
    engine.faces = 5
    begun = []
    go_on = Drawer._go_on
    monkeypatch.setattr(Drawer, "_go_on", lambda self: begun.append(self) or go_on(self))
    monkeypatch.setattr(rounds, "ROUND_MS", 1000.0)  # however busy the machine is
    take_seat(studio)
    with studio.rendering(order("flat", max_faces=5)) as (render, _):
        render(fakes.make_frame())
    assert engine.batches == [1] * 5
    assert len(begun) == 1


def test_live_users_do_not_wait_for_the_search_of_a_picture(studio, engine, fakes):
    """A picture is searched tile by tile, and a group is put back head by head: all in one go held everybody up."""
    engine.looks, engine.faces, engine.look_s = 60, 8, 0.02
    began_s = time.monotonic()
    seat, results = take_seat(studio, max_faces=1)
    ended_s, shown_s = [], []

    def draw_picture():
        with studio.rendering(order("flat", max_faces=8)) as (render, _):
            rendered = render(replace(fakes.make_frame(), is_still=True))
            ended_s.append(time.monotonic() - began_s)
            assert rendered.frame.planes[0][24, 32] == fakes.FLAT_LEVEL

    picture = threading.Thread(target=draw_picture)
    picture.start()
    while picture.is_alive():
        seat.put(fakes.make_frame())
        results.get(timeout=WAIT_S)
        shown_s.append(time.monotonic() - began_s)
    assert ended_s[0] > 68 * engine.look_s
    assert (
        max(now - last for last, now in pairwise(shown_s)) < 34 * engine.look_s
    )  # a quarter of all, on a busy machine
    assert len(shown_s) > 20


def test_a_picture_whose_user_has_left_is_searched_no_more(studio, engine, fakes):
    engine.looks, engine.look_s = 10_000, 0.001
    leaving, its_results = take_seat(studio)
    leaving.put(replace(fakes.make_frame(), is_still=True))
    while not engine.drawings:
        threading.Event().wait(0.001)
    leaving.close()
    seat, results = take_seat(studio)
    for index in range(3):
        seat.put(fakes.make_frame(level=20 * index))
        assert results.get(timeout=WAIT_S).frame.index == 0
    assert not studio._drawer.has_begun
    assert its_results.empty()
