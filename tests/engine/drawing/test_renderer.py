"""What is drawn when: heads, whole frames, mixed sizes, and that a change of the look takes one frame."""

import time
from fractions import Fraction

import numpy as np
import pytest

from animecam.drawing.renderer import Renderer
from animecam.faces.align import Aligner
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.hair import HairTint
from animecam.render.idle import Idle
from animecam.render.printed import Printer
from animecam.run.timing import Timing
from animecam.settings import Controls, Look, Scope, Unseen
from animecam.types import WHOLE_FRAME, Box, Color, Detection, Face, Faces, Frame, PixelFormat, allocate_planes

POINTS_PX = np.array([[140, 100], [180, 100], [160, 122], [160, 142]], np.float32)
FACE = Face(7, Detection(Box(125, 80, 195, 160), POINTS_PX, 0.9))


def _frame(index: int = 0, rotation_deg: int = 0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.RGB24, 320, 240)
    packed[...] = 100
    return Frame(planes, PixelFormat.RGB24, Color(), rotation_deg, index, index, Fraction(1, 30), 0, packed=packed)


class Painter:
    """A style that paints one level and notes the sizes it was given."""

    def __init__(self, level: int) -> None:
        self.level, self.shapes = level, []

    def __call__(self, pictures):
        self.shapes.append([picture.shape for picture in pictures])
        return [np.full_like(picture, self.level) for picture in pictures]


class Doubtful:
    """Finds a person in half of every pixel, and notes what happens to it."""

    def __init__(self) -> None:
        self.did = []

    def __call__(self, regions, _pictures):
        self.did.append("find")
        return tuple(np.full((region.height_px, region.width_px), 0.5, np.float32) for region in regions)

    def forget(self):
        self.did.append("forget")


class Listener:
    """Counts the frames whose times it is told."""

    def __init__(self, styles) -> None:
        self.styles, self.calls = styles, 0

    def draw(self, style):
        return self.styles[style]

    def observe(self, *_times):
        self.calls += 1


@pytest.fixture
def studio():
    """A renderer with scripted faces and two styles, and its controls."""

    class Studio:
        faces = Faces((FACE,), is_exposed=False)
        styles = {"ink": Painter(20), "snow": Painter(220)}  # noqa: RUF012
        controls = Controls(Look(style="ink", size_px=192))
        timing = Timing()
        persons, hair_persons = Doubtful(), Doubtful()

        def renderer(self, governing=None, idle=None, name=""):
            ops = CpuImageOps()
            return Renderer(
                track=lambda _frame: self.faces,
                align=Aligner(),
                ops=ops,
                draw=lambda name: self.styles[name],
                calm=Calm(),
                compositor=Compositor(ops, self.persons),
                controls=self.controls,
                timing=self.timing,
                governing=governing,
                idle=idle,
                tint=HairTint(self.hair_persons),
                name=name,
            )

    return Studio()


def test_a_head_is_drawn_and_the_corners_are_left_alone(studio):
    rendered = studio.renderer()(_frame())
    picture = rendered.frame.planes[0]
    assert picture[110, 160, 0] < 60
    assert (picture[-8:] == 100).all()
    assert (picture[:, :8] == 100).all()
    assert rendered.faces is studio.faces
    assert studio.styles["ink"].shapes == [[(192, 192, 3)]]


@pytest.mark.parametrize("faces", [Faces(), Faces((FACE,), is_exposed=True)])
def test_whoever_may_be_bare_is_covered_by_drawing_the_whole_frame(studio, faces):
    studio.faces = faces
    picture = studio.renderer()(_frame()).frame.planes[0]
    assert picture.max() < 60


def _detailed(index: int = 0) -> Frame:
    frame = _frame(index)
    frame.planes[0][...] = np.random.default_rng(index).integers(0, 256, frame.planes[0].shape, dtype=np.uint8)
    return frame


NOBODY, ONE_IS_LOST = Faces(), Faces((FACE,), is_exposed=True)
ONE_IS_TOO_MUCH = Faces((FACE,), is_exposed=False, left_out=1)


