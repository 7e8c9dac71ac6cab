"""Every backend of the processor computes the same, tells what it takes, and refuses what does not fit."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend, probe_backends
from animecam.errors import BackendError

OPTIONS = BackendOptions(threads=1, allow_bf16=False)  # what is computed is compared with exact numbers
BOTH = pytest.mark.parametrize("choice", [BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME])
WriteNetwork = Callable[..., Path]


def batch(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape, dtype=np.float32)


def expected_drawing(pictures: np.ndarray) -> np.ndarray:
    weights = np.random.default_rng(7).normal(size=(2, 3, 3, 3)).astype(np.float32)
    padded = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.stack([[correlate(one, w, mode="valid")[0] for w in weights] for one in padded])


@BOTH
def test_computes_the_network_at_any_size(write_network: WriteNetwork, choice: BackendChoice):
    backend = open_backend(write_network(), choice, OPTIONS)
    for shape in [(1, 3, 8, 8), (2, 3, 6, 10), (1, 3, 8, 8)]:
        pictures = batch(*shape)
        drawn, negative = backend.run(pictures)
        np.testing.assert_allclose(drawn, expected_drawing(pictures), atol=1e-4)
        np.testing.assert_array_equal(negative, -drawn)
    backend.close()


@BOTH
def test_a_batch_may_be_read_only_or_lie_in_memory_the_other_way_round(
    write_network: WriteNetwork, choice: BackendChoice
):
    backend = open_backend(write_network(), choice, OPTIONS)
    fixed, turned = batch(1, 3, 64, 64), batch(1, 3, 64, 64)[..., ::-1]
    fixed.flags.writeable = False
    for pictures in (fixed, turned):
        np.testing.assert_allclose(backend.run(pictures)[0], expected_drawing(pictures), atol=1e-4)
    backend.close()


SIGNAL_SCRIPT = """
import gc, signal, sys, threading
from pathlib import Path
from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend

backends = [open_backend(Path(sys.argv[1]), BackendChoice(sys.argv[2]), BackendOptions(threads=1)) for _ in range(2)]

def close_all():
    while backends:
        backends.pop(0).close()
        gc.collect()

if sys.argv[3] == "another":
    thread = threading.Thread(target=close_all)
    thread.start()
    thread.join()
else:
    close_all()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""


@BOTH
@pytest.mark.parametrize("thread", ["the same", "another"])
def test_signals_are_heard_when_backends_are_closed(write_network: WriteNetwork, choice: BackendChoice, thread: str):
    """In any order and any thread; a runtime may have made a stack for signals that went with it."""
    arguments = [sys.executable, "-c", SIGNAL_SCRIPT, str(write_network()), choice.value, thread]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


LOCALE_SCRIPT = """
import locale, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend

before = locale.setlocale(locale.LC_ALL, "")
options = BackendOptions(threads=1, cache_dir=Path(sys.argv[3]))

def open_and_run(number):
    backend = open_backend(Path(sys.argv[1]), BackendChoice(sys.argv[2]), options)
    backend.run(np.zeros((1, 3, 8, 8 + number % 8), np.float32))
    backend.close()

with ThreadPoolExecutor(4) as pool:
    list(pool.map(open_and_run, range(80)))
now = locale.setlocale(locale.LC_ALL)
print(now == before, before, now)
"""


