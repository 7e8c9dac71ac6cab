"""The machine that a figure was measured on, in words that go into the report."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx_vnni", "avx512_vnni", "amx_bf16", "amx_int8")
PACKAGES = ("animecam", "numpy", "av", "opencv-python", "openvino", "onnxruntime", "torch")


def describe() -> dict[str, object]:
    """Processor, its vector units, cores, memory, system and package versions."""
    cpu, flags = _cpu()
    return {
        "cpu": cpu,
        "vector_units": [flag for flag in FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _cpu() -> tuple[str, set[str]]:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine(), set()
    text = info.read_text(encoding="utf-8")
    name = re.search(r"model name\s*: (.*)", text)
    flags = re.search(r"flags\s*: (.*)", text)
    return name[1] if name else platform.machine(), set(flags[1].split()) if flags else set()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
