"""Fixtures that every test may use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data and weights beside the checkout; absent on a user's machine."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the shared data folder beside the checkout")
    return SHARED


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """torch waits in a loop for its threads: on busy cores two take many times longer than one."""
    import torch  # only where networks are trained or compared: it takes seconds

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
