"""Of several processes one tells what went wrong, and of those that know different things the one that knows most."""

import pytest

from animecam_training.errors import ConfigError, DataError, DivergedError, LostProcessError, TrainingError
from animecam_training.run import telling
from animecam_training.run.telling import FIRST_S, USAGE_S, is_mine_to_tell


@pytest.mark.parametrize(
    ("rank", "error", "waits_s", "tells"),
    [
        (None, DataError("x"), 0.0, True),  # alone
        ("0", DataError("x"), 0.0, True),
        ("0", DivergedError("x"), 0.0, True),
        ("1", DivergedError("x"), FIRST_S, False),
        ("1", DataError("x"), FIRST_S, True),  # torchrun has ended it by then, if the first one had the same
        ("0", LostProcessError("x"), 2 * FIRST_S, True),  # likewise, if the lost one had something to say
        ("1", LostProcessError("x"), 2 * FIRST_S, True),
        (None, ConfigError("x"), 0.0, True),
        ("0", ConfigError("x"), 0.0, True),
        ("1", ConfigError("x"), USAGE_S, True),  # the first one found it, too, even if it began a good while later
    ],
)
def test_who_knows_most_tells_first(
    monkeypatch: pytest.MonkeyPatch, rank: str | None, error: TrainingError, waits_s: float, tells: bool
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(telling, "sleep", waited.append)
    if rank is None:
        monkeypatch.delenv("RANK", raising=False)
    else:
        monkeypatch.setenv("RANK", rank)
    assert is_mine_to_tell(error, error.exit_status) is tells
    assert sum(waited) == waits_s


def test_each_machine_tells_what_was_typed_wrong_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 8 is the first process of the second machine: no other one has its command line."""
    waited: list[float] = []
    monkeypatch.setattr(telling, "sleep", waited.append)
    monkeypatch.setenv("RANK", "8")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert is_mine_to_tell(ConfigError("x"), ConfigError.exit_status)
    assert not waited
