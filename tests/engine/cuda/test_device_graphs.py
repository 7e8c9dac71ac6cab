"""When work is recorded, and when it is tried again after it could not be."""

import threading

from animecam.cuda.turns import gpu_turn, gpu_turn_at_once, has_gpu_turn
from animecam.errors import BackendError, DeviceMemoryError
from animecam.render.device_graphs import MOST_KEPT, RETRY_RUNS, Graphs

BY = "the network as it is"


class Graph:
    handle = 1

    def __init__(self, stream):
        self._stream = stream

    def close(self):
        assert self._stream.is_done, "it may still run"
        self._stream.freed += 1


class Stream:
    """Records when it is let."""

    can_record = False

    def __init__(self):
        self.replays = self.tries = self.made = self.freed = 0
        self.is_done = True
        self.room = 10**6  # graphs

    def capture(self, work):
        self.tries += 1
        if not self.can_record:
            raise BackendError("this cannot be recorded")
        work()
        if self.made - self.freed >= self.room:
            raise DeviceMemoryError("the memory of the GPU is full")
        self.made += 1
        return Graph(self)

    def replay(self, graph):
        self.replays += 1
        self.is_done = False

    def synchronize(self):
        self.is_done = True


def test_one_network_that_cannot_be_recorded_does_not_slow_the_next_one_down(caplog):
    stream = Stream()
    graphs = Graphs(stream)
    for _ in range(4):
        graphs.run("stubborn", BY, 0, lambda: None)
    assert (stream.tries, stream.replays) == (1, 0)
    stream.can_record = True
    for _ in range(4):
        graphs.run("willing", BY, 0, lambda: None)
    assert (stream.tries, stream.replays) == (2, 3)


def test_a_recording_that_somebody_ended_is_tried_again(caplog):
    stream = Stream()
    graphs = Graphs(stream)
    for _ in range(2):
        graphs.run("one face", BY, 0, lambda: None)
    stream.can_record = True
    for _ in range(RETRY_RUNS + 1):
        graphs.run("one face", BY, 0, lambda: None)
    assert (stream.tries, stream.replays) == (2, 2)


def test_nothing_is_recorded_while_another_thread_loads(caplog):
    stream = Stream()
    stream.can_record = True
    graphs, ran = Graphs(stream), []
    has_turn, may_end = threading.Event(), threading.Event()

    def load():
        never = threading.Event().is_set
        with gpu_turn(never) as is_mine, gpu_turn(never) as is_mine_again:  # what is made ready loads its engine
            assert is_mine
            assert is_mine_again
            assert has_gpu_turn()
            has_turn.set()
            assert may_end.wait(10)

    loading = threading.Thread(target=load)
    loading.start()
    assert has_turn.wait(10)
    for _ in range(3):
        graphs.run("one face", BY, 0, lambda: ran.append(1))
    assert (stream.tries, len(ran), caplog.text) == (0, 3, "")
    with gpu_turn_at_once() as is_mine:
        assert not is_mine
    with gpu_turn(is_unwanted=lambda: True) as is_mine:
        assert not is_mine
    assert not has_gpu_turn()
    may_end.set()
    loading.join(10)
    for _ in range(2):
        graphs.run("one face", BY, 0, lambda: ran.append(1))
    assert (stream.tries, stream.replays) == (1, 2)


def test_it_is_said_once_that_kernels_are_launched_one_by_one(caplog):
    graphs = Graphs(Stream())
    for binding in ("one face", "two faces", "one face"):
        for _ in range(2):
            graphs.run(binding, BY, 0, lambda: None)
    assert caplog.text.count("one by one") == 1


def willing() -> tuple[Stream, Graphs]:
    stream = Stream()
    stream.can_record = True
    return stream, Graphs(stream)


def test_what_is_done_in_turns_is_recorded_once_each(caplog):
    stream, graphs = willing()
    for _ in range(20):
        for what in ("one face", "two faces"):
            graphs.run(what, BY, 0, lambda: None)
    assert (stream.tries, stream.replays, stream.freed) == (2, 38, 0)
    graphs.clear()
    assert stream.freed == 2


def test_what_another_one_does_now_is_recorded_anew_and_nothing_else(caplog):
    stream, graphs = willing()
    for one_is_by in (BY, BY, "compiled", "compiled"):
        graphs.run("one face", one_is_by, 0, lambda: None)
        graphs.run("two faces", BY, 0, lambda: None)
    assert (stream.tries, stream.replays, stream.freed) == (3, 5, 1)
    graphs.clear()
    assert stream.freed == 3


def test_no_more_is_kept_than_there_is_room_for(caplog):
    """What was launched longest ago goes first, when it has run."""
    stream, graphs = willing()
    pieces = range(MOST_KEPT + 1)
    for faces in pieces:
        for slot in (0, 1, 0, 1):
            graphs.run(faces, BY, slot, lambda: None)
        graphs.run(1, BY, 0, lambda: None)
    assert stream.freed == 2
    tries = stream.tries
    for faces in pieces[1:]:
        graphs.run(faces, BY, 0, lambda: None)
    assert (stream.tries, stream.freed) == (tries, 2)
    graphs.run(0, BY, 0, lambda: None)
    assert stream.freed == 4
    graphs.clear()
    assert stream.freed == stream.tries == 2 * (MOST_KEPT + 1)


def test_where_a_graph_finds_no_memory_those_of_other_work_go(caplog):
    stream, graphs = willing()
    stream.room = 2
    for what in ("one face", "one face", "two faces", "three faces"):
        for _ in range(2):
            graphs.run(what, BY, 0, lambda: None)
    graphs.run("three faces", BY, 0, lambda: None)
    assert (stream.freed, stream.made, caplog.text) == (2, 3, "")
    stream.room = 0
    for _ in range(4):
        graphs.run("four faces", BY, 0, lambda: None)
    assert (stream.freed, stream.made) == (3, 3)
    assert caplog.text.count("one by one, which takes longer: the memory of the GPU is full") == 1
    graphs.clear()
    assert stream.freed == 3
