"""Compiled networks take over from those that draw at once, or do not. On the processor, most with stand-ins."""

import logging
import os
import threading
import time
from contextlib import ExitStack

import numpy as np
import pytest
import torch

from animecam.backends import opening, torch_, torch_compiled, torch_compiler
from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.torch_ import TorchDevice
from animecam.backends.torch_compiler import compile_aside
from animecam.backends.torch_network import KEPT_SHAPES
from animecam.backends.torch_runs import measuring
from animecam.errors import BackendError, EngineRefusedError

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def test_it_draws_while_it_is_compiled_and_changes_over_between_two_pictures(network, options, loaded, fakes):
    compiler = fakes.StandIn(is_done=False)
    backend = fakes.backend_of(network, options, compiler)
    first = backend.run(fakes.pictures())[0]
    assert not compiler.has_begun.wait(0.1)  # whoever makes it ready draws once
    backend.run(fakes.pictures())
    assert compiler.has_begun.wait(fakes.WAIT_SECONDS)
    for _ in range(3):
        np.testing.assert_array_equal(backend.run(fakes.pictures())[0], first)
    assert (backend.info.version, backend.is_settled) == (torch.__version__, False)
    compiler.may_end.set()
    fakes.wait(lambda: backend.is_settled)
    np.testing.assert_array_equal(backend.run(fakes.pictures())[0], first)
    assert backend.info.version == f"{torch.__version__}, compiled"
    assert backend.info.precision == "f16"
    assert [job.shape for job in compiler.jobs] == [(1, 3, fakes.SIDE_PX, fakes.SIDE_PX)]
    assert threading.current_thread() not in compiler.threads
    backend.close()
    assert not any(thread.is_alive() for thread in compiler.threads)


def test_what_is_fed_from_the_host_is_compiled_once_it_is_drawn_for_a_while(network, options, fakes, monkeypatch):
    """Until the frame path on the GPU takes over it is drawn a few times, and a compiled form would be for nothing."""
    compiler, real = fakes.StandIn(is_done=False), torch_.TorchBackend

    def on_the_host(*files, **more):
        return real(*files, device="cpu", compiler=compiler, **more)

    monkeypatch.setattr(torch_, "TorchBackend", on_the_host)
    backend = opening.open_backend(network, BackendChoice.TORCH, options, half=network)
    for _ in range(opening.WORTH_AN_ENGINE):
        backend.run(fakes.pictures())
    assert not compiler.has_begun.wait(0.1)
    assert backend.is_settled
    backend.run(fakes.pictures())
    assert compiler.has_begun.wait(fakes.WAIT_SECONDS)
    backend.close()


def test_the_next_start_takes_it_from_the_cache(network, options, loaded, caplog, fakes):
    compiler = fakes.StandIn()
    for _ in range(2):
        backend = fakes.backend_of(network, options, compiler)
        backend.run(fakes.pictures())
        backend.run(fakes.pictures())
        fakes.wait(lambda backend=backend: backend.is_settled)
        backend.run(fakes.pictures())
        assert "compiled" in backend.info.version
        backend.close()
    assert (len(compiler.jobs), len(loaded)) == (1, 2)
    loaded[0].write_bytes(b"cut short")
    with caplog.at_level(logging.WARNING):
        backend = fakes.backend_of(network, options, compiler)
        backend.run(fakes.pictures())
        backend.run(fakes.pictures())
        fakes.wait(lambda: backend.is_settled)
        backend.close()
    assert len(compiler.jobs) == 2
    assert "is compiled anew: its file is truncated or damaged" in caplog.text


def test_between_two_steps_what_is_bound_is_drawn_by_what_is_ready(network, options, loaded, fakes):
    compiler = fakes.StandIn()
    device = TorchDevice(network, options, device="cpu", compiler=compiler)
    given, drawn = fakes.pictures(2).astype(np.float16), np.empty((2, 3, fakes.SIDE_PX, fakes.SIDE_PX), np.float16)
    infos = set()
    for batch in (1, 2, 1, 2):
        device.bind(given.ctypes.data, drawn.ctypes.data, batch=batch, size_px=fakes.SIDE_PX)
        device.enqueue(0)
        device.enqueue(0)
        infos.add(device.info.version)
        fakes.wait(lambda: device.is_settled)
        assert "compiled" in device.info.version  # of what is bound
    assert [job.shape[0] for job in compiler.jobs] == [1, 2]
    assert len(infos) <= 2
    device.close()
    device.close()


