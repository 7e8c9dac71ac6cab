"""How the render thread ends: whoever waits for it is told, and nobody is let in after that."""

import queue
import threading

import pytest

from animecam.errors import PipelineError
from animecam.settings import Look, Quality
from animecam.web.orders import Order
from animecam.web.studio import Studio

WAIT_S = 5
ORDER = Order(Look("invert"), 4, Quality.AUTO)


def take_seat(studio):
    results = queue.SimpleQueue()
    return studio.seat(ORDER, results.put, results.put), results


def test_an_errand_that_waits_when_the_studio_closes_is_told(engine, fakes):
    with Studio(engine.open) as studio:
        seat, _ = take_seat(studio)
        engine.gate.clear()
        seat.put(fakes.make_frame())
        while not engine.drawings:
            threading.Event().wait(0.001)
        errands = [studio.run(lambda engine: None) for _ in range(2)]
        errands.append(studio.run(lambda engine: None))
        assert errands[-1].cancel()
        threading.Timer(0.1, engine.gate.set).start()
    for errand in errands[:2]:
        with pytest.raises(PipelineError, match="was stopped"):
            errand.result(WAIT_S)


def test_nobody_is_let_in_once_the_studio_is_closed(engine):
    with Studio(engine.open) as studio:
        pass
    with pytest.raises(PipelineError, match="was stopped"):
        studio.run(lambda engine: None)
    with pytest.raises(PipelineError, match="was stopped"):
        take_seat(studio)
    with pytest.raises(PipelineError, match="was stopped"), studio.rendering(ORDER):
        pass
    assert studio.seats() == ()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_render_thread_that_ended_by_mistake(studio):
    def leave(engine):
        raise SystemExit

    _, results = take_seat(studio)
    errands = [studio.run(leave), studio.run(lambda engine: None)]
    for errand in errands:
        with pytest.raises(PipelineError, match="was stopped"):
            errand.result(WAIT_S)
    assert isinstance(results.get(timeout=WAIT_S), PipelineError)
    with pytest.raises(PipelineError, match="was stopped"):
        take_seat(studio)


def test_a_page_that_comes_when_nothing_is_drawn_any_more_is_told(visit, studio):
    async def test(client):
        studio.__exit__(None, None, None)
        async with client.ws_connect("/socket") as socket:
            problem = (await socket.receive_json(timeout=WAIT_S))["problem"]
            assert "stopped" in problem["message"]
        assert (await client.get("/healthz")).status == 503

    visit(test)
