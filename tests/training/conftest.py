"""What the tests of training share."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from animecam_training.data.index import INDEX_FILE
from animecam_training.data.pictures import write_mask, write_picture
from animecam_training.faces import FaceFinder, FoundFace, Image, Plane


@pytest.fixture(autouse=True)
def one_thread(one_torch_thread: None) -> None:
    """The networks here are tiny: more threads cost more than they bring, above all where cores are shared."""


@pytest.fixture(scope="session")
def portrait(shared: Path) -> tuple[Image, FoundFace, Plane]:
    """One photo of the train split, its face and its person mask."""
    with tarfile.open(shared / "data/photo.tar") as archive:
        member = archive.extractfile("photo/train/faker_f_009.jpg")
        assert member is not None
        coded = np.frombuffer(member.read(), np.uint8)
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    image = np.ascontiguousarray(decoded[..., ::-1]).astype(np.uint8)
    finder = FaceFinder(shared / "weights")
    found = finder.find(image)
    assert found is not None
    return image, found, finder.person(image)


@pytest.fixture
def one_portrait(portrait: tuple[Image, FoundFace, Plane], tmp_path: Path) -> Path:
    """A folder that holds that photo as x.png."""
    folder = tmp_path / "one"
    folder.mkdir()
    write_picture(portrait[0], folder / "x.png")
    return folder


@pytest.fixture
def forget_marks() -> Callable[..., None]:
    """`forget_marks(folder, *names)`: the index of a prepared folder as it was before these options were written."""
    return _forget_marks


def _forget_marks(folder: Path, *names: str) -> None:
    index = folder / INDEX_FILE
    head, rest = index.read_text().split("\n", 1)
    marks = {name: mark for name, mark in json.loads(head)["prepared"].items() if name not in names}
    index.write_text(json.dumps({"prepared": marks}) + "\n" + rest)


@pytest.fixture
def colourful() -> Callable[..., np.ndarray]:
    """`colourful(seed, side=96)`: a picture of eight by eight squares, each of a colour of its own."""
    return _colourful


def _colourful(seed: int, side: int = 96) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((side // 8, side // 8, 1))).astype(np.uint8)


@pytest.fixture(scope="session")
def runs(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """runs.py beside this file."""
    return load_module("training/runs.py")


@pytest.fixture
def pairs(tmp_path: Path, runs: ModuleType) -> Path:
    return _write_pairs(tmp_path / "pairs", runs, 0, "abc")


def _write_pairs(folder: Path, runs: ModuleType, seed: int, names: str) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for name in names:
        photo = runs.picture(rng)
        write_picture(photo, folder / f"{name}.in.png")
        write_picture(255 - photo, folder / f"{name}.out.png")
    return folder


@pytest.fixture
def unseen(tmp_path: Path, runs: ModuleType) -> Path:
    """Pairs of three people who are not in `pairs`; of one it is known where eyes and mouth are."""
    folder = _write_pairs(tmp_path / "unseen", runs, 7, "def")
    mask = np.zeros((runs.SIDE_PX, runs.SIDE_PX), np.uint8)
    mask[30:60, 40:70] = 255
    write_mask(mask, folder / "e.parts.png")
    return folder


@pytest.fixture
def styles(tmp_path: Path, runs: ModuleType) -> Path:
    folder = tmp_path / "styles"
    folder.mkdir()
    for name in ("s", "t"):
        write_picture(runs.picture(np.random.default_rng(1)), folder / f"{name}.png")
        write_picture(runs.picture(np.random.default_rng(2)), folder / f"{name}.smooth.png")
    return folder
