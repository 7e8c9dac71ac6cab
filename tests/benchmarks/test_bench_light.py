"""What poor light does to drawings, with a style that turns colours around: what it is fed dark comes out bright."""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner


def test_drawings_in_every_light_are_compared_with_those_in_good_light(written):
    content = written("light")
    rows = {(row["light"], row["share"]): row for row in content["rows"]}
    assert content["heads"] == 1
    assert len(rows) == 6
    for (light, _), row in rows.items():  # a face before a window is lit no more than a dark face may need
        assert row["lit"] < (0.2 if light == "dim" else 0.6) * row["as_it_comes"]
    assert rows["dim", 0.18]["as_it_comes"] > rows["dim", 0.5]["as_it_comes"] > 100  # white, many times over


def test_a_head_before_a_window_is_dark_and_the_window_bright(bench):
    light = bench("light")
    head = light.Head(np.full((2, 2, 3), 100, np.uint8), np.array([[[1.0], [0.0]], [[0.5], [0.0]]], np.float32))
    picture = head.before_a_window(0.2)
    assert picture[0, 0].tolist() == [20] * 3
    assert picture[0, 1].tolist() == [200] * 3
    assert picture[1, 0].tolist() == [110] * 3


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_folder_without_a_face_is_told(bench, tmp_path, is_empty):
    if not is_empty:
        cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    result = CliRunner().invoke(bench("light").main, [str(tmp_path)])
    assert result.exit_code == 2
    assert "no picture of a face" in result.output
