"""What the terminal shows of a live run besides its figures."""

import pytest

from animecam.cli import main
from animecam.cli.console import FigureLine, figure_table
from animecam.run.tally import Figures


@pytest.mark.parametrize(
    ("last", "told"),
    [("cel by openvino", ["cel by openvino"]), ("cel by tensorrt", ["cel by openvino", "at the end: cel by tensorrt"])],
)
def test_what_draws_is_told_at_once_and_again_where_another_one_took_over(capfd, last, told):
    drawn_by = "cel by openvino"
    with FigureLine(lambda: drawn_by) as tell:
        assert capfd.readouterr().err.splitlines() == told[:1]
        tell(Figures())
        drawn_by = last
    assert [line for line in capfd.readouterr().err.splitlines() if "cel" in line and "fps" not in line] == told[1:]


@pytest.mark.parametrize(
    ("dropped", "at_start", "told"),
    [
        (0, 0, "0 dropped"),
        (5, 0, "5 dropped"),
        (5, 3, "5 dropped (3 of them before the first was drawn)"),
        (5, 5, "5 dropped (before the first was drawn)"),
    ],
)
def test_frames_that_were_dropped_at_the_start_are_told_apart(dropped, at_start, told):
    table = figure_table(Figures(dropped=dropped, dropped_at_start=at_start), "live")
    assert str(table.caption).endswith(f", {told}")


def test_a_name_is_told_as_it_is_written(tmp_path, capfd):
    """Some consoles take words between colons for pictures."""
    assert main(["convert", str(tmp_path / ":smile:.png")]) != 0
    assert ":smile:.png" in capfd.readouterr().err
