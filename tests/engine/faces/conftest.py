"""Fixtures for the tests of the faces: real detectors, and a world whose faces are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import cos, hypot, sin
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.faces.align import FACE_TEMPLATE
from animecam.faces.base import Detector
from animecam.faces.opening import open_detector
from animecam.faces.track import Tracker, TrackerOptions
from animecam.portrait import load_portrait
from animecam.types import Box, Color, Detection, Face, Faces, Frame, Image, PixelFormat, Region

ASSETS = Path(__file__).resolve().parents[3] / "engine" / "animecam" / "assets"
BOX_IN_EYES = 2.1  # side of a face's box in distances of its eyes, as BlazeFace draws it
RATE = 30
HEAD = (slice(20, 260), slice(110, 350))  # of the portrait; the face is 90 px wide and lies about its middle
FACE_PX = 90
MIDDLE = np.array([222 - 110, 122 - 20])


def make_frame(picture: Image, index: int = 0, *, rotation_deg: int = 0, rate: float = RATE) -> Frame:
    """A frame of RGB pixels that nobody can write to."""
    plane = picture.view()
    plane.flags.writeable = False
    pts = round(index * 90_000 / rate)
    return Frame((plane,), PixelFormat.RGB24, Color(), rotation_deg, index, pts, Fraction(1, 90_000), 0)


def make_face(x: float, y: float, size: float, angle: float = 0.0, score: float = 0.95) -> Detection:
    """A frontal face whose box of `size` px is centred at (x, y); `angle` turns it clockwise."""
    eyes = float(np.linalg.norm(FACE_TEMPLATE[1] - FACE_TEMPLATE[0]))
    upright = (FACE_TEMPLATE - FACE_TEMPLATE.mean(axis=0)) * (size / BOX_IN_EYES / eyes)
    turn = np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])
    points = (upright @ turn + (x, y)).astype(np.float32)
    half = size / 2
    return Detection(Box(x - half, y - half, x + half, y + half), points, score)


@dataclass
class FakeDetector:
    """Sees the faces of the world that lie in the picture which the world's cropper made last."""

    world: "World"
    smallest: float  # share of the picture's longer side
    largest: float
    score: float | None = None  # what it gives every face instead of the face's own
    calls: int = 0
    name: str = "fake"

    def detect(self, picture: Image, min_score: float) -> tuple[Detection, ...]:
        self.calls += 1
        frame, region = self.world.cropped
        inverse = cv2.invertAffineTransform(region.to_frame)
        scale = hypot(inverse[0, 0], inverse[1, 0])
        longer = max(picture.shape[:2])
        seen = []
        for face in self.world.faces(frame.index):
            points = (face.points_px @ inverse[:, :2].T + inverse[:, 2]).astype(np.float32)
            x, y = points.mean(axis=0)
            size = (face.box_px.right - face.box_px.left) * scale
            score = face.score if self.score is None else self.score
            is_inside = 0 < x < picture.shape[1] and 0 < y < picture.shape[0]
            if is_inside and self.smallest < size / longer < self.largest and score >= min_score:
                box = Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
                seen.append(Detection(box, points, score))
        return tuple(sorted(seen, key=lambda face: -face.score))

    def close(self) -> None:
        pass


@dataclass
class World:
    """A picture of given size whose faces are a function of the frame's index; its crops are blank."""

    faces: Callable[[int], list[Detection]]
    width_px: int = 640
    height_px: int = 480
    rate: float = RATE
    scan: FakeDetector = field(init=False)
    follow: FakeDetector = field(init=False)
    cropped: tuple[Frame, Region] = field(init=False)

    def __post_init__(self) -> None:
        self.scan = FakeDetector(self, smallest=0.03, largest=1.0)
        self.follow = FakeDetector(self, smallest=0.2, largest=0.8)

    def crop(self, frame: Frame, region: Region) -> Image:
        self.cropped = (frame, region)
        return np.zeros((region.height_px, region.width_px, 3), dtype=np.uint8)

    def frames(self, count: int, start: int = 0) -> Iterator[Frame]:
        plane = np.broadcast_to(np.uint8(0), (self.height_px, self.width_px, 3))
        return (make_frame(plane, index, rate=self.rate) for index in range(start, start + count))


