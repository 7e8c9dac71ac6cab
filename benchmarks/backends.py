"""Every runtime that works here on the same head crops: time, share of a reference in the same run, and parity.

    python benchmarks/backends.py --style cel --style starter --size 256 --json benchmarks/results/backends.json

The reference for times is the same for all styles and sizes: ONNX Runtime in float32 on the full network (`starter`) at
256 x 256. All candidates of one style and size take turns with it, and what is reported is the median of the ratios
within a turn, so that a machine with other work gives the same answer as a quiet one, if a less certain one. Parity is
the PSNR of a candidate's pixels against those of ONNX Runtime in float32, both before they are rounded to bytes: "to
itself" on the same network in float32, which shows what runtime, precision and quantisation do to it, and "to full" on
the style's full network, which shows what a smaller one costs besides.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

import click
import numpy as np
from inputs import portrait_crops
from machine import Watch
from measuring import COUNT, EXACT_DB, THREADS, BenchmarkCommand, json_option, save, say, show
from numpy.typing import NDArray

from animecam.backends.base import Backend, BackendChoice, BackendOptions, Tensor
from animecam.backends.opening import open_backend, probe_backends
from animecam.measure.networks import REFERENCE, opened_reference
from animecam.measure.spread import Ratio, Spread
from animecam.measure.turns import interleave
from animecam.settings import DEFAULT_STYLE
from animecam.styles.card import FULL, Contract
from animecam.styles.pixels import batch_shape, encode
from animecam.styles.registry import REFERENCE_STYLE, Style, find_style, verified_half, verified_int8, verified_model
from animecam.types import Image

SIZES_PX = (256, 384)
REFERENCE_NAME = "reference"
PRECISIONS = ((False, False), (True, False), (True, True))  # (bfloat16, INT8) allowed, where there is any

Pixels = NDArray[np.float64]
"""What a network drew of several crops, as levels of [0, 1], float64 [N, 3, H, W] or [N, H, W, 3]."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network in a runtime."""

    quality: str
    choice: BackendChoice
    precision: str
    backend: Backend

    @property
    def name(self) -> str:
        """As the tables call it."""
        return f"{self.quality}, {self.choice.value} {self.precision}"


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate at a size.

    Attributes:
        style: The style.
        quality: Which of its networks.
        backend: The runtime.
        precision: In which it computes.
        size_px: Side of the crops.
        ms: Time of one crop.
        ratio: Of that time to the reference's, which has its own style and size.
        to_itself_db: PSNR against ONNX Runtime on the same network in float32.
        to_full_db: PSNR against ONNX Runtime in float32 on the style's full network.
    """

    style: str
    quality: str
    backend: str
    precision: str
    size_px: int
    ms: Spread
    ratio: Ratio
    to_itself_db: float
    to_full_db: float


@click.command(cls=BenchmarkCommand)
@click.option("--style", "names", multiple=True, default=(DEFAULT_STYLE, REFERENCE_STYLE), show_default=True)
@click.option("--size", "sizes_px", multiple=True, type=COUNT, default=SIZES_PX, show_default=True)
@click.option("--rounds", type=COUNT, default=15, show_default=True, help="Turns that each candidate takes.")
@click.option("--threads", type=THREADS, default=0, help="CPU threads of each runtime; 0 is its own choice.")
@json_option
def main(names: tuple[str, ...], sizes_px: tuple[int, ...], rounds: int, threads: int, report: Path | None) -> None:
    """Measures every runtime and precision that works here."""
    styles = [find_style(name) for name in names]  # all of them first: a wrong one would lose what was measured before
    for style, size_px in product(styles, sizes_px):
        check_size(style, size_px)
    watch = Watch()
    statuses = probe_backends()
    for status in statuses:
        say(f"{status.name}: {status.detail}")
    rows: list[Row] = []
    for style, size_px in product(styles, sizes_px):
        with ExitStack() as stack:  # anew for each size: runtimes keep the plans of few
            candidates = open_candidates(stack, style, threads)
            reference = stack.enter_context(opened_reference(threads))
            rows += measure(style, candidates, reference, portrait_crops(size_px), rounds)
    heads = ("network", "candidate", "size", "ms p50", "ms p95", "of the reference", "to itself dB", "to full dB")
    show("one crop", heads, [_cells(row) for row in rows])
    say(f"the reference: {REFERENCE}")
    missing = {status.name: status.problem for status in statuses if not status.usable}
    save(report, watch, {"reference": REFERENCE, "missing": missing, "rows": [asdict(row) for row in rows]})


def check_size(style: Style, size_px: int) -> None:
    """Finds a size of crops that a style's networks do not take.

    Raises:
        click.UsageError: It is one.
    """
    contract = style.card.contract
    if contract.fixed_px not in {None, (size_px, size_px)}:
        height_px, width_px = contract.fixed_px or (0, 0)
        raise click.UsageError(f"--size {size_px}: style {style.name} takes {width_px}x{height_px} only")
    if size_px < contract.min_px or size_px % contract.multiple_px:
        taken = f"multiples of {contract.multiple_px} from {contract.min_px} on"
        raise click.UsageError(f"--size {size_px}: style {style.name} takes {taken}")


def open_candidates(stack: ExitStack, style: Style, threads: int) -> list[Candidate]:
    """Every network of a style in every runtime and precision there is, that of ONNX Runtime on the full one first.

    Raises:
        BackendError: ONNX Runtime is missing, or a runtime that says it works refuses a network.
    """
    usable = {BackendChoice(status.name) for status in probe_backends() if status.usable} | {BackendChoice.ONNXRUNTIME}
    choices = sorted(usable, key=lambda choice: choice is not BackendChoice.ONNXRUNTIME)
    candidates: list[Candidate] = []
    for variant in style.card.variants:
        model = verified_model(style, variant.quality)
        half, int8 = verified_half(style, variant.quality), verified_int8(style, variant.quality)
        for choice in choices:
            for allow_bf16, allow_int8 in PRECISIONS:
                options = BackendOptions(threads=threads, allow_bf16=allow_bf16, allow_int8=allow_int8)
                backend = open_backend(model, choice, options, half=half, int8=int8)
                stack.callback(backend.close)
                candidate = Candidate(variant.quality, choice, backend.info.precision, backend)
                if candidate.name not in [known.name for known in candidates]:
                    candidates.append(candidate)
    return sorted(candidates, key=lambda one: (one.quality != FULL, one.choice is not BackendChoice.ONNXRUNTIME))


def measure(
    style: Style,
    candidates: Sequence[Candidate],
    reference: Callable[[], object],
    crops: Sequence[Image],
    rounds: int,
) -> list[Row]:
    """Runs candidates in turn with the reference, on crops of one size."""
    contract = style.card.contract
    batches = [_encoded(crop, contract) for crop in crops]
    drawn = {one.name: _draw(one.backend, batches, contract) for one in candidates}
    calls: dict[str, Callable[[], object]] = {REFERENCE_NAME: reference}
    calls |= {one.name: partial(one.backend.run, batches[0]) for one in candidates}
    times_ms = interleave(calls, rounds)
    exact = candidates[0]
    same_network = {one.quality: drawn[one.name] for one in reversed(candidates) if one.choice is exact.choice}
    return [
        Row(
            style=style.name,
            quality=one.quality,
            backend=one.choice.value,
            precision=one.precision,
            size_px=crops[0].shape[0],
            ms=Spread.of(times_ms[one.name]),
            ratio=Ratio.of(times_ms[one.name], times_ms[REFERENCE_NAME]),
            to_itself_db=psnr_db(drawn[one.name], same_network[one.quality]),
            to_full_db=psnr_db(drawn[one.name], drawn[exact.name]),
        )
        for one in candidates
    ]


def psnr_db(pixels: Pixels, wanted: Pixels) -> float:
    """Peak signal-to-noise ratio of pixels in [0, 1]; `EXACT_DB` at most."""
    error = float(np.mean((pixels - wanted) ** 2))
    return EXACT_DB if error == 0.0 else min(EXACT_DB, -10.0 * np.log10(error))


def _encoded(crop: Image, contract: Contract) -> Tensor:
    batch = np.empty(batch_shape(contract.input, 1, *crop.shape[:2]), contract.input.pixel_type.dtype)
    encode(crop, contract.input, batch[0])
    return batch


def _draw(backend: Backend, batches: Sequence[Tensor], contract: Contract) -> Pixels:
    numbers = np.concatenate([backend.run(batch)[0] for batch in batches]).astype(np.float64)
    coding = contract.output
    return np.clip((numbers - coding.black) / (coding.white - coding.black), 0.0, 1.0)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.style} {row.quality}",
        f"{row.backend} {row.precision}",
        str(row.size_px),
        f"{row.ms.p50:.1f}",
        f"{row.ms.p95:.1f}",
        str(row.ratio),
        f"{row.to_itself_db:.1f}",
        f"{row.to_full_db:.1f}",
    )


if __name__ == "__main__":
    main()
