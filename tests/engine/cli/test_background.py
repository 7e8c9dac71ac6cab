"""A background that cannot be had is told before anything is opened."""

import cv2
import numpy as np
import pytest

USAGE = 2
ENDLESS = "x" * 300  # longer than a name may be

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.mark.parametrize("background", ["gren", "picture", "no/room.jpg", ".", "", "~nobody/room.jpg", ENDLESS])
def test_a_background_that_is_nothing(fails, background):
    assert "--background" in fails(
        "--input", "pattern:64x48@30", "--output", "null:", "--background", background, status=USAGE
    )


def test_a_background_that_is_no_picture(fails, tmp_path):
    path = tmp_path / "room.jpg"
    path.write_text("a room")
    assert "room.jpg" in fails("--input", "pattern:64x48@30", "--output", "null:", "--background", path)


@pytest.mark.parametrize(
    "words",
    [
        ["--input", "pattern:64x48@30", "--output", "out.mp4"],
        ["convert", "a.jpg", "-o", "out.jpg"],
        ["convert", "a.jpg", "-o", "out.mp4"],
        ["serve"],
    ],
)
def test_a_transparent_background_that_nobody_could_see(fails, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("a.jpg", np.zeros((48, 64, 3), np.uint8))
    assert "--background green" in fails(*words, "--background", "transparent", status=USAGE)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
