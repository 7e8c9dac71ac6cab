"""Another backend draws while the fast one is made ready; fakes whose readiness the test decides."""

import logging
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from animecam.backends import switching
from animecam.backends.base import BackendInfo, Port, Tensor
from animecam.backends.switching import SwitchingBackend
from animecam.cuda.turns import gpu_turn
from animecam.errors import BackendError, CacheError

PATIENCE_SECONDS = 10.0
SMALL, LARGE = (3, 8, 8), (3, 16, 16)


class FakeBackend:
    """Multiplies; remembers how many pictures it got at a time."""

    def __init__(self, name: str, factor: float, max_batch: int) -> None:
        self.info = BackendInfo(name, "1", "fake", "f32")
        self.input = Port("picture", (None, 3, None, None), np.dtype(np.float32))
        self.outputs = (Port("drawn", (None, 3, None, None), np.dtype(np.float32)),)
        self.max_batch, self._factor = max_batch, factor
        self.batches: list[int] = []
        self.closed = 0

    def run(self, batch: Tensor) -> tuple[Tensor, ...]:
        assert not self.closed
        assert len(batch) <= self.max_batch
        self.batches.append(len(batch))
        return (batch * self._factor,)

    def close(self) -> None:
        self.closed += 1


class FakeEngine(FakeBackend):
    """Becomes ready for a shape when the test says so; a build ends at the latest when it is told to."""

    def __init__(self, failure: str = "") -> None:
        super().__init__("engine", 3.0, max_batch=4)
        self.may_finish, self.is_ending, self.building = threading.Event(), threading.Event(), threading.Event()
        self.ready: set[tuple[int, ...]] = set()
        self.prepared: list[tuple[int, ...]] = []
        self._failure = failure

    def is_ready(self, shape: tuple[int, ...]) -> bool:
        return shape in self.ready

    def prepare(self, shape: tuple[int, ...]) -> None:
        self.prepared.append(shape)
        self.building.set()
        while not self.may_finish.wait(0.01):
            if self.is_ending.is_set():
                raise BackendError("ended before it was done")
        if self._failure:
            raise BackendError(self._failure)
        self.ready.add(shape)

    def end(self) -> None:
        self.is_ending.set()


@pytest.fixture
def slow() -> FakeBackend:
    return FakeBackend("processor", 2.0, max_batch=1)


def pictures(shape: tuple[int, ...] = SMALL, count: int = 1) -> Tensor:
    return np.ones((count, *shape), np.float32)


def wait_for(condition) -> None:
    end_s = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_the_processor_draws_until_the_engine_is_ready(slow: FakeBackend, caplog: pytest.LogCaptureFixture):
    engine = FakeEngine()
    backend = SwitchingBackend(engine, slow)
    with caplog.at_level(logging.INFO, logger="animecam"):
        for _ in range(3):
            assert backend.run(pictures())[0].max() == 2
        assert backend.info is slow.info
        engine.may_finish.set()
        wait_for(lambda: engine.is_ready(SMALL))
        assert backend.run(pictures())[0].max() == 3
    assert backend.info is engine.info
    assert engine.prepared == [SMALL]  # asked for once, however often it was drawn
    assert caplog.text.count("engine (f32) on fake draws now") == 1
    backend.close()


def test_no_picture_is_lost_while_it_changes_over(slow: FakeBackend):
    """A stream goes on in one thread while the engine becomes ready in another."""
    engine = FakeEngine()
    backend = SwitchingBackend(engine, slow)
    drawn: list[float] = []
    while len(drawn) < 200 and (len(drawn) < 100 or drawn[-1] != 3):
        if len(drawn) == 50:
            engine.may_finish.set()
        drawn.append(float(backend.run(pictures())[0].max()))
        time.sleep(0.001)
    backend.close()
    assert drawn[:50] == [2.0] * 50
    assert drawn[-1] == 3
    assert drawn == sorted(drawn)  # it changes over once and never back


def test_each_shape_changes_over_by_itself(slow: FakeBackend):
    engine = FakeEngine()
    engine.ready.add(SMALL)
    backend = SwitchingBackend(engine, slow)
    assert backend.run(pictures(SMALL))[0].max() == 3
    assert backend.run(pictures(LARGE))[0].max() == 2
    assert backend.run(pictures(SMALL))[0].max() == 3
    wait_for(lambda: engine.prepared == [LARGE])
    backend.close()


def test_batches_are_cut_to_what_each_takes(slow: FakeBackend):
    engine = FakeEngine()
    backend = SwitchingBackend(engine, slow)
    assert backend.max_batch == 4
    assert backend.run(pictures(count=3))[0].shape == (3, *SMALL)
    engine.ready.add(SMALL)
    engine.max_batch = 2  # the GPU's memory was short
    assert backend.run(pictures(count=3))[0].shape == (3, *SMALL)
    assert (slow.batches, engine.batches) == ([1, 1, 1], [2, 1])
    backend.close()


def test_an_engine_that_fails_is_told_once_and_done_without(slow: FakeBackend, caplog: pytest.LogCaptureFixture):
    engine = FakeEngine(failure="the engine draws something else")
    engine.may_finish.set()
    backend = SwitchingBackend(engine, slow)
    backend.run(pictures())
    wait_for(lambda: "processor (f32) goes on: the engine draws something else" in caplog.text)
    for shape in (SMALL, LARGE, SMALL):
        assert backend.run(pictures(shape))[0].max() == 2
    backend.close()
    assert engine.prepared == [SMALL]
    assert caplog.text.count("goes on") == 1


