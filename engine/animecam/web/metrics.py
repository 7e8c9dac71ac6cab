"""The figures as Prometheus reads them (text exposition format 0.0.4)."""

from collections import Counter
from collections.abc import Iterable, Mapping

from animecam.run.pipeline import Figures
from animecam.web.studio import Studio
from animecam.web.switchboard import Switchboard
from animecam.web.workshop import Workshop

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Samples = Iterable[tuple[Mapping[str, str], float]]


def exposition(
    studio: Studio, switchboard: Switchboard, workshop: Workshop, refused: Mapping[str, int], uptime_s: float
) -> str:
    """All metrics as text.

    Args:
        studio: Whether it draws.
        switchboard: Live sessions.
        workshop: Uploads.
        refused: Reason → number of requests.
        uptime_s: Seconds since the start.
    """
    figures = [session.figures() for session in switchboard.sessions()]
    states = Counter(job.progress.state.value for job in workshop.jobs())
    parts = (
        _metric("up", "gauge", "1 while frames are drawn", [({}, studio.is_open)]),
        _metric("uptime_seconds", "gauge", "Since the start", [({}, uptime_s)]),
        _metric("sessions", "gauge", "Live sessions now", [({}, len(figures))]),
        _metric("sessions_opened_total", "counter", "Live sessions since the start", [({}, switchboard.opened)]),
        _metric("requests_refused_total", "counter", "Refused requests", _labelled("reason", refused)),
        _metric("uploads", "gauge", "Uploads that are kept", _labelled("state", states)),
        *_frames(switchboard, figures),
        _metric("latency_milliseconds", "gauge", "From decoded to drawn, of each session", _latencies(figures)),
        _metric("stage_milliseconds", "gauge", "Median of a stage, the slowest session's", _stages(figures)),
    )
    return "".join(parts)


def _metric(name: str, kind: str, text: str, samples: _Samples) -> str:
    lines = [f"# HELP animecam_{name} {text}.\n# TYPE animecam_{name} {kind}\n"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        where = f"{{{inside}}}" if inside else ""
        lines.append(f"animecam_{name}{where} {_number(value)}\n")
    return "".join(lines)


def _frames(switchboard: Switchboard, figures: list[Figures]) -> Iterable[str]:
    totals = {
        "in": switchboard.frames_in + sum(f.frames_in for f in figures),
        "out": switchboard.frames_out + sum(f.frames_out for f in figures),
        "dropped": switchboard.dropped + sum(f.dropped for f in figures),
        "capped": switchboard.capped + sum(f.capped for f in figures),
    }
    yield _metric("frames_total", "counter", "Frames of live sessions", _labelled("kind", totals))
    idle = switchboard.idle + sum(f.idle for f in figures)
    text = "Of those out, frames that looked as before, for which the network rested"
    yield _metric("frames_idle_total", "counter", text, [({}, idle)])


def _latencies(figures: list[Figures]) -> _Samples:
    for index, each in enumerate(figures):
        for quantile, value in (("0.5", each.latency_ms.p50), ("0.95", each.latency_ms.p95)):
            yield {"session": str(index), "quantile": quantile}, value


def _stages(figures: list[Figures]) -> _Samples:
    slowest: dict[str, float] = {}
    for each in figures:
        for stage, percentiles in each.stage_ms.items():
            slowest[stage] = max(slowest.get(stage, 0.0), percentiles.p50)
    return _labelled("stage", slowest)


def _labelled(label: str, values: Mapping[str, float]) -> _Samples:
    return [({label: name}, value) for name, value in values.items()]


def _number(value: float) -> str:
    """With all its digits: a counter that is rounded stands still, and then jumps."""
    return str(int(value)) if isinstance(value, int) else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