def test_a_frame_of_nobody_that_is_to_stay_as_filmed_is_not_touched(studio):
    studio.faces = NOBODY
    studio.controls.change(unseen=Unseen.KEEP)
    frame = _detailed()
    assert studio.renderer()(frame).frame is frame
    assert studio.styles["ink"].shapes == []


@pytest.mark.parametrize("faces", [ONE_IS_LOST, ONE_IS_TOO_MUCH])
def test_frames_that_stay_as_filmed_show_the_heads_that_are_seen(studio, faces):
    studio.faces = faces
    studio.controls.change(unseen=Unseen.KEEP)
    frame = _detailed()
    picture = studio.renderer()(frame).frame.planes[0]
    assert picture[110, 160, 0] < 60
    np.testing.assert_array_equal(picture[:, :60], frame.planes[0][:, :60])


def test_whoever_there_is_no_room_for_is_covered_by_drawing_the_whole_frame(studio):
    studio.faces = ONE_IS_TOO_MUCH
    assert studio.renderer()(_detailed()).frame.planes[0].max() < 60


@pytest.mark.parametrize(
    "look", [{}, {"strength": 0.0}, {"split": 0.9}, {"scope": Scope.PERSON}, {"scope": Scope.FRAME}]
)
def test_a_frame_of_nobody_may_be_blurred_whatever_else_the_look_says(studio, look):
    studio.faces = NOBODY
    studio.controls.change(unseen=Unseen.BLUR, **look)
    frame = _detailed()
    before = frame.planes[0].copy()
    picture = studio.renderer()(frame).frame.planes[0]
    assert studio.styles["ink"].shapes == []
    np.testing.assert_array_equal(frame.planes[0], before)
    assert before.std() > 70
    assert picture[:, :270].std() < 5  # right of that is the line of the split
    assert abs(picture[:, :270].mean() - before.mean()) < 3


@pytest.mark.parametrize("faces", [ONE_IS_LOST, ONE_IS_TOO_MUCH])
def test_the_heads_that_are_seen_are_drawn_into_the_blurred_frame(studio, faces):
    studio.faces = faces
    studio.controls.change(unseen=Unseen.BLUR)
    picture = studio.renderer()(_detailed()).frame.planes[0]
    assert picture[110, 160, 0] < 60
    assert picture[:, :60].std() < 5
    assert studio.styles["ink"].shapes == [[(192, 192, 3)]]


@pytest.mark.parametrize("unseen", list(Unseen))
def test_where_everybody_is_covered_the_choice_changes_nothing(studio, unseen):
    expected = studio.renderer()(_detailed()).frame.planes[0]
    studio.controls.change(unseen=unseen)
    np.testing.assert_array_equal(studio.renderer()(_detailed()).frame.planes[0], expected)


@pytest.mark.parametrize("unseen", list(Unseen))
def test_the_other_scopes_have_room_for_everybody(studio, unseen):
    studio.faces = ONE_IS_TOO_MUCH
    studio.controls.change(unseen=unseen, scope=Scope.FRAME)
    assert studio.renderer()(_detailed()).frame.planes[0].max() < 60


def test_the_choice_is_that_of_the_newest_look(studio):
    studio.faces = NOBODY
    render = studio.renderer()
    assert render(_detailed(0)).frame.planes[0].max() < 60
    studio.controls.change(unseen="keep")
    assert render(_detailed(1)).frame.planes[0].std() > 70
    studio.controls.change(unseen="blur")
    assert render(_detailed(2)).frame.planes[0].std() < 5


def test_the_network_rests_before_an_empty_room(studio):
    studio.faces = NOBODY
    render = studio.renderer(idle=Idle())
    noise = np.random.default_rng(5)
    idle = []
    for index in range(6):
        frame = _frame(index)
        frame.planes[0][...] = np.clip(100 + noise.normal(0, 3, frame.planes[0].shape), 0, 255)  # of a camera by night
        idle.append(render(frame).is_idle)
    assert idle == [False] + [True] * 5


