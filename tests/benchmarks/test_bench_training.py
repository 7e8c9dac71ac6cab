"""The time of the training's steps, and of students before anybody trains them."""

import json

import pytest


def test_training_takes_a_file_as_the_others_do(bench, run_script, monkeypatch):
    monkeypatch.setattr(bench("training"), "make_cases", lambda size_px, batch, precision: [])
    content = run_script("training", "--batch", "2")
    assert content["results"] == []
    assert content["settings"]["batch"] == 2
    assert "report" not in content["settings"]


def test_steps_of_the_training_are_told_by_nearest_rank_without_the_warm_up(bench, clock, monkeypatch):
    """Ten steps of 1 to 10 ms after two of a second, by a clock that only they move."""
    training, steps_ms = bench("training"), [1000, 1000, *range(1, 11)]

    class Method:
        def __init__(self, recipe, device):
            pass

        def train_step(self, batch, step):
            clock.work(steps_ms[step])

    monkeypatch.setattr(training, "PairMethod", Method)
    monkeypatch.setattr(training, "perf_counter", clock.monotonic)
    result = training.measure(training.make_cases(64, 1, "fp32")[0], 10, 0)
    assert (result.step_p50_ms, result.step_p95_ms, result.steps_per_second) == pytest.approx((5.0, 10.0, 200.0))


def test_students_are_timed_in_every_runtime_beside_the_reference(bench):
    students = bench("students")
    narrow = {"widths": (8, 12, 16)}
    candidates = (
        students.Student("narrow", narrow),
        students.Student("bare", narrow | {"norm": "none", "separable": True}),
    )
    rows = students.measure(candidates, 64, rounds=2)
    assert [(row.name, row.backend) for row in rows] == [
        (name, backend) for name in ("narrow", "bare") for backend in ("openvino", "onnxruntime")
    ]
    assert all(row.ratio.median > 0 for row in rows)
    assert rows[0].parameters > rows[2].parameters
    assert [row.figures for row in rows] == [{}] * 4


def test_every_student_is_another_network_and_every_trial_is_of_one(bench):
    from animecam_training.models.lite import LiteGenerator

    script = bench("students")
    students = script.STUDENTS
    trials = json.loads(script.TRIALS.read_text("utf-8"))["rows"]
    assert len(trials) >= 4
    assert trials.keys() <= {student.name for student in students}
    assert all(0 < figures["squeeze_distance_to_full"] < 1 for figures in trials.values())
    assert len(students) >= 4
    counts = {}
    for student in students:
        generator = LiteGenerator(**student.options)
        counts[student.name] = sum(weights.numel() for weights in generator.parameters())
    assert len(counts) == len(students)
