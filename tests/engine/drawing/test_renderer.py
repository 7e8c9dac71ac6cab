"""What is drawn when: heads, whole frames, mixed sizes, and that a change of the look takes one frame."""

import time
from dataclasses import replace

import numpy as np
import pytest

from animecam.render.idle import Idle
from animecam.render.printed import Printer
from animecam.settings import Scope, Unseen
from animecam.types import WHOLE_FRAME, Faces


class Listener:
    """Counts the frames whose times it is told, and notes those that it hears of."""

    def __init__(self, styles) -> None:
        self.styles, self.calls, self.heard = styles, 0, []

    def draw(self, style):
        return self.styles[style]

    def came(self, frame):
        self.heard.append(frame.index)

    def observe(self, *_times):
        self.calls += 1


def test_a_head_is_drawn_and_the_corners_are_left_alone(studio):
    rendered = studio.renderer()(studio.frame())
    picture = rendered.frame.planes[0]
    assert picture[110, 160, 0] < 60
    assert (picture[-8:] == 100).all()
    assert (picture[:, :8] == 100).all()
    assert rendered.faces is studio.faces
    assert studio.styles["ink"].shapes == [[(192, 192, 3)]]


def test_the_network_rests_before_an_empty_room(studio):
    studio.faces = Faces()
    render = studio.renderer(idle=Idle())
    noise = np.random.default_rng(5)
    idle = []
    for index in range(6):
        frame = studio.frame(index)
        frame.planes[0][...] = np.clip(100 + noise.normal(0, 3, frame.planes[0].shape), 0, 255)  # of a camera by night
        idle.append(render(frame).is_idle)
    assert idle == [False] + [True] * 5


@pytest.mark.parametrize("scope", [Scope.FRAME, Scope.PERSON])
def test_other_scopes_draw_heads_by_themselves_on_top_of_the_whole_frame(studio, face, scope):
    """In a picture of everything a face has so few pixels that it would get no eyes."""
    studio.controls.change(scope=scope)
    plan = studio.renderer().plan(studio.frame())
    regions = [(region.track_id, region.width_px, region.height_px) for region in plan.regions]
    assert regions == [(WHOLE_FRAME, 256, 192), (face.track_id, 192, 192)]


@pytest.mark.parametrize("scope", [Scope.FRAME, Scope.PERSON])
def test_other_scopes_draw_the_whole_frame_of_nobody(studio, scope):
    studio.faces = Faces()
    studio.controls.change(scope=scope)
    assert [region.track_id for region in studio.renderer().plan(studio.frame()).regions] == [WHOLE_FRAME]


def test_a_sideways_frame_is_drawn_upright(studio):
    studio.controls.change(scope=Scope.FRAME)
    plan = studio.renderer().plan(studio.frame(rotation_deg=90))
    assert plan.pictures[0].shape == (256, 192, 3)


def test_a_new_look_takes_one_frame(studio):
    render = studio.renderer()
    assert render(studio.frame(0)).frame.planes[0][110, 160, 0] < 60
    studio.controls.change(style="snow")
    assert render(studio.frame(1)).frame.planes[0][110, 160, 0] > 180
    studio.controls.change(strength=0.0)
    untouched = studio.frame(2)
    np.testing.assert_array_equal(render(untouched).frame.planes[0], untouched.planes[0])


def test_a_governor_s_choice_holds_from_the_next_frame(studio):
    class Shrink(Listener):
        seen = []  # noqa: RUF012

        def observe(self, look, draw_ms, rest_ms):
            self.seen.append((look.size_px, draw_ms >= 0, rest_ms > 0))
            studio.controls.change(size_px=256)

    governing = Shrink(studio.styles)
    render = studio.renderer(governing)
    render(studio.frame(0))
    render(studio.frame(1))
    assert governing.seen == [(192, True, True), (256, True, True)]
    assert studio.styles["ink"].shapes[-1] == [(256, 256, 3)]


def test_a_frame_in_two_steps_is_the_frame_in_one(studio):
    whole = studio.renderer()(studio.frame()).frame
    render = studio.renderer()
    ends = [render.begin(studio.frame(index)) for index in range(2)]  # the second is drawn before the first is put back
    first, second = (end() for end in ends)
    np.testing.assert_array_equal(first.frame.planes[0], whole.planes[0])
    assert (first.frame.index, second.frame.index) == (0, 1)
    assert first.faces is studio.faces


def test_a_frame_in_two_steps_costs_what_the_slower_thread_takes(studio):
    class Costs(Listener):
        rest_ms = ()

        def observe(self, look, draw_ms, rest_ms):
            self.rest_ms += (draw_ms + rest_ms,)

    costs = Costs(studio.styles)
    render = studio.renderer(costs)
    end = render.begin(studio.frame(0))
    compose = render.finish

    def slowly(*words):
        time.sleep(0.2)
        return compose(*words)

    render.finish = slowly
    end()
    render.begin(studio.frame(1))
    assert costs.rest_ms[0] < 200 <= costs.rest_ms[1]


def test_every_stage_is_timed(studio):
    studio.renderer()(studio.frame())
    assert list(studio.timing.percentiles()) == ["track", "crop", "draw", "paste"]


