"""The words and tables of the report, one section a benchmark, from its JSON."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from measuring import EXACT_DB
from report_machines import machines
from report_summary import in_short

from animecam.measure.networks import REFERENCE

Content = Mapping[str, Any]
"""What a benchmark wrote."""

PERCENTILES = ("p50", "p95", "p99", "max", "mean")


def write_report(contents: Mapping[str, Content], pictures: Sequence[str]) -> str:
    """The whole report in Markdown.

    Args:
        contents: JSON of the benchmarks by name.
        pictures: Names of those that have a picture, NAME.png beside the report.
    """
    parts = [
        "# Benchmarks",
        "Measured by `python benchmarks/report.py`, which writes this page. Times are of one machine and one day; "
        "ratios are medians of pairs that were measured side by side and hold for other days, too. **The reference** "
        f"is {REFERENCE}. How to read and repeat this: [docs/benchmarks.md](../benchmarks.md).",
        "\n".join(f"- {line}" for line in in_short(contents)),
        machines(contents),
    ]
    for name, section in SECTIONS.items():
        if name in contents:
            parts.append(section(contents[name]))
            if name in pictures:
                parts.append(f"![{name}]({name}.png)")
            parts.append(f"<sub>[{name}.json]({name}.json)</sub>")
    return "\n\n".join(parts) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all but the first column are aligned to the right."""
    ruler = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, ruler, *rows))


def _pipeline(content: Content) -> str:
    heads = (
        *("live source", "style", "crop px", "fps", "network rested", "p50 ms", "p95 ms", "p99 ms", "dropped"),
        *("network, of the reference", "stages, p50 ms"),
    )
    rows = [
        (
            *_run_cells(row),
            f"{row['idle']:.0%}",
            *(f"{row['latency_ms'][share]:.0f}" for share in PERCENTILES[:3]),
            str(row["dropped"]),
            _share(row),
            _stage_medians(row),
        )
        for row in content["rows"]
    ]
    words = (
        "From capture to sink, with nothing shown or stored. The network's median in the run is compared with the "
        "reference alone, timed right after it: here the network shares the cores with everything else. It rests where "
        "a head looks as it did when it was last drawn: with such frames rate and latency are better than of drawing."
    )
    return f"## Live\n\n{words}\n\n{table(heads, rows)}"


def _convert(content: Content) -> str:
    heads = ("clip", "style", "crop px", "fps", "network, of the reference", "stages, p50 ms")
    rows = [(*_run_cells(row), _share(row), _stage_medians(row)) for row in content["rows"]]
    return "## Converting a file\n\nDecoding and H.264 encoding included.\n\n" + table(heads, rows)


def _run_cells(row: Content) -> tuple[str, ...]:
    return (
        f"{row['source']} ({row['frame']})",
        f"{row['style']} {row['quality']}, {row['backend']} {row['precision']}",
        str(row["size"]),
        f"{row['fps_out']:.1f}",
    )


def _share(row: Content) -> str:
    return "" if row["network_share"] is None else f"{row['network_share']:.3f}"


def _stage_medians(row: Content) -> str:
    return ", ".join(f"{name} {spread['p50']:.1f}" for name, spread in row["stage_ms"].items())


def _stages(content: Content) -> str:
    words = (
        "One after another in one thread. Besides the network and the codecs means the means of track, align, crop, "
        "calm, match, mask and paste."
    )
    return "\n\n".join(("## Each stage alone", words, *(_stages_of(run) for run in content["runs"])))


def _stages_of(run: Content) -> str:
    rows = [(stage["stage"], *(f"{stage['ms'][share]:.2f}" for share in PERCENTILES)) for stage in run["stages"]]
    words = (
        f"{run['frame']}, {run['summary']}: besides the network and the codecs **{run['besides_ms']:.1f} ms** a frame. "
        f"The network for one head takes {_ratio(run['network_share'])} of the reference."
    )
    return f"{words}\n\n" + table(("stage", *(f"{share} ms" for share in PERCENTILES)), rows)


def _backends(content: Content) -> str:
    rows = [
        (
            f"{row['style']} {row['quality']}, {row['backend']} {row['precision']}",
            str(row["size_px"]),
            f"{row['ms']['p50']:.1f}",
            f"{row['ms']['p95']:.1f}",
            _ratio(row["ratio"]),
            _decibels(row["to_itself_db"]),
            _decibels(row["to_full_db"]),
        )
        for row in content["rows"]
    ]
    heads = ("network", "crop px", "p50 ms", "p95 ms", "of the reference", "parity dB", "to the full network dB")
    missing = [f"{name}: {problem}" for name, problem in content["missing"].items()]
    words = (
        "One crop. All networks of one style and size took turns with the reference; the share is the median of the "
        "turns with its quartiles. Parity is the PSNR against ONNX Runtime on the same network in float32."
    )
    return "\n\n".join(("## Runtimes", words, table(heads, rows), *missing))


def _students(content: Content) -> str:
    rows = [
        (
            row["name"],
            f"{row['parameters'] / 1e6:.2f} M",
            f"{row['backend']} {row['precision']}",
            f"{row['ms']['p50']:.1f}",
            _ratio(row["ratio"]),
            f"{row['figures']['squeeze_distance_to_full']:.3f}" if row["figures"] else "no trial",
        )
        for row in content["rows"]
    ]
    heads = ("student", "weights", "runtime", "p50 ms", "of the reference", "distance to its teacher")
    words = (
        f"Candidates for processors at {content['size_px']} px, in turns with the reference. Distances are those of "
        "equal trials (benchmarks/results/students-trials.json); the lite networks that ship were trained longer."
    )
    return f"## Students\n\n{words}\n\n{table(heads, rows)}"


