"""The Python interface."""

import inspect
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from enum import StrEnum
from typing import Literal, Unpack, get_args, get_origin, get_type_hints

import numpy as np
import pytest

import animecam
from animecam.errors import FaceError, StyleError, UsageError
from animecam.faces.clock import FrameClock
from animecam.look_changes import LookBesideStyle, LookChanges
from animecam.portrait import load_portrait
from animecam.settings import Look, Scope, Settings


@pytest.fixture(scope="module")
def stylize():
    with animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1)) as stylizer:
        yield stylizer


def test_a_portrait_comes_back_drawn_and_itself_untouched(stylize):
    portrait = load_portrait()
    before = portrait.copy()
    drawn = stylize(portrait, time_s=0.0)
    np.testing.assert_array_equal(portrait, before)
    assert drawn.shape == portrait.shape
    assert drawn.dtype == np.uint8
    assert np.abs(drawn.astype(int) - portrait)[100:300, 150:330].mean() > 3  # the face
    np.testing.assert_array_equal(drawn[-20:, :20], portrait[-20:, :20])  # a corner


@pytest.mark.parametrize("way", [np.s_[:], np.s_[:, ::-1]], ids=["contiguous", "mirrored"])
def test_a_picture_may_be_filled_anew_after_the_call(stylize, monkeypatch, way):
    """Searches run beside the calls: they saw what the next picture had put in the place of theirs."""
    seen = []
    tick = FrameClock.__call__
    monkeypatch.setattr(FrameClock, "__call__", lambda self, frame: seen.append(frame) or tick(self, frame))
    buffer = load_portrait()
    before = buffer.copy()
    stylize(buffer[way])
    buffer[:] = 0
    np.testing.assert_array_equal(seen[0].planes[0], before[way])


def test_pictures_without_transparency_have_no_transparent_background(stylize):
    with pytest.raises(UsageError, match="no transparency"):
        animecam.Stylizer(background="transparent")
    before = stylize.look
    with pytest.raises(UsageError, match="no transparency"):
        stylize.change(background="Transparent")
    assert stylize.look == before


def test_a_picture_behind_persons_that_was_not_given_is_refused_before_it_is_drawn(stylize):
    with pytest.raises(UsageError, match="there is none") as caught:
        stylize.change(background="picture")
    assert "backdrop" in caught.value.hint
    assert stylize.look.background == "keep"


def test_the_look_changes_while_it_runs(stylize):
    portrait = load_portrait()
    stylize.change(strength=0.0)
    drawn = stylize(portrait, time_s=1.0)
    np.testing.assert_array_equal(drawn, portrait)
    assert drawn is not portrait
    stylize.change(strength=1.0, scope=Scope.FRAME)
    assert stylize.look.scope is Scope.FRAME
    corner = np.s_[-40:, :40]
    assert np.abs(stylize(portrait, time_s=1.1)[corner].astype(int) - portrait[corner]).mean() > 0.5


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "four channels", "float", "empty"],
)
def test_what_is_no_picture_is_refused(stylize, picture):
    with pytest.raises(UsageError, match="no RGB picture") as caught:
        stylize(picture)
    assert caught.value.hint


@pytest.mark.parametrize("thing", [None, [[0, 0, 0]], "me.png"])
def test_what_is_no_array_is_refused(stylize, thing):
    with pytest.raises(UsageError, match="is no NumPy array") as caught:
        stylize(thing)
    assert "Pillow" in caught.value.hint


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), 1e300, "3"])
def test_what_is_no_time_is_refused(stylize, time_s):
    with pytest.raises(UsageError, match="is no time"):
        stylize(np.zeros((64, 64, 3), np.uint8), time_s=time_s)


def test_an_unknown_style_is_refused(stylize):
    with pytest.raises(StyleError, match="nobody"):
        animecam.Stylizer("nobody")
    with pytest.raises(StyleError, match="nobody"):
        stylize.change(style="nobody")
    assert stylize.look.style == "cel"


def test_the_look_can_be_given_at_once():
    settings = animecam.Settings(animecam.Look(size_px=192, mirror=True), threads=1)
    with animecam.Stylizer("starter", settings=settings, strength=0.5, scope="frame", hair_tint=None) as stylizer:
        wanted = Look("starter", strength=0.5, scope=animecam.Scope.FRAME, size_px=192, mirror=True)
        assert stylizer.look == wanted