def test_frames_of_nobody_do_not_talk_the_governor_into_a_larger_size(studio, face):
    governing = Listener(studio.styles)
    render = studio.renderer(governing)
    studio.faces = Faces((), is_exposed=False)
    render(studio.frame(0))
    assert governing.calls == 0
    studio.faces = Faces((face,), is_exposed=False)
    render(studio.frame(1))
    assert governing.calls == 1
    assert governing.heard == [0, 1]  # they come all the same


def test_the_network_rests_while_nothing_changes_and_the_governor_is_not_told(studio):
    governing = Listener(studio.styles)
    render = studio.renderer(governing, Idle())
    frames = [render(studio.frame(index)) for index in range(3)]
    assert [rendered.is_idle for rendered in frames] == [False, True, True]
    assert len(studio.styles["ink"].shapes) == governing.calls == 1
    assert governing.heard == [0, 1, 2]
    assert studio.timing.percentiles()["draw"].count == 1  # a look at a crop is no network's time
    np.testing.assert_array_equal(frames[0].frame.planes[0], frames[2].frame.planes[0])
    changed = studio.frame(3)
    changed.planes[0][90:120, 140:180] = 30
    assert not render(changed).is_idle
    studio.controls.change(style="snow")
    assert not render(changed).is_idle


@pytest.mark.parametrize(
    "view", [{"split": 0.5}, {"mirror": True}, {"shows_boxes": True}, {"split": 0.5, "mirror": True}]
)
def test_a_frame_is_kept_as_drawn_beside_what_the_user_sees_of_it(studio, view):
    """A key that shows before and after bared the face to everybody in a meeting."""
    frame = studio.detailed()
    plain = studio.renderer()(frame)
    assert plain.plain is None
    drawn = plain.frame.planes[0].copy()
    studio.controls.change(**view)
    seen = studio.renderer()(frame)
    np.testing.assert_array_equal(seen.plain.planes[0], drawn)
    assert not np.array_equal(seen.frame.planes[0], drawn)


def test_a_printed_frame_is_what_all_outputs_get(studio):
    frame = studio.detailed()
    in_color = studio.renderer()(frame).frame
    studio.controls.change(palette="manga")
    seen = studio.renderer()(frame)
    assert seen.plain is None or seen.plain is seen.frame
    np.testing.assert_array_equal(seen.frame.planes[0], Printer()(in_color).planes[0])
    studio.controls.change(split=0.5)
    halves = studio.renderer()(frame)
    np.testing.assert_array_equal(halves.plain.planes[0], seen.frame.planes[0])
    quarter = frame.width_px // 4
    np.testing.assert_array_equal(halves.frame.planes[0][:, :quarter], frame.planes[0][:, :quarter])  # as filmed


def test_at_no_strength_nothing_is_printed(studio):
    frame = studio.detailed()
    studio.controls.change(palette="manga", strength=0.0)
    np.testing.assert_array_equal(studio.renderer()(frame).frame.planes[0], frame.planes[0])


def test_frames_of_nobody_are_printed_like_all_others(studio):
    studio.faces = Faces(is_exposed=True)
    studio.controls.change(palette="manga", unseen=Unseen.KEEP)
    frame = studio.detailed()
    np.testing.assert_array_equal(studio.renderer()(frame).frame.planes[0], Printer()(frame).planes[0])


@pytest.mark.parametrize("step", ["at once", "in two steps"])
def test_the_persons_of_a_shot_are_forgotten_at_the_cut(studio, face, step):
    """Else the outline of whoever was there shimmers through the new picture."""
    studio.controls.change(scope=Scope.PERSON, hair_tint="blue")
    renderer = studio.renderer()
    for index, is_new_shot in enumerate([False, False, True, False]):
        studio.faces = Faces((face,), is_exposed=False, is_new_shot=is_new_shot)
        renderer(studio.frame(index)) if step == "at once" else renderer.begin(studio.frame(index))()
    assert studio.persons.did == studio.hair_persons.did == ["find", "find", "forget", "find", "find"]


@pytest.mark.parametrize("off", [{"scope": Scope.HEAD, "hair_tint": ""}, {"strength": 0.0}])
def test_persons_are_new_when_they_are_asked_for_again(studio, off):
    """Else the outline of whoever was there a minute ago shimmers through."""
    studio.controls.change(scope=Scope.PERSON, hair_tint="blue")
    renderer, on = studio.renderer(), studio.controls.look
    for index, changes in enumerate([{}, {}, off, off, {}, {}]):
        studio.controls.change(**{name: getattr(on, name) for name in ("scope", "hair_tint", "strength")} | changes)
        renderer(studio.frame(index))
    assert studio.persons.did == studio.hair_persons.did == ["find", "find", "forget", "find", "find"]


def test_eyes_are_enlarged_where_they_are_after_it_was_off(studio, face):
    """Of a face that was lost just then they were looked for where they were a minute ago."""
    moved = replace(face, detection=replace(face.detection, points_px=face.detection.points_px + np.float32(12)))
    pictures = []
    for eyes in (0.5, 0.0):
        renderer = studio.renderer()
        for index, (amount, seen) in enumerate([(eyes, face), (0.0, moved), (0.5, replace(moved, held=True))]):
            studio.faces = Faces((seen,), is_exposed=False)
            studio.controls.change(eyes=amount)
            plan = renderer.plan(studio.detailed(index))
        pictures.append(plan.pictures[0])
    np.testing.assert_array_equal(*pictures)
