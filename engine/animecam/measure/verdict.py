"""What was measured, in a few lines for people."""

from collections.abc import Iterator
from dataclasses import replace

from animecam.measure.bench import Check, Report
from animecam.measure.capacity import Candidate, fastest
from animecam.run.limit import DRAW, EMIT, READ, RENDER, WRITE

BUSY_SHARE = 0.05  # of all cores' time that others may take before figures are doubtful
TOLD_SHARE = 0.005  # of frames on which the network rested that is told: less would read as 0 %
FEW_FACES = 0.5  # share of frames with a face below which a run says little about faces
_NOT_DRAWING = (READ, RENDER, EMIT, WRITE)


def verdict(report: Report) -> Iterator[str]:
    """One line each: cost of a frame, limit, what is held, whether that was tried, and what makes it doubtful."""
    figures = report.run.figures
    if report.limit is None:
        yield "no frame was drawn: is there anything to see in the source?"
        return
    yield _run_line(report)
    yield f"the limit: {_limit_text(report)}"
    yield from _held_lines(report)
    yield from (_check_text(check, report) for check in report.checks)
    if not report.checks and report.holds[report.fps] is not None:
        yield f"not tried: the source does not give {report.fps:g} frames a second live"
    if figures.idle_share >= TOLD_SHARE:
        yield f"the network rested in {figures.idle_share:.0%} of the frames, which are left out of what a frame costs"
    if not any(report.run.drew_with(one.network) for one in report.candidates):
        yield f"{report.run.info.name} was not timed alone: predictions are as if nothing else ran beside a network"
    if figures.with_faces < FEW_FACES * figures.frames_out:
        yield "hardly anybody was seen: show a face to the camera, as frames without one cost something else"
    others = report.machine.get("others_share")
    if isinstance(others, float) and others > BUSY_SHARE:
        yield f"other programs took {others:.0%} of the cores meanwhile: close them for better figures"
    for backend, why in report.refused.items():
        yield f"{backend} does not take this style: {why}"


def _run_line(report: Report) -> str:
    """What a frame costs in the run, the largest part first."""
    figures = report.run.figures
    parts = {name: p.mean for name, p in figures.stage_ms.items() if name not in _NOT_DRAWING}
    listed = ", ".join(f"{name} {ms:.1f}" for name, ms in sorted(parts.items(), key=lambda part: -part[1]))
    latency = figures.latency_ms
    return (
        f"now, at {report.run.settings.look.size_px} px: {figures.fps_out:.1f} fps of {figures.fps_in:.1f}, from "
        f"capture to sink {latency.p50:.0f} ms, p95 {latency.p95:.0f} ms; "
        f"{sum(parts.values()):.1f} ms a frame: {listed}"
    )


def _limit_text(report: Report) -> str:
    limit = report.limit
    if limit is None:
        return "not known"
    if limit.part != DRAW:
        return str(limit)
    better = _advised(report)
    ran = report.run.drew_with(better.network)
    return str(
        replace(limit, advice="" if ran else f"{options_of(better, report)}, {better.fps:.0f} fps by prediction")
    )


def _advised(report: Report) -> Candidate:
    """What was seen to hold the rate, else what should and was not seen to fail, else the fastest."""
    held = next((check.candidate for check in report.checks if check.held), None)
    failed = [check.candidate for check in report.checks if not check.held]
    predicted = report.holds[report.fps]
    return held or (predicted if predicted and predicted not in failed else fastest(report.candidates))


def _held_lines(report: Report) -> Iterator[str]:
    """What to take for each rate, and what there is where nothing holds it."""
    held = [f"{fps:g} fps with {options_of(one, report)}" for fps, one in report.holds.items() if one is not None]
    lost = [f"{fps:g}" for fps, one in report.holds.items() if one is None]
    if held:
        yield f"holds by prediction: {', '.join(held)}"
    if lost:
        quickest = fastest(report.candidates)
        makes = f"the fastest, {options_of(quickest, report)}, makes {quickest.fps:.0f}"
        yield f"nothing holds {', '.join(lost)} fps here: {makes}"


def options_of(one: Candidate, report: Report) -> str:
    """What to give on the command line for a candidate."""
    network, words = one.network, [f"--size {one.network.size_px}"]
    if network.backend != report.run.backend:
        words.append(f"--backend {network.backend}")
    if len({other.network.quality for other in report.candidates}) > 1:
        words.append(f"--quality {network.quality}")
    return " ".join(words)


def _check_text(check: Check, report: Report) -> str:
    figures, latency = check.figures, check.figures.latency_ms
    result = "holds" if check.held else "does not hold"
    return (
        f"tried: {options_of(check.candidate, report)} {result} {check.fps:g} fps: {figures.fps_out:.1f} fps, from "
        f"capture to sink {latency.p50:.0f} ms, p95 {latency.p95:.0f} ms, {figures.dropped} dropped"
    )


def highest_held(one: Candidate, report: Report) -> str:
    """The highest rate of those asked about that a candidate holds, for its row; empty if none."""
    rates = [fps for fps in report.holds if one.holds(fps)]
    return f"{max(rates):g} fps" if rates else ""