@pytest.mark.parametrize(
    ("arguments", "words", "hint"),
    [
        ({"settings": {"threads": 1}}, "of the type dict are no Settings", "settings=Settings"),
        ({"settings": Look()}, "of the type Look are no Settings", "settings=Settings"),
        ({"strength": 2}, "strength 2 is outside", "camera"),
        ({"strenght": 0.5}, "a look has no strenght", "strength"),
        ({"size_px": 250}, "size_px 250 is no multiple", "^248"),
        ({"settings": animecam.Settings(max_fps=1)}, "max_fps is for runs that read a camera", "leave it out"),
        ({"max_faces": 8}, "a look has no max_faces", r"Settings\(max_faces=…\)"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, words, hint):
    with pytest.raises(UsageError, match=words) as caught:
        animecam.Stylizer("cel", **arguments)
    assert re.search(hint, caught.value.hint)


def test_a_type_checker_knows_every_field_of_the_look():
    assert get_type_hints(animecam.Stylizer.__init__)["look"] == Unpack[LookBesideStyle]
    assert get_type_hints(animecam.Stylizer.change)["changes"] == Unpack[LookChanges]
    assert set(get_type_hints(LookBesideStyle)) | {"style"} == set(get_type_hints(LookChanges))
    taken, kept = get_type_hints(LookChanges), get_type_hints(Look)
    assert set(taken) == {field.name for field in fields(Look)}
    for name, kind in kept.items():
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            words = [get_args(one) for one in get_args(taken[name]) if get_origin(one) is Literal]
            assert words == [tuple(choice.value for choice in kind)]
        else:
            assert taken[name] == (str | None if name == "hair_tint" else kind)  # None takes a tint away


def test_importing_the_package_imports_nothing_else():
    code = "import sys, animecam; print([m for m in sys.modules if m.startswith('animecam.') or m == 'numpy'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_there_is_can_be_listed_without_loading_it():
    code = "import sys, animecam; print(set(animecam.__all__) <= set(dir(animecam)), {'torch', 'cv2'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True set()"


def test_what_may_be_caught_or_chosen_is_at_hand():
    methods = [animecam.convert, animecam.Stylizer, *vars(animecam.Stylizer).values()]
    told = " ".join(inspect.getdoc(method) or "" for method in methods)
    raised = {*re.findall(r"\b[A-Z]\w+Error\b", told), "AnimecamError"}
    assert {"UsageError", "StyleError", "BackendError", "SinkError"} <= raised <= set(animecam.__all__)
    kinds = [*get_type_hints(Look).values(), *get_type_hints(Settings).values()]
    choices = {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, StrEnum)}
    assert {kind.__name__ for kind in choices} <= set(animecam.__all__)
    for name in animecam.__all__:
        assert getattr(animecam, name).__doc__


def test_a_closed_stylizer_says_so():
    with animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1)) as stylizer:
        pass
    with pytest.raises(UsageError, match="is closed"):
        stylizer(load_portrait())


@pytest.mark.parametrize("how", ["reset", "time runs backwards"])
def test_a_new_scene_is_drawn_as_if_it_were_the_first(how):
    portrait = load_portrait()
    other = np.ascontiguousarray(portrait[..., ::-1])  # blue skin, at the same place
    with animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1)) as stylizer:
        fresh = stylizer(other, time_s=1.0)
    with animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1)) as stylizer:
        for frame in range(3):
            stylizer(portrait, time_s=2.0 + frame / 30)
        influenced = stylizer(other, time_s=2.1)
        if how == "reset":
            stylizer.reset()
            stylizer.change(strength=1.0)
            drawn = stylizer(other, time_s=2.2)
        else:
            stylizer(portrait, time_s=2.2)
            drawn = stylizer(other, time_s=1.0)
    assert np.abs(influenced.astype(int) - fresh).max() > 3
    np.testing.assert_array_equal(drawn, fresh)


def test_a_closed_stylizer_cannot_be_reset():
    with animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1)) as stylizer:
        pass
    with pytest.raises(UsageError, match="is closed"):
        stylizer.reset()


def test_two_threads_within_one_stylizer_are_told():
    with animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1)) as stylizer, ThreadPoolExecutor(4) as pool:
        portrait, start = load_portrait(), threading.Barrier(4)

        def draw(_):
            start.wait(timeout=10)
            return stylizer(portrait).shape

        calls = [pool.submit(draw, number) for number in range(4)]
        failures = [call.exception(timeout=30) for call in calls]
        assert None in failures  # one draws
        refused = [failure for failure in failures if failure is not None]
        assert refused
        assert all(isinstance(f, UsageError) and "another thread" in str(f) for f in refused)
        assert stylizer(portrait).shape == portrait.shape  # and goes on


def test_nothing_is_freed_under_a_call_that_still_draws(monkeypatch):
    monkeypatch.setattr("animecam.api.CLOSE_SECONDS", 0.05)
    stylizer = animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1))
    order, draws, may_end, render = [], threading.Event(), threading.Event(), stylizer._render

    def render_slowly(frame):
        draws.set()
        assert may_end.wait(timeout=30)
        rendered = render(frame)
        order.append("drawn")
        return rendered

    stylizer._render = render_slowly
    stylizer._stack.callback(order.append, "freed")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(stylizer, load_portrait())
        assert draws.wait(timeout=30)
        stylizer.close()
        may_end.set()
        assert call.result(timeout=30).shape == load_portrait().shape
    assert order == ["drawn", "freed"]
    stylizer.close()
    with pytest.raises(UsageError, match="is closed"):
        stylizer(load_portrait())


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nobody"):
        animecam.Nobody  # noqa: B018


def test_what_fails_to_begin_leaves_nothing_open():
    def detectors() -> int:
        return sum(thread.name.startswith("detect") for thread in threading.enumerate())

    before = detectors()
    with pytest.raises(FaceError):
        animecam.Stylizer(settings=Settings(Look(size_px=192), threads=1, detector="yunet:/nowhere.onnx"))
    assert detectors() == before