@BOTH
def test_threads_that_open_networks_at_a_time_leave_the_locale_as_it_was(
    write_network: WriteNetwork, choice: BackendChoice, tmp_path: Path
):
    command = [sys.executable, "-c", LOCALE_SCRIPT, str(write_network()), choice.value, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120, env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert done.stdout.startswith(b"True"), done.stdout


PINNED_SCRIPT = """
import os, sys, threading
from pathlib import Path
import numpy as np
from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend

backend = open_backend(Path(sys.argv[1]), BackendChoice.OPENVINO, BackendOptions())
cores, pinned, done = os.sched_getaffinity(0), set(), threading.Event()

def watch():
    while not done.wait(0.001):
        for thread in os.listdir("/proc/self/task"):
            try:
                if os.sched_getaffinity(int(thread)) != cores:
                    pinned.add(thread)
            except ProcessLookupError:
                pass

watcher = threading.Thread(target=watch)
watcher.start()
for _ in range(40):
    backend.run(np.zeros((1, 3, 512, 512), np.float32))
done.set()
watcher.join()
print(len(pinned))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads which cores threads may use from /proc")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores to tell a pinned thread")
def test_openvino_pins_no_thread_to_a_core(write_network: WriteNetwork):
    """Beside some programs one that was pinned waited for most of a second, and every layer with it."""
    arguments = [sys.executable, "-c", PINNED_SCRIPT, str(write_network())]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "0\n"


@BOTH
def test_tells_what_it_takes_and_gives(write_network: WriteNetwork, choice: BackendChoice):
    backend = open_backend(write_network(("n", 3, "h", 8)), choice, OPTIONS)
    assert (backend.input.name, backend.input.shape, backend.input.dtype) == ("picture", (None, 3, None, 8), np.float32)
    assert [port.name for port in backend.outputs] == ["drawn", "negative"]
    assert backend.max_batch == 1
    assert backend.info.name == choice
    assert backend.info.version[0].isdigit()
    assert backend.info.device
    backend.close()


@BOTH
def test_a_fixed_batch_is_the_largest(write_network: WriteNetwork, choice: BackendChoice):
    backend = open_backend(write_network((2, 3, 8, 8)), choice, OPTIONS)
    assert backend.max_batch == 2
    backend.close()


@BOTH
def test_results_stay_valid(write_network: WriteNetwork, choice: BackendChoice):
    backend = open_backend(write_network(), choice, OPTIONS)
    first = backend.run(batch(1, 3, 8, 8))[0]
    kept = first.copy()
    backend.run(batch(1, 3, 8, 8) * 5)
    backend.close()
    del backend
    gc.collect()
    np.testing.assert_array_equal(first, kept)


@BOTH
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((1, 3, 8, 9), np.float32), "takes 1x3x8x8, not 1x3x8x9"),
        (np.zeros((3, 8, 8), np.float32), "takes 1x3x8x8, not 3x8x8"),
        (np.zeros((1, 3, 8, 8), np.float64), "takes float32, not float64"),
    ],
)
def test_refuses_a_batch_that_does_not_fit(
    write_network: WriteNetwork, choice: BackendChoice, wrong: np.ndarray, message: str
):
    backend = open_backend(write_network((1, 3, 8, 8)), choice, OPTIONS)
    with pytest.raises(BackendError, match=message):
        backend.run(wrong)
    backend.close()


@BOTH
def test_a_shape_that_fails_inside_the_network_is_named(write_network: WriteNetwork, choice: BackendChoice):
    backend = open_backend(write_network(("n", "c", "h", "w")), choice, OPTIONS)
    with pytest.raises(BackendError, match=r"tiny\.onnx"):
        backend.run(batch(1, 5, 8, 8))
    backend.close()


@BOTH
def test_close_may_be_called_twice_and_ends_it(write_network: WriteNetwork, choice: BackendChoice):
    backend = open_backend(write_network(), choice, OPTIONS)
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.run(batch(1, 3, 8, 8))


@BOTH
@pytest.mark.parametrize("content", [b"", b"no network at all"])
def test_a_damaged_file_is_refused(tmp_path: Path, choice: BackendChoice, content: bytes):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(content)
    with pytest.raises(BackendError, match=r"damaged\.onnx") as caught:
        open_backend(damaged, choice, OPTIONS)
    assert "damaged" in caught.value.hint
    assert "\n" not in caught.value.message


@BOTH
def test_a_truncated_file_is_refused(write_network: WriteNetwork, choice: BackendChoice):
    path = write_network()
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(BackendError, match="cannot load"):
        open_backend(path, choice, OPTIONS)


@BOTH
def test_two_inputs_are_refused(write_network: WriteNetwork, choice: BackendChoice):
    with pytest.raises(BackendError, match=r"2 inputs \(picture, second\)"):
        open_backend(write_network(inputs=2), choice, OPTIONS)


def test_openvino_keeps_compiled_models_when_asked(write_network: WriteNetwork, tmp_path: Path):
    cache = tmp_path / "cache"
    options = BackendOptions(threads=1, cache_dir=cache)
    backend = open_backend(write_network((1, 3, 8, 8)), BackendChoice.OPENVINO, options)
    backend.close()
    assert list(cache.glob("*.blob"))


@BOTH
def test_one_network_takes_many_sizes_in_turn(write_network: WriteNetwork, choice: BackendChoice):
    backend = open_backend(write_network(), choice, OPTIONS)
    for side_px in (*range(8, 20), 8, 13):
        pictures = batch(1, 3, side_px, side_px)
        np.testing.assert_allclose(backend.run(pictures)[0], expected_drawing(pictures), atol=1e-4)
    backend.close()


def test_openvino_uses_bf16_only_where_it_is_native(write_network: WriteNetwork):
    status = next(status for status in probe_backends() if status.name == "openvino")
    backend = open_backend(write_network(), BackendChoice.OPENVINO, BackendOptions(threads=1))
    exact = open_backend(write_network(), BackendChoice.OPENVINO, OPTIONS)
    assert backend.info.precision == ("bf16" if "bf16" in status.precisions else "f32")
    assert exact.info.precision == "f32"
    backend.close()
    exact.close()
