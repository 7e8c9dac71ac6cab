"""The real FFmpeg with frames that it believes to be on a GPU: below it lie a driver and an encoder of ours.

What is proved so is that frames reach NVENC as it wants them, through PyAV and FFmpeg; not what NVENC makes of them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parent / "driver"
LIBRARIES = {"cuda.c": "libcuda.so.1", "encode.c": "libnvidia-encode.so.1"}
LONGEST_S = 300.0


@pytest.fixture(scope="module")
def libraries(tmp_path_factory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs gcc, on Linux")
    folder = tmp_path_factory.mktemp("driver")
    for source, library in LIBRARIES.items():
        command = [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", DRIVER / source, "-o", folder / library]
        subprocess.run(command, check=True, timeout=LONGEST_S)
    return folder


def test_ffmpeg_takes_drawn_frames_where_they_are(libraries, tmp_path):
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'run'}"]
    run = subprocess.run(
        [*command, str(DRIVER / "on_stand_in.py")],
        env=environment,
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout.lower(), run.stdout