def _scaling(content: Content) -> str:
    rows = [
        (
            row["label"],
            f"{row['faces']:.1f}",
            *(f"{row[part]['p50']:.1f}" for part in ("frame_ms", "network_ms", "besides_ms")),
            f"{row['besides_ms']['mean']:.1f}",
            f"{row['frame_ratio']['median']:.2f}",
            f"{row['besides_ratio']['median']:.2f}",
            f"{row['network_share']['median']:.3f}",
        )
        for row in content["rows"]
    ]
    heads = (
        "case",
        "faces found",
        "frame ms",
        "network ms",
        "besides ms",
        "besides, mean",
        "frame, of the first",
        "besides, of the first",
        "network, of the reference",
    )
    words = "The renderer in one thread; cases took turns frame by frame. The face fills the same part of every frame."
    return f"## Cost against size\n\n{words}\n\n{table(heads, rows)}"


def _memory(content: Content) -> str:
    peaks = [(f"{peak['output']}", f"{peak['peak_mib']:.0f}") for peak in content["peaks"]]
    warm = content["warm_ms"]
    words = (
        f"`animecam --input {content['source']} {' '.join(content['options'])}`, a process of its own. From the "
        f"command to the first drawn frame: **{warm['p50']:.0f} ms** (median of {warm['count']}, at most "
        f"{warm['max']:.0f} ms), {content['cold_ms']:.0f} ms when no compiled network is kept yet; the interpreter and "
        f"the command line alone take {content['bare_ms']:.0f} ms."
    )
    return f"## Memory and start\n\n{words}\n\n{table(('output', 'peak MiB'), peaks)}"


def _soak(content: Content) -> str:
    rows = [
        (
            name,
            f"{slope['per_hour']:+.2f}",
            f"{slope['low']:+.2f} to {slope['high']:+.2f}",
            f"{slope['limit']:g}",
            slope["verdict"],
        )
        for name, slope in content["slopes"].items()
    ]
    minutes = content["windows"][-1]["at_s"] / 60
    words = (
        f"{minutes:.0f} minutes live, {content['source']}, {content['frames_out']} frames, {content['dropped']} "
        "dropped. Slopes by Theil and Sen, after the first fifth. Work takes as long as the machine lets it; what "
        "frames wait besides, in queues, does not."
    )
    heads = ("", "growth an hour", "95 % interval", "allowed", "verdict")
    return f"## Over time\n\n{words}\n\n{table(heads, rows)}"


def _baseline(content: Content) -> str:
    sound = {True: "kept", False: "lost", None: "the clip has none"}
    rows = [
        (row["way"], f"{row['fps']:.2f}", _ratio(row["times_slower"]), sound[row["keeps_sound"]])
        for row in content["rows"]
    ]
    words = (
        f"{content['source']}. A loop of OpenCV decoding, the whole frame through ONNX Runtime in float32, and OpenCV "
        f"encoding (MPEG-4 Part 2), against `animecam convert` to H.264 ({content['summary']}), in turns. Each way "
        "names the network of the style that it draws with: that of ours, so that the ways are compared and not the "
        "networks, and the full one, which such loops take. The loop draws the background as well."
    )
    return f"## Against a plain loop\n\n{words}\n\n{table(('way', 'fps', 'times our time a frame', 'sound'), rows)}"


def _flicker(content: Content) -> str:
    rows = [
        (
            Path(row["clip"]).name,
            row["variant"],
            *(f"{row[part]:.2f}" for part in ("source", "styled", "ratio", "contrast")),
            f"{row['change']:+.0%}",
            f"{row['difference']:.2f}",
        )
        for row in content["rows"]
    ]
    words = (
        f"Warping error on the face in levels of 255, {content['summary']}: the mean difference to the frame before "
        "once the motion of the source is taken out. `Contrast` is how much larger the differences of neighbouring "
        "pixels are in the drawing than in the clip: harder lines make more of every error of the flow, and a ratio "
        "up to this is no trembling. `Altered by` is the mean difference to the drawing without any smoothing."
    )
    heads = ("clip", "smoothing", "source", "drawn", "ratio", "contrast", "against neither", "altered by")
    return f"## Flicker\n\n{words}\n\n{table(heads, rows)}"


def _page_cells(row: Content) -> tuple[str, str, str]:
    return str(row["fps"]), row["engine_ms"], f"{row['connect_ms']:.0f} ms"


def _page(content: Content) -> str:
    rows = [
        (row["case"], *(f"{row['delay_ms'][share]:.0f}" for share in ("p50", "p95", "max")), *_page_cells(row))
        for row in content["rows"]
    ]
    words = f"Chromium and engine on this machine, {content['resolution']}, {content['engine']}: from camera to screen."
    heads = ("way", "delay p50 ms", "p95 ms", "max ms", "fps", "engine p50 / p95", "first picture after")
    return f"## The page\n\n{words}\n\n{table(heads, rows)}"


def _decibels(value: float) -> str:
    return "exact" if value >= EXACT_DB else f"{value:.1f}"


def _ratio(ratio: Content) -> str:
    return f"{ratio['median']:.3f} ({ratio['low']:.3f}–{ratio['high']:.3f})"


SECTIONS: dict[str, Callable[[Content], str]] = {
    "pipeline": _pipeline,
    "convert": _convert,
    "baseline": _baseline,
    "stages": _stages,
    "backends": _backends,
    "students": _students,
    "scaling": _scaling,
    "memory": _memory,
    "soak": _soak,
    "flicker": _flicker,
    "page": _page,
}
