"""A background that cannot be had is told before anything is opened."""

import cv2
import numpy as np
import pytest

from animecam.cli import main
from animecam.config import keep_look
from animecam.settings import Look

USAGE = 2
ENDLESS = "x" * 300  # longer than a name may be

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.mark.parametrize(
    "background", ["gren", "picture", "no/room.jpg", ".", "", "~nobody/room.jpg", ENDLESS, "file:///no.jpg"]
)
def test_a_background_that_is_nothing(fails, background):
    assert "--background" in fails(
        "--input", "pattern:64x48@30", "--output", "null:", "--background", background, status=USAGE
    )


def test_the_address_of_a_picture_as_a_file_manager_copies_it(asked, tmp_path):
    room = tmp_path / "my room.png"
    cv2.imwrite(str(room), np.zeros((48, 64, 3), np.uint8))
    assert main(["--input", "pattern:64x48@30", "--background", f"file://{tmp_path}/my%20room.png"]) == 0
    assert asked[0][1].backdrop == room


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


def test_a_kept_picture_is_behind_persons_at_the_next_start(asked, settings_file, tmp_path):
    room = tmp_path / "room.png"
    cv2.imwrite(str(room), np.zeros((48, 64, 3), np.uint8))
    keep_look(Look(background="picture"), room)
    assert settings_file.is_file()
    assert main(["--input", "pattern:64x48@30"]) == 0
    assert asked[0][1].backdrop == room


def test_a_picture_that_is_gone_is_told_where_it_would_be_shown_alone(asked, write, tmp_path, capfd):
    path = write("background = '/no/room.png'\n")
    assert main(["--input", "pattern:64x48@30"]) == USAGE
    shown = capfd.readouterr().err
    assert "/no/room.png" in shown
    assert f"{path} sets background" in shown
    assert main(["--input", "pattern:64x48@30", "--background", "keep"]) == 0
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((48, 64, 3), np.uint8))
    main(["convert", str(tmp_path / "photo.png")])
    assert [settings.look.background for _, settings in asked] == ["keep", "keep"]


def test_a_transparent_background_of_the_settings_file_is_told_as_its(write, capfd):
    path = write('background = "transparent"\n')
    assert main(["serve"]) == USAGE
    assert f"{path} sets background" in capfd.readouterr().err
