"""What is seen behind persons, whatever else a look asks for."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.render.printed import Printer
from animecam.settings import Scope, Unseen
from animecam.types import Faces

BLUE = (0, 71, 187)


class Left:
    """Sees a person in the left three quarters, and keeps what it looked at."""

    def __init__(self) -> None:
        self.seen, self.forgotten = [], 0

    def __call__(self, regions, pictures):
        self.seen.extend(pictures)
        (region,) = regions
        mask = np.zeros((region.height_px, region.width_px), np.float32)
        mask[:, : region.width_px * 3 // 4] = 1.0
        return (mask,)

    def forget(self):
        self.forgotten += 1


@pytest.fixture
def persons(studio):
    studio.backdrop_persons = Left()
    studio.controls.change(background="blue")
    return studio.backdrop_persons


def test_a_colour_is_what_all_outputs_get(studio, persons):
    frame = studio.detailed()
    seen = studio.renderer()(frame)
    assert seen.plain is seen.frame
    assert (seen.frame.planes[0][:, 250:] == BLUE).all()
    studio.controls.change(background="keep")
    drawn = studio.renderer()(frame).frame
    np.testing.assert_array_equal(seen.frame.planes[0][:, :230], drawn.planes[0][:, :230])
    assert not np.array_equal(drawn.planes[0][:, 250:], seen.frame.planes[0][:, 250:])


@pytest.mark.parametrize(
    "look", [{"strength": 0.0}, {"scope": Scope.FRAME}, {"scope": Scope.PERSON}, {"palette": "manga"}]
)
def test_a_colour_is_whole_whatever_else_is_asked_for(studio, persons, look):
    studio.controls.change(**look)
    assert (studio.renderer()(studio.detailed()).frame.planes[0][:, 250:] == BLUE).all()
    assert len(persons.seen) == 1
    assert studio.persons.did == []  # a person ends where the background begins: once is enough


def test_a_blurred_background_is_printed_like_the_rest(studio, persons):
    studio.controls.change(background="blur")
    blurred = studio.renderer()(studio.detailed()).frame
    studio.controls.change(palette="manga")
    printed = studio.renderer()(studio.detailed()).frame
    np.testing.assert_array_equal(printed.planes[0], Printer()(blurred).planes[0])


def test_persons_are_looked_for_before_a_frame_is_blurred(studio, persons):
    frame = studio.detailed()
    studio.renderer()(frame)
    studio.faces = replace(studio.faces, is_exposed=True)
    studio.controls.change(unseen=Unseen.BLUR)
    studio.renderer()(frame)
    np.testing.assert_array_equal(persons.seen[0], persons.seen[1])


def test_a_background_is_laid_behind_nobody(studio, persons):
    studio.faces = Faces(is_exposed=True)
    studio.controls.change(unseen=Unseen.KEEP)
    frame = studio.detailed()
    rgb = studio.renderer()(frame).frame.planes[0]
    assert (rgb[:, 250:] == BLUE).all()
    np.testing.assert_array_equal(rgb[:, :230], frame.planes[0][:, :230])


def test_before_and_after_shows_the_room_before(studio, persons):
    studio.controls.change(split=0.9)
    frame = studio.detailed()
    seen = studio.renderer()(frame)
    np.testing.assert_array_equal(seen.frame.planes[0][:, :280], frame.planes[0][:, :280])
    assert (seen.plain.planes[0][:, 250:] == BLUE).all()


def test_the_persons_of_a_shot_are_forgotten_at_the_cut(studio, persons):
    renderer = studio.renderer()
    for index, is_new_shot in enumerate([False, False, True]):
        studio.faces = replace(studio.faces, is_new_shot=is_new_shot)
        renderer(studio.detailed(index))
    assert persons.forgotten == 1


def test_persons_are_new_when_a_background_is_laid_behind_them_again(studio, persons):
    renderer = studio.renderer()
    for index, background in enumerate(["green", "green", "keep", "green", "blur"]):
        studio.controls.change(background=background)
        renderer(studio.frame(index))
    assert persons.forgotten == 1


def test_a_background_is_laid_with_pauses_as_others_wait(studio, persons):
    renderer = studio.renderer()
    plan = renderer.plan(studio.detailed())
    drawn = studio.styles["ink"](plan.pictures)
    laid = sum(1 for _ in renderer.finishing(plan, drawn))
    studio.controls.change(background="keep")
    plan = renderer.plan(studio.detailed(1))
    assert laid > sum(1 for _ in renderer.finishing(plan, drawn))
