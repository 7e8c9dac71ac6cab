"""Hair tint on a head that the test paints, and on the bundled portrait."""

import cv2
import numpy as np
import pytest

from animecam.named_colors import HAIR_TINTS
from animecam.portrait import load_portrait
from animecam.render.hair import HairTint, recolored
from animecam.settings import Look
from animecam.types import WHOLE_FRAME, Box, Detection, Face, Faces, Region

SIZE = 192
POINTS = np.array([[76, 96], [116, 96], [96, 118], [96, 136]], np.float32)
FACES = Faces((Face(0, Detection(Box(60, 70, 132, 160), POINTS, 0.9)),))
HEAD = Region(0, SIZE, SIZE, np.array([[1.0, 0, 0], [0, 1.0, 0]]))
SKIN, BROWN, GINGER, GREY = (205, 150, 125), (60, 42, 35), (150, 75, 30), (128, 128, 128)
BLUE = HAIR_TINTS["blue"]


def head(hair=BROWN):
    """A grey wall, hair, a face, a shirt; and where the person is."""
    picture = np.full((SIZE, SIZE, 3), GREY, np.uint8)
    person = np.zeros((SIZE, SIZE), np.uint8)
    for image, colors in ((picture, (hair, SKIN, (30, 90, 40))), (person, (1, 1, 1))):
        cv2.ellipse(image, (96, 95), (62, 72), 0, 0, 360, colors[0], -1)
        cv2.ellipse(image, (96, 108), (40, 56), 0, 0, 360, colors[1], -1)
        cv2.rectangle(image, (30, 172), (162, 192), colors[2], -1)
    noise = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), person.astype(np.float32)


class Persons:
    """Finds the persons that a test says there are."""

    def __init__(self, mask):
        self.mask = mask
        self.asked = []

    def __call__(self, regions, pictures):
        self.asked.extend(region.track_id for region in regions)
        return (self.mask,) * len(regions)

    def forget(self):
        pass


def tint(picture, person, color=BLUE, faces=FACES, region=HEAD, tinter=None, drawing=None):
    tinter = tinter or HairTint(Persons(person))
    return tinter(faces, (region,), (picture,), (picture if drawing is None else drawing,), color)[0]


def blueness(picture, place):
    y, x = place
    patch = picture[y - 3 : y + 4, x - 3 : x + 4].astype(int).mean(axis=(0, 1))
    return patch[2] - patch[0]


CROWN, SIDE, CHEEK, WALL, SHIRT = (32, 96), (90, 42), (112, 84), (60, 12), (184, 96)


@pytest.mark.parametrize("region", [HEAD, Region(WHOLE_FRAME, SIZE, SIZE, HEAD.to_frame)])
def test_hair_takes_the_colour_and_nothing_else_does(region):
    picture, person = head()
    tinted = tint(picture, person, region=region)
    assert blueness(tinted, CROWN) > 60
    assert blueness(tinted, SIDE) > 60
    for place in (CHEEK, WALL, SHIRT):
        assert abs(blueness(tinted, place) - blueness(picture, place)) < 4


def test_what_is_drawn_as_skin_where_hair_was_filmed_stays_skin():
    picture, person = head()
    drawing = picture.copy()
    cv2.ellipse(drawing, (96, 108), (46, 56), 0, 0, 360, SKIN, -1)  # a wider face
    cv2.circle(drawing, (96, 30), 6, SKIN, -1)  # light on the crown
    tinted, side = tint(picture, person, drawing=drawing), (96, 137)
    assert blueness(tint(picture, person), side) > 40
    assert abs(blueness(tinted, side) - blueness(drawing, side)) < 20  # of 150 and more
    assert blueness(tinted, SIDE) > 60
    assert blueness(tinted, (30, 96)) > 60


def test_half_a_person_is_the_wall_beside_it():
    picture, person = head()
    picture[cv2.ellipse(np.zeros_like(picture), (96, 95), (74, 84), 0, 0, 360, (1, 1, 1), -1)[..., 0] > person] = BROWN
    unsure = np.maximum(person, 0.55 * cv2.dilate(person, np.ones((25, 25), np.uint8)))
    tinted, beside = tint(picture, unsure), (90, 28)
    assert abs(blueness(tinted, beside) - blueness(picture, beside)) < 4
    assert blueness(tinted, SIDE) > 60


