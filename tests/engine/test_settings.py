"""Settings are checked once, with a hint."""

import pytest

from animecam.errors import UsageError
from animecam.settings import Settings


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"strength": 1.5}, "strength 1.5"),
        ({"strength": -0.1}, "strength -0.1"),
        ({"strength": float("nan")}, "strength nan"),
        ({"size_px": 100}, "size 100"),
        ({"size_px": 600}, "size 600"),
        ({"size_px": 250}, "multiple of 8"),
        ({"max_faces": 0}, "max-faces 0"),
        ({"threads": -1}, "threads -1"),
    ],
)
def test_values_out_of_range_are_refused(wrong, says):
    with pytest.raises(UsageError, match=says) as caught:
        Settings(**wrong)
    assert caught.value.hint
    assert caught.value.exit_status == 2


def test_the_limits_themselves_are_fine():
    for size_px in (192, 512):
        assert Settings(size_px=size_px, strength=0.0).size_px == size_px
