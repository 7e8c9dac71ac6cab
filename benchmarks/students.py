"""Which small network for machines without a GPU: candidates against one reference in the same turns.

    python benchmarks/students.py --size 256 --json benchmarks/results/students.json

Each candidate is built from the options of `LiteGenerator`, exported as a style would be, and timed in OpenVINO and in
ONNX Runtime; its share is of ONNX Runtime in float32 on the full network at 256 x 256. Weights do not change the time,
so all are timed with fresh ones. How near each came to the style that it was distilled from, in a trial of the same
length, is kept in results/students-trials.json, in the figures of `animecam-train evaluate --teacher`; of those without
a trial nothing is guessed. Re-parameterised convolutions (several branches in training, merged at
export) leave the same graph as the plain candidate of that width, and so the same time: they have no row of their own.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from crop_sides import crop_side
from machine import Watch
from measuring import COUNT, THREADS, BenchmarkCommand, json_option, save, say, show

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.measure.networks import REFERENCE, head_picture, opened_reference
from animecam.measure.spread import Ratio, Spread
from animecam.measure.turns import interleave
from animecam.styles.card import Contract
from animecam_export.int8 import encoded
from animecam_export.onnx_export import OnnxOptions, export_onnx
from animecam_training.models.lite import LiteGenerator

TRIALS = Path(__file__).parent / "results" / "students-trials.json"
RUNTIMES = (BackendChoice.OPENVINO, BackendChoice.ONNXRUNTIME)
REFERENCE_NAME = "reference"


@dataclass(frozen=True, slots=True)
class Student:
    """A candidate.

    Attributes:
        name: As the table calls it.
        options: Of `LiteGenerator`.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])


STUDENTS = (
    Student("32-64-96"),  # the styles' own networks, but for cel's
    Student("32-64-96, context 3", {"context": 3}),  # cel's
    Student("32-64-96, no LADE at 1/2", {"norm": "coarse"}),
    Student("32-64-96, no LADE", {"norm": "none"}),
    Student("24-48-96", {"widths": (24, 48, 96)}),
    Student("24-48-96, no LADE at 1/2", {"widths": (24, 48, 96), "norm": "coarse"}),
    Student("24-48-96, no LADE", {"widths": (24, 48, 96), "norm": "none"}),
    Student("16-32-64", {"widths": (16, 32, 64)}),
    Student("16-32-64, no LADE at 1/2", {"widths": (16, 32, 64), "norm": "coarse"}),  # their lite networks
    Student("16-32-64, no LADE at 1/2, context 3", {"widths": (16, 32, 64), "norm": "coarse", "context": 3}),
    Student("16-32-64, no LADE", {"widths": (16, 32, 64), "norm": "none"}),
    Student("32-64-96, separable", {"separable": True}),
    Student("48-96-128, separable", {"widths": (48, 96, 128), "separable": True}),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate in a runtime.

    Attributes:
        name: The candidate.
        parameters: Its weights.
        backend: The runtime.
        precision: In which it computes.
        size_px: Side of the crop.
        ms: Time of one crop.
        ratio: Of that time to the reference's at 256 px.
        figures: How near it came to its teacher in the trial, by name; empty where there was none.
    """

    name: str
    parameters: int
    backend: str
    precision: str
    size_px: int
    ms: Spread
    ratio: Ratio
    figures: dict[str, float]


@click.command(cls=BenchmarkCommand)
@click.option("--size", "size_px", type=int, default=256, show_default=True, callback=crop_side)
@click.option("--rounds", type=COUNT, default=15, show_default=True, help="Turns that each candidate takes.")
@click.option("--threads", type=THREADS, default=0, help="CPU threads of each runtime; 0 is its own choice.")
@json_option
def main(size_px: int, rounds: int, threads: int, report: Path | None) -> None:
    """Times every candidate."""
    watch = Watch()
    rows = measure(STUDENTS, size_px, rounds, threads)
    heads = ("student", "parameters", "runtime", "p50 ms", "p95 ms", "of the reference", "distance to its teacher")
    show(f"students at {size_px} px", heads, [_cells(row) for row in rows])
    say(f"the reference: {REFERENCE}")
    save(report, watch, {"reference": REFERENCE, "size_px": size_px, "rows": [asdict(row) for row in rows]})


def measure(students: Sequence[Student], size_px: int, rounds: int, threads: int = 0) -> list[Row]:
    """All candidates in all runtimes, in turn with the reference."""
    batch = encoded(head_picture(size_px, size_px), Contract())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        calls: dict[str, Callable[[], object]] = {REFERENCE_NAME: stack.enter_context(opened_reference(threads))}
        cases: dict[str, tuple[Student, int, str, str]] = {}
        for number, student in enumerate(students):
            model = folder / f"{number}.onnx"
            parameters = write_student(student, model)
            for choice in RUNTIMES:
                backend = open_backend(model, choice, BackendOptions(threads=threads))
                stack.callback(backend.close)
                name = f"{student.name} {choice.value}"
                cases[name] = student, parameters, choice.value, backend.info.precision
                calls[name] = partial(backend.run, batch)
        times_ms = interleave(calls, rounds)
    reference_ms = times_ms[REFERENCE_NAME]
    trials = json.loads(TRIALS.read_text("utf-8"))["rows"]
    return [
        Row(
            name=student.name,
            parameters=parameters,
            backend=backend,
            precision=precision,
            size_px=size_px,
            ms=Spread.of(times_ms[name]),
            ratio=Ratio.of(times_ms[name], reference_ms),
            figures=trials.get(student.name, {}),
        )
        for name, (student, parameters, backend, precision) in cases.items()
    ]


def write_student(student: Student, target: Path) -> int:
    """Exports a candidate with fresh weights; returns how many there are."""
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    generator = LiteGenerator(**student.options).eval()
    export_onnx(generator, target, OnnxOptions())
    return sum(weights.numel() for weights in generator.parameters())


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.parameters / 1e6:.2f} M",
        f"{row.backend} {row.precision}",
        f"{row.ms.p50:.1f}",
        f"{row.ms.p95:.1f}",
        str(row.ratio),
        f"{row.figures['squeeze_distance_to_full']:.3f}" if row.figures else "",
    )


if __name__ == "__main__":
    main()