def test_a_shaved_head_is_left_alone():
    picture, person = head(hair=SKIN)
    np.testing.assert_array_equal(tint(picture, person), picture)


def test_nobody_and_other_people_s_crops_are_left_alone():
    picture, person = head()
    np.testing.assert_array_equal(tint(picture, person, faces=Faces()), picture)
    other = Faces((Face(3, FACES.faces[0].detection),))
    np.testing.assert_array_equal(tint(picture, person, faces=other), picture)


def test_a_whole_frame_is_left_alone_where_the_head_lies_on_top_of_it():
    """Around a head in a crowd are shirts of others, that were tinted."""
    picture, person = head()
    persons = Persons(person)
    regions = (Region(WHOLE_FRAME, SIZE, SIZE, HEAD.to_frame), HEAD)
    whole, tinted = HairTint(persons)(FACES, regions, (picture, picture), (picture, picture), BLUE)
    np.testing.assert_array_equal(whole, picture)
    assert blueness(tinted, CROWN) > 60
    assert persons.asked == [HEAD.track_id]


def test_noise_does_not_make_it_flicker_and_a_turn_leaves_no_trail():
    person = head()[1]
    persons = Persons(person)
    tinter = HairTint(persons)
    tinted = []
    for seed in range(6):
        noise = np.random.default_rng(seed).normal(0, 3, (SIZE, SIZE, 3))
        picture = np.clip(head()[0] + noise, 0, 255).astype(np.uint8)
        tinted.append(tint(picture, person, tinter=tinter).astype(float))
    still = np.abs(tinted[-1] - tinted[-2])[CROWN[0] - 8 : CROWN[0] + 8, 80:112]
    assert still.mean() < 8
    picture, person = (np.roll(image, 40, axis=1) for image in head())
    picture[:, :60] = GREY
    persons.mask = person
    aside = Face(0, Detection(Box(100, 70, 172, 160), POINTS + np.float32([40, 0]), 0.9))
    after = tint(picture, person, faces=Faces((aside,)), tinter=tinter)  # the last mask lies over the wall now
    assert abs(blueness(after, SIDE)) < 4
    assert blueness(after, (CROWN[0], CROWN[1] + 40)) > 30


def test_what_is_forgotten_steadies_nothing():
    tinter = HairTint(Persons(head()[1]))
    tint(head(GINGER)[0], None, tinter=tinter)
    picture = head(BROWN)[0]
    steadied = tint(picture, None, tinter=tinter)
    tint(head(GINGER)[0], None, tinter=tinter)
    tinter.forget()
    anew = tint(picture, None, tinter=tinter)
    np.testing.assert_array_equal(anew, tint(picture, head()[1]))
    assert (anew != steadied).any()


def test_light_and_shade_stay():
    picture = np.full((40, 40, 3), 90, np.uint8)
    picture[:20] = 150
    tinted = recolored(picture, np.ones((40, 40), np.float32), (200, 60, 60)).astype(int)
    assert tinted[5, 5].sum() > tinted[30, 5].sum() + 60
    assert recolored(picture, np.zeros((40, 40), np.float32), (200, 60, 60)) is picture


def test_the_portrait_s_hair_and_not_her_face():
    from animecam.api import Stylizer
    from animecam.settings import Settings

    portrait = load_portrait()
    drawn = {}
    for name in ("", "blue"):
        with Stylizer(settings=Settings(Look(hair_tint=name), threads=1)) as stylize:
            drawn[name] = stylize(portrait).astype(int)
    change = np.abs(drawn["blue"] - drawn[""]).mean(axis=2)
    assert change[40:70, 190:255].mean() > 20  # hair, above the brow
    assert change[105:140, 205:240].mean() < 5  # nose, cheeks and mouth
    assert change[300:].max() == 0


def test_the_real_network_finds_the_person_it_needs(bundled_masker):
    picture, _ = head()
    assert tint(picture, None, tinter=HairTint(bundled_masker)).shape == picture.shape
