"""Peak memory of a live run, and the time from the command to the first drawn frame.

    python benchmarks/memory.py --source pattern:1280x720@30 --json benchmarks/results/memory.json -- --size 384

What stands behind `--` goes to animecam as it is. Each figure is of the command itself in a process of its own. Memory
is the system's own count of what was in RAM at most, shared libraries included. The clock starts before the process is
made and stops when a drawn picture lies on the disk; the first start is with an empty cache of compiled networks, the
others find it filled.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from machine import Watch
from measuring import COUNT, LENGTH, PEAK_UNIT_PER_MIB, BenchmarkCommand, json_option, save, say, show

from animecam.measure.spread import Spread

COMMAND = (sys.executable, "-c", "import sys; from animecam.cli import main; sys.exit(main())")
POLL_SECONDS = 0.002
START_SECONDS = 120.0  # longest wait for a first frame: a cold start on a slow machine compiles for a while
END_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Peak:
    """Memory of one run."""

    output: str
    peak_mib: float


@click.command(cls=BenchmarkCommand, context_settings={"ignore_unknown_options": True})
@click.option("--source", default="pattern:1280x720@30", show_default=True)
@click.option(
    "--seconds", type=LENGTH, default=20.0, show_default=True, help="Length of the runs whose memory is measured."
)
@click.option("--starts", type=COUNT, default=5, show_default=True, help="Warm starts, after one that is cold.")
@json_option
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def main(source: str, seconds: float, starts: int, options: tuple[str, ...], report: Path | None) -> None:
    """Measures memory and start of the live command."""
    watch = Watch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
        arguments = ("--no-config", "--input", source, *options)  # the same for every user
        cold_s, *warm_s = (start_seconds(arguments, environment, folder / f"start{n}") for n in range(1 + starts))
        bare_s = _bare_seconds(environment)
        outputs = {"none": "null:", "H.264": str(folder / "out.mp4")}
        longest_s = START_SECONDS + seconds + END_SECONDS
        peaks = [
            Peak(output, peak_mib((*arguments, "--seconds", str(seconds), "--output", uri), environment, longest_s))
            for output, uri in outputs.items()
        ]
    warm = Spread.of([1e3 * took_s for took_s in warm_s])
    show(
        f"memory: {source} {' '.join(options)}",
        ("output", "peak MiB"),
        [(p.output, f"{p.peak_mib:.0f}") for p in peaks],
    )
    say(f"command to first drawn frame: {1e3 * cold_s:.0f} ms cold; warm {warm.p50:.0f} ms, at most {warm.max:.0f} ms")
    say(f"of which the interpreter and the command line: {1e3 * bare_s:.0f} ms")
    content = {"source": source, "options": options, "cold_ms": 1e3 * cold_s, "bare_ms": 1e3 * bare_s}
    save(report, watch, content | {"warm_ms": asdict(warm), "peaks": [asdict(peak) for peak in peaks]})


def start_seconds(arguments: Sequence[str], environment: dict[str, str], folder: Path) -> float:
    """Time from the command to the first picture that it wrote into a folder.

    Raises:
        click.ClickException: It ended before, or wrote none in time.
    """
    folder.mkdir()
    command = (*COMMAND, *arguments, "--output", str(folder / "%05d.jpg"))
    with (folder / "messages.txt").open("w+", encoding="utf-8") as messages:
        start_s = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=messages, stderr=messages)
        try:
            while not any(folder.glob("[0-9]*.jpg")):  # each appears when it is complete
                if process.poll() is not None or time.perf_counter() - start_s > START_SECONDS:
                    messages.seek(0)
                    raise click.ClickException(f"no picture came: {messages.read()}")
                time.sleep(POLL_SECONDS)
            return time.perf_counter() - start_s
        finally:
            process.send_signal(signal.SIGTERM)
            _wait(process)


def peak_mib(arguments: Sequence[str], environment: dict[str, str], longest_s: float) -> float:
    """Most memory that a run of the command had in RAM.

    Args:
        arguments: Of the command.
        environment: Of the process.
        longest_s: It is ended after this time.

    Raises:
        click.ClickException: It failed or did not end, or this process is larger: a child's count begins with its
            parent's.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as messages:
        process = subprocess.Popen((*COMMAND, *arguments), env=environment, stdout=messages, stderr=messages)
        try:
            usage = _usage(process, longest_s)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        messages.seek(0)
        if process.returncode:
            raise click.ClickException(f"the run failed: {messages.read()}")
    if usage.ru_maxrss <= _own_peak():
        raise click.ClickException("the benchmark takes more memory than the run: start it in a process of its own")
    return usage.ru_maxrss / PEAK_UNIT_PER_MIB


def _usage(process: subprocess.Popen[bytes], longest_s: float) -> resource.struct_rusage:
    """Waits for a process; what it used.

    Raises:
        click.ClickException: It did not end in time.
    """
    end_s = time.perf_counter() + longest_s
    while time.perf_counter() < end_s:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)  # waited for here, which subprocess cannot know
            return usage
        time.sleep(POLL_SECONDS)
    raise click.ClickException(f"the run did not end within {longest_s:.0f} s")


def _own_peak() -> int:
    """Peak of this program in the unit of ru_maxrss, which a child inherits until it has become another program."""
    status = Path("/proc/self/status")
    if status.exists():  # here ru_maxrss would hold this process's own inheritance, too
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _bare_seconds(environment: dict[str, str]) -> float:
    start_s = time.perf_counter()
    subprocess.run(
        (*COMMAND, "--version"), env=environment, stdout=subprocess.DEVNULL, check=True, timeout=START_SECONDS
    )
    return time.perf_counter() - start_s


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
