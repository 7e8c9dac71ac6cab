"""The table of the window's keys: whole, the same in the documentation, and sent from the window to the program."""

from pathlib import Path

import pytest

from animecam.sinks.talk import MOST_EVENTS, Drag, Press, Talk
from animecam.sinks.window_keys import BINDINGS, VIEWER_ACTIONS, Action, action_of, key_of

DOCS = Path(__file__).parents[3] / "docs" / "window.md"


def test_every_key_has_one_meaning_and_every_meaning_a_key():
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(keys) == len(set(keys))
    assert {binding.action for binding in BINDINGS} == set(Action)
    passed_on = [key for key in keys if action_of(key) not in VIEWER_ACTIONS]
    assert all(len(key) == 1 for key in passed_on)  # `Talk` sends a character


@pytest.mark.parametrize(
    ("code", "key"),
    [(-1, None), (0, None), (ord("M"), "m"), (27, "Esc"), (0xFFC8, "F11"), (0x7A0000, "F11"), (1 << 20 | 114, "r")],
)
def test_codes_of_all_systems_are_understood(code, key):
    assert key_of(code) == key


def test_the_documentation_has_the_table():
    rows = [f"| {binding.label} | {binding.help} |" for binding in BINDINGS if binding.action is not Action.HELP]
    table = ("| key | what it does |", "|---|---|", *rows, "| h | all of these, in the window |")
    assert "\n".join(table) in DOCS.read_text(encoding="utf-8")


def test_both_sides_understand_each_other(tmp_path):
    window, program = Talk.create(tmp_path / "talk"), Talk.attach(tmp_path / "talk")
    events, count = program.events_since(0)
    assert events == ()
    window.report(Press("["))
    window.report(Drag(0.25))
    events, count = program.events_since(count)
    assert events == (Press("["), Drag(0.25))
    assert program.events_since(count)[0] == ()
    for _ in range(MOST_EVENTS):
        window.report(Drag(0.5))
    window.report(Press("q"))
    events, _ = program.events_since(count)
    assert len(events) == MOST_EVENTS
    assert events[-1] == Press("q")
    program.tell("12 fps\né")
    assert (window.text, window.text_count) == ("12 fps\n?", 1)
    program.tell("x" * 5000)
    assert window.text == "x" * 2048
