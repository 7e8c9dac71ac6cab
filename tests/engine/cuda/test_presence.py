"""Whether NVIDIA's driver is there: asked of machines that the test plays."""

import subprocess
import sys
from pathlib import Path

import pytest

from animecam.cuda.presence import has_nvidia_driver

NODE, WSL = Path("/dev/nvidiactl"), Path("/dev/dxg")


def has_driver(platform, *, nodes=(), libraries=()):
    def load(name):
        if name not in libraries:
            raise OSError(f"{name}: cannot open shared object file")

    return has_nvidia_driver(
        platform,
        exists=lambda path: path in nodes,
        find_library=lambda name: f"C:\\Windows\\System32\\{name}.dll" if name in libraries else None,
        load_library=load,
    )


@pytest.mark.parametrize(
    ("platform", "nodes", "libraries", "there"),
    [
        ("linux", (NODE,), (), True),
        ("linux", (), ("libcuda.so.1",), False),  # a container's library, with no GPU handed in
        ("linux", (WSL,), ("libcuda.so.1",), True),
        ("linux", (WSL,), (), False),  # WSL2 on an Intel or AMD GPU
        ("win32", (), ("nvcuda",), True),
        ("win32", (), (), False),
        ("darwin", (NODE, WSL), ("nvcuda", "libcuda.so.1"), False),
    ],
)
def test_each_system_is_asked_in_its_own_way(platform, nodes, libraries, there):
    assert has_driver(platform, nodes=nodes, libraries=libraries) is there


def test_asking_imports_nothing_heavy():
    code = (
        "import sys; from animecam.cuda.presence import has_nvidia_driver; has_nvidia_driver();"
        "print([name for name in ('cuda', 'torch', 'tensorrt_rtx', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
