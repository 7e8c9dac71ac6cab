"""The machine that a figure was measured on, in words that go into the report, and what else it did meanwhile."""

import os
import platform
import re
import subprocess
import time
from importlib import metadata
from pathlib import Path

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx_vnni", "avx512_vnni", "amx_bf16", "amx_int8")
PACKAGES = ("animecam", "numpy", "av", "opencv-python", "openvino", "onnxruntime", "torch")
BYTES_PER_GIB = 1 << 30
IDLE_FIELDS = (3, 4)  # of the first line of /proc/stat: idle, and waiting for a disk
GUEST_FIELDS = 8  # the fields from here on are counted in earlier ones


def describe() -> dict[str, object]:
    """Processor, its vector units, cores, memory, system, versions of packages and of this code."""
    cpu, flags = _cpu()
    return {
        "cpu": cpu,
        "vector_units": [flag for flag in FLAGS if flag in flags],
        "cores": _usable_cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / BYTES_PER_GIB, 1),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


class Watch:
    """Describes the machine at once, before a benchmark loads it, and later how much others took of it meanwhile."""

    def __init__(self) -> None:
        self._description = describe()
        self._busy_s, self._all_s = _cpu_seconds()
        self._own_s = _own_cpu_seconds()

    def report(self) -> dict[str, object]:
        """`describe` as it was, with `others_share`: the share of all cores' time that other programs used since.

        It is None where the system does not tell. Above a few per cent, times are no good and ratios doubtful.
        """
        busy_s, all_s = _cpu_seconds()
        passed_s = all_s - self._all_s
        if passed_s <= 0:
            return self._description | {"others_share": None}
        others_s = (busy_s - self._busy_s) - (_own_cpu_seconds() - self._own_s)
        return self._description | {"others_share": round(max(others_s, 0.0) / passed_s, 3)}


def _cpu_seconds() -> tuple[float, float]:
    """Busy and all time of all cores since the machine started, in seconds; zeros where Linux does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0, 0.0
    ticks = [int(word) for word in stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    counted = ticks[:GUEST_FIELDS]
    idle = sum(counted[field] for field in IDLE_FIELDS)
    per_s = os.sysconf("SC_CLK_TCK")
    return (sum(counted) - idle) / per_s, sum(counted) / per_s


def _own_cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _usable_cores() -> int:
    """Cores that this process may run on; a container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def _commit() -> str:
    """Short hash of the checkout, empty outside of one."""
    command = ("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=10")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
