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
