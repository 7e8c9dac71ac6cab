"""What a report says in words, from synthetic figures."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from animecam.backends.base import BackendInfo
from animecam.cli.bench import candidate_table
from animecam.cli.console import results
from animecam.measure.bench import Check, Report, Run
from animecam.measure.capacity import Candidate, NetworkTime
from animecam.measure.spread import Ratio, Spread
from animecam.measure.verdict import verdict
from animecam.run.limit import Limit
from animecam.run.pipeline import Figures
from animecam.settings import Look, Settings
from animecam.timing import Percentiles
from animecam.types import Color, PixelFormat, StreamFormat

STREAM = StreamFormat(
    1280, 720, PixelFormat.YUV420P, Color(), 0, time_base=Fraction(1, 30), rate=Fraction(30), is_live=True
)
STAGES = {
    "read": 33.0,
    "track": 5.0,
    "crop": 1.0,
    "draw": 40.0,
    "render": 50.0,
    "paste": 4.0,
    "write": 0.1,
    "emit": 4.2,
}
SMALL_MS = {"draw": 15.0, "render": 25.0}  # of crops of 192 px
FIGURES = Figures(
    frames_in=300,
    frames_out=200,
    dropped=100,
    with_faces=200,
    fps_in=30.0,
    fps_out=20.0,
    latency_ms=Percentiles(p50=70.0, p95=90.0),
    stage_ms={name: Percentiles(p50=ms, mean=ms, count=200) for name, ms in STAGES.items()},
)

FAST = replace(
    FIGURES,
    fps_out=29.8,
    dropped=2,
    stage_ms=FIGURES.stage_ms | {name: Percentiles(p50=ms, mean=ms, count=300) for name, ms in SMALL_MS.items()},
)


def candidate(size_px, ms, frame_ms, backend="openvino", quality="full"):
    ratio = Ratio(ms / 200, ms / 200, ms / 200)
    return Candidate(NetworkTime(quality, backend, "f32", size_px, Spread.of([ms]), ratio), frame_ms)


SMALL, RAN = candidate(192, 15.0, 25.0), candidate(256, 30.0, 50.0)


@pytest.fixture
def report():
    return Report(
        source="pattern:1280x720@30",
        run=Run(Settings(Look(size_px=256)), FIGURES, STREAM, BackendInfo("openvino", "1", "A processor", "f32")),
        candidates=(RAN, SMALL),
        reference=Spread.of([200.0]),
        refused={},
        fps=30.0,
        holds={24.0: SMALL, 30.0: SMALL, 60.0: None},
        limit=Limit("draw", 40.0, 0.8, "a smaller --size"),
        checks=(Check(SMALL, 30.0, FAST),),
        machine={"cores": 2, "others_share": 0.01},
    )


def test_the_limit_is_named_with_the_size_that_mends_it(report):
    words = "\n".join(verdict(report))
    assert "the network, 80% of a frame's time (40.0 ms); try --size 192, 40 fps by prediction" in words
    assert "draw 40.0, track 5.0, paste 4.0, crop 1.0" in words


def test_what_was_tried_in_vain_or_ran_already_is_no_advice(report):
    """By prediction what ran holds the rate; it was seen not to."""
    vain, better = candidate(256, 30.0, 30.0), candidate(192, 15.0, 25.0)
    told = replace(report, candidates=(vain, better), holds={30.0: vain}, checks=(Check(vain, 30.0, FIGURES),))
    assert "(40.0 ms); try --size 192, 40 fps by prediction" in "\n".join(verdict(told))
    held = replace(told, checks=(*told.checks, Check(better, 30.0, FAST)))
    assert "(40.0 ms); try --size 192, 40 fps by prediction" in "\n".join(verdict(held))
    alone = replace(told, candidates=(vain,))
    assert "; try " not in "\n".join(verdict(alone))


def test_rates_that_nothing_holds_are_told_with_the_fastest_there_is(report):
    words = "\n".join(verdict(report))
    assert "24 fps with --size 192, 30 fps with --size 192" in words
    assert "nothing holds 60 fps here: the fastest, --size 192, makes 40" in words


def test_a_check_that_fails_says_so(report):
    held = "\n".join(verdict(report))
    assert "tried: --size 192 holds 30 fps: 29.8 fps" in held
    failed = replace(report, checks=(Check(SMALL, 30.0, replace(FAST, fps_out=27.0)),))
    assert "--size 192 does not hold 30 fps: 27.0 fps" in "\n".join(verdict(failed))


def test_a_rate_that_was_held_as_the_network_rested_was_not_held(report):
    """It draws every fifth frame, each in more than the time between two."""
    rested = FIGURES.stage_ms | {
        "draw": Percentiles(p50=40.0, mean=40.0, count=40),
        "render": Percentiles(p50=6.0, mean=14.0, count=200),
    }
    still = replace(FIGURES, fps_out=30.0, idle=160, stage_ms=rested)
    run = replace(report.run, figures=still)
    words = "\n".join(verdict(replace(report, run=run, checks=(Check(RAN, 30.0, still),))))
    assert "does not hold 30 fps: 30.0 fps" in words
    assert "the network rested in 80% of the frames" in words
    assert "rested" not in "\n".join(verdict(report))


def test_the_advice_that_was_tried_is_told_whole(report):
    other = candidate(192, 15.0, 25.0, "onnxruntime", "lite")
    tried = replace(report, candidates=(RAN, other), checks=(Check(other, 30.0, FAST),))
    assert "tried: --size 192 --backend onnxruntime --quality lite holds 30 fps" in "\n".join(verdict(tried))


@pytest.mark.parametrize("package", ["tensorrt", "tensorrt-rtx"])
def test_either_package_of_tensorrt_is_the_backend_of_that_name(report, package):
    ran = replace(report.run, info=BackendInfo(package, "1", "A GPU", "f16"))
    one = candidate(256, 3.0, 8.0, "tensorrt")
    told = replace(report, run=ran, candidates=(one,), holds={30.0: one}, limit=Limit("draw", 3.0, 0.5, ""), checks=())
    words = "\n".join(verdict(told))
    assert "--backend" not in words
    assert "not timed alone" not in words
    with results.capture() as captured:
        results.print(candidate_table(told))
    assert "tensorrt f32 *" in captured.get()


def test_what_drew_and_was_not_timed_is_told(report):
    ran = replace(report.run, info=BackendInfo("torch", "2", "A GPU", "f16"))
    assert "torch was not timed alone" in "\n".join(verdict(replace(report, run=ran)))


def test_what_could_not_be_tried_is_told_with_the_reason(report):
    assert "not tried: the source does not give 30 frames" in "\n".join(verdict(replace(report, checks=())))


def test_another_runtime_and_quality_are_part_of_the_advice(report):
    other = candidate(192, 15.0, 25.0, "onnxruntime", "lite")
    words = "\n".join(verdict(replace(report, candidates=(RAN, other), holds={30.0: other}, checks=())))
    assert "--size 192 --backend onnxruntime --quality lite" in words


def test_what_makes_figures_doubtful_is_told(report):
    quiet = "\n".join(verdict(report))
    assert "other programs" not in quiet
    assert "hardly anybody" not in quiet
    figures = replace(FIGURES, with_faces=10)
    doubtful = replace(
        report, run=replace(report.run, figures=figures), machine={"others_share": 0.4}, refused={"tensorrt": "no GPU"}
    )
    words = "\n".join(verdict(doubtful))
    assert "other programs took 40% of the cores" in words
    assert "hardly anybody was seen" in words
    assert "tensorrt does not take this style: no GPU" in words


def test_a_run_without_frames_asks_for_a_picture(report):
    assert list(verdict(replace(report, limit=None))) == ["no frame was drawn: is there anything to see in the source?"]


def test_the_table_has_a_row_a_candidate_and_marks_what_ran(report):
    with results.capture() as captured:
        results.print(candidate_table(report))
    rows = [line for line in captured.get().splitlines() if "openvino f32" in line]
    assert len(rows) == 2
    assert ["*" in row for row in rows] == [False, True]  # sorted by size
    assert "30 fps" in rows[0]
    assert "0.075" in rows[0]  # the share of the reference


def test_the_file_holds_everything_as_plain_values(report):
    content = json.loads(json.dumps(report.as_json()))
    assert content["fps_out"] == 20.0
    assert [one["size_px"] for one in content["networks"]] == [256, 192]
    assert content["holds"]["60"] is None
    assert content["holds"]["30"]["size_px"] == 192
    assert content["checks"][0]["held"] is True
    assert content["limit"]["part"] == "draw"
