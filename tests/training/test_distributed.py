"""Two processes with half the batch each learn what one process with the whole batch learns."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from os import environ
from pathlib import Path

import numpy as np
import pytest
import torch

from animecam_training.data.pictures import write_picture
from animecam_training.recipe.config import AugmentConfig, DataConfig, ModelConfig, OptimConfig, PairWeights, Recipe
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run.checkpoint import load_checkpoint
from animecam_training.run.folder import read_stats
from animecam_training.run.loop import RunOptions, train

JOIN_SECONDS = 120
TAKES_A_STEP = """
import os
from pathlib import Path

import torch

from animecam_training.run.distributed import join_processes

with join_processes():
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.ones(1)
    torch.optim.Adam([weight]).step()
names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
left = sum("gloo" in name for name in names)
os.write(1, f"threads left: {left}\\n".encode())  # in one go: lines of two processes got mixed up
"""

BREAKS = """
import math
import os
import sys

from animecam_training.cli import main
from animecam_training.losses import supervised
from animecam_training.methods import pairs

calls = []

def gradient_l1(drawn, target):
    calls.append(1)
    if len(calls) == 3 and os.environ["RANK"] == sys.argv[1]:
        return drawn.mean() * math.nan
    return supervised.gradient_l1(drawn, target)

pairs.gradient_l1 = gradient_l1
sys.exit(main(sys.argv[2:]))
"""


def _recipe(folder: Path, batch: int) -> Recipe:
    return Recipe(
        steps=2,
        model=ModelConfig(widths=(8, 8, 8)),
        data=DataConfig(photos=str(folder), batch=batch, sizes_px=(64,), zooms=(1.0,)),
        augment=AugmentConfig(),
        optim=OptimConfig(warmup_steps=1, clip_norm=1e6),
        pair_weights=PairWeights(stability=2.0),
    )


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    folder = tmp_path / "pairs"
    folder.mkdir()
    for i in range(3):
        picture = np.random.default_rng(i).integers(0, 255, (72, 72, 3), dtype=np.uint8)
        write_picture(picture, folder / f"{i}.in.png")
        write_picture(255 - picture, folder / f"{i}.out.png")
    return folder


def _two_processes(*words: str) -> subprocess.CompletedProcess[str]:
    """A program, started by torchrun as two processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=JOIN_SECONDS, check=False)


def _run_two(pairs: Path, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A run of two processes into the folder "two"."""
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(_recipe(pairs, 1)))
    run = ("-m", "animecam_training.cli", "run", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "two"))
    return _two_processes(*run, "--threads", "1", *words)


@pytest.mark.slow
def test_two_processes_equal_one(pairs: Path, tmp_path: Path) -> None:
    alone = train(_recipe(pairs, 2), RunOptions(tmp_path / "alone"))
    done = _run_two(pairs, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step 2 of 2") == 1
    together = load_checkpoint(tmp_path / "two/last.pt")
    assert together.step == 2
    for name, value in alone.weights.items():
        # Adam divides by the gradient's size, which magnifies rounding where the gradient is nearly nothing.
        assert torch.allclose(value, together.weights[name], atol=2e-4), name


@pytest.mark.slow
def test_a_folder_that_holds_a_run_stops_all_processes_in_a_line(pairs: Path, tmp_path: Path) -> None:
    """The first process stopped, and the others told of a lost connection in a traceback."""
    (tmp_path / "two").mkdir()
    (tmp_path / "two/last.pt").touch()
    done = _run_two(pairs, tmp_path)
    assert done.returncode != 0
    assert "already holds a run" in done.stderr
    assert "[rank1]" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [("--stepz", "3"), ("--set", "batch=2")])
def test_what_was_typed_wrong_is_told_once(wrong: tuple[str, str], pairs: Path, tmp_path: Path) -> None:
    done = _run_two(pairs, tmp_path, *wrong)
    assert done.returncode != 0
    assert done.stderr.count("animecam-train:") == 1
    assert done.stderr.count("hint:") == 1


@pytest.mark.slow
def test_notes_are_told_once(pairs: Path, tmp_path: Path) -> None:
    train(_recipe(pairs, 2), RunOptions(tmp_path / "alone"))
    done = _run_two(pairs, tmp_path, "--from", str(tmp_path / "alone/last.pt"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("started from") == 1


@pytest.mark.slow
def test_one_process_validates_and_the_others_wait(pairs: Path, tmp_path: Path) -> None:
    unseen = tmp_path / "unseen"
    unseen.mkdir()
    write_picture(np.full((72, 72, 3), 90, np.uint8), unseen / "a.in.png")
    write_picture(np.full((72, 72, 3), 200, np.uint8), unseen / "a.out.png")
    done = _run_two(pairs, tmp_path, "--validation", str(unseen), "--set", "validate_every=1")
    assert done.returncode == 0, done.stderr
    assert [list(line.losses).count("val/drawing_l1") for line in read_stats(tmp_path / "two/stats.jsonl")] == [1, 1]
    assert load_checkpoint(tmp_path / "two/best.pt").step in (1, 2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_no_thread_of_a_group_outlives_it(tmp_path: Path) -> None:
    """Where one did, a process was aborted at its end now and then, though all was done."""
    script = tmp_path / "step.py"
    script.write_text(TAKES_A_STEP)
    done = _two_processes(str(script))
    assert done.stdout.count("threads left: 0") == 2, done.stdout + done.stderr


@pytest.mark.slow
def test_a_loss_that_is_no_number_in_one_process_stops_all_in_a_line(pairs: Path, tmp_path: Path) -> None:
    """The others waited for the gradients of the one that had stopped, and told of a lost connection in a traceback."""
    script = tmp_path / "breaks.py"
    script.write_text(BREAKS)
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(_recipe(pairs, 1)))
    words = ["run", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "two"), "--threads", "1"]
    done = _two_processes(str(script), "1", *words, "--set", "save_every=1", "--set", "steps=4")
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "animecam-train:" in line]
    assert lines == ["animecam-train: loss gradient is not finite"]
    assert "gloo" not in done.stderr
    assert "[rank" not in done.stderr
    assert load_checkpoint(tmp_path / "two/last.pt").step == 2


@pytest.mark.slow
def test_the_end_of_one_process_is_a_line_of_the_others(pairs: Path, tmp_path: Path) -> None:
    script = tmp_path / "breaks.py"
    script.write_text(BREAKS.replace("return drawn.mean() * math.nan", "os._exit(3)"))
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(_recipe(pairs, 1)))
    words = ["run", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "two"), "--threads", "1"]
    command = [sys.executable, str(script), "1", *words, "--set", "steps=4"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # torchrun would end the other one, too, maybe before it has said anything.
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    with ExitStack() as stack:
        first, _ = (
            stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ | own))
            for own in (place | {"RANK": str(rank)} for rank in range(2))
        )
        told = first.communicate(timeout=JOIN_SECONDS)[1]
    assert first.returncode == 1
    lines = [line for line in told.splitlines() if line.startswith("animecam-train:")]
    assert lines == ["animecam-train: another process of the run ended"]
    assert "Traceback" not in told
