"""Fixtures for the tests of the GPU path: the kernels as C++ and a GPU on the host."""

import importlib.util
import sys
from pathlib import Path

import pytest

from animecam.render.device_kernels import kernel_source


def _load(name: str):
    """A module beside this file; under --import-mode=importlib siblings cannot be imported by name."""
    spec = importlib.util.spec_from_file_location(f"animecam_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def host():
    """tests/engine/cuda/host_gpu.py, with the network of host_network.py."""
    host = _load("host_gpu")
    host.HostNetwork = _load("host_network").HostNetwork
    return host


@pytest.fixture(scope="session")
def library(host, tmp_path_factory):
    """The kernels as a library of the host."""
    if host.find_compiler() is None:
        pytest.skip("needs g++")
    source = kernel_source(host.SHIM.read_text(encoding="utf-8"))
    return host.compile_for_host(source, tmp_path_factory.mktemp("kernels"))


@pytest.fixture
def gpu(host, library, tmp_path):
    """A GPU on the host, at the end of which everything must have been given back."""
    gpu = host.HostGpu(tmp_path, library)
    yield gpu
    assert gpu.taken == 0, "memory or events were not given back"
