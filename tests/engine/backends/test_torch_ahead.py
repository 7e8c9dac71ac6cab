"""Networks that are compiled later or ahead of time: the most urgent first, and none twice or in vain."""

import errno
import threading
from collections.abc import Callable

import pytest
import torch

from animecam.backends import torch_compiled
from animecam.backends.later import Later
from animecam.backends.torch_ahead import compile_ahead
from animecam.cli import main
from animecam.errors import BackendError, CacheError, DeviceMemoryError

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def test_a_full_disk_is_told_of(network, options, loaded, monkeypatch, fakes):
    def write_whole(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch_compiled, "write_whole", write_whole)
    with pytest.raises(CacheError, match="No space left on device"):
        list(
            compile_ahead(network, network, (fakes.SIDE_PX,), "cpu", options.cache_dir, lambda: False, fakes.StandIn())
        )


def test_what_is_kept_is_not_compiled_anew_for_want_of_memory(network, options, loaded, monkeypatch, fakes):
    def ahead(compiler):
        return list(
            compile_ahead(network, network, (fakes.SIDE_PX,), "cpu", options.cache_dir, lambda: False, compiler)
        )

    def load(*_):
        raise DeviceMemoryError("torch: the memory of the GPU is full")

    ahead(fakes.StandIn())
    monkeypatch.setattr(torch_compiled, "load_compiled", load)
    compiler = fakes.StandIn()
    with pytest.raises(DeviceMemoryError):
        ahead(compiler)
    assert not compiler.jobs


def test_nothing_is_loaded_that_nobody_waits_for(network, options, loaded, fakes):
    def ahead(is_unwanted):
        return list(
            compile_ahead(network, network, (fakes.SIDE_PX,), "cpu", options.cache_dir, is_unwanted, fakes.StandIn())
        )

    ahead(lambda: False)
    loaded.clear()
    with pytest.raises(BackendError, match="closed"):
        ahead(lambda: True)
    assert not loaded


def test_the_most_urgent_is_done_first_and_none_twice(fakes):
    may_begin, done = threading.Event(), []

    def work(task: str, _is_unwanted: Callable[[], bool]) -> None:
        assert may_begin.wait(fakes.WAIT_SECONDS)
        done.append(task)

    later = Later[str](work, lambda error: None, "test")
    later.ask("first", 1)
    fakes.wait(lambda: later._left.empty())
    for task, urgency in (("four", 4), ("two", 2), ("first", 1), ("two", 2)):
        later.ask(task, urgency)
    may_begin.set()
    fakes.wait(lambda: later.is_idle)
    assert done == ["first", "two", "four"]
    assert later.close()


def test_nobody_waits_for_a_thread_that_ended_by_mistake_and_why_is_told(fakes):
    def work(*_) -> None:
        raise KeyError("a mistake")

    told: list[str] = []
    later = Later[str](work, lambda error: told.append(error.message), "test")
    later.ask("one", 1)
    fakes.wait(lambda: later.is_idle)
    later.ask("two", 2)
    assert later.is_idle
    assert later.close()
    assert told == ["KeyError: 'a mistake'"]


def test_networks_are_compiled_ahead_one_picture_at_a_time(network, options, loaded, fakes):
    compiler = fakes.StandIn()

    def build() -> list[float]:
        sizes_px = (fakes.SIDE_PX, 2 * fakes.SIDE_PX)
        forms = compile_ahead(network, network, sizes_px, "cpu", options.cache_dir, lambda: False, compiler)
        return [compiled.seconds for compiled in forms]

    assert all(build())
    assert build() == [0, 0]
    assert [job.shape for job in compiler.jobs] == [(1, 3, side, side) for side in (fakes.SIDE_PX, 2 * fakes.SIDE_PX)]
    assert all(job.target.parent == options.cache_dir / "torch" for job in compiler.jobs)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_nothing_is_compiled_ahead(capsys):
    assert main(["build", "--backend", "torch", "--style", "cel"]) == 1
    said = capsys.readouterr().err
    assert "built without CUDA" in said or "sees no NVIDIA GPU" in said
