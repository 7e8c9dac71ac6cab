"""The bounded queue: order, overflow, the end, and waits that end."""

import contextlib
import threading
import time

import pytest

from animecam.channel import Channel, ChannelEnded, Overflow
from animecam.errors import PipelineError

GRACE_SECONDS = 5.0


def _in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_wait_keeps_every_item_in_order():
    channel: Channel[int] = Channel(2, Overflow.WAIT)

    def produce():
        for i in range(50):
            channel.put(i)
        channel.finish()

    thread = _in_thread(produce)
    got = []
    with contextlib.suppress(ChannelEnded):
        while len(got) <= 50:
            got.append(channel.get())
    thread.join(GRACE_SECONDS)
    assert got == list(range(50))
    assert channel.dropped == 0


def test_drop_oldest_keeps_the_newest_and_counts():
    channel: Channel[int] = Channel(2, Overflow.DROP_OLDEST)
    for i in range(5):
        channel.put(i)
    channel.finish()
    assert [channel.get(), channel.get()] == [3, 4]
    assert channel.dropped == 3
    with pytest.raises(ChannelEnded):
        channel.get()


def test_wait_holds_the_producer_back():
    channel: Channel[int] = Channel(1, Overflow.WAIT)
    channel.put(0)
    done = threading.Event()

    def produce():
        channel.put(1)
        done.set()

    _in_thread(produce)
    assert not done.wait(0.05)
    assert channel.get() == 0
    assert done.wait(GRACE_SECONDS)


@pytest.mark.parametrize("side", ["get", "put"])
def test_abort_wakes_a_waiting_side(side):
    channel: Channel[int] = Channel(1, Overflow.WAIT)
    outcome = []

    def wait():
        try:
            if side == "put":
                channel.put(1)
                channel.put(2)
            else:
                channel.get()
        except ChannelEnded as end:
            outcome.append(end)

    thread = _in_thread(wait)
    time.sleep(0.02)
    channel.abort()
    thread.join(GRACE_SECONDS)
    assert len(outcome) == 1


@pytest.mark.parametrize(("side", "complaint"), [("get", "gave no frame"), ("put", "took no frame")])
def test_a_wait_for_a_dead_neighbour_ends(side, complaint):
    channel: Channel[int] = Channel(1, Overflow.WAIT, stall_s=0.02)
    if side == "put":
        channel.put(1)
    with pytest.raises(PipelineError, match=complaint):
        channel.put(2) if side == "put" else channel.get()


class Clock:
    """A clock that a test turns; waits end when it says so."""

    def __init__(self, channel, monkeypatch, naps_s):
        self.now_s, self.waits_s = 0.0, []
        self._naps = iter(naps_s)
        self._channel = channel
        monkeypatch.setattr("animecam.channel.time.monotonic", lambda: self.now_s)
        monkeypatch.setattr(channel._changed, "wait", self._wait)

    def _wait(self, timeout_s):
        self.waits_s.append(timeout_s)
        nap_s = next(self._naps, None)
        if nap_s is None:
            self._channel.finish()
        self.now_s += timeout_s if nap_s is None else nap_s


def test_hours_that_the_process_was_stopped_are_no_stall(monkeypatch):
    channel: Channel[int] = Channel(1, Overflow.WAIT)
    clock = Clock(channel, monkeypatch, naps_s=[3600.0, 7200.0])
    with pytest.raises(ChannelEnded):
        channel.get()
    assert len(clock.waits_s) == 3


def test_a_wait_that_is_woken_for_nothing_counts_what_it_took(monkeypatch):
    channel: Channel[int] = Channel(1, Overflow.WAIT, stall_s=2.0)
    clock = Clock(channel, monkeypatch, naps_s=[0.25, 1.0, 0.5, 0.25])
    with pytest.raises(PipelineError, match="for 2 s"):
        channel.get()
    assert clock.waits_s == [1.0, 1.0, 0.75, 0.25]


def test_what_comes_after_the_end_is_dropped():
    channel = Channel(1, Overflow.DROP_OLDEST)
    channel.put(1)
    channel.finish()
    channel.put(2)
    assert channel.get() == 1
    with pytest.raises(ChannelEnded):
        channel.get()
    assert channel.dropped == 1
