"""Long work tells how far it is."""

from pathlib import Path

import pytest
from rich.console import Console

from animecam_training import console
from animecam_training.console import SPOKEN_EVERY_S, stages
from animecam_training.data.pictures import read_picture, write_picture
from animecam_training.progress import Tell, tracked
from animecam_training.reporting.evaluation import EvaluateOptions, evaluate
from animecam_training.weights.bundled import find_network


class Clock:
    """Time that passes when told to."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(console, "perf_counter", clock)
    return clock


@pytest.fixture
def log_file(monkeypatch: pytest.MonkeyPatch) -> Console:
    """What messages go to is no terminal; its text is kept."""
    kept = Console(width=40, record=True, force_terminal=False, highlight=False, emoji=False, stderr=True)
    monkeypatch.setattr(console, "messages", kept)
    return kept


def test_things_are_told_of_when_the_next_is_asked_for() -> None:
    told: list[tuple[int, int]] = []
    things = tracked("ab", lambda done, total: told.append((done, total)))
    assert next(things) == "a"
    assert told == [(0, 2)]
    assert list(things) == ["b"]
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_a_log_gets_a_line_now_and_then(clock: Clock, log_file: Console) -> None:
    """It had nothing until the end of the run."""
    with stages() as stage:
        tell = stage("cel")
        for step in range(500, 503):  # goes on with step 500: what was done before says nothing of the speed
            tell(step, 1000)
            clock.now_s += SPOKEN_EVERY_S / 2
    line, bar = log_file.export_text().splitlines()
    assert line == "cel: 502 of 1000, 4:09:00 left"
    assert " 502/1000 " in bar  # where it ended


def test_processes_that_are_not_the_first_show_nothing(clock: Clock, log_file: Console) -> None:
    with stages(is_shown=False) as stage:
        tell = stage("cel")
        for step in range(3):
            tell(step, 9)
            clock.now_s += SPOKEN_EVERY_S
    assert log_file.export_text() == ""


def test_a_bar_comes_with_the_first_thing_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stood there before an error, of nothing."""
    terminal = Console(width=60, record=True, force_terminal=True, highlight=False, emoji=False, stderr=True)
    monkeypatch.setattr(console, "messages", terminal)
    with stages() as stage:
        stage("cel")
    assert terminal.export_text() == ""
    with stages() as stage:
        stage("cel [x]")(3, 9)
    assert "cel [x]" in terminal.export_text()


def test_an_evaluation_tells_of_all_that_takes_long(one_portrait: Path) -> None:
    write_picture(read_picture(one_portrait / "x.png")[:, ::-1], one_portrait / "y.png")
    told: dict[str, list[tuple[int, int]]] = {}

    def stage(name: str) -> Tell:
        return lambda done, total: told.setdefault(name, []).append((done, total))

    options = EvaluateOptions(
        one_portrait, one_portrait, clip=one_portrait, size_px=64, teacher=find_network("cel:lite")
    )
    evaluate(find_network("cel:lite"), options, stages=stage)
    of_two = [(0, 2), (1, 2), (2, 2)]
    assert told == dict.fromkeys(
        (
            *("finding heads", "looking at the style", "drawing heads", "comparing faces"),
            *("drawing heads before walls", "drawing the clip", "drawing as the teacher"),
        ),
        of_two,
    )
