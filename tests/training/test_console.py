"""What the terminal shows beside results: notes and bars."""

import logging

import pytest
from rich.console import Console

from animecam_training import console
from animecam_training.console import set_up_logging

LONG_PATH = "/home/somebody/a folder/" + 20 * "long/" + "last.pt"


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Console:
    """A terminal of forty columns whose text is kept, and a log that nobody set up."""
    terminal = Console(width=40, record=True, force_terminal=True, highlight=False, emoji=False, stderr=True)
    monkeypatch.setattr(console, "messages", terminal)
    log = logging.getLogger("animecam_training")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "level", logging.NOTSET)
    return terminal


def test_a_note_is_a_line_and_a_path_in_it_stays_whole(narrow: Console) -> None:
    set_up_logging(is_told=True)
    logging.getLogger("animecam_training.run").info("started from %s [x]", LONG_PATH)
    logging.getLogger("animecam_training.run").warning("slow")
    assert narrow.export_text() == f"started from {LONG_PATH} [x]\nwarning: slow\n"


def test_notes_of_other_packages_are_none_of_the_users_business(narrow: Console) -> None:
    set_up_logging(is_told=True)
    logging.getLogger("matplotlib.font_manager").info("generated new fontManager")
    assert narrow.export_text() == ""


def test_a_process_that_is_not_the_first_keeps_its_notes(narrow: Console) -> None:
    set_up_logging(is_told=False)
    logging.getLogger("animecam_training.run").info("started from a")
    logging.getLogger("animecam_training.run").warning("slow")
    assert narrow.export_text() == ""