def test_what_draws_something_else_is_refused_and_not_compiled_again(network, options, monkeypatch, caplog, fakes):
    monkeypatch.setattr(torch_compiled, "load_compiled", lambda _, code: lambda x: (code(x)[0] * 0.5,))
    compiler = fakes.StandIn()
    for start in range(2):
        caplog.clear()
        backend = fakes.backend_of(network, options, compiler)
        right = backend.run(fakes.pictures())[0]
        backend.run(fakes.pictures())
        fakes.wait(lambda backend=backend: backend.is_settled)
        np.testing.assert_array_equal(backend.run(fakes.pictures())[0], right)
        assert "compiled" not in backend.info.version
        backend.close()
        (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert "it draws something else" in line
        assert ("so it was on" in line) is bool(start)
    assert len(compiler.jobs) == 1


@pytest.mark.parametrize("wrong", [float("inf"), float("nan")])
def test_what_is_not_finite_is_refused(network, options, monkeypatch, caplog, wrong, fakes):
    """Whichever output it is: the lowest of 60 dB and of what is no number was 60 dB."""

    def load(_, code):
        return lambda pictures: (code(pictures)[0], torch.full((1,), wrong, dtype=torch.float16))

    class TwoOutputs:
        weights = ()

        def __call__(self, pictures):
            return pictures, torch.zeros(1, dtype=torch.float16)

    monkeypatch.setattr(torch_compiled, "load_compiled", load)
    forms = torch_compiled.CompiledNetworks(network, "f16", torch.device("cpu"), options.cache_dir, fakes.StandIn())
    with pytest.raises(EngineRefusedError, match="it draws something else"):
        forms.get(TwoOutputs(), (1, 3, fakes.SIDE_PX, fakes.SIDE_PX), torch.float16, lambda: False)


def test_shapes_that_had_to_go_are_drawn_compiled_again_when_they_return(network, options, loaded, fakes):
    backend = fakes.backend_of(network, options, compiler := fakes.StandIn())
    versions = []
    for turn in (1, 2):
        for _ in range(3):
            backend.run(fakes.pictures())
            fakes.wait(lambda: backend.is_settled)
        versions.append(backend.info.version)
        for side_px in range(turn * KEPT_SHAPES, (turn + 1) * KEPT_SHAPES):
            backend.run(fakes.pictures(side_px=fakes.SIDE_PX + side_px))
    backend.close()
    assert all("compiled" in version for version in versions)
    assert len(compiler.jobs) == 1  # the second time it was in the cache


def test_what_is_compiled_too_late_takes_no_memory(network, options, loaded, fakes):
    """A shape made room while it was compiled: with it there was one too many, and from then on no limit."""
    backend = fakes.backend_of(network, options, compiler := fakes.StandIn(is_done=False))
    runs, compiled = backend._network._runs, backend._network._compiled
    backend.run(fakes.pictures())
    backend.run(fakes.pictures())
    assert compiler.has_begun.wait(fakes.WAIT_SECONDS)
    for side_px in range(fakes.SIDE_PX + 1, fakes.SIDE_PX + 1 + KEPT_SHAPES):
        backend.run(fakes.pictures(side_px=side_px))
    compiler.may_end.set()
    fakes.wait(lambda: backend.is_settled)
    backend.run(fakes.pictures())
    assert "compiled" in backend.info.version
    for side_px in range(2 * fakes.SIDE_PX, 2 * fakes.SIDE_PX + 2 * KEPT_SHAPES):
        backend.run(fakes.pictures(side_px=side_px))
    assert (len(runs), len(compiled)) == (KEPT_SHAPES, 0)
    backend.close()


def test_a_failure_is_told_once_and_nothing_more_is_compiled(network, options, caplog, fakes):
    def fail(*_):
        raise BackendError("no luck")

    backend = fakes.backend_of(network, options, fail)
    for count in (1, 1, 1, 2, 2, 2):
        backend.run(fakes.pictures(count))
    fakes.wait(lambda: backend.is_settled)
    backend.close()
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.endswith("is not drawn compiled, which would be faster: no luck")


def test_a_folder_that_cannot_be_written_is_told_of(network, tmp_path, caplog, fakes):
    taken = tmp_path / "taken"
    taken.touch()
    backend = fakes.backend_of(network, BackendOptions(cache_dir=taken), fakes.StandIn())
    for count in (1, 1, 2, 2):
        backend.run(fakes.pictures(count))
    fakes.wait(lambda: backend.is_settled)
    backend.close()
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"cannot keep compiled networks in {taken}: Not a directory" in line


def test_closing_ends_it_without_a_word(network, options, caplog, fakes):
    compiler = fakes.StandIn(is_done=False)
    backend = fakes.backend_of(network, options, compiler)
    backend.run(fakes.pictures())
    backend.run(fakes.pictures())
    assert compiler.has_begun.wait(fakes.WAIT_SECONDS)
    start_s = time.monotonic()
    backend.close()
    backend.close()
    assert time.monotonic() - start_s < fakes.WAIT_SECONDS
    assert not any(thread.is_alive() for thread in compiler.threads)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    with pytest.raises(BackendError, match="closed"):
        backend.run(fakes.pictures())


def test_nothing_is_compiled_where_that_is_not_wanted(network, options, fakes):
    compiler = fakes.StandIn()
    backend = fakes.backend_of(network, BackendOptions(cache_dir=options.cache_dir, allow_compiling=False), compiler)
    for _ in range(3):
        backend.run(fakes.pictures())
    assert backend.is_settled
    backend.close()
    assert not compiler.jobs


def test_convolutions_are_measured_as_long_as_any_thread_wants_it():
    before = torch.backends.cudnn.benchmark
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(measuring())
        second.enter_context(measuring())
        first.close()
        assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.benchmark is before


@pytest.mark.slow
@pytest.mark.skipif(bool(torch_compiler.problem_with_compiling(torch.device("cpu"))), reason="needs a C compiler")
def test_pytorch_compiles_it_in_a_process_and_loads_it_here(network, options, caplog, fakes):
    """Its compiler for processors; on a GPU `-m gpu` tests it."""
    caplog.set_level(logging.INFO)
    backend = fakes.backend_of(network, options, compile_aside)
    right = backend.run(fakes.pictures())[0]
    while not backend.is_settled or "compiled" not in backend.info.version:
        drawn = backend.run(fakes.pictures())[0]
        told = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert not [record for record in told if record.name.startswith("animecam")]  # PyTorch misses a GPU by itself
        time.sleep(0.05)
    np.testing.assert_allclose(drawn, right, atol=2e-3)
    backend.close()
    for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):  # other code of this process goes its own way
        assert str(options.cache_dir) not in os.environ.get(name, "")
    again = fakes.backend_of(network, options, lambda *_: pytest.fail("it is there"))
    again.run(fakes.pictures())
    again.run(fakes.pictures())
    fakes.wait(lambda: again.is_settled)
    again.run(fakes.pictures())
    assert "compiled" in again.info.version
    again.close()