@pytest.mark.parametrize("scope", [Scope.FRAME, Scope.PERSON])
def test_other_scopes_draw_heads_by_themselves_on_top_of_the_whole_frame(studio, scope):
    """In a picture of everything a face has so few pixels that it would get no eyes."""
    studio.controls.change(scope=scope)
    plan = studio.renderer().plan(_frame())
    regions = [(region.track_id, region.width_px, region.height_px) for region in plan.regions]
    assert regions == [(WHOLE_FRAME, 256, 192), (FACE.track_id, 192, 192)]


@pytest.mark.parametrize("scope", [Scope.FRAME, Scope.PERSON])
def test_other_scopes_draw_the_whole_frame_of_nobody(studio, scope):
    studio.faces = NOBODY
    studio.controls.change(scope=scope)
    assert [region.track_id for region in studio.renderer().plan(_frame()).regions] == [WHOLE_FRAME]


def test_a_sideways_frame_is_drawn_upright(studio):
    studio.controls.change(scope=Scope.FRAME)
    plan = studio.renderer().plan(_frame(rotation_deg=90))
    assert plan.pictures[0].shape == (256, 192, 3)


def test_a_new_look_takes_one_frame(studio):
    render = studio.renderer()
    assert render(_frame(0)).frame.planes[0][110, 160, 0] < 60
    studio.controls.change(style="snow")
    assert render(_frame(1)).frame.planes[0][110, 160, 0] > 180
    studio.controls.change(strength=0.0)
    untouched = _frame(2)
    np.testing.assert_array_equal(render(untouched).frame.planes[0], untouched.planes[0])


def test_a_governor_s_choice_holds_from_the_next_frame(studio):
    class Shrink:
        seen = []  # noqa: RUF012

        def draw(self, style):
            return studio.styles[style]

        def observe(self, look, draw_ms, rest_ms):
            self.seen.append((look.size_px, draw_ms >= 0, rest_ms > 0))
            studio.controls.change(size_px=256)

    governing = Shrink()
    render = studio.renderer(governing)
    render(_frame(0))
    render(_frame(1))
    assert governing.seen == [(192, True, True), (256, True, True)]
    assert studio.styles["ink"].shapes[-1] == [(256, 256, 3)]


def test_a_frame_in_two_steps_is_the_frame_in_one(studio):
    whole = studio.renderer()(_frame()).frame
    render = studio.renderer()
    ends = [render.begin(_frame(index)) for index in range(2)]  # the second is drawn before the first is put back
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
    end = render.begin(_frame(0))
    compose = render.finish

    def slowly(*words):
        time.sleep(0.2)
        return compose(*words)

    render.finish = slowly
    end()
    render.begin(_frame(1))
    assert costs.rest_ms[0] < 200 <= costs.rest_ms[1]


def test_every_stage_is_timed(studio):
    studio.renderer()(_frame())
    assert list(studio.timing.percentiles()) == ["track", "crop", "draw", "paste"]


def test_frames_of_nobody_do_not_talk_the_governor_into_a_larger_size(studio):
    governing = Listener(studio.styles)
    render = studio.renderer(governing)
    studio.faces = Faces((), is_exposed=False)
    render(_frame(0))
    assert governing.calls == 0
    studio.faces = Faces((FACE,), is_exposed=False)
    render(_frame(1))
    assert governing.calls == 1


def test_the_network_rests_while_nothing_changes_and_the_governor_is_not_told(studio):
    governing = Listener(studio.styles)
    render = studio.renderer(governing, Idle())
    frames = [render(_frame(index)) for index in range(3)]
    assert [rendered.is_idle for rendered in frames] == [False, True, True]
    assert len(studio.styles["ink"].shapes) == governing.calls == 1
    assert studio.timing.percentiles()["draw"].count == 1  # a look at a crop is no network's time
    np.testing.assert_array_equal(frames[0].frame.planes[0], frames[2].frame.planes[0])
    changed = _frame(3)
    changed.planes[0][90:120, 140:180] = 30
    assert not render(changed).is_idle
    studio.controls.change(style="snow")
    assert not render(changed).is_idle


