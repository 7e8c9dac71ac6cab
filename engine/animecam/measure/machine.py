"""The machine that a figure was measured on, in words that go into the report, and what else it did meanwhile."""

import os
import platform
import re
import time
from importlib import metadata
from pathlib import Path

from animecam.backends.processor import processor_name
from animecam.run.cores import CoreWatch

VECTOR_UNITS = (
    *("sse4_2", "avx", "f16c", "fma", "avx2", "avx512f"),  # float32
    *("avx512_bf16", "amx_bf16", "avx512_fp16"),  # half precision
    *("avx_vnni", "avx512_vnni", "amx_int8"),  # bytes; without one of these INT8 gains little
    *("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve"),  # the same on ARM
)
PACKAGES = ("animecam", "numpy", "av", "opencv-python", "openvino", "onnxruntime", "torch", "nncf")
BYTES_PER_GIB = 1 << 30
SHARE_DIGITS = 3


def describe() -> dict[str, object]:
    """Processor, its vector units, cores, memory, load, system, versions of packages, day."""
    flags = _cpu_flags()
    return {
        "cpu": processor_name(),
        "vector_units": [unit for unit in VECTOR_UNITS if unit in flags],
        "is_virtual": "hypervisor" in flags,
        "cores": usable_cores(),
        "memory_gib": _memory_gib(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


class Watch:
    """Describes the machine at once, before a benchmark loads it, and later how much others took of it meanwhile."""

    def __init__(self, description: dict[str, object] | None = None, cores: CoreWatch | None = None) -> None:
        self._description = describe() if description is None else description
        self._cores = cores or CoreWatch()

    def report(self) -> dict[str, object]:
        """`describe` as it was, with `others_share`: the share of all cores' time that other programs used since.

        It is None where no time has passed. Above a few per cent, times are no good and ratios doubtful.
        """
        use = self._cores.whole()
        return self._description | {"others_share": use and round(use.others, SHARE_DIGITS)}


def usable_cores() -> int:
    """Cores that this process may run on; a container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gib() -> float | None:
    """Memory of the machine; None where the system does not tell."""
    if not hasattr(os, "sysconf"):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / BYTES_PER_GIB, 1)


def _cpu_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^(?:flags|Features)\s*: (.*)", info.read_text("utf-8"), re.MULTILINE) if info.exists() else None
    return set(found[1].split()) if found else set()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
