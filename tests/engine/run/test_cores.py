"""Who used the cores: by counters that the test moves, and once by those of the system."""

import sys
from types import SimpleNamespace

import pytest

from animecam.run import cores
from animecam.run.cores import CoreSeconds, CoreUse, CoreWatch


class Machine:
    """Two cores by hand: `work` lets seconds pass, of which this program and others use some."""

    def __init__(self):
        self.now_s, self.counted = 100.0, CoreSeconds(all=5000.0, busy=900.0, own=3.0)

    def work(self, seconds, own=0.0, others=0.0):
        self.now_s += seconds
        was = self.counted
        self.counted = CoreSeconds(was.all + 2 * seconds, was.busy + own + others, was.own + own)

    def watch(self):
        return CoreWatch(lambda: self.counted, lambda: self.now_s)


@pytest.fixture
def machine():
    return Machine()


def test_what_others_used_is_told_apart(machine):
    watch = machine.watch()
    machine.work(10.0, own=5.0, others=8.0)
    assert watch.whole() == CoreUse(own=0.25, others=0.4)


def test_recently_is_the_last_second_that_is_over(machine):
    watch = machine.watch()
    machine.work(0.75, others=1.5)
    assert watch.recent() is None
    machine.work(0.25, others=0.5)
    assert watch.recent().others == pytest.approx(1.0)
    machine.work(0.5, own=1.0)
    assert watch.recent().own == 0.0
    machine.work(0.5, own=1.0)
    assert (watch.recent().own, watch.recent().others) == pytest.approx((1.0, 0.0))
    assert watch.whole().others == pytest.approx(0.5)


def test_two_clocks_that_are_a_tick_apart_leave_others_nothing(machine):
    watch = machine.watch()
    machine.work(1.0, own=2.0, others=-0.01)
    assert watch.whole().others == 0.0


def test_nothing_is_told_of_no_time(machine):
    assert machine.watch().whole() is None


def test_time_of_guests_counts_once_and_waiting_for_a_disk_is_idle(monkeypatch):
    times = {"user": 50.0, "system": 10.0, "idle": 30.0, "iowait": 5.0, "steal": 5.0, "guest": 40.0, "guest_nice": 1.0}
    fake = SimpleNamespace(cpu_times=lambda: SimpleNamespace(_asdict=lambda: times))
    monkeypatch.setitem(sys.modules, "psutil", fake)
    counted = cores.core_seconds()
    assert (counted.all, counted.busy) == (100.0, 65.0)


def test_this_machine_tells_what_a_busy_loop_takes():
    watch = CoreWatch()
    before = cores.core_seconds()
    while cores.core_seconds().own - before.own < 0.3:
        sum(range(10_000))
    use = watch.whole()
    assert use.own > 0.0
    assert 0.0 <= use.others <= 1.0
    assert use.own + use.others <= 1.05  # ticks of 10 ms


def test_the_window_is_looked_at_no_oftener_than_it_is_long(machine):
    asked = []
    watch = CoreWatch(lambda: asked.append(1) or machine.counted, lambda: machine.now_s)
    for _ in range(16):
        machine.work(0.125)
        watch.recent()
    assert len(asked) == 3
