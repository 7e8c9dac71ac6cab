"""Who is not seen, or is one too many: the frame is drawn whole, blurred or left as filmed, and it is said."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.settings import Scope, Unseen

NOBODY, ONE_IS_LOST, ONE_IS_TOO_MUCH = {"faces": (), "is_exposed": True}, {"is_exposed": True}, {"left_out": 1}
"""How the faces differ from the studio's own: one, which is seen."""


@pytest.mark.parametrize("faces", [NOBODY, ONE_IS_LOST])
def test_whoever_may_be_bare_is_covered_by_drawing_the_whole_frame(studio, faces):
    studio.faces = replace(studio.faces, **faces)
    picture = studio.renderer()(studio.frame()).frame.planes[0]
    assert picture.max() < 60


def test_a_frame_of_nobody_that_is_to_stay_as_filmed_is_not_touched(studio):
    studio.faces = replace(studio.faces, **NOBODY)
    studio.controls.change(unseen=Unseen.KEEP)
    frame = studio.detailed()
    assert studio.renderer()(frame).frame is frame
    assert studio.styles["ink"].shapes == []


@pytest.mark.parametrize("faces", [ONE_IS_LOST, ONE_IS_TOO_MUCH])
def test_frames_that_stay_as_filmed_show_the_heads_that_are_seen(studio, faces):
    studio.faces = replace(studio.faces, **faces)
    studio.controls.change(unseen=Unseen.KEEP)
    frame = studio.detailed()
    picture = studio.renderer()(frame).frame.planes[0]
    assert picture[110, 160, 0] < 60
    np.testing.assert_array_equal(picture[:, :60], frame.planes[0][:, :60])


def test_whoever_there_is_no_room_for_is_covered_by_drawing_the_whole_frame(studio):
    studio.faces = replace(studio.faces, **ONE_IS_TOO_MUCH)
    assert studio.renderer()(studio.detailed()).frame.planes[0].max() < 60


@pytest.mark.parametrize(
    "look", [{}, {"strength": 0.0}, {"split": 0.9}, {"scope": Scope.PERSON}, {"scope": Scope.FRAME}]
)
def test_a_frame_of_nobody_may_be_blurred_whatever_else_the_look_says(studio, look):
    studio.faces = replace(studio.faces, **NOBODY)
    studio.controls.change(unseen=Unseen.BLUR, **look)
    frame = studio.detailed()
    before = frame.planes[0].copy()
    picture = studio.renderer()(frame).frame.planes[0]
    assert studio.styles["ink"].shapes == []
    np.testing.assert_array_equal(frame.planes[0], before)
    assert before.std() > 70
    assert picture[:, :270].std() < 5  # right of that is the line of the split
    assert abs(picture[:, :270].mean() - before.mean()) < 3


@pytest.mark.parametrize("faces", [ONE_IS_LOST, ONE_IS_TOO_MUCH])
def test_the_heads_that_are_seen_are_drawn_into_the_blurred_frame(studio, faces):
    studio.faces = replace(studio.faces, **faces)
    studio.controls.change(unseen=Unseen.BLUR)
    picture = studio.renderer()(studio.detailed()).frame.planes[0]
    assert picture[110, 160, 0] < 60
    assert picture[:, :60].std() < 5
    assert studio.styles["ink"].shapes == [[(192, 192, 3)]]


@pytest.mark.parametrize("unseen", list(Unseen))
def test_where_everybody_is_covered_the_choice_changes_nothing(studio, unseen):
    expected = studio.renderer()(studio.detailed()).frame.planes[0]
    studio.controls.change(unseen=unseen)
    np.testing.assert_array_equal(studio.renderer()(studio.detailed()).frame.planes[0], expected)


@pytest.mark.parametrize("unseen", list(Unseen))
def test_the_other_scopes_have_room_for_everybody(studio, unseen):
    studio.faces = replace(studio.faces, **ONE_IS_TOO_MUCH)
    studio.controls.change(unseen=unseen, scope=Scope.FRAME)
    assert studio.renderer()(studio.detailed()).frame.planes[0].max() < 60


def test_the_choice_is_that_of_the_newest_look(studio):
    studio.faces = replace(studio.faces, **NOBODY)
    render = studio.renderer()
    assert render(studio.detailed(0)).frame.planes[0].max() < 60
    studio.controls.change(unseen="keep")
    assert render(studio.detailed(1)).frame.planes[0].std() > 70
    studio.controls.change(unseen="blur")
    assert render(studio.detailed(2)).frame.planes[0].std() < 5


@pytest.mark.parametrize(
    ("left_out", "unseen", "words"),
    [
        (8, "keep", "8 more faces in the picture are not drawn: `max_faces=9` draws all"),
        (1, "keep", "1 more face in the picture is not drawn: `max_faces=2` draws all"),
        (2, "draw", "2 more faces in the picture, so it is drawn whole: `max_faces=3` draws all"),
        (1, "blur", "1 more face in the picture, so it is blurred: `max_faces=2` draws all"),
    ],
)
def test_faces_beyond_the_most_that_are_drawn_are_told_of_once(studio, caplog, left_out, unseen, words):
    studio.controls.change(unseen=unseen)
    renderer = studio.renderer()
    renderer(studio.frame(0))
    assert not caplog.messages
    studio.faces = replace(studio.faces, left_out=left_out)
    for index in range(1, 4):
        renderer(studio.frame(index))
    assert caplog.messages == [words]


def test_one_film_of_several_is_named(studio, caplog):
    studio.faces = replace(studio.faces, is_exposed=True, left_out=1)
    studio.renderer(name="a/clip.mp4")(studio.frame())
    (told,) = caplog.messages
    assert told.startswith("a/clip.mp4: 1 more face in the picture")


@pytest.mark.parametrize("unseen", list(Unseen))
def test_nobody_stays_bare_where_the_whole_frame_is_drawn(studio, caplog, unseen):
    studio.controls.change(scope=Scope.FRAME, unseen=unseen)
    studio.faces = replace(studio.faces, left_out=8)
    studio.renderer()(studio.frame())
    coarser = "8 more faces in the picture are drawn coarser than the others: `max_faces=9` draws all"
    assert caplog.messages == [coarser]
