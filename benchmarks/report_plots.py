"""The pictures of the report, one a benchmark, from its JSON."""

# pyright: reportUnknownMemberType=false
# matplotlib says of hardly any argument what it may be.

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, product
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # no display is needed
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Content = Mapping[str, Any]
"""What a benchmark wrote."""

INK, QUIET, STRONG, ACCENT = "#2b2b33", "#b9bec9", "#3f6fb5", "#d9773c"
LINES = (STRONG, ACCENT, "#4f9d69", "#8c5fb0", "#b5485d", "#7a7a7a")
STROKES = ("-", "--", ":")
INCH_WIDE, INCH_ROW, INCH_PLOT, INCH_LEGEND = 8.0, 0.34, 3.2, 0.8
DOTS_PER_INCH = 130
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e8ee",
    "axes.axisbelow": True,
    "legend.frameon": False,
}
SWEEPS = {
    "frame": "height of the frame, px",
    "faces": "faces",
    "crop": "side of a crop, px",
    "scope": "what is drawn",
    "palette": "palette",
    "background": "background",
}
BARS = 0.7  # of the room of a stage
MOST_COLUMNS = 2  # of panels: in narrower ones the numbers of an axis run into each other


def plot_stages(content: Content) -> Figure:
    """A bar a stage and source: the median, and a line up to the 95th percentile."""
    runs = content["runs"]
    names = [stage["stage"] for stage in runs[0]["stages"]]
    height = BARS / len(runs)
    figure, axes = plt.subplots(figsize=(INCH_WIDE, 1.0 + INCH_ROW * len(names) * len(runs)), layout="constrained")
    for number, (run, color) in enumerate(zip(runs, LINES, strict=False)):
        places = [place + height * (number - (len(runs) - 1) / 2) for place in range(len(names))]
        medians = [stage["ms"]["p50"] for stage in run["stages"]]
        axes.barh(places, medians, color=color, height=0.9 * height, label=run["frame"])
        axes.hlines(places, medians, [stage["ms"]["p95"] for stage in run["stages"]], color=color, lw=1.5)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.legend()
    axes.set_xlabel("ms a frame: median, and up to the 95th percentile")
    return figure