def test_what_is_ready_stays_in_use_when_another_shape_fails(slow: FakeBackend, caplog: pytest.LogCaptureFixture):
    """A face is lost, and the engine for whole frames finds no memory: heads are drawn by theirs all the same."""
    engine = FakeEngine(failure="the memory of the GPU is full")
    engine.ready.add(SMALL)
    engine.may_finish.set()
    with closing(SwitchingBackend(engine, slow)) as backend:
        assert backend.run(pictures(LARGE))[0].max() == 2
        wait_for(lambda: "goes on" in caplog.text)
        assert backend.run(pictures(SMALL))[0].max() == 3
        assert backend.run(pictures(LARGE))[0].max() == 2
    assert engine.prepared == [LARGE]


def test_a_folder_that_cannot_be_written_ends_no_thread(slow: FakeBackend, caplog: pytest.LogCaptureFixture):
    engine = FakeEngine()
    engine.prepare = lambda shape: (_ for _ in ()).throw(CacheError("cannot keep the engine: No space left on device"))
    with closing(SwitchingBackend(engine, slow)) as backend:
        backend.run(pictures())
        wait_for(lambda: backend.is_settled)
    assert "No space left on device" in caplog.text


def test_a_mistake_in_making_an_engine_is_told_and_the_other_one_goes_on(slow, caplog):
    engine = FakeEngine()
    engine.prepare = lambda shape: (_ for _ in ()).throw(ValueError("a mistake"))
    with closing(SwitchingBackend(engine, slow)) as backend:
        backend.run(pictures())
        wait_for(lambda: backend.is_settled)
        assert backend.run(pictures())[0].max() == 2
        wait_for(lambda: caplog.messages)
    assert caplog.messages == ["engine (f32) is not usable, processor (f32) goes on: ValueError: a mistake"]


def test_an_engine_is_made_for_what_is_drawn_often_and_goes_on_being(slow, monkeypatch):
    monkeypatch.setattr(switching, "LULL_SECONDS", 0.05)
    engine = FakeEngine()
    engine.may_finish.set()
    with closing(SwitchingBackend(engine, slow, worth=3)) as backend:
        for shape in (SMALL, SMALL, LARGE, LARGE, LARGE):
            assert backend.run(pictures(shape))[0].max() == 2
        wait_for(lambda: not backend._asked)  # frames on the GPU took over: no more of them come here
        assert engine.prepared == []
        end_s = time.monotonic() + PATIENCE_SECONDS
        while backend.run(pictures(SMALL))[0].max() == 2:
            assert time.monotonic() < end_s
            time.sleep(0.005)
    assert engine.prepared == [SMALL]


def test_an_engine_is_made_where_every_picture_takes_long(slow, monkeypatch):
    """They need it most: a picture must not have to come within a fixed time."""
    monkeypatch.setattr(switching, "LULL_SECONDS", 0.01)
    engine, quick = FakeEngine(), slow.run
    engine.may_finish.set()
    slow.run = lambda batch: time.sleep(0.1) or quick(batch)
    with closing(SwitchingBackend(engine, slow, worth=2)) as backend:
        wait_for(lambda: backend.run(pictures())[0].max() == 3)
    assert engine.prepared == [SMALL]


def test_pictures_are_counted_and_not_runs(slow, monkeypatch):
    monkeypatch.setattr(switching, "LULL_SECONDS", 0.01)
    engine = FakeEngine()
    with closing(SwitchingBackend(engine, slow, worth=4)) as backend:
        backend.run(pictures(count=3))
        assert not backend._asked
        backend.run(pictures(count=1))
        assert backend._asked


def test_an_engine_is_not_made_while_others_load_on_the_gpu(slow, monkeypatch):
    monkeypatch.setattr(switching, "LULL_SECONDS", 0.05)
    engine = FakeEngine()
    engine.may_finish.set()
    with closing(SwitchingBackend(engine, slow, worth=2)) as backend:
        with gpu_turn(lambda: False):
            for _ in range(40):
                assert backend.run(pictures())[0].max() == 2
                time.sleep(0.005)
            assert engine.prepared == []
        wait_for(lambda: backend.run(pictures())[0].max() == 3)


def test_closing_ends_a_build_and_frees_both(slow: FakeBackend, caplog: pytest.LogCaptureFixture):
    engine = FakeEngine()
    backend = SwitchingBackend(engine, slow)
    backend.run(pictures())
    assert engine.building.wait(PATIENCE_SECONDS)
    start_s = time.monotonic()
    backend.close()
    backend.close()
    assert time.monotonic() - start_s < PATIENCE_SECONDS
    assert (engine.closed, slow.closed) == (1, 1)
    assert "goes on" not in caplog.text  # that it was ended is no failure
    assert not [thread for thread in threading.enumerate() if thread.name == "engine-build"]
    with pytest.raises(BackendError, match="closed"):
        backend.run(pictures())


def test_it_is_settled_once_the_fast_one_draws_or_never_will(slow):
    engine = FakeEngine()
    with closing(SwitchingBackend(engine, slow)) as backend:
        backend.run(pictures())
        assert not backend.is_settled
        engine.may_finish.set()
        wait_for(lambda: engine.ready)
        backend.run(pictures())
        assert backend.is_settled
    broken = FakeEngine("no memory")
    broken.may_finish.set()
    with closing(SwitchingBackend(broken, FakeBackend("processor", 2.0, max_batch=1))) as backend:
        backend.run(pictures())
        wait_for(lambda: backend.is_settled)


def test_a_shape_that_had_to_make_room_is_prepared_again(slow):
    engine = FakeEngine()
    engine.may_finish.set()
    with closing(SwitchingBackend(engine, slow)) as backend:
        for times in (1, 2):
            backend.run(pictures())
            wait_for(lambda: SMALL in engine.ready and not backend._asked)
            assert engine.prepared == [SMALL] * times
            engine.ready.clear()
