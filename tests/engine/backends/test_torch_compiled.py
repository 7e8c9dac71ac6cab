"""Compiled networks take over from those that draw at once, or do not. On the processor, most with stand-ins."""

import errno
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from animecam.backends import torch_compiled, torch_compiler
from animecam.backends.base import BackendOptions
from animecam.backends.later import Later
from animecam.backends.torch_ import TorchBackend, TorchDevice
from animecam.backends.torch_ahead import compile_ahead
from animecam.backends.torch_compiler import Job, compile_aside
from animecam.backends.torch_network import KEPT_SHAPES
from animecam.backends.torch_runs import measuring
from animecam.cli import main
from animecam.errors import BackendError, CacheError, DeviceMemoryError, EngineRefusedError

WAIT_SECONDS = 10.0
SIDE_PX = 16

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A small network in half, whose code has more than one call."""
    weights = (np.random.default_rng(0).normal(size=(3, 3, 3, 3)) * 0.2).astype(np.float16)
    known = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")]
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["padded"], mode="reflect"),
        helper.make_node("Conv", ["padded", "w"], ["drawn"]),
        helper.make_node("Cast", ["drawn"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Tanh", ["float"], ["bounded"]),
        helper.make_node("Cast", ["bounded"], ["y"], to=TensorProto.FLOAT16),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, ["n", 3, "h", "w"]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], known)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


@pytest.fixture
def options(tmp_path: Path) -> BackendOptions:
    return BackendOptions(threads=1, cache_dir=tmp_path)


@pytest.fixture
def loaded(monkeypatch) -> list[Path]:
    """What is in a file of the stand-in compiler is the network itself."""
    paths: list[Path] = []

    def load(path, code):
        paths.append(path)
        return code

    monkeypatch.setattr(torch_compiled, "load_compiled", load)
    return paths


class StandIn:
    """A compiler that takes as long as it is told to."""

    def __init__(self, *, is_done: bool = True) -> None:
        self.may_end, self.has_begun = threading.Event(), threading.Event()
        self.jobs: list[Job] = []
        self.threads: list[threading.Thread] = []
        if is_done:
            self.may_end.set()

    def __call__(self, job: Job, is_unwanted: Callable[[], bool]) -> None:
        self.jobs.append(job)
        self.threads.append(threading.current_thread())
        self.has_begun.set()
        while not self.may_end.wait(0.01):
            if is_unwanted():
                raise BackendError("nobody waits for it")
        job.target.write_bytes(b"compiled")


def pictures(count: int = 1, side_px: int = SIDE_PX) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (count, 3, side_px, side_px)).astype(np.float32)


def backend_of(network: Path, options: BackendOptions, compiler) -> TorchBackend:
    return TorchBackend(network, network, options, device="cpu", compiler=compiler)


def wait(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_it_draws_while_it_is_compiled_and_changes_over_between_two_pictures(network, options, loaded):
    compiler = StandIn(is_done=False)
    backend = backend_of(network, options, compiler)
    first = backend.run(pictures())[0]
    assert not compiler.has_begun.wait(0.1)  # whoever makes it ready draws once
    backend.run(pictures())
    assert compiler.has_begun.wait(WAIT_SECONDS)
    for _ in range(3):
        np.testing.assert_array_equal(backend.run(pictures())[0], first)
    assert (backend.info.version, backend.is_settled) == (torch.__version__, False)
    compiler.may_end.set()
    wait(lambda: backend.is_settled)
    np.testing.assert_array_equal(backend.run(pictures())[0], first)
    assert backend.info.version == f"{torch.__version__}, compiled"
    assert backend.info.precision == "f16"
    assert [job.shape for job in compiler.jobs] == [(1, 3, SIDE_PX, SIDE_PX)]
    assert threading.current_thread() not in compiler.threads
    backend.close()
    assert not any(thread.is_alive() for thread in compiler.threads)


def test_the_next_start_takes_it_from_the_cache(network, options, loaded, caplog):
    compiler = StandIn()
    for _ in range(2):
        backend = backend_of(network, options, compiler)
        backend.run(pictures())
        backend.run(pictures())
        wait(lambda backend=backend: backend.is_settled)
        backend.run(pictures())
        assert "compiled" in backend.info.version
        backend.close()
    assert (len(compiler.jobs), len(loaded)) == (1, 2)
    loaded[0].write_bytes(b"cut short")
    with caplog.at_level(logging.WARNING):
        backend = backend_of(network, options, compiler)
        backend.run(pictures())
        backend.run(pictures())
        wait(lambda: backend.is_settled)
        backend.close()
    assert len(compiler.jobs) == 2
    assert "is compiled anew: its file is truncated or damaged" in caplog.text


def test_between_two_steps_what_is_bound_is_drawn_by_what_is_ready(network, options, loaded):
    compiler = StandIn()
    device = TorchDevice(network, options, device="cpu", compiler=compiler)
    given, drawn = pictures(2).astype(np.float16), np.empty((2, 3, SIDE_PX, SIDE_PX), np.float16)
    infos = set()
    for batch in (1, 2, 1, 2):
        device.bind(given.ctypes.data, drawn.ctypes.data, batch=batch, size_px=SIDE_PX)
        device.enqueue(0)
        device.enqueue(0)
        infos.add(device.info.version)
        wait(lambda: device.is_settled)
        assert "compiled" in device.info.version  # of what is bound
    assert [job.shape[0] for job in compiler.jobs] == [1, 2]
    assert len(infos) <= 2
    device.close()
    device.close()


def test_what_draws_something_else_is_refused_and_not_compiled_again(network, options, monkeypatch, caplog):
    monkeypatch.setattr(torch_compiled, "load_compiled", lambda _, code: lambda x: (code(x)[0] * 0.5,))
    compiler = StandIn()
    for start in range(2):
        caplog.clear()
        backend = backend_of(network, options, compiler)
        right = backend.run(pictures())[0]
        backend.run(pictures())
        wait(lambda backend=backend: backend.is_settled)
        np.testing.assert_array_equal(backend.run(pictures())[0], right)
        assert "compiled" not in backend.info.version
        backend.close()
        (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert "it draws something else" in line
        assert ("so it was on" in line) is bool(start)
    assert len(compiler.jobs) == 1


@pytest.mark.parametrize("wrong", [float("inf"), float("nan")])
def test_what_is_not_finite_is_refused(network, options, monkeypatch, caplog, wrong):
    """Whichever output it is: the lowest of 60 dB and of what is no number was 60 dB."""

    def load(_, code):
        return lambda pictures: (code(pictures)[0], torch.full((1,), wrong, dtype=torch.float16))

    class TwoOutputs:
        weights = ()

        def __call__(self, pictures):
            return pictures, torch.zeros(1, dtype=torch.float16)

    monkeypatch.setattr(torch_compiled, "load_compiled", load)
    forms = torch_compiled.CompiledNetworks(network, "f16", torch.device("cpu"), options.cache_dir, StandIn())
    with pytest.raises(EngineRefusedError, match="it draws something else"):
        forms.get(TwoOutputs(), (1, 3, SIDE_PX, SIDE_PX), torch.float16, lambda: False)


def test_shapes_that_had_to_go_are_drawn_compiled_again_when_they_return(network, options, loaded):
    backend = backend_of(network, options, compiler := StandIn())
    versions = []
    for turn in (1, 2):
        for _ in range(3):
            backend.run(pictures())
            wait(lambda: backend.is_settled)
        versions.append(backend.info.version)
        for side_px in range(turn * KEPT_SHAPES, (turn + 1) * KEPT_SHAPES):
            backend.run(pictures(side_px=SIDE_PX + side_px))
    backend.close()
    assert all("compiled" in version for version in versions)
    assert len(compiler.jobs) == 1  # the second time it was in the cache


def test_what_is_compiled_too_late_takes_no_memory(network, options, loaded):
    """A shape made room while it was compiled: with it there was one too many, and from then on no limit."""
    backend = backend_of(network, options, compiler := StandIn(is_done=False))
    runs, compiled = backend._network._runs, backend._network._compiled
    backend.run(pictures())
    backend.run(pictures())
    assert compiler.has_begun.wait(WAIT_SECONDS)
    for side_px in range(SIDE_PX + 1, SIDE_PX + 1 + KEPT_SHAPES):
        backend.run(pictures(side_px=side_px))
    compiler.may_end.set()
    wait(lambda: backend.is_settled)
    backend.run(pictures())
    assert "compiled" in backend.info.version
    for side_px in range(2 * SIDE_PX, 2 * SIDE_PX + 2 * KEPT_SHAPES):
        backend.run(pictures(side_px=side_px))
    assert (len(runs), len(compiled)) == (KEPT_SHAPES, 0)
    backend.close()


def test_a_failure_is_told_once_and_nothing_more_is_compiled(network, options, caplog):
    def fail(*_):
        raise BackendError("no luck")

    backend = backend_of(network, options, fail)
    for count in (1, 1, 1, 2, 2, 2):
        backend.run(pictures(count))
    wait(lambda: backend.is_settled)
    backend.close()
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.endswith("is not drawn compiled, which would be faster: no luck")


def test_a_folder_that_cannot_be_written_is_told_of(network, tmp_path, caplog):
    taken = tmp_path / "taken"
    taken.touch()
    backend = backend_of(network, BackendOptions(cache_dir=taken), StandIn())
    for count in (1, 1, 2, 2):
        backend.run(pictures(count))
    wait(lambda: backend.is_settled)
    backend.close()
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"cannot keep compiled networks in {taken}: Not a directory" in line


def test_a_full_disk_is_told_of(network, options, loaded, monkeypatch):
    def write_whole(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch_compiled, "write_whole", write_whole)
    with pytest.raises(CacheError, match="No space left on device"):
        list(compile_ahead(network, network, (SIDE_PX,), "cpu", options.cache_dir, lambda: False, StandIn()))


def test_what_is_kept_is_not_compiled_anew_for_want_of_memory(network, options, loaded, monkeypatch):
    def ahead(compiler):
        return list(compile_ahead(network, network, (SIDE_PX,), "cpu", options.cache_dir, lambda: False, compiler))

    def load(*_):
        raise DeviceMemoryError("torch: the memory of the GPU is full")

    ahead(StandIn())
    monkeypatch.setattr(torch_compiled, "load_compiled", load)
    compiler = StandIn()
    with pytest.raises(DeviceMemoryError):
        ahead(compiler)
    assert not compiler.jobs


def test_nothing_is_loaded_that_nobody_waits_for(network, options, loaded):
    def ahead(is_unwanted):
        return list(compile_ahead(network, network, (SIDE_PX,), "cpu", options.cache_dir, is_unwanted, StandIn()))

    ahead(lambda: False)
    loaded.clear()
    with pytest.raises(BackendError, match="closed"):
        ahead(lambda: True)
    assert not loaded


def test_what_fails_at_its_first_run_is_told_of(tmp_path, monkeypatch):
    """A kernel that is missing is compiled at the first run, by programs that may be missing, too."""

    def compiled(*_):
        raise subprocess.CalledProcessError(1, "cc")

    monkeypatch.setattr(torch._inductor.CompiledArtifact, "load", lambda **_: compiled)
    compute = torch_compiler.load_compiled(tmp_path / "x.compiled", SimpleNamespace(weights=()))
    with pytest.raises(BackendError, match=r"x\.compiled does not run: Command 'cc' returned non-zero exit status 1"):
        compute(torch.zeros(1))


def test_closing_ends_it_without_a_word(network, options, caplog):
    compiler = StandIn(is_done=False)
    backend = backend_of(network, options, compiler)
    backend.run(pictures())
    backend.run(pictures())
    assert compiler.has_begun.wait(WAIT_SECONDS)
    start_s = time.monotonic()
    backend.close()
    backend.close()
    assert time.monotonic() - start_s < WAIT_SECONDS
    assert not any(thread.is_alive() for thread in compiler.threads)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    with pytest.raises(BackendError, match="closed"):
        backend.run(pictures())


def test_nothing_is_compiled_where_that_is_not_wanted(network, options):
    compiler = StandIn()
    backend = backend_of(network, BackendOptions(cache_dir=options.cache_dir, allow_compiling=False), compiler)
    for _ in range(3):
        backend.run(pictures())
    assert backend.is_settled
    backend.close()
    assert not compiler.jobs


def test_the_most_urgent_is_done_first_and_none_twice():
    may_begin, done = threading.Event(), []

    def work(task: str, _is_unwanted: Callable[[], bool]) -> None:
        assert may_begin.wait(WAIT_SECONDS)
        done.append(task)

    later = Later[str](work, lambda error: None, "test")
    later.ask("first", 1)
    wait(lambda: later._left.empty())
    for task, urgency in (("four", 4), ("two", 2), ("first", 1), ("two", 2)):
        later.ask(task, urgency)
    may_begin.set()
    wait(lambda: later.is_idle)
    assert done == ["first", "two", "four"]
    assert later.close()


def test_convolutions_are_measured_as_long_as_any_thread_wants_it():
    before = torch.backends.cudnn.benchmark
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(measuring())
        second.enter_context(measuring())
        first.close()
        assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.benchmark is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_thread_that_ended_by_mistake():
    def work(*_) -> None:
        raise KeyError("a mistake")

    later = Later[str](work, lambda error: None, "test")
    later.ask("one", 1)
    wait(lambda: later.is_idle)
    later.ask("two", 2)
    assert later.is_idle
    assert later.close()


def job_for(tmp_path: Path) -> Job:
    return Job(tmp_path / "small.onnx", tmp_path / "small.compiled", "cpu", "f32", (1, 3, SIDE_PX, SIDE_PX))


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen[bytes]]:
    processes = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options) -> None:
            super().__init__(*arguments, **options)
            processes.append(self)

    monkeypatch.setattr(torch_compiler.subprocess, "Popen", Popen)
    return processes


SLEEPS = ("-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])")


def test_a_process_that_nobody_waits_for_is_ended_with_its_children(tmp_path, monkeypatch, started):
    monkeypatch.setattr(torch_compiler, "WORKER", SLEEPS)
    asked = iter([False, False, True])
    with pytest.raises(BackendError, match="nobody waits"):
        compile_aside(job_for(tmp_path), lambda: next(asked))
    (process,) = started
    assert process.returncode is not None
    if hasattr(os, "killpg"):
        with pytest.raises(ProcessLookupError):
            wait(lambda: os.killpg(process.pid, 0))  # until the last of its group is gone


def test_a_process_that_takes_too_long_is_ended(tmp_path, monkeypatch, started):
    monkeypatch.setattr(torch_compiler, "WORKER", SLEEPS)
    monkeypatch.setattr(torch_compiler, "MOST_SECONDS", 0.2)
    with pytest.raises(BackendError, match=r"took longer than 0\.2 s"):
        compile_aside(job_for(tmp_path), lambda: False)
    assert started[0].returncode is not None


def test_a_process_that_a_driver_holds_is_not_waited_for(tmp_path, monkeypatch, started, caplog):
    def wait_in_vain(self, timeout=None):
        raise subprocess.TimeoutExpired(self.args, timeout)

    monkeypatch.setattr(torch_compiler, "WORKER", SLEEPS)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "wait", wait_in_vain)
        with pytest.raises(BackendError, match="nobody waits"):
            compile_aside(job_for(tmp_path), lambda: True)
    started[0].wait(WAIT_SECONDS)
    assert "does not end" in caplog.text
    assert started[0].stdin.closed


def test_what_a_process_says_at_its_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_compiler, "WORKER", ("-c", "import sys; print('lines'); sys.exit('no room left')"))
    with pytest.raises(BackendError, match=r"small\.onnx cannot be compiled: no room left"):
        compile_aside(job_for(tmp_path), lambda: False)


def test_without_a_compiler_it_says_so(monkeypatch):
    monkeypatch.setattr(torch_compiler.shutil, "which", lambda _: None)
    monkeypatch.setattr(torch_compiler.sys, "platform", "linux")
    assert "no C compiler" in torch_compiler.problem_with_compiling(torch.device("cpu"))


def test_without_triton_it_says_so(monkeypatch):
    monkeypatch.setattr(torch_compiler.importlib.util, "find_spec", lambda _: None)
    assert torch_compiler.problem_with_compiling(torch.device("cuda")) == "Triton is not installed"


@pytest.mark.slow
@pytest.mark.skipif(bool(torch_compiler.problem_with_compiling(torch.device("cpu"))), reason="needs a C compiler")
def test_pytorch_compiles_it_in_a_process_and_loads_it_here(network, options, caplog):
    """Its compiler for processors; on a GPU `-m gpu` tests it."""
    caplog.set_level(logging.INFO)
    backend = backend_of(network, options, compile_aside)
    right = backend.run(pictures())[0]
    while not backend.is_settled or "compiled" not in backend.info.version:
        drawn = backend.run(pictures())[0]
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        time.sleep(0.05)
    np.testing.assert_allclose(drawn, right, atol=2e-3)
    backend.close()
    for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):  # other code of this process goes its own way
        assert str(options.cache_dir) not in os.environ.get(name, "")
    again = backend_of(network, options, lambda *_: pytest.fail("it is there"))
    again.run(pictures())
    again.run(pictures())
    wait(lambda: again.is_settled)
    again.run(pictures())
    assert "compiled" in again.info.version
    again.close()


@pytest.mark.slow
def test_a_worker_ends_with_the_program_that_started_it(network, tmp_path):
    command = [sys.executable, *torch_compiler.WORKER, str(network), str(tmp_path / "x"), "cpu", "f16", "1", "3"]
    environment = torch_compiler._environment(tmp_path)
    process = subprocess.Popen([*command, "512", "512"], stdin=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(120) != 0
    assert not (tmp_path / "x").exists()


LIKE_A_WORKER = """
import subprocess, sys
from animecam.backends.torch_worker import _end_with_the_caller
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
_end_with_the_caller()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_what_a_worker_has_started_ends_with_it(tmp_path):
    environment = torch_compiler._environment(tmp_path)
    command = [sys.executable, "-c", LIKE_A_WORKER]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) != 0
    with pytest.raises(ProcessLookupError):
        wait(lambda: os.killpg(process.pid, 0))


def test_networks_are_compiled_ahead_one_picture_at_a_time(network, options, loaded):
    compiler = StandIn()

    def build() -> list[float]:
        sizes_px = (SIDE_PX, 2 * SIDE_PX)
        forms = compile_ahead(network, network, sizes_px, "cpu", options.cache_dir, lambda: False, compiler)
        return [compiled.seconds for compiled in forms]

    assert all(build())
    assert build() == [0, 0]
    assert [job.shape for job in compiler.jobs] == [(1, 3, side, side) for side in (SIDE_PX, 2 * SIDE_PX)]
    assert all(job.target.parent == options.cache_dir / "torch" for job in compiler.jobs)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_nothing_is_compiled_ahead(capsys):
    assert main(["build", "--backend", "torch", "--style", "cel"]) == 1
    said = capsys.readouterr().err
    assert "built without CUDA" in said or "sees no NVIDIA GPU" in said
