"""Small faces of still pictures: where tiles lie, what is believed, and groups made of the bundled portrait."""

from dataclasses import replace
from math import hypot

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.faces.geometry import upright_size
from animecam.faces.opening import TILE_PX, glances_of, open_detector
from animecam.faces.tiles import LEAST_GAIN, TileSearch, is_group, tiles_of
from animecam.faces.track import Tracker, TrackerOptions
from animecam.render.cpu import CpuImageOps
from animecam.types import Box, Detection

MOST_TILES = 140  # of a panorama; of usual shapes 118: what a search costs at the most
SIZES = [(1600, 1200), (4000, 3000), (3000, 4000), (8000, 6000), (640, 480), (300, 240), (9000, 900), (241, 50)]


def blank(frame_of, width_px, height_px, **options):
    return frame_of(np.broadcast_to(np.uint8(0), (height_px, width_px, 3)), **options)


def corners(region):
    """Box of a region in its frame."""
    ends = np.array([[0, 0, 1], [region.width_px, region.height_px, 1]]) @ region.to_frame.T
    return Box(*ends.min(axis=0), *ends.max(axis=0))


def by_scale(tiles):
    scales = {}
    for tile in tiles:
        scales.setdefault(round(hypot(*tile.to_frame[:, 0]), 3), []).append(tile)
    return scales


@pytest.mark.parametrize(("width_px", "height_px"), SIZES)
@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_tiles_of_every_scale_cover_the_picture_and_overlap(frame_of, width_px, height_px, rotation_deg):
    frame = blank(frame_of, width_px, height_px, rotation_deg=rotation_deg)
    tiles = list(tiles_of(frame, 192))
    assert 0 < len(tiles) <= MOST_TILES
    for scale, these in by_scale(tiles).items():
        assert scale >= 0.99  # never enlarged
        seen = np.zeros((height_px, width_px), dtype=bool)
        for tile in these:
            assert max(tile.width_px, tile.height_px) <= 192
            box = corners(tile)
            assert min(box) >= -1e-6
            assert box.right <= width_px + 1e-6
            assert box.bottom <= height_px + 1e-6
            seen[int(box.top + 0.5) : int(box.bottom + 0.5), int(box.left + 0.5) : int(box.right + 0.5)] = True
        assert seen.all()
        # Any face of a quarter of a tile lies whole in one of them.
        for x, y in np.random.default_rng(1).random((200, 2)) * (width_px - 48 * scale, height_px - 48 * scale):
            face = Box(max(x, 0), max(y, 0), min(x + 48 * scale, width_px), min(y + 48 * scale, height_px))
            slack = 2 * scale
            assert any(
                box.left <= face.left + slack
                and box.top <= face.top + slack
                and box.right >= face.right - slack
                and box.bottom >= face.bottom - slack
                for box in map(corners, these)
            )


def test_scales_are_halves_down_to_the_whole_picture(frame_of):
    frame = blank(frame_of, 4000, 3000)
    steps = sorted(by_scale(tiles_of(frame, 192)))
    assert steps[1:] == pytest.approx([2 * step for step in steps[:-1]], rel=0.01)
    assert max(upright_size(frame)) / (2 * steps[-1]) <= LEAST_GAIN * 192 < max(upright_size(frame)) / steps[-1]


def test_a_picture_that_is_hardly_larger_than_a_tile_has_none(frame_of):
    assert not list(tiles_of(blank(frame_of, 240, 180), 192))


@pytest.mark.parametrize("quarter_turns", range(4))
def test_tiles_of_a_turned_frame_show_it_upright(astronaut, frame_of, quarter_turns):
    ops, turned = CpuImageOps(), np.ascontiguousarray(np.rot90(astronaut[:, :400], -quarter_turns))
    frames = frame_of(astronaut[:, :400]), frame_of(turned, rotation_deg=90 * quarter_turns)
    for one, other in zip(*(tiles_of(frame, 192) for frame in frames), strict=True):
        pictures = [ops.crop(frame, tile).astype(int) for frame, tile in zip(frames, (one, other), strict=True)]
        assert np.abs(pictures[0] - pictures[1]).max() <= 1


class Sees:
    """A detector that sees one face wherever it looks, with a confidence for each look in turn."""

    name = "fake"

    def __init__(self, *scores):
        self.scores, self.looks = list(scores), 0

    def detect(self, picture, min_score):
        score = self.scores[min(self.looks, len(self.scores) - 1)]
        self.looks += 1
        height_px, width_px = picture.shape[:2]
        x, y, size = width_px / 2, height_px / 2, 0.43 * width_px
        box = Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
        points = np.array([[-0.24, -0.1], [0.24, -0.1], [0, 0.15], [0, 0.4]], np.float32) * size + (x, y)
        return (Detection(box, points.astype(np.float32), score),) if score >= min_score else ()

    def close(self):
        pass


