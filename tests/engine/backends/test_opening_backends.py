"""Which backend draws: the one that was named or the first that works, and why the others do not."""

import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from animecam.backends import opening
from animecam.backends.base import Backend, BackendChoice, BackendOptions
from animecam.backends.opening import importing, open_backend, probe_backends
from animecam.backends.untold import REPORTER, untold
from animecam.cuda import gpu
from animecam.cuda.gpu import open_gpu
from animecam.errors import BackendError
from animecam.once import tell_once

OPTIONS = BackendOptions(threads=1, allow_bf16=False)  # what is computed is compared with exact numbers
WriteNetwork = Callable[..., Path]


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(BackendError, match=r"gone\.onnx"):
        open_backend(tmp_path / "gone.onnx", BackendChoice.AUTO, OPTIONS)


def test_auto_says_what_it_chose(write_network: WriteNetwork, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="animecam"):
        backend = open_backend(write_network(), BackendChoice.AUTO, OPTIONS)
    backend.close()
    assert backend.info.name == "openvino"
    assert "chose openvino" in caplog.text


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch):
    """As on a machine where OpenVINO is not installed."""
    monkeypatch.delitem(sys.modules, "animecam.backends.openvino_", raising=False)
    monkeypatch.setitem(sys.modules, "openvino", None)


@pytest.mark.usefixtures("without_openvino")
def test_auto_falls_back_and_says_why(write_network: WriteNetwork, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="animecam"):
        backend = open_backend(write_network(), BackendChoice.AUTO, OPTIONS)
    backend.close()
    assert backend.info.name == "onnxruntime"
    assert "openvino is not usable" in caplog.text
    assert "cannot be imported" in caplog.text


@pytest.mark.usefixtures("without_openvino")
def test_a_named_backend_never_falls_back(write_network: WriteNetwork):
    with pytest.raises(BackendError, match="openvino cannot be imported") as caught:
        open_backend(write_network(), BackendChoice.OPENVINO, OPTIONS)
    assert caught.value.hint == "pip install openvino"


@pytest.mark.usefixtures("without_openvino")
def test_a_missing_runtime_is_reported_by_the_probe():
    status = next(status for status in probe_backends() if status.name == "openvino")
    assert not status.usable
    assert "cannot be imported" in status.detail
    assert status.hint == "pip install openvino"


def test_auto_with_no_runtime_that_works_names_every_reason(tmp_path: Path):
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no network at all")
    with pytest.raises(BackendError, match=r"openvino: .*; onnxruntime: "):
        open_backend(damaged, BackendChoice.AUTO, OPTIONS)


@pytest.fixture
def without_driver() -> None:
    """What is asked of a machine without a GPU is not asked of one that has one."""
    try:
        open_gpu().close()
    except BackendError:
        return
    pytest.skip("there is a GPU here: -m gpu tests it")


@pytest.mark.usefixtures("without_driver")
def test_tensorrt_without_a_driver_is_refused_with_a_hint(write_network: WriteNetwork):
    with pytest.raises(BackendError, match="no NVIDIA driver") as caught:
        open_backend(write_network(), BackendChoice.TENSORRT, replace(OPTIONS, gpu=0))
    assert caught.value.hint
    status = next(status for status in probe_backends() if status.name == "tensorrt")
    assert (status.usable, status.problem) == (False, caught.value.message)


@pytest.mark.usefixtures("without_driver")
def test_auto_without_a_driver_takes_the_processor_and_says_so_once(
    write_network: WriteNetwork, caplog: pytest.LogCaptureFixture
):
    tell_once.cache_clear()
    with caplog.at_level(logging.INFO, logger="animecam"):
        for _ in range(2):
            backend = open_backend(write_network(), BackendChoice.AUTO, replace(OPTIONS, gpu=0))
            assert backend.info.name == "openvino"
            backend.close()
    assert caplog.text.count("no GPU is used: there is no NVIDIA driver") == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]  # nobody who has no GPU minds


