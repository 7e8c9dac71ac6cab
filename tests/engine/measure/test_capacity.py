"""What a machine holds and what limits it, from synthetic timings whose answer is known."""

from dataclasses import replace

import pytest

from animecam.measure.capacity import (
    Candidate,
    NetworkTime,
    RunCost,
    best_for,
    fastest,
    predict,
)
from animecam.measure.spread import Ratio, Spread
from animecam.run.limit import find_limit, keeps_up
from animecam.settings import HeadEdge, Look, Scope, Settings
from animecam.timing import Percentiles, Timing


def network(size_px, ms, quality="full", backend="openvino"):
    return NetworkTime(quality, backend, "f32", size_px, Spread.of([ms]), Ratio(ms / 100, ms / 100, ms / 100))


def candidate(size_px, frame_ms, quality="full", backend="openvino"):
    return Candidate(network(size_px, 1.0, quality, backend), frame_ms)


def stages(**means_ms):
    return {name: Percentiles(p50=ms, mean=ms, count=1) for name, ms in means_ms.items()}


def test_the_rest_of_a_frame_counts_the_scans_that_a_median_hides():
    timing = Timing()
    for track_ms in (2.0, 2.0, 2.0, 18.0):
        timing.add("draw", 20.0)
        timing.add("render", 20.0 + track_ms)
        timing.add("emit", 9.0)
    cost = RunCost.of(timing.percentiles())
    assert cost.rest_ms == pytest.approx(6.0)
    assert cost.emit_ms == pytest.approx(9.0)
    assert cost.draw_ms == pytest.approx(20.0, rel=0.01)


def test_frames_for_which_the_network_rested_are_left_out():
    timing = Timing()
    for _ in range(10):  # someone who moves every fifth frame
        for is_drawn in (True, False, False, False, False):
            if is_drawn:
                timing.add("draw", 40.0)
            timing.add("render", 46.0 if is_drawn else 6.0)
            timing.add("emit", 4.0)
    stage_ms = timing.percentiles()
    cost = RunCost.of(stage_ms)
    assert cost.draw_ms == pytest.approx(40.0, rel=0.01)
    assert cost.rest_ms == pytest.approx(6.0)
    limit = find_limit(stage_ms, 30.0, 30.0, SETTINGS)  # every frame arrived, and would not have if they had moved
    assert (limit.part, limit.ms) == ("draw", 40.0)
    assert limit.share == pytest.approx(40 / 46)
    assert not keeps_up(stage_ms, 30.0, 30.0)
    assert keeps_up(stage_ms, 21.0, 21.0)


def test_a_rate_is_kept_up_with_if_its_frames_arrive():
    fast = stages(**SLOW | {"render": 20.0, "draw": 12.0})
    assert keeps_up(fast, 29.5, 30.0)
    assert not keeps_up(fast, 28.0, 30.0)
    assert not keeps_up({}, 0.0, 30.0)


def test_a_network_whose_like_was_not_timed_takes_what_it_takes_alone():
    (one,) = predict([network(256, 20.0)], None, RunCost(draw_ms=30.0, rest_ms=5.0))
    assert one.frame_ms == pytest.approx(25.0)


def test_nothing_drawn_costs_nothing_that_could_be_told():
    assert RunCost.of({}) is None
    assert RunCost.of(stages(read=30.0, render=1.0, emit=1.0)) is None  # pictures of a camera that is away


def test_a_frame_costs_the_rest_and_the_network_as_loaded_as_it_was_in_the_run():
    times = [network(256, 20.0), network(512, 80.0)]
    small, large = predict(times, times[0], RunCost(draw_ms=30.0, rest_ms=5.0))  # two faces, or busy cores: 1.5 x
    assert small.frame_ms == pytest.approx(35.0)
    assert large.frame_ms == pytest.approx(5.0 + 1.5 * 80.0)
    assert large.fps == pytest.approx(1000 / 125.0)