@pytest.mark.parametrize(
    ("left_out", "unseen", "words"),
    [
        (8, "keep", "8 more faces in the picture are not drawn: --max-faces 9 draws all"),
        (1, "keep", "1 more face in the picture is not drawn: --max-faces 2 draws all"),
        (2, "draw", "2 more faces in the picture, so it is drawn whole: --max-faces 3 draws all"),
        (1, "blur", "1 more face in the picture, so it is blurred: --max-faces 2 draws all"),
    ],
)
def test_faces_beyond_the_most_that_are_drawn_are_told_of_once(studio, caplog, left_out, unseen, words):
    studio.controls.change(unseen=unseen)
    studio.faces = Faces((FACE,), is_exposed=False)
    renderer = studio.renderer()
    renderer(_frame(0))
    assert not caplog.messages
    studio.faces = Faces((FACE,), is_exposed=False, left_out=left_out)
    for index in range(1, 4):
        renderer(_frame(index))
    assert caplog.messages == [words]


def test_one_film_of_several_is_named(studio, caplog):
    studio.faces = Faces((FACE,), left_out=1)
    studio.renderer(name="a/clip.mp4")(_frame())
    (told,) = caplog.messages
    assert told.startswith("a/clip.mp4: 1 more face in the picture")


@pytest.mark.parametrize("unseen", list(Unseen))
def test_nobody_stays_bare_where_the_whole_frame_is_drawn(studio, caplog, unseen):
    studio.controls.change(scope=Scope.FRAME, unseen=unseen)
    studio.faces = Faces((FACE,), is_exposed=False, left_out=8)
    studio.renderer()(_frame())
    coarser = "8 more faces in the picture are drawn coarser than the others: --max-faces 9 draws all"
    assert caplog.messages == [coarser]


@pytest.mark.parametrize(
    "view", [{"split": 0.5}, {"mirror": True}, {"shows_boxes": True}, {"split": 0.5, "mirror": True}]
)
def test_a_frame_is_kept_as_drawn_beside_what_the_user_sees_of_it(studio, view):
    """A key that shows before and after bared the face to everybody in a meeting."""
    frame = _detailed()
    plain = studio.renderer()(frame)
    assert plain.plain is None
    drawn = plain.frame.planes[0].copy()
    studio.controls.change(**view)
    seen = studio.renderer()(frame)
    np.testing.assert_array_equal(seen.plain.planes[0], drawn)
    assert not np.array_equal(seen.frame.planes[0], drawn)


def test_a_printed_frame_is_what_all_outputs_get(studio):
    frame = _detailed()
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
    frame = _detailed()
    studio.controls.change(palette="manga", strength=0.0)
    np.testing.assert_array_equal(studio.renderer()(frame).frame.planes[0], frame.planes[0])


def test_frames_of_nobody_are_printed_like_all_others(studio):
    studio.faces = Faces(is_exposed=True)
    studio.controls.change(palette="manga", unseen=Unseen.KEEP)
    frame = _detailed()
    np.testing.assert_array_equal(studio.renderer()(frame).frame.planes[0], Printer()(frame).planes[0])


@pytest.mark.parametrize("step", ["at once", "in two steps"])
def test_the_persons_of_a_shot_are_forgotten_at_the_cut(studio, step):
    """Else the outline of whoever was there shimmers through the new picture."""
    studio.controls.change(scope=Scope.PERSON, hair_tint="blue")
    renderer = studio.renderer()
    for index, is_new_shot in enumerate([False, False, True, False]):
        studio.faces = Faces((FACE,), is_exposed=False, is_new_shot=is_new_shot)
        renderer(_frame(index)) if step == "at once" else renderer.begin(_frame(index))()
    assert studio.persons.did == studio.hair_persons.did == ["find", "find", "forget", "find", "find"]
