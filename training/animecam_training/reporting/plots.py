"""Loss curves as a picture, drawn by matplotlib without a display."""

# pyright: reportUnknownMemberType=false

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLUMNS = 3
PANEL_INCHES = (4.0, 2.2)
DOTS_PER_INCH = 100
LOG_SPAN = 10.0  # a term that changes by more is drawn on a logarithmic axis


@dataclass(frozen=True, slots=True)
class Curve:
    """One term of one run.

    Attributes:
        run: Number of the run, from 1.
        steps: Steps done.
        values: As many means since the step before, or what validation measured after it.
        best: The step of the best state, which gets a dot; None for none.
    """

    run: int
    steps: Sequence[int]
    values: Sequence[float]
    best: int | None = None


def plot_curves(curves: Mapping[str, Sequence[Curve]], path: Path) -> None:
    """Write a PNG with a panel for every term.

    Args:
        curves: By the name of the term; one colour a run.
        path: File to write.
    """
    rows = math.ceil(len(curves) / COLUMNS)
    figure = Figure((PANEL_INCHES[0] * COLUMNS, PANEL_INCHES[1] * rows), layout="constrained")
    for place, (term, lines) in enumerate(curves.items(), start=1):
        axes = figure.add_subplot(rows, COLUMNS, place)
        for curve in lines:
            axes.plot(curve.steps, curve.values, f"C{curve.run - 1}", linewidth=1, label=f"run {curve.run}")
            if curve.best is not None and curve.best in curve.steps:
                best = curve.steps.index(curve.best)
                axes.plot(curve.best, curve.values[best], f"C{curve.run - 1}o", markersize=4)
        values = [value for curve in lines for value in curve.values]
        if min(values) > 0 and max(values) > LOG_SPAN * min(values):
            axes.set_yscale("log")
        axes.set_title(term, fontsize="small")
        axes.tick_params(labelsize="x-small")
        axes.grid(alpha=0.3)
        if len({curve.run for part in curves.values() for curve in part}) > 1:
            axes.legend(fontsize="x-small")
    figure.set_dpi(DOTS_PER_INCH)
    FigureCanvasAgg(figure).print_png(str(path))