def test_no_network_is_faster_than_what_thread_emit_does_meanwhile():
    times = [network(256, 20.0), network(128, 5.0)]
    large, small = predict(times, times[0], RunCost(draw_ms=20.0, rest_ms=5.0, emit_ms=15.0))
    assert large.frame_ms == pytest.approx(25.0)
    assert small.frame_ms == pytest.approx(15.0)


def test_a_rate_is_held_with_what_the_governor_leaves_free():
    assert candidate(256, 29.9).holds(30.0)
    assert not candidate(256, 30.1).holds(30.0)  # 33.3 ms a frame, a tenth of them free


def test_the_largest_that_holds_is_best_then_the_full_network_then_the_fastest():
    candidates = [
        candidate(192, 10.0),
        candidate(256, 25.0, "lite"),
        candidate(256, 29.0),
        candidate(256, 28.0, backend="onnxruntime"),
        candidate(320, 40.0),
    ]
    assert best_for(candidates, 30.0) is candidates[3]
    assert best_for(candidates, 22.0) is candidates[4]
    assert best_for(candidates, 60.0) is candidates[0]
    assert best_for(candidates, 120.0) is None
    assert fastest(candidates) is candidates[0]


SETTINGS = Settings()
RENDERING = {"track": 5.0, "draw": 40.0, "crop": 1.0}
SLOW = {"read": 33.0, "render": 50.0, "emit": 5.0, "write": 1.0, "paste": 4.0} | RENDERING


def test_the_largest_part_of_the_render_thread_is_the_limit():
    limit = find_limit(stages(**SLOW), 20.0, 30.0, SETTINGS)
    assert (limit.part, limit.ms) == ("draw", 40.0)
    assert limit.share == pytest.approx(0.8)
    assert "--size" in limit.advice


def test_a_live_source_that_is_kept_up_with_is_the_limit_itself():
    fast = SLOW | {"render": 20.0, "draw": 12.0}
    limit = find_limit(stages(**fast), 29.5, 30.0, SETTINGS)
    assert limit.part == "source"
    assert limit.ms == pytest.approx(33.3, abs=0.1)
    assert "40%" in limit.advice  # 20 of 33 ms are used


def test_waiting_for_a_camera_is_no_work_but_decoding_a_file_is():
    slow_reading = SLOW | {"read": 90.0}
    assert find_limit(stages(**slow_reading), 11.0, 30.0, SETTINGS).part == "draw"
    assert find_limit(stages(**slow_reading), 11.0, None, SETTINGS).part == "read"


def test_an_output_can_be_the_limit():
    limit = find_limit(stages(**SLOW | {"write": 80.0, "emit": 100.0}), 12.0, 30.0, SETTINGS)
    assert (limit.part, limit.ms, limit.share) == ("write", 80.0, 0.8)


@pytest.mark.parametrize(
    ("part", "settings", "advice"),
    [
        ("track", replace(SETTINGS, detector="full"), "--detector short"),
        ("track", SETTINGS, "--max-faces 1"),
        ("track", replace(SETTINGS, max_faces=1), "processor"),
        ("paste", replace(SETTINGS, head_edge=HeadEdge.PERSON), "--edge soft"),
        ("paste", replace(SETTINGS, look=Look(scope=Scope.PERSON)), "--scope head"),
        ("crop", SETTINGS, "--size"),
    ],
)
def test_advice_is_what_the_settings_leave_to_change(part, settings, advice):
    slow = SLOW | {part: 45.0}
    if part not in RENDERING:
        slow["emit"] = 60.0  # the thread that it is a part of is the slower one then
    limit = find_limit(stages(**slow), 15.0, 30.0, settings)
    assert limit.part == part
    assert advice in limit.advice


def test_a_stage_that_nobody_knows_yet_is_named_without_advice():
    limit = find_limit(stages(**SLOW, polish=44.0), 15.0, 30.0, SETTINGS)
    assert (limit.part, limit.advice) == ("polish", "")


def test_nothing_drawn_has_no_limit():
    assert find_limit({}, 0.0, 30.0, SETTINGS) is None
    assert find_limit(stages(read=30.0), 0.0, 30.0, SETTINGS) is None
