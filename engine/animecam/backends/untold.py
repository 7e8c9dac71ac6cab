"""Imports that would tell somebody of themselves: who points a camera at a program must know that it sends nothing."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

REPORTER = "openvino_telemetry"


@contextmanager
def untold() -> Generator[None]:
    """Lets OpenVINO be imported without its telemetry, which reports each import unless the user opted out before.

    It takes its own stub where the package that reports is not there; so it is not, for the length of the block. A
    program that has imported that package itself is left as it is.
    """
    if REPORTER in sys.modules:
        yield
        return
    sys.modules[REPORTER] = cast(ModuleType, None)  # what an import of it then finds is that there is none
    try:
        yield
    finally:
        del sys.modules[REPORTER]