def blank_crop(frame, region):
    return np.zeros((region.height_px, region.width_px, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("in_tile", "again", "near", "count"),
    [(0.4, 0.65, 0.8, 6), (0.2, 0.65, 0.8, 0), (0.4, 0.5, 0.8, 0), (0.9, 0.65, 0.6, 0)],
)
def test_a_face_in_a_tile_needs_both_networks_from_near(frame_of, in_tile, again, near, count):
    frame = blank(frame_of, 400, 300)
    assert len(list(tiles_of(frame, 192))) == 6
    seen = TileSearch(Sees(*[in_tile] * 6, again), Sees(near), blank_crop, 192)(frame, ())
    assert len(seen) == count
    assert all(face.score == near for face in seen)


def test_what_is_known_or_the_half_of_it_is_no_other(frame_of, face):
    frame = blank(frame_of, 400, 300)
    places = [(x, y) for y in (96, 204) for x in (96, 200, 304)]
    for size, seen_beside in ((83, 0), (50, 0), (150, 0), (20, 6), (300, 6)):
        known = [face(x, y, size) for x, y in places]
        assert len(TileSearch(Sees(0.9), Sees(0.9), blank_crop, 192)(frame, known)) == seen_beside


def test_a_group_that_looked_like_a_face_is_none(face):
    group = [face(x, y, 30) for x, y in ((80, 80), (120, 90))]
    assert is_group(face(100, 100, 150), group)
    assert not is_group(face(100, 100, 150), group[:1])
    assert not is_group(face(100, 100, 60), group)  # two heads before another
    assert not is_group(face(300, 100, 150), group)
    assert not is_group(face(100, 100, 150), [])


def test_a_large_face_made_of_small_ones_gives_way_to_them(search, ground, with_heads, face, short, frame_of):
    class Fooled:
        name = "fooled"

        def detect(self, picture, min_score):
            height_px, width_px = picture.shape[:2]
            return (face(width_px / 2, height_px / 2, 0.4 * width_px, score=0.9),) if min_score < 0.9 else ()

        def close(self):
            pass

    picture = with_heads(ground(1600, 1200), [(700, 500), (900, 500), (800, 700)], 60)
    full = open_detector("full", BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    tracker = Tracker(Fooled(), short, CpuImageOps().glimpse, TrackerOptions(tile_px=192), None, (full,))
    assert len(tracker(frame_of(picture)).faces) == 1
    still = Tracker(Fooled(), short, CpuImageOps().glimpse, TrackerOptions(tile_px=192), None, (full,))
    sizes = [
        seen.detection.box_px.right - seen.detection.box_px.left
        for seen in still(replace(frame_of(picture), is_still=True)).faces
    ]
    assert sizes == pytest.approx([60, 60, 60], rel=0.35)
    full.close()


def test_the_number_of_second_looks_is_bounded(frame_of, monkeypatch):
    monkeypatch.setattr("animecam.faces.tiles.MOST_LOOKS", 3)
    frame, follow = blank(frame_of, 400, 300), Sees(0.1)
    assert TileSearch(Sees(0.9), follow, blank_crop, 192)(frame, ()) == []
    assert follow.looks == 3


def test_a_search_pauses_after_each_look(frame_of):
    """Between two of them whoever shares the networks has his turn."""
    frame = blank(frame_of, 400, 300)
    looks = []

    def crop(frame, region):
        looks.append(region)
        return blank_crop(frame, region)

    work, most, pauses = TileSearch(Sees(0.9), Sees(0.9), crop, 192).pausing(frame, ()), 0, 0
    while True:
        before = len(looks)
        try:
            next(work)
        except StopIteration as end:
            found = end.value
            break
        pauses, most = pauses + 1, max(most, len(looks) - before)
    assert (pauses, most) == (12, 1)  # six tiles and what was seen in each
    assert [face.box_px for face in found] == [
        face.box_px for face in TileSearch(Sees(0.9), Sees(0.9), blank_crop, 192)(frame, ())
    ]


@pytest.fixture
def search(either, short, frame_of):
    """`search(picture, is_still=True)`: detections of a picture."""

    def look(picture, *, is_still=True, **options):
        known = TrackerOptions(100, 100, tile_px=TILE_PX["auto"], **options)
        tracker = Tracker(either, short, CpuImageOps().glimpse, known, None, glances_of(either))
        return [face.detection for face in tracker(replace(frame_of(picture), is_still=is_still)).faces]

    return look


def middles(faces):
    return np.array(
        sorted(
            ((face.box_px.left + face.box_px.right) / 2, (face.box_px.top + face.box_px.bottom) / 2) for face in faces
        )
    )


@pytest.mark.parametrize(("width_px", "height_px", "face_px"), [(1600, 1200, 24), (1600, 1200, 48), (4000, 3000, 48)])
def test_all_of_a_group_are_found_once(search, ground, with_heads, width_px, height_px, face_px):
    rows, columns = 4, 10
    places = [
        (width_px * (0.5 + (column - 4.5) * 0.085) + row * face_px * 0.4, height_px * (0.3 + 0.12 * row))
        for row in range(rows)
        for column in range(columns)
    ]
    picture = with_heads(ground(width_px, height_px), places, face_px)
    seen = search(picture)
    assert len(seen) == rows * columns
    assert middles(seen) == pytest.approx(np.array(sorted(places)), abs=0.35 * face_px)
    assert len(search(picture, is_still=False)) < 4  # of a film's frame one small copy is searched


def test_a_face_across_the_edges_of_tiles_is_one(search, ground, with_heads):
    found = []
    for step in range(12):
        place = (700 + 13 * step, 560 + 17 * step)
        seen = search(with_heads(ground(1600, 1200, step), [place], 70))
        assert len(seen) == 1
        found.append((middles(seen)[0] - place) / 70)
    assert np.abs(found).max() < 0.3


def test_a_large_face_stays_as_it_is(search, astronaut):
    large = cv2.resize(astronaut, (2000, 2000), interpolation=cv2.INTER_CUBIC)
    for picture in (astronaut, large):
        (still,), (film,) = search(picture), search(picture, is_still=False)
        assert still.box_px == film.box_px
        np.testing.assert_array_equal(still.points_px, film.points_px)


def test_a_small_face_beside_a_large_one_is_found_too(search, ground, with_heads):
    picture = with_heads(ground(1600, 1200), [(500, 600)], 300)
    sizes = [
        face.box_px.right - face.box_px.left for face in search(with_heads(picture, [(1300, 300), (1400, 900)], 30))
    ]
    assert sizes == pytest.approx([300, 30, 30], rel=0.35)


def test_nobody_is_found_where_nobody_is(search, ground):
    y, x = np.mgrid[:900, :1400]
    tiles = np.where((x // 20 + y // 20) % 2, 60, 190).astype(np.uint8)
    rings = (127 + 120 * np.sin(np.hypot(x % 140 - 70, y % 140 - 70) / 5)).astype(np.uint8)
    dots = np.where((np.hypot(x % 60 - 20, y % 60 - 25) < 6) | (np.hypot(x % 60 - 40, y % 60 - 25) < 6), 30, 200)
    pictures = [ground(1400, 900, seed) for seed in range(4)]
    pictures += [np.repeat(np.uint8(plain)[..., None], 3, axis=2) for plain in (tiles, rings, dots)]
    for picture in pictures:
        assert search(picture) == []


def test_pictures_without_tiles_are_searched_whole(search, ground, with_heads, either, short, frame_of):
    picture = with_heads(ground(1600, 1200), [(500, 600), (800, 600)], 40)
    tracker = Tracker(either, short, CpuImageOps().glimpse, TrackerOptions(tile_px=TILE_PX["short"]))
    assert not tracker(replace(frame_of(picture), is_still=True)).faces
    assert len(search(picture)) == 2


def test_the_detector_for_small_faces_alone_finds_them_too(ground, with_heads, short, frame_of):
    full = open_detector("full", BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    picture = with_heads(ground(1600, 1200), [(500, 600), (800, 600)], 40)
    tracker = Tracker(full, short, CpuImageOps().glimpse, TrackerOptions(tile_px=TILE_PX["full"]))
    assert len(tracker(replace(frame_of(picture), is_still=True)).faces) == 2
    full.close()


def test_more_faces_are_drawn_of_a_still_picture_than_of_a_film(world, face):
    scene = world(lambda _: [face(80 * place + 60, 200, 60) for place in range(7)])
    for is_still, drawn in ((False, 2), (True, 5)):
        tracker = Tracker(scene.scan, scene.follow, scene.crop, TrackerOptions(2, 5))
        (frame,) = scene.frames(1)
        faces = tracker(replace(frame, is_still=is_still))
        assert (len(faces.faces), faces.left_out) == (drawn, 7 - drawn)
