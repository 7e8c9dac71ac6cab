"""What a page may order, and what somebody gets who orders nothing."""

from dataclasses import replace

import pytest

from animecam.errors import UsageError
from animecam.settings import Look, Quality, Settings
from animecam.web.orders import Menu, Order, order_json

MENU = Menu({"ink": ("full", "lite"), "own": ("full",)}, most_faces=8)
ORDER = Order(Look("ink"), 4, Quality.AUTO)


def test_an_order_is_changed_by_what_is_said_and_nothing_else():
    changed = MENU.changed(ORDER, {"strength": 0.5, "max_faces": 8, "quality": "lite"})
    assert changed == Order(replace(ORDER.look, strength=0.5), 8, Quality.LITE)
    assert MENU.changed(changed, {}) == changed
    assert MENU.changed(ORDER, order_json(changed)) == changed  # what a page is told it may say


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"max_faces": 0}, "outside 1..8"),
        ({"max_faces": 9}, "outside 1..8"),
        ({"max_faces": 2.5}, "no value for max_faces"),
        ({"max_faces": True}, "no value for max_faces"),
        ({"quality": "best"}, "no value for quality"),
        ({"style": "own", "quality": "lite"}, "own has no lite network"),
        ({"style": "gone"}, "there is no style"),
        ({"gpu": 1}, "there is no control"),
        ({"background": "/etc/passwd"}, "is no colour"),
        ({"background": "picture"}, "no background 'picture'"),
        ({"background": "transparent"}, "no background 'transparent'"),
    ],
)
def test_what_is_not_on_the_menu_is_refused(data, words):
    with pytest.raises(UsageError, match=words) as caught:
        MENU.changed(ORDER, data)
    assert caught.value.hint


def test_a_picture_for_the_background_may_be_ordered_where_there_is_one():
    menu = replace(MENU, backgrounds=Settings(backdrop="room.jpg").backgrounds)
    assert menu.changed(ORDER, {"background": "picture"}).look.background == "picture"


def test_a_style_without_the_usual_network_is_drawn_with_what_it_has():
    settings = Settings(Look("own"), max_faces=6, quality=Quality.LITE)
    assert MENU.usual(settings) == Order(settings.look, 6, Quality.AUTO)
    assert MENU.usual(replace(settings, quality=Quality.FULL)).quality is Quality.FULL


def test_of_a_still_picture_more_are_drawn_until_a_page_asks_for_a_number():
    usual = MENU.usual(Settings(Look("ink"), max_faces=6, still_faces=64))
    assert (usual.max_faces, usual.still_faces) == (6, 64)
    assert MENU.changed(usual, {"strength": 0.5}).still_faces == 64
    assert MENU.changed(usual, {"max_faces": 6}).still_faces is None
