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
    table = figure_table(Figures(frames_in=9, dropped=dropped, dropped_at_start=at_start), "live")
    assert str(table.caption).endswith(f", {told}")


def test_a_picture_has_no_rate():
    one = figure_table(Figures(frames_in=1, frames_out=1), "live").caption
    assert one == "1 frame in 0.0 s, 0 dropped"
    two = figure_table(Figures(frames_in=2, frames_out=2, fps_in=30.0, fps_out=30.0), "live").caption
    assert two == "2 frames in 0.0 s, 30.0 fps in, 30.0 fps out, 0 dropped"


def test_a_name_is_told_as_it_is_written(tmp_path, capfd):
    """Some consoles take words between colons for pictures."""
    assert main(["convert", str(tmp_path / ":smile:.png")]) != 0
    assert ":smile:.png" in capfd.readouterr().err
