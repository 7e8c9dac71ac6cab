"""Checkpoints: whole or not at all."""

import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from animecam_training.errors import CheckpointError
from animecam_training.recipe.config import ModelConfig, Recipe
from animecam_training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from animecam_training.run.ema import MovingAverage


def _checkpoint(step: int) -> Checkpoint:
    recipe = Recipe(model=ModelConfig(widths=(8, 8, 8)))
    return Checkpoint(recipe, step, {"w": torch.full((2,), float(step))}, {"g": {"step": step}})


def test_there_and_back(tmp_path: Path) -> None:
    save_checkpoint(_checkpoint(7), tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt")
    assert loaded.step == 7
    assert loaded.recipe == _checkpoint(7).recipe
    assert torch.equal(loaded.weights["w"], torch.full((2,), 7.0))
    assert loaded.state == {"g": {"step": 7}}


def test_keys_of_another_version_are_passed_over_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """flat.face_ink got another name: weights that never heard of it could not be read."""
    path = tmp_path / "last.pt"
    save_checkpoint(_checkpoint(1), path)
    payload = torch.load(path, weights_only=True)
    payload["recipe"]["flat"]["face_ink"] = 0.8
    torch.save(payload, path)
    assert load_checkpoint(path).recipe == _checkpoint(1).recipe
    assert "last.pt was written by another version; passed over: flat.face_ink" in caplog.text
    payload["recipe"]["method"] = "magic"
    torch.save(payload, path)
    with pytest.raises(CheckpointError, match=r"last.pt was written by another version: .*method"):
        load_checkpoint(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_keeps_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(_checkpoint(1), path)
    (tmp_path / "a.pt.partial").symlink_to("/dev/full")  # where the next one is written first
    with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*a\.pt: No space left on device$"):
        save_checkpoint(_checkpoint(2), path)
    assert load_checkpoint(path).step == 1
    assert list(tmp_path.iterdir()) == [path]
    save_checkpoint(_checkpoint(3), path)
    assert load_checkpoint(path).step == 3


def test_a_process_killed_while_writing_keeps_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(_checkpoint(1), path)
    # A limit on the size of files kills the writer in the middle of a larger checkpoint, as a power cut would.
    code = (
        "import resource, signal, sys, torch\n"
        "from pathlib import Path\n"
        "from animecam_training.run.checkpoint import Checkpoint, save_checkpoint\n"
        "from animecam_training.recipe.config import Recipe\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "save_checkpoint(Checkpoint(Recipe(), 2, {'w': torch.zeros(100_000)}, {}), Path(sys.argv[1]))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], timeout=120, check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert (tmp_path / "a.pt.partial").stat().st_size <= 20_000
    assert load_checkpoint(path).step == 1
    save_checkpoint(_checkpoint(3), path)
    assert load_checkpoint(path).step == 3
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"broken\.pt"):
        load_checkpoint(path)


def test_a_single_changed_bit_of_a_weight_is_damage(tmp_path: Path) -> None:
    """torch.load does not look at the sums: the run went on from other weights."""
    path = tmp_path / "last.pt"
    save_checkpoint(_checkpoint(7), path)
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<2f", 7.0, 7.0))
    content[place + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"last\.pt is damaged"):
        load_checkpoint(path)


def test_another_file_of_torch_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of a run"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_checkpoint_with_parts_missing_is_refused(tmp_path: Path) -> None:
    torch.save({"format": 1, "recipe": {}}, tmp_path / "half.pt")
    with pytest.raises(CheckpointError, match="has no step, weights, state"):
        load_checkpoint(tmp_path / "half.pt")


@pytest.mark.parametrize("place", ["file/a.pt", "nowhere/a.pt"])
def test_a_place_that_is_none_is_no_full_disk(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot write") as caught:
        save_checkpoint(_checkpoint(1), tmp_path / place)
    assert "free some space" not in caught.value.hint


def test_the_average_follows_and_lags() -> None:
    layer = torch.nn.Linear(1, 1)
    average = MovingAverage(layer, decay=0.9)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    start = average.weights["weight"].clone()
    for _ in range(200):
        average.update(layer)
    assert torch.allclose(average.weights["weight"], torch.ones(1), atol=1e-4)
    assert not torch.equal(start, average.weights["weight"])


def test_the_average_weighs_as_its_decay_says() -> None:
    layer = torch.nn.Linear(1, 1)
    average = MovingAverage(layer, decay=0.5)
    average.updates = 1000  # warmed up
    before = average.weights["weight"].clone()
    with torch.no_grad():
        layer.weight.add_(1.0)
    average.update(layer)
    assert torch.allclose(average.weights["weight"], before + 0.5)
