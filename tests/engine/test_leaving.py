"""How the program ends where FFmpeg still waits for a sender."""

import os
import threading

import pytest

import animecam.cli
from animecam import __main__ as program


@pytest.fixture
def ended(monkeypatch):
    """The statuses with which the process was ended at once, without Python being taken apart."""
    statuses = []
    monkeypatch.setattr(os, "_exit", statuses.append)
    monkeypatch.setattr(animecam.cli, "main", lambda: 7)
    return statuses


@pytest.mark.parametrize("name", sorted(program.WAITING_IN_FFMPEG))
def test_a_thread_that_cannot_be_ended_is_left_as_it_is(ended, name):
    is_over = threading.Event()
    thread = threading.Thread(target=is_over.wait, args=(10,), name=name, daemon=True)
    thread.start()
    program.run()
    assert ended == [7]
    is_over.set()
    thread.join(10)


def test_otherwise_python_ends_as_always(ended):
    with pytest.raises(SystemExit) as caught:
        program.run()
    assert caught.value.code == 7
    assert not ended
