"""What the tests of training share."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animecam_training.faces import FaceFinder, FoundFace, Image, Plane


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """The networks here are tiny: more threads cost more than they bring, above all where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
