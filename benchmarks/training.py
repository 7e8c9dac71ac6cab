"""Steps per second and peak memory of the training loop, for each method, on this machine.

    python benchmarks/training.py --steps 10 --size 128 --batch 4 --json results.json

Pictures are made here; the numbers do not depend on their content.
"""

import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Literal

import click
import torch
from crop_sides import crop_side
from machine import Watch
from measuring import BYTES_PER_MIB, COUNT, PEAK_UNIT_PER_MIB, THREADS, BenchmarkCommand, json_option, save, say

from animecam.measure.spread import Spread
from animecam_training.methods.base import Method
from animecam_training.methods.dtgan import DtganMethod
from animecam_training.methods.pairs import PairMethod
from animecam_training.recipe.config import DataConfig, GeneratorName, ModelConfig, PairWeights, Recipe
from animecam_training.recipe.config import Method as MethodName

WARM_UP_STEPS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A method with a generator."""

    name: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Result:
    """What a case costs; p50 and p95 of a step in ms, memory in MiB (of the device on a GPU, else of the process)."""

    name: str
    step_p50_ms: float
    step_p95_ms: float
    steps_per_second: float
    peak_mib: float


def make_cases(size_px: int, batch: int, precision: Literal["fp32", "bf16"]) -> list[Case]:
    """Every method with the generators that are trained by it."""
    data = DataConfig(batch=batch, sizes_px=(size_px,))

    def recipe(generator: GeneratorName, method: MethodName = "pairs", adversarial: float = 0.0) -> Recipe:
        return Recipe(
            method=method,
            steps=1_000_000,
            precision=precision,
            model=ModelConfig(generator),
            data=data,
            pair_weights=PairWeights(adversarial=adversarial),
        )

    return [
        Case("pairs, dtgan-lite", recipe("dtgan-lite")),
        Case("pairs with discriminator, dtgan-lite", recipe("dtgan-lite", adversarial=0.1)),
        Case("pairs, dtgan", recipe("dtgan")),
        Case("dtgan, dtgan-lite-double", recipe("dtgan-lite-double", method="dtgan")),
        Case("dtgan, dtgan-double", recipe("dtgan-double", method="dtgan")),
    ]


def make_batch(size_px: int, batch: int, device: torch.device) -> dict[str, torch.Tensor]:
    """Random pictures under every name that a method asks for."""
    source = torch.Generator().manual_seed(0)
    names = ("photo", "clean", "target", "anime", "smoothed")
    pictures = {name: torch.rand((batch, 3, size_px, size_px), generator=source) * 2 - 1 for name in names}
    blocks = torch.arange(size_px) // 8
    regions = (blocks[:, None] * (size_px // 8 + 1) + blocks[None]).expand(batch, -1, -1).contiguous()
    return {name: value.to(device) for name, value in (pictures | {"regions": regions}).items()}


def measure(case: Case, steps: int, threads: int) -> Result:
    """Time some steps of a case after a warm-up; in a process of its own, so that the peak of memory is the case's."""
    if threads:
        torch.set_num_threads(threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = case.recipe
    method: Method = DtganMethod(recipe, device) if recipe.method == "dtgan" else PairMethod(recipe, device)
    batch = make_batch(recipe.data.sizes_px[0], recipe.data.batch, device)
    times_ms: list[float] = []
    for step in range(WARM_UP_STEPS + steps):
        started = perf_counter()
        method.train_step(batch, step)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if step >= WARM_UP_STEPS:
            times_ms.append((perf_counter() - started) * 1e3)
    if device.type == "cuda":
        peak_mib = torch.cuda.max_memory_allocated(device) / BYTES_PER_MIB
    else:
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK_UNIT_PER_MIB
    step_ms = Spread.of(times_ms)
    return Result(case.name, step_ms.p50, step_ms.p95, 1e3 / step_ms.p50, peak_mib)


@click.command(cls=BenchmarkCommand)
@click.option("--steps", type=COUNT, default=10, show_default=True, help="Timed steps of each case.")
@click.option("--size", type=int, default=128, show_default=True, callback=crop_side, help="Side of the crops, pixels.")
@click.option("--batch", type=COUNT, default=4, show_default=True, help="Crops of a step.")
@click.option("--threads", type=THREADS, default=0, help="CPU threads; 0 leaves torch's choice.")
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True)
@json_option
def main(
    *, steps: int, size: int, batch: int, threads: int, precision: Literal["fp32", "bf16"], report: Path | None
) -> None:
    """Times the steps of every method."""
    watch = Watch()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    where = gpu or f"{watch.report()['cpu']}, {threads or torch.get_num_threads()} threads"
    say(f"{where}, batch {batch} at {size} px, {precision}")
    results: list[Result] = []
    for case in make_cases(size, batch, precision):
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            result = alone.submit(measure, case, steps, threads).result()
        results.append(result)
        say(
            f"{result.name:40s} p50 {result.step_p50_ms:7.0f} ms  p95 {result.step_p95_ms:7.0f} ms"
            f"  {result.steps_per_second:5.2f} steps/s  peak {result.peak_mib:6.0f} MiB"
        )
    settings = {"steps": steps, "size": size, "batch": batch, "threads": threads, "precision": precision}
    save(report, watch, {"gpu": gpu, "settings": settings, "results": [asdict(result) for result in results]})


if __name__ == "__main__":
    main()