@pytest.fixture
def world() -> type[World]:
    return World


@pytest.fixture
def face() -> Callable[..., Detection]:
    return make_face


@pytest.fixture
def frame_of() -> Callable[..., Frame]:
    return make_frame


@pytest.fixture
def track() -> Callable[..., list[Faces]]:
    """`track(scene, count, options=None)`: what the tracker says of each frame."""
    return _track


def _track(scene: World, count: int, options: TrackerOptions | None = None) -> list[Faces]:
    tracker = Tracker(scene.scan, scene.follow, scene.crop, options)
    return [tracker(frame) for frame in scene.frames(count)]


@pytest.fixture
def ids() -> Callable[[Faces], list[int]]:
    """The numbers of the faces of a frame."""
    return lambda faces: [face.track_id for face in faces.faces]


@pytest.fixture
def middle() -> Callable[[Face], np.ndarray]:
    """Where a face is."""
    return lambda face: face.detection.points_px.mean(axis=0)


@pytest.fixture
def visible() -> Callable[..., Callable[[int], list[Detection]]]:
    """`visible(face, start=0, end=...)`: one face, from a frame on or until one."""
    return _visible


def _visible(face: Detection, start: int = 0, end: int = 10**9) -> Callable[[int], list[Detection]]:
    return lambda index: [face] if start <= index < end else []


@pytest.fixture(scope="session")
def astronaut() -> Image:
    """RGB, 512 x 512; eyes near (204, 102) and (247, 106), mouth near (222, 146)."""
    picture = cv2.imread(str(ASSETS / "astronaut.jpg"))
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _detector(choice: str) -> Iterator[Detector]:
    detector = open_detector(choice, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    yield detector
    detector.close()


@pytest.fixture(scope="session")
def short() -> Iterator[Detector]:
    yield from _detector("short")


@pytest.fixture(scope="session")
def full() -> Iterator[Detector]:
    yield from _detector("full")


@pytest.fixture(scope="session")
def either() -> Iterator[Detector]:
    yield from _detector("auto")


@pytest.fixture
def ground() -> Callable[..., Image]:
    """`ground(width_px, height_px, seed=0)`: a background like a photo's."""
    return _ground


@pytest.fixture
def with_heads() -> Callable[..., Image]:
    """`with_heads(picture, places, face_px)`: the picture with heads whose faces have their middles at some places."""
    return _with_heads


def _ground(width_px: int, height_px: int, seed: int = 0) -> Image:
    """A background like a photo's: soft shapes of all sizes."""
    noise, picture = np.random.default_rng(seed), np.zeros((height_px, width_px, 3), np.float32)
    for cells in (3, 7, 17, 40, 100):
        part = noise.normal(0, 90 / cells**0.5, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(part, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture + 120 + noise.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def _with_heads(picture: Image, places: Sequence[tuple[float, float]], face_px: float) -> Image:
    """The portrait's head, every second one mirrored, with its face at each of some places; in its own oval."""
    head = load_portrait()[HEAD]
    size = round(head.shape[0] * face_px / FACE_PX)
    head = cv2.resize(head, (size, size), interpolation=cv2.INTER_AREA)
    across = (np.arange(size) + 0.5) / size * 2 - 1
    shape = np.clip((1 - np.hypot(across[:, None], across[None])) * 6, 0, 1)[..., None]
    x, y = np.rint(MIDDLE * face_px / FACE_PX).astype(int)
    for index, (place_x, place_y) in enumerate(places):
        is_mirrored = index % 2 == 1
        left, top = round(place_x) - (size - x if is_mirrored else x), round(place_y) - y
        part = picture[top : top + size, left : left + size]
        part[:] = np.rint(part * (1 - shape) + (head[:, ::-1] if is_mirrored else head) * shape)
    return picture
