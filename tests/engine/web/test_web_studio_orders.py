"""What users order of the render thread beside a look: how many faces, which network, and a file beside a live user."""

import queue
import threading
from dataclasses import replace

import pytest

from animecam.settings import Look, Quality
from animecam.web.orders import Order
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
    engine.faces = 5
    seat, results = take_seat(studio, max_faces=1)
    drawn = queue.SimpleQueue()

    def draw_film():
        with studio.rendering(order("flat", max_faces=5)) as (render, _):
            drawn.put(render(fakes.make_frame()))

    def put():
        seat.put(fakes.make_frame(level=next(levels)))

    levels = iter(range(20, 250, 20))  # or the network would rest
    engine.gate.clear()
    film = threading.Thread(target=draw_film)
    film.start()
    while len(engine.drawings) < 1:  # the first head of the film is being drawn
        threading.Event().wait(0.001)
    put()
    engine.gate.set()
    for _ in range(5):
        results.get(timeout=WAIT_S)
        put()
    assert drawn.get(timeout=WAIT_S).frame.planes[0][24, 32] == fakes.FLAT_LEVEL
    film.join(WAIT_S)
    assert set(engine.batches) == {1}
    seat.close()
    engine.batches.clear()
    draw_film()
    assert engine.batches == [5]  # with nobody else there, they are drawn together
