"""PyTorch's own graphs, with a stand-in for its calls of a GPU: one is captured at a time, and what fails is named."""

import gc
import threading
from contextlib import nullcontext

import pytest
import torch

from animecam.backends import torch_, torch_network, torch_runs
from animecam.backends.base import BackendOptions
from animecam.cuda import turns
from animecam.errors import BackendError, DeviceMemoryError
from animecam.styles.registry import find_style, verified_half

WAIT_SECONDS = 10.0
SHAPE = (1, 3, 8, 8)


class Watched:
    """A lock that tells when somebody waits for it."""

    def __init__(self):
        self._lock, self.is_wanted = threading.Lock(), threading.Event()

    def acquire(self, *, timeout):
        if self._lock.acquire(blocking=False):
            return True
        self.is_wanted.set()
        return self._lock.acquire(timeout=timeout)

    def release(self):
        self._lock.release()


class Stream:
    def __init__(self, *_):
        pass

    def wait_stream(self, _other):
        pass

    def synchronize(self):
        raise AssertionError("this wait has no end")

    def query(self):
        return True


class Graph:
    def __init__(self, *, keep_graph):
        assert keep_graph  # a frame path puts it into its own

    def instantiate(self):
        pass


@pytest.fixture
def stand_in(monkeypatch):
    """`torch.cuda` for capturing, on the processor."""
    for name in ("device", "stream", "graph"):
        monkeypatch.setattr(torch.cuda, name, lambda *_, **__: nullcontext())
    for name in ("Stream", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, Stream)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)


def test_graphs_are_captured_one_after_the_other(stand_in, monkeypatch):
    """PyTorch waits for the whole GPU before it captures, which nothing survives that another thread records."""
    lock, is_inside = Watched(), threading.Event()
    monkeypatch.setattr(turns, "_turn", lock)
    order, waited = [], []

    def first(pictures):
        order.append("first")
        assert turns.has_gpu_turn()
        if order.count("first") > torch_runs.WARM_UPS:  # this one is captured
            is_inside.set()
            waited.append(lock.is_wanted.wait(WAIT_SECONDS))
            order.append("first is done")
        return (pictures,)

    def second(pictures):
        order.append("second")
        return (pictures,)

    def capture(program):
        torch_runs.Recorder(torch.device("cpu")).record(program, SHAPE, torch.float16)

    one = threading.Thread(target=capture, args=(first,), daemon=True)
    other = threading.Thread(target=capture, args=(second,), daemon=True)
    one.start()
    assert is_inside.wait(WAIT_SECONDS)
    other.start()
    one.join(2 * WAIT_SECONDS)
    other.join(2 * WAIT_SECONDS)
    assert waited == [True]
    assert order.index("second") > order.index("first is done")
    assert order.count("second") == torch_runs.WARM_UPS + 1


def test_algorithms_are_measured_while_it_is_recorded_and_at_no_other_time(stand_in):
    seen = []

    def compute(pictures):
        seen.append(torch.backends.cudnn.benchmark)
        return (pictures,)

    torch_runs.Recorder(torch.device("cpu")).record(compute, SHAPE, torch.float16)
    assert seen == [True] * (torch_runs.WARM_UPS + 1)
    assert not torch.backends.cudnn.benchmark


def test_no_garbage_goes_while_it_is_captured(stand_in):
    """What goes with it may free memory of the GPU, which ends a capture."""
    seen = []

    def compute(pictures):
        seen.append(gc.isenabled())
        return (pictures,)

    assert gc.isenabled()
    torch_runs.Recorder(torch.device("cpu")).record(compute, SHAPE, torch.float16)
    assert seen == [True] * torch_runs.WARM_UPS + [False]
    assert gc.isenabled()


def test_a_gpu_that_does_not_answer_ends_the_run(stand_in, monkeypatch):
    """Fed from the host, and before a graph is recorded."""
    monkeypatch.setattr(Stream, "query", lambda _: False)
    monkeypatch.setattr(torch_runs, "WARM_UP_SECONDS", 0.05)
    monkeypatch.setattr(torch_, "WAIT_SECONDS", 0.05)
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *shape, pin_memory=False, **options: empty(*shape, **options))
    feed = torch_._Feeder(torch.device("cpu"), torch.float16)
    run = torch_runs.PlainRun(lambda pictures: (pictures,), SHAPE, torch.float16)
    with pytest.raises(BackendError, match=r"has not answered for 0\.05 s") as caught:
        feed(run, torch.zeros(SHAPE))
    assert caught.value.hint
    with pytest.raises(BackendError, match=r"has not answered for 0\.05 s"):
        torch_runs.Recorder(torch.device("cpu")).record(lambda pictures: (pictures,), SHAPE, torch.float16)


@pytest.mark.parametrize(
    ("failure", "becomes"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), DeviceMemoryError),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be ..."), DeviceMemoryError),
        (NotImplementedError(), BackendError),
        (RuntimeError("CUDA error: no kernel image is available\nCompile with ..."), BackendError),
    ],
)
@pytest.mark.parametrize("is_between_steps", [False, True])
def test_weights_that_do_not_get_to_the_gpu_are_a_failure_of_the_backend(
    monkeypatch, failure, becomes, is_between_steps
):
    def refuse(*_):
        raise failure

    monkeypatch.setattr(torch_network, "OnnxCode", refuse)
    style = find_style("cel")
    files = (verified_half(style),) if is_between_steps else (style.model_path(), verified_half(style))
    open_one = torch_.TorchDevice if is_between_steps else torch_.TorchBackend
    with pytest.raises(becomes) as caught:
        open_one(*files, BackendOptions(threads=1), device="cpu")
    assert "\n" not in caught.value.message


def test_a_recorded_graph_becomes_the_next_part_of_a_recording(monkeypatch):
    """The real names of the bindings, with a driver that only notes what it is told."""
    streams = pytest.importorskip("animecam.cuda.streams", reason="needs animecam[cuda]")
    real, told = streams.driver, []

    class Driver:
        CUresult, CUgraph, CUstreamCaptureStatus = real.CUresult, int, real.CUstreamCaptureStatus
        CUstreamUpdateCaptureDependencies_flags = real.CUstreamUpdateCaptureDependencies_flags
        state = real.CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_ACTIVE
        ok = real.CUresult.CUDA_SUCCESS

        def cuStreamGetCaptureInfo(self, stream):  # noqa: N802 - the driver's name
            return self.ok, self.state, 7, "recording", ["crop"], [None], 1

        def cuGraphAddChildGraphNode(self, *given):  # noqa: N802
            told.append(given)
            return self.ok, "network"

        def cuStreamUpdateCaptureDependencies(self, *given):  # noqa: N802
            told.append(given)
            return (self.ok,)

    monkeypatch.setattr(streams, "driver", Driver())
    streams.embed(5, 123)
    assert told == [("recording", ["crop"], 1, 123), (5, ["network"], None, 1, 1)]
    streams.driver.state = real.CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_NONE
    with pytest.raises(BackendError, match="nothing is recorded"):
        streams.embed(5, 123)
