"""The process that compiles a network: it ends whatever happens, and what it said at its end is told."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from animecam.backends import torch_compiler
from animecam.backends.torch_compiler import Job, compile_aside
from animecam.errors import BackendError

SIDE_PX = 16

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def test_what_fails_at_its_first_run_is_told_of(tmp_path, monkeypatch):
    """A kernel that is missing is compiled at the first run, by programs that may be missing, too."""

    def compiled(*_):
        raise subprocess.CalledProcessError(1, "cc")

    monkeypatch.setattr(torch._inductor.CompiledArtifact, "load", lambda **_: compiled)
    compute = torch_compiler.load_compiled(tmp_path / "x.compiled", SimpleNamespace(weights=()))
    with pytest.raises(BackendError, match=r"x\.compiled does not run: Command 'cc' returned non-zero exit status 1"):
        compute(torch.zeros(1))


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


def test_a_process_that_nobody_waits_for_is_ended_with_its_children(tmp_path, monkeypatch, started, fakes):
    monkeypatch.setattr(torch_compiler, "WORKER", SLEEPS)
    asked = iter([False, False, True])
    with pytest.raises(BackendError, match="nobody waits"):
        compile_aside(job_for(tmp_path), lambda: next(asked))
    (process,) = started
    assert process.returncode is not None
    if hasattr(os, "killpg"):
        with pytest.raises(ProcessLookupError):
            fakes.wait(lambda: os.killpg(process.pid, 0))  # until the last of its group is gone


def test_a_process_that_takes_too_long_is_ended(tmp_path, monkeypatch, started):
    monkeypatch.setattr(torch_compiler, "WORKER", SLEEPS)
    monkeypatch.setattr(torch_compiler, "MOST_SECONDS", 0.2)
    with pytest.raises(BackendError, match=r"took longer than 0\.2 s"):
        compile_aside(job_for(tmp_path), lambda: False)
    assert started[0].returncode is not None


def test_a_process_that_a_driver_holds_is_not_waited_for(tmp_path, monkeypatch, started, caplog, fakes):
    def wait_in_vain(self, timeout=None):
        raise subprocess.TimeoutExpired(self.args, timeout)

    monkeypatch.setattr(torch_compiler, "WORKER", SLEEPS)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "wait", wait_in_vain)
        with pytest.raises(BackendError, match="nobody waits"):
            compile_aside(job_for(tmp_path), lambda: True)
    started[0].wait(fakes.WAIT_SECONDS)
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
def test_what_a_worker_has_started_ends_with_it(tmp_path, fakes):
    environment = torch_compiler._environment(tmp_path)
    command = [sys.executable, "-c", LIKE_A_WORKER]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, start_new_session=True)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) != 0
    with pytest.raises(ProcessLookupError):
        fakes.wait(lambda: os.killpg(process.pid, 0))