def plot_backends(content: Content) -> Figure:
    """A line a candidate over the crop's size: time, and share of the reference."""
    figure, (times, shares) = plt.subplots(1, 2, figsize=(INCH_WIDE, INCH_LEGEND + INCH_PLOT), layout="constrained")
    rows = sorted(content["rows"], key=_candidate)
    looks = product(STROKES, LINES)
    for (name, group), (stroke, color) in zip(groupby(rows, key=_candidate), looks, strict=False):
        points = sorted(group, key=lambda row: row["size_px"])
        sizes = [row["size_px"] for row in points]
        line = {"color": color, "ls": stroke, "marker": "o", "ms": 4}
        times.plot(sizes, [row["ms"]["p50"] for row in points], label=name, **line)
        ratios = [row["ratio"] for row in points]
        shares.plot(sizes, [ratio["median"] for ratio in ratios], **line)
        low, high = ([ratio[end] for ratio in ratios] for end in ("low", "high"))
        shares.fill_between(sizes, low, high, color=color, alpha=0.15, lw=0)
    times.set_ylabel("ms a crop, median")
    shares.set_ylabel("share of the reference")
    for axes in (times, shares):
        axes.set_xlabel("side of the crop, px")
        axes.set_yscale("log")  # the slowest takes thirty times the quickest
        axes.yaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def plot_students(content: Content) -> Figure:
    """A bar a student and runtime: the share of the reference, and its quartiles."""
    rows = content["rows"]
    figure, axes = plt.subplots(figsize=(INCH_WIDE, 1.0 + INCH_ROW * len(rows)), layout="constrained")
    places = range(len(rows))
    backends = sorted({row["backend"] for row in rows})
    colors = [(STRONG, QUIET)[backends.index(row["backend"]) % 2] for row in rows]
    axes.barh(places, [row["ratio"]["median"] for row in rows], color=colors, height=0.6)
    axes.hlines(
        places, [row["ratio"]["low"] for row in rows], [row["ratio"]["high"] for row in rows], color=ACCENT, lw=2
    )
    axes.set_yticks(places, [f"{row['name']}, {row['backend']} {row['precision']}" for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(f"share of the reference at {content['size_px']} px: median and quartiles")
    return figure


def plot_scaling(content: Content) -> Figure:
    """A panel a sweep: the network, and on top of it the rest."""
    sweeps = {name: list(rows) for name, rows in groupby(content["rows"], key=lambda row: row["sweep"])}
    columns = min(len(sweeps), MOST_COLUMNS)
    rows_down = ceil(len(sweeps) / columns)
    figure = plt.figure(figsize=(INCH_WIDE, rows_down * INCH_PLOT), layout="constrained")
    for place, (name, rows) in enumerate(sweeps.items(), start=1):
        axes = figure.add_subplot(rows_down, columns, place)
        _stack(axes, rows)
        axes.set_xlabel(SWEEPS[name])
        axes.set_ylabel("ms a frame, median")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def plot_soak(content: Content) -> Figure:
    """Memory and delay over time."""
    windows = content["windows"]
    minutes = [window["at_s"] / 60 for window in windows]
    figure, (memory, delay) = plt.subplots(
        2, 1, figsize=(INCH_WIDE, 1.4 * INCH_PLOT), sharex=True, layout="constrained"
    )
    memory.plot(minutes, [window["resident_mib"] for window in windows], color=STRONG)
    memory.set_ylabel("resident memory, MiB")
    for share, color in (("p50", STRONG), ("p95", ACCENT)):
        delay.plot(minutes, [window["delay_ms"][share] for window in windows], color=color, label=share)
    delay.set_ylabel("capture to sink, ms")
    delay.set_xlabel("minutes")
    delay.legend()
    for axes in (memory, delay):
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    return figure


def plot_flicker(content: Content) -> Figure:
    """A group of bars a clip: the warping error in each variant, and that of the source."""
    clips = {name: list(rows) for name, rows in groupby(content["rows"], key=lambda row: row["clip"])}
    variants = [row["variant"] for row in next(iter(clips.values()))]
    figure, axes = plt.subplots(figsize=(INCH_WIDE, INCH_PLOT), layout="constrained")
    width = 0.8 / len(variants)
    for index, (variant, color) in enumerate(zip(variants, (QUIET, LINES[2], ACCENT, STRONG), strict=True)):
        places = [place + (index - (len(variants) - 1) / 2) * width for place in range(len(clips))]
        axes.bar(places, [rows[index]["styled"] for rows in clips.values()], width, color=color, label=variant)
    sources = [rows[0]["source"] for rows in clips.values()]
    axes.hlines(sources, [n - 0.45 for n in range(len(clips))], [n + 0.45 for n in range(len(clips))], color=INK, lw=1)
    axes.plot([], [], color=INK, lw=1, label="source")
    axes.set_xticks(range(len(clips)), [Path(name.partition("?")[0]).stem for name in clips], rotation=12)
    axes.set_ylabel("warping error, levels of 255")
    axes.legend(ncols=len(variants) + 1, loc="upper center", bbox_to_anchor=(0.5, 1.16))
    return figure


PLOTS: dict[str, Callable[[Content], Figure]] = {
    "stages": plot_stages,
    "backends": plot_backends,
    "students": plot_students,
    "scaling": plot_scaling,
    "soak": plot_soak,
    "flicker": plot_flicker,
}


def draw_plots(contents: Mapping[str, Content], folder: Path) -> list[str]:
    """Draws what there is to draw.

    Args:
        contents: JSON of the benchmarks by name.
        folder: Where the PNG files go.

    Returns:
        The names of the benchmarks that have a picture now, NAME.png.
    """
    names = [name for name in PLOTS if name in contents]
    for name in names:
        with mpl.rc_context(STYLE):
            figure = PLOTS[name](contents[name])
            figure.savefig(folder / f"{name}.png", dpi=DOTS_PER_INCH)
        plt.close(figure)
    return names


def _candidate(row: Content) -> str:
    return f"{row['style']} {row['quality']}, {row['backend']} {row['precision']}"


def _stack(axes: Axes, rows: Sequence[Content]) -> None:
    places = range(len(rows))
    network, besides = ([row[part]["p50"] for row in rows] for part in ("network_ms", "besides_ms"))
    axes.bar(places, network, color=QUIET, width=0.6, label="network")
    axes.bar(places, besides, bottom=network, color=STRONG, width=0.6, label="besides")
    axes.set_xticks(places, [str(row["value"]) for row in rows])
