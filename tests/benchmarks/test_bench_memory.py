"""Memory and start of a command, tried on a stand-in for it whose memory and delay are known."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

STAND_IN = """
import sys, time
words = sys.argv[1:]
if "--version" in words:
    sys.exit(0)
if "--no-config" not in words:
    sys.exit("a user's own settings would be measured")
if "--fail" in words:
    sys.exit("no such style")
output = words[words.index("--output") + 1]
if "--hang" in words and "%05d" not in output:
    time.sleep(60)
if "%05d" in output:
    time.sleep(0.3)
    open(output % 0, "wb").close()
    time.sleep(60)
block = b"x" * (300 << 20)
"""
RUN = """
import sys, memory
if "--hang" in sys.argv:
    memory.START_SECONDS, memory.END_SECONDS = 5.0, 0.0
memory.COMMAND = (sys.executable, sys.argv[1])
memory.main(sys.argv[2:])
"""


@pytest.fixture
def measure(bench, tmp_path):
    """Runs the script on the stand-in in a small process of its own: the memory of a fat parent counts as a child's."""
    folder = Path(bench("machine").__file__).parent
    program = tmp_path / "stand_in.py"
    program.write_text(STAND_IN, encoding="utf-8")
    report = tmp_path / "memory.json"

    def run(*options):
        words = ["--starts", "1", "--seconds", "0.01", "--json", str(report), "--", *options]
        command = [sys.executable, "-c", RUN, str(program), *words]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)
        return result, json.loads(report.read_text(encoding="utf-8")) if report.exists() else None

    return run


def test_peak_and_start_are_those_of_the_command(measure):
    result, content = measure()
    assert result.returncode == 0, result.stderr
    assert all(300 < peak["peak_mib"] < 400 for peak in content["peaks"])
    assert content["cold_ms"] > 300
    assert content["warm_ms"]["p50"] > 300
    assert content["bare_ms"] > 0


def test_a_command_that_fails_says_why(measure):
    result, content = measure("--fail")
    assert result.returncode == 1
    assert "no such style" in result.stderr
    assert content is None


def test_a_command_that_does_not_end_is_ended(measure):
    result, content = measure("--hang")
    assert result.returncode == 1
    assert "the run did not end within 5 s" in result.stderr
    assert content is None
