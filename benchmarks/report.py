"""Runs the benchmarks one after another and writes the report.

    python benchmarks/report.py                            everything, within a quarter of an hour on two cores
    python benchmarks/report.py --clip people.mp4 --minutes 10
    python benchmarks/report.py --only backends --only soak
    python benchmarks/report.py --from-results             only writes, from the JSON files of earlier runs

It makes docs/report/: README.md, a picture of each benchmark, and its figures as JSON. Each benchmark is a process of
its own; the report is written from all JSON files there are, so that a part can be measured anew; a run of everything
removes those that it does not make. Let nothing else run meanwhile: the report says how much of the machine others
took, and which figures are of another machine or other code.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click
from measuring import LENGTH, BenchmarkCommand, say
from report_text import SECTIONS, write_report

from animecam.settings import DEFAULT_STYLE
from animecam.styles.registry import REFERENCE_STYLE, find_style

HERE = Path(__file__).parent
FOLDER = HERE.parent / "docs" / "report"
PAGE = "README.md"
CLIP = "pattern:1280x720@30?live=0"
LIVE = ("pattern:1280x720@30", "pattern:1280x720@60")
LIVE_SIZES_PX = ("256", "384")
LARGE = "pattern:3840x2160@30?live=0"


@dataclass(frozen=True, slots=True)
class Extent:
    """How long everything takes.

    Attributes:
        seconds: Of a live run.
        frames: That each stage or case gets, and of a recorded clip.
        rounds: Turns of runtimes.
        baseline_rounds: Turns of the plain loop.
        starts: Of the command.
        minutes: Of the soak.
        window_s: Of its notes.
    """

    seconds: float = 12.0
    frames: int = 90
    rounds: int = 10
    baseline_rounds: int = 2
    starts: int = 4
    minutes: float = 4.0
    window_s: float = 3.0


FULL = Extent()
QUICK = Extent(seconds=2.0, frames=8, rounds=2, baseline_rounds=1, starts=1, minutes=0.1, window_s=0.5)


@dataclass(frozen=True, slots=True)
class Step:
    """One benchmark: its name, its script, what the script is told."""

    name: str
    script: str
    arguments: tuple[str, ...]


@click.command(cls=BenchmarkCommand)
@click.option("--only", multiple=True, type=click.Choice(list(SECTIONS)), help="Run these; may be given several times.")
@click.option("--clip", "clips", multiple=True, type=click.Path(exists=True, dir_okay=False), help="Real clips to use.")
@click.option("--style", default=DEFAULT_STYLE, show_default=True)
@click.option("--minutes", type=LENGTH, help="Length of the soak. [default: 4]")
@click.option(
    "--quick",
    is_flag=True,
    help="A few frames of everything into another --folder, to see that it works; the figures mean nothing.",
)
@click.option("--from-results", is_flag=True, help="Run nothing.")
@click.option("--folder", default=FOLDER, type=click.Path(path_type=Path), help="Where everything goes.")
def main(
    only: tuple[str, ...],
    clips: tuple[str, ...],
    style: str,
    minutes: float | None,
    quick: bool,
    from_results: bool,
    folder: Path,
) -> None:
    """Measures and writes the report; the status is 1 when a benchmark failed."""
    if quick and not from_results and folder.resolve() == FOLDER.resolve():
        raise click.UsageError("--quick would replace the report by figures that mean nothing: give a --folder")
    draw_plots = _plots()
    extent = QUICK if quick else FULL
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"cannot make the folder {folder}: {error.strerror}") from error
    start_s = time.monotonic()
    failed: list[str] = []
    if not from_results:
        _tell_of_page(only)
        with tempfile.TemporaryDirectory() as scratch:
            clip = clips[0] if clips else _recorded(extent.frames, Path(scratch))
            steps = plan(extent, style, clips, clip, minutes or extent.minutes)
            if not only:
                forget(set(SECTIONS) - {step.name for step in steps}, folder)
            failed = [step.name for step in steps if step.name in (only or SECTIONS) and not run(step, folder)]
    contents = read_results(folder)
    if not contents:
        raise click.ClickException(f"there are no results in {folder}")
    pictures: list[str] = []
    for name, content in contents.items():  # each alone first: what the page lacks is then known by its file
        with _lacks_named(name, _result(folder, name)):
            write_report({name: content}, ())
            pictures += draw_plots({name: content}, folder)
    page = folder / PAGE
    page.write_text(write_report(contents, pictures), encoding="utf-8")
    say(f"wrote {page} after {(time.monotonic() - start_s) / 60:.1f} minutes")
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}")


def plan(extent: Extent, style: str, clips: Sequence[str], clip: str, minutes: float) -> tuple[Step, ...]:
    """All benchmarks.

    Args:
        extent: How long they take.
        style: Name of the style.
        clips: Real clips, may be none.
        clip: The one for those that need a single file.
        minutes: Length of the soak.
    """
    styled = ("--style", style)
    frames = ("--frames", str(extent.frames))
    seconds = ("--seconds", str(extent.seconds))
    sizes = tuple(word for size in LIVE_SIZES_PX for word in ("--size", size))
    qualities = tuple(word for variant in find_style(style).card.variants for word in ("--quality", variant.quality))
    page = (Step("page", "browser.py", (*styled, *seconds)),) if _has_browser() else ()
    return (
        *page,
        Step("memory", "memory.py", ("--starts", str(extent.starts), *seconds, "--", *styled)),
        Step("pipeline", "pipeline.py", (*LIVE, *styled, *qualities, *sizes, *seconds)),
        Step("convert", "pipeline.py", (*(clips or (clip,)), "--encode", *styled, *qualities, *seconds)),
        Step("stages", "stages.py", (clip, LARGE, *styled, *frames)),
        Step("backends", "backends.py", (*styled, *_reference_style(style), "--rounds", str(extent.rounds))),
        Step("students", "students.py", ("--rounds", str(extent.rounds))),
        Step("scaling", "scaling.py", (*styled, "--frames", str(extent.frames // 2))),
        Step("baseline", "baseline.py", (clip, *styled, *frames, "--rounds", str(extent.baseline_rounds))),
        Step("flicker", "flicker.py", (*clips, *styled, *frames)),
        Step("soak", "soak.py", ("--minutes", str(minutes), "--window", str(extent.window_s), *styled)),
    )


def _has_browser() -> bool:
    """Whether the page can be measured: with Chromium and the extra [web]."""
    try:
        from chromium_process import find_chromium
    except ImportError:
        return False
    return find_chromium() is not None


def _tell_of_page(only: Sequence[str]) -> None:
    """Says that the page is left out where it cannot be measured.

    Raises:
        click.ClickException: It is asked for by name.
    """
    if _has_browser():
        return
    missing = "the page cannot be measured here: it needs Chromium and pip install -e '.[web]'"
    if "page" in only:
        raise click.ClickException(missing)
    if not only:
        say(missing)


def _reference_style(style: str) -> tuple[str, ...]:
    """The full network beside the style, in every runtime; nothing if that is the style."""
    return () if style == REFERENCE_STYLE else ("--style", REFERENCE_STYLE)


def forget(names: Iterable[str], results: Path) -> None:
    """Removes what earlier runs wrote, of another machine or other code maybe: the report would show it as of now."""
    for name in names:
        _result(results, name).unlink(missing_ok=True)


def run(step: Step, results: Path) -> bool:
    """Runs a benchmark in place of an earlier run; its tables go to the terminal. Says whether it succeeded."""
    forget((step.name,), results)
    say(f"\n{step.name}: {step.script} {' '.join(step.arguments)}")
    command = (sys.executable, str(HERE / step.script), "--json", str(_result(results, step.name)), *step.arguments)
    return subprocess.run(command, check=False).returncode == 0


def read_results(folder: Path) -> dict[str, Mapping[str, Any]]:
    """What the benchmarks wrote, in the order of the report; others' files are left alone.

    Raises:
        click.ClickException: A file is damaged.
    """
    files = {name: _result(folder, name) for name in SECTIONS}
    return {name: _read(name, file) for name, file in files.items() if file.exists()}


def _read(name: str, file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from error
    except ValueError:
        content = None
    if not isinstance(content, dict) or "machine" not in content:
        raise click.ClickException(f"{file} is damaged: delete it, or measure it anew with --only {name}")
    return cast("dict[str, Any]", content)


@contextmanager
def _lacks_named(name: str, file: Path) -> Generator[None]:
    """Turns what is missing in a result, as in one of an earlier version, into a line.

    Raises:
        click.ClickException: Something is missing, or is of another kind than what the benchmark writes.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        lack = f"{file} is damaged, or of another version ({type(error).__name__}: {error})"
        raise click.ClickException(f"{lack}: delete it, or measure it anew with --only {name}") from error


def _result(folder: Path, name: str) -> Path:
    """The file that a benchmark writes."""
    return folder / f"{name}.json"


def _recorded(frames: int, folder: Path) -> str:
    from inputs import local_clip

    return str(local_clip(CLIP, frames, folder))


def _plots() -> Any:
    """What draws the pictures, looked for before anything is measured."""
    try:
        from report_plots import draw_plots
    except ImportError as error:
        raise click.ClickException("matplotlib is missing: pip install -e '.[bench]'") from error
    return draw_plots


if __name__ == "__main__":
    main()
