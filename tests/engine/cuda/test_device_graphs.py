"""When work is recorded, and when it is tried again after it could not be."""

from animecam.errors import BackendError
from animecam.render.device_graphs import Graphs


class Graph:
    handle = 1

    def close(self):
        pass


class Stream:
    """Records when it is let."""

    can_record = False

    def __init__(self):
        self.replays = self.tries = 0

    def capture(self, work):
        self.tries += 1
        if not self.can_record:
            raise BackendError("this cannot be recorded")
        work()
        return Graph()

    def replay(self, graph):
        self.replays += 1

    def synchronize(self):
        pass


def test_one_network_that_cannot_be_recorded_does_not_slow_the_next_one_down(caplog):
    stream = Stream()
    graphs = Graphs(stream)
    for _ in range(4):
        graphs.run("stubborn", 0, lambda: None)
    assert (stream.tries, stream.replays) == (1, 0)
    stream.can_record = True
    for _ in range(4):
        graphs.run("willing", 0, lambda: None)
    assert (stream.tries, stream.replays) == (2, 3)


def test_it_is_said_once_that_kernels_are_launched_one_by_one(caplog):
    graphs = Graphs(Stream())
    for binding in ("one face", "two faces", "one face"):
        for _ in range(2):
            graphs.run(binding, 0, lambda: None)
    assert caplog.text.count("one by one") == 1
