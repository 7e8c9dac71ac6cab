"""Pictures of groups, converted: everybody is drawn unless a number was asked for, and who is not is told."""

from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest

import animecam
from animecam.cli import main
from animecam.settings import Look, Settings, Unseen
from animecam.sources.image import open_picture, open_pictures
from animecam.sources.opening import open_source
from animecam.sources.options import SourceOptions

PLACES = [(100 + 150 * column, 150 + 200 * row) for row in range(3) for column in range(4)]
FACE_PX = 26  # 4 % of the picture's width


@pytest.fixture
def group(tmp_path, ground, with_heads):
    picture = with_heads(ground(650, 700), PLACES, FACE_PX)
    cv2.imwrite(str(tmp_path / "group.png"), picture[..., ::-1])
    return tmp_path / "group.png"


def drawn_at(before, after):
    """Which of the faces are drawn."""
    pictures = [cv2.imread(str(path)).astype(int) for path in (before, after)]
    half = FACE_PX // 3
    parts = [(slice(y - half, y + half), slice(x - half, x + half)) for x, y in PLACES]
    return [np.abs(pictures[1][part] - pictures[0][part]).mean() > 4 for part in parts]


def test_everybody_in_a_picture_is_drawn(group, capfd):
    assert main(["convert", str(group), "-o", str(group.with_name("out.png")), "--size", "192", "--threads", "1"]) == 0
    assert all(drawn_at(group, group.with_name("out.png")))
    assert "more face" not in capfd.readouterr().err


def test_a_picture_with_more_faces_than_were_asked_for_is_told_of_once(group, monkeypatch, capfd):
    monkeypatch.chdir(group.parent)
    words = ["-o", "out.png", "--max-faces", "5", "--size", "192", "--threads", "1"]
    assert main(["convert", "group.png", *words]) == 0
    assert sum(drawn_at(group, group.with_name("out.png"))) == 5
    told = " ".join(capfd.readouterr().err.split())
    assert "group.png: 7 more faces in the picture are not drawn: --max-faces 12 draws all" in told
    assert told.count("more face") == 1


def test_the_number_of_the_settings_counts_where_no_other_is_given_for_pictures(group):
    target = group.with_name("out.png")
    settings = Settings(Look(size_px=192, unseen=Unseen.KEEP), max_faces=3, threads=1)
    animecam.convert(group, target, settings)
    assert sum(drawn_at(group, target)) == 3
    animecam.convert(group, target, replace(settings, still_faces=12), overwrite=True)
    assert all(drawn_at(group, target))


def test_one_picture_is_still_and_those_of_a_folder_are_a_film(group):
    cv2.imwrite(str(group.with_name("other.png")), cv2.imread(str(group)))
    assert open_picture(group).read().is_still
    film = open_pictures(str(group.parent), SourceOptions())
    assert [film.read().is_still for _ in range(2)] == [False, False]


@pytest.mark.parametrize("frames", [1, 2])
def test_a_film_of_one_frame_is_a_still_picture(tmp_path, make_clip, frames):
    with closing(open_source(str(make_clip(tmp_path / "a.mp4", frames=frames)), SourceOptions())) as source:
        assert source.read().is_still is (frames == 1)


def test_a_picture_by_itself_among_those_of_a_video(group):
    picture = cv2.cvtColor(cv2.imread(str(group)), cv2.COLOR_BGR2RGB)
    other = np.full_like(picture, 90)
    settings = Settings(Look(size_px=192, unseen=Unseen.KEEP), still_faces=12, threads=1)
    with animecam.Stylizer(settings=settings) as stylize:
        np.testing.assert_array_equal(stylize(other, time_s=1.0), other)
        drawn = stylize(picture, time_s=2.0, is_still=True)
        np.testing.assert_array_equal(stylize(picture, time_s=1.0, is_still=True), drawn)
        assert not np.array_equal(stylize(picture, time_s=3.0), drawn)  # of a video such small faces are missed
    cv2.imwrite(str(group.with_name("drawn.png")), drawn[..., ::-1])
    assert all(drawn_at(group, group.with_name("drawn.png")))