@pytest.fixture
def without_cuda_package(monkeypatch: pytest.MonkeyPatch):
    """As where the extras for GPUs are not installed."""
    for module in [name for name in sys.modules if name.split(".")[0] == "cuda"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "animecam.cuda.device", raising=False)
    monkeypatch.setitem(sys.modules, "cuda", None)


@pytest.mark.usefixtures("without_cuda_package")
@pytest.mark.parametrize("has_driver", [True, False])
def test_who_has_a_gpu_is_warned_that_it_is_idle_and_told_what_to_install(
    has_driver: bool, write_network: WriteNetwork, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    tell_once.cache_clear()
    monkeypatch.setattr(opening, "has_nvidia_driver", lambda: has_driver)
    with caplog.at_level(logging.INFO, logger="animecam"):
        open_backend(write_network(), BackendChoice.AUTO, replace(OPTIONS, gpu=0)).close()
    (told,) = [record for record in caplog.records if "no GPU is used" in record.getMessage()]
    assert told.levelno == (logging.WARNING if has_driver else logging.INFO)
    assert "pip install 'animecam[tensorrt-rtx]'" in told.getMessage()


def test_auto_asks_for_no_gpu_unless_told_to(write_network: WriteNetwork, caplog: pytest.LogCaptureFixture):
    tell_once.cache_clear()
    with caplog.at_level(logging.INFO, logger="animecam"):
        open_backend(write_network(), BackendChoice.AUTO, OPTIONS).close()
    assert "GPU is used" not in caplog.text


@pytest.mark.parametrize("choice", list(BackendChoice))
def test_small_networks_stay_on_the_processor(choice: BackendChoice):
    assert opening.on_processor(choice) in {BackendChoice.AUTO, *opening.PROCESSOR_ORDER}


def test_the_probe_lists_every_choice_but_auto():
    names = [status.name for status in probe_backends()]
    assert names == [choice.value for choice in BackendChoice if choice is not BackendChoice.AUTO]
    assert all(status.usable or status.problem for status in probe_backends())


@pytest.mark.parametrize("failure", [ImportError("No module named 'torch'"), OSError("libcudnn.so.9: cannot open")])
def test_a_package_that_does_not_load_is_a_failure_with_a_hint(failure):
    with pytest.raises(BackendError, match="torch cannot be imported: ") as caught, importing("torch", "pip install x"):
        raise failure
    assert caught.value.hint == "pip install x"


@pytest.mark.parametrize("door", [lambda: importing("torch"), gpu._importing])
def test_ctrl_c_while_a_package_is_imported_ends_the_run(door: Callable[[], AbstractContextManager[None]]):
    with pytest.raises(KeyboardInterrupt), door():
        raise ImportError("initialization failed") from KeyboardInterrupt()


def test_importing_the_door_imports_no_runtime():
    heavy = {"openvino", "onnxruntime", "torch", "onnx", "tensorrt", "tensorrt_rtx", "cuda"}
    script = f"import sys, animecam.backends.opening; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_runtime_reports_to_its_maker(monkeypatch: pytest.MonkeyPatch, write_network: WriteNetwork):
    """Who points a camera at a program must know that it sends nothing."""
    script = (
        "import sys, animecam.backends.openvino_, openvino.tools.ovc as ovc;"
        "print(type(ovc.telemetry).__module__, 'openvino_telemetry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "False"]
    told = []
    monkeypatch.setattr("onnxruntime.disable_telemetry_events", lambda: told.append("quiet"))
    opening.open_backend(write_network(), BackendChoice.ONNXRUNTIME, OPTIONS).close()
    assert told == ["quiet"]


def test_who_reports_of_their_own_will_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, REPORTER, reporter := ModuleType(REPORTER))
    with untold():
        assert sys.modules[REPORTER] is reporter
    assert sys.modules[REPORTER] is reporter


def test_every_opener_gives_the_protocol(write_network: WriteNetwork):
    backend: Backend = opening.open_backend(write_network(), BackendChoice.ONNXRUNTIME, OPTIONS)
    backend.close()
