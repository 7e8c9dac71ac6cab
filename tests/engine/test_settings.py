"""Settings are checked once, with a hint."""

from pathlib import Path

import numpy as np
import pytest

from animecam.backends.base import BackendChoice
from animecam.backgrounds import BACKGROUND_COLORS
from animecam.errors import UsageError
from animecam.named_colors import HAIR_TINTS
from animecam.settings import Controls, HeadEdge, Look, Quality, Scope, Settings


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"strength": 1.5}, "strength 1.5"),
        ({"strength": -0.1}, "strength -0.1"),
        ({"strength": float("nan")}, "strength nan"),
        ({"size_px": 100}, "size_px 100"),
        ({"size_px": 600}, "size_px 600"),
        ({"size_px": 250}, "size_px 250 is no multiple of 8"),
        ({"size_px": "256"}, "size_px '256' is no number"),
        ({"strength": "a"}, "strength 'a' is no number"),
        ({"split": True}, "split True is no number"),
        ({"scope": "xx"}, "scope 'xx' is none of head, person, frame"),
        ({"unseen": "hide"}, "unseen 'hide' is none of draw, keep, blur"),
        ({"scop": "head"}, "a look has no scop"),
        ({"max_faces": 8}, "a look has no max_faces"),
        ({"style": 5}, "style 5 is no text"),
        ({"hair_tint": (255, 0, 0)}, "hair_tint .* is no text"),
        ({"mirror": "no"}, "mirror 'no' is no truth value"),
    ],
)
def test_a_look_out_of_range_is_refused_and_the_old_one_stays(wrong, says):
    controls = Controls(Look())
    with pytest.raises(UsageError, match=says) as caught:
        controls.change(**wrong)
    assert controls.look == Look()
    assert caught.value.hint
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"max_faces": 0}, "max_faces 0"),
        ({"still_faces": 0}, "still_faces 0"),
        ({"still_faces": 2.5}, "still_faces 2.5 is no whole number"),
        ({"backend": "cuda"}, "backend 'cuda' is none of auto, openvino"),
        ({"quality": "best"}, "quality 'best' is none of"),
        ({"head_edge": "hard"}, "head_edge 'hard' is none of"),
        ({"max_faces": 2.5}, "max_faces 2.5 is no whole number"),
        ({"threads": -1}, "threads -1"),
        ({"threads": 2**40}, f"threads {2**40}"),
        ({"gpu": -1}, "gpu -1"),
        ({"target_fps": 0.0}, "target_fps 0"),
        ({"target_fps": "30"}, "target_fps '30' is no number"),
        ({"max_fps": "x"}, "max_fps 'x' is no number"),
        ({"detector": 5}, "detector 5 is no text"),
        ({"look": "cel"}, "look 'cel' is no Look"),
        ({"target_fps": float("nan")}, "target_fps nan"),
        ({"target_fps": float("inf")}, "target_fps inf"),
    ],
)
def test_machinery_out_of_range_is_refused(wrong, says):
    with pytest.raises(UsageError, match=says):
        Settings(**wrong)


def test_words_and_numbers_of_other_kinds_become_what_they_mean():
    look = Controls(Look()).change(scope="person", size_px=np.float32(256), strength=np.float64(0.5))
    assert look.scope is Scope.PERSON
    assert (type(look.size_px), look.size_px, look.strength) == (int, 256, 0.5)
    settings = Settings(backend="openvino", quality="full", head_edge="person")
    assert (settings.backend, settings.quality) == (BackendChoice.OPENVINO, Quality.FULL)
    assert settings.head_edge is HeadEdge.PERSON


def test_changes_add_up():
    controls = Controls(Look())
    controls.change(strength=0.5)
    controls.change(mirror=True)
    assert controls.look == Look(strength=0.5, mirror=True)


def test_the_limits_themselves_are_fine():
    for size_px in (192, 512):
        assert Look(size_px=size_px, strength=0.0).size_px == size_px


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("eyes", 1.2, "eyes 1.2 is outside"),
        ("eyes", float("nan"), "eyes nan is outside"),
        ("line", -0.1, "line -0.1 is outside"),
        ("hair_tint", "plaid", "hair_tint 'plaid' is no colour"),
        ("hair_tint", "#12345", "is no colour"),
        ("hair_tint", "#12345g", "is no colour"),
        ("background", "plaid", "background 'plaid' is no colour"),
        ("background", "", "is no colour"),
        ("background", None, "None is no text"),
    ],
)
def test_a_control_out_of_its_range_is_refused(field, value, words):
    with pytest.raises(UsageError, match=words):
        Look(**{field: value})


def test_hair_has_a_colour_by_name_by_number_or_none():
    assert Look().hair_rgb is None
    assert Look(hair_tint="pink").hair_rgb == HAIR_TINTS["pink"]
    assert Look(hair_tint="#0a14FF").hair_rgb == (10, 20, 255)
    assert Look(hair_tint="#0F9").hair_rgb == (0, 255, 153)
    assert Look(hair_tint="BLUE") == Look(hair_tint="blue")


def test_a_background_is_kept_blurred_or_of_a_colour():
    assert not Look().hides_background
    assert Look(background="Blur").hides_background
    assert Look(background="blur").background_rgb is None
    assert Look(background="GREEN").background_rgb == BACKGROUND_COLORS["green"]
    assert Look(background="#0F9") == Look(background="#00ff99")
    assert Look(background="#0F9").background_rgb == (0, 255, 153)


def test_a_picture_is_a_background_where_there_is_one():
    look = Look(background="picture")
    with pytest.raises(UsageError, match="background is a picture, and there is none"):
        Settings(look)
    settings = Settings(look, backdrop="room.jpg")
    assert Settings(look, backdrop="file:///my%20home/room.jpg").backdrop == Path("/my home/room.jpg")
    assert settings.backdrop == Path("room.jpg")
    assert settings.backgrounds[-1] == "picture"
    assert "picture" not in Settings().backgrounds


@pytest.mark.parametrize("nothing", [None, "", "none", "None"])
def test_a_tint_can_be_taken_away(nothing):
    controls = Controls(Look(hair_tint="pink"))
    assert controls.change(hair_tint=nothing) == Look()
