"""What can be known of the access to a GPU without one: the errors, the compiler, the names in the real bindings."""

import ast
import errno
import importlib
import os
from pathlib import Path

import numpy as np
import pytest

import animecam.cuda
from animecam.cuda.base import view
from animecam.cuda.gpu import open_gpu
from animecam.errors import BackendError

FOLDER = Path(animecam.cuda.__file__).parent
KERNEL = 'extern "C" __global__ void fill(float* out) { out[threadIdx.x] = 1.0f; }'


def _has_gpu() -> bool:
    try:
        open_gpu(0).close()
    except BackendError:
        return False
    return True


@pytest.fixture(scope="module")
def compiler():
    pytest.importorskip("cuda.bindings", reason="needs animecam[cuda]")
    module = importlib.import_module("animecam.cuda.compiler")
    try:
        module.compiler_version()
    except BackendError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    return module


def test_opening_says_what_is_missing():
    if _has_gpu():
        with pytest.raises(BackendError, match="no GPU 99: there are only GPUs 0 to") as caught:
            open_gpu(99)
    else:
        with pytest.raises(BackendError) as caught:
            open_gpu(0)
        assert any(cause in caught.value.message for cause in ("not installed", "no NVIDIA driver", "no GPU", "start"))
    assert caught.value.hint


@pytest.mark.parametrize("door", ["driver", "nvrtc"])
def test_every_name_that_is_used_is_in_the_real_bindings(door):
    bindings = pytest.importorskip(f"cuda.bindings.{door}", reason="needs animecam[cuda]")
    used = {
        node.attr
        for file in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == door
    }
    assert len(used) > 5
    assert {name for name in used if not hasattr(bindings, name)} == set()


def test_a_kernel_compiles_and_the_second_time_comes_from_the_cache(compiler, tmp_path):
    first = compiler.compile_kernels(KERNEL, (8, 6), tmp_path)
    (kept,) = tmp_path.iterdir()
    assert first[:4] == b"\x7fELF"
    kept.write_bytes(b"from the cache")
    assert compiler.compile_kernels(KERNEL, (8, 6), tmp_path) == b"from the cache"


def test_another_gpu_or_another_source_is_another_entry(compiler, tmp_path):
    compiler.compile_kernels(KERNEL, (8, 6), tmp_path)
    compiler.compile_kernels(KERNEL, (8, 9), tmp_path)
    compiler.compile_kernels(KERNEL + "\n", (8, 9), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_gpu_newer_than_the_compiler_gets_what_its_driver_compiles(compiler, tmp_path):
    """Text for the newest GPU that the compiler knows, ended by a zero as the driver wants text."""
    compiled = compiler.compile_kernels(KERNEL, (99, 3), tmp_path)
    assert b".entry fill(" in compiled
    assert b".target sm_" in compiled
    assert compiled.endswith(b"\0")
    (kept,) = tmp_path.iterdir()
    assert kept.suffix == ".ptx"
    assert compiler.compile_kernels(KERNEL, (99, 3), tmp_path) == compiled == kept.read_bytes()


def test_a_gpu_that_the_compiler_knows_no_more_is_named(compiler):
    with pytest.raises(BackendError, match=r"GPUs from compute capability 7\.5 on, and this one has 6\.1") as caught:
        compiler.compile_kernels(KERNEL, (6, 1))
    assert "too old for CUDA 13" in caught.value.hint


def test_a_mistake_is_reported_with_its_line(compiler):
    with pytest.raises(BackendError, match=r"animecam\.cu\(1\): error"):
        compiler.compile_kernels("this is no kernel", (8, 6))


def test_a_view_keeps_its_memory_alive_and_has_its_bounds():
    block = np.arange(12, dtype=np.float32)
    seen = view(block.ctypes.data, block.nbytes, np.float32, (3, 4), block)
    assert seen[2, 3] == 11
    seen[0, 0] = 5
    assert block[0] == 5
    with pytest.raises(ValueError, match="48 bytes hold no float32"):
        view(block.ctypes.data, block.nbytes, np.float32, (13,), block)


def test_a_full_disk_costs_the_entry_and_leaves_nothing(compiler, tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert compiler.compile_kernels(KERNEL, (8, 6), tmp_path)[:4] == b"\x7fELF"
    assert not list(tmp_path.iterdir())
    assert "compiled kernels are not kept: No space left on device" in caplog.text
