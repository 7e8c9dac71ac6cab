"""The report in a few lines, from the JSON of the benchmarks."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Content = Mapping[str, Any]
"""What a benchmark wrote."""

COMMON_SIZE_PX = 256  # of the crops that the short form tells of
LEAST_TOLD_SHARE = 0.01  # of frames in which the network rested: less makes no difference to a rate


def in_short(contents: Mapping[str, Content]) -> list[str]:
    """What a reader in a hurry should know, one Markdown line each.

    Args:
        contents: JSON of the benchmarks by name.
    """
    return [line for name, summary in _SUMMARIES.items() if name in contents for line in summary(contents[name])]


def _live_in_short(content: Content) -> list[str]:
    return [
        f"Live, {row['source']}, {row['style']} {row['quality']} at {row['size']} px: **{row['fps_out']:.1f} fps** of "
        f"{row['fps_in']:.1f}; from capture to sink {row['latency_ms']['p50']:.0f} ms, p95 "
        f"{row['latency_ms']['p95']:.0f} ms{_rested(row)}."
        for row in content["rows"]
    ]


def _rested(row: Content) -> str:
    """How often there was nothing new to draw, which makes a rate better than that of drawing."""
    return f"; the network rested in {row['idle']:.0%} of the frames" if row["idle"] >= LEAST_TOLD_SHARE else ""


def _convert_in_short(content: Content) -> list[str]:
    return [
        f"Converting {row['source']} ({row['frame']}), {row['style']} {row['quality']}, codecs included: "
        f"**{row['fps_out']:.1f} fps**."
        for row in content["rows"]
    ]


def _stages_in_short(content: Content) -> list[str]:
    costs = ", ".join(f"**{run['besides_ms']:.1f} ms** at {run['frame']}" for run in content["runs"])
    return [f"Besides network and codecs a frame costs, stage by stage, {costs}."]


def _backends_in_short(content: Content) -> list[str]:
    return [
        f"Network {row['style']} {row['quality']} at {COMMON_SIZE_PX} px, {row['backend']} {row['precision']}: "
        f"{row['ms']['p50']:.1f} ms, **{row['ratio']['median']:.3f}** of the reference."
        for row in content["rows"]
        if row["size_px"] == COMMON_SIZE_PX
    ]


def _students_in_short(content: Content) -> list[str]:
    shares = [(row["ratio"]["median"], f"{row['name']} in {row['backend']}") for row in content["rows"]]
    return [f"Students take {min(shares)[0]:.3f} ({min(shares)[1]}) to {max(shares)[0]:.3f} of the reference."]


def _scaling_in_short(content: Content) -> list[str]:
    rows = [row for row in content["rows"] if row["sweep"] == "frame"]
    return (
        [
            f"Where frames of all sizes take turns: {rows[0]['besides_ms']['mean']:.1f} ms at {rows[0]['label']}, "
            f"{rows[-1]['besides_ms']['mean']:.1f} ms at {rows[-1]['label']}."
        ]
        if rows
        else []
    )


def _memory_in_short(content: Content) -> list[str]:
    return [
        f"Peak memory {content['peaks'][0]['peak_mib']:.0f} MiB; first drawn frame {content['warm_ms']['p50']:.0f} ms "
        "after the command."
    ]


def _soak_in_short(content: Content) -> list[str]:
    verdicts = ", ".join(f"{name}: {slope['verdict']}" for name, slope in content["slopes"].items())
    return [f"After {content['windows'][-1]['at_s'] / 60:.0f} minutes: {verdicts}."]


def _baseline_in_short(content: Content) -> list[str]:
    ours, *loops = content["rows"]
    return [
        f"A plain {row['way']}: **{row['times_slower']['median']:.1f} times** the time a frame of {ours['way']}."
        for row in loops
    ]


def _flicker_in_short(content: Content) -> list[str]:
    changes = [row["change"] for row in content["rows"] if row["variant"] == "both"]
    return [f"Smoothing changes flicker by {median(changes):+.0%} (median of {len(changes)} clips)."]


_SUMMARIES: dict[str, Callable[[Content], list[str]]] = {
    "pipeline": _live_in_short,
    "convert": _convert_in_short,
    "baseline": _baseline_in_short,
    "stages": _stages_in_short,
    "backends": _backends_in_short,
    "students": _students_in_short,
    "scaling": _scaling_in_short,
    "memory": _memory_in_short,
    "soak": _soak_in_short,
    "flicker": _flicker_in_short,
}
