"""How long networks take for one picture here, beside one reference that every machine has.

Times differ from machine to machine and from day to day; the share of a reference that ran in the same turns differs
less. The reference is the full double-tail network, the style `starter`, at 256 x 256 in ONNX Runtime, float32.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import cv2  # noqa: TID253 - only what measures imports this module
import numpy as np

from animecam.backends.base import BackendChoice, BackendInfo, BackendOptions
from animecam.backends.opening import open_backend, probe_backends
from animecam.errors import BackendError
from animecam.measure.capacity import NetworkTime
from animecam.measure.spread import Ratio, Spread
from animecam.measure.turns import interleave
from animecam.portrait import load_portrait
from animecam.styles.card import FULL
from animecam.styles.network import StyleNet
from animecam.styles.registry import (
    REFERENCE_STYLE,
    Style,
    find_style,
    verified_half,
    verified_int8,
    verified_model,
)
from animecam.types import Image

REFERENCE_PX = 256
REFERENCE = f"ONNX Runtime float32 on the full network ({REFERENCE_STYLE}) at {REFERENCE_PX} px"

LEAST_ROUNDS = 3
MOST_ROUNDS = 30  # the median does not get better

_REFERENCE_NAME = "reference"
_HEAD_ROWS, _HEAD_COLUMNS = slice(0, 200), slice(125, 325)  # of the bundled portrait


class NetworkBench:
    """The networks of one style in every runtime that works here; opened once, timed at any size.

    Args:
        style: The style.
        options: How the runtimes are to compute.
        choices: Which runtimes.
        stack: Closes what is opened.

    Attributes:
        refused: Runtime that does not take a network → why.
        reference_ms: Times of the reference so far.
    """

    def __init__(
        self, style: Style, options: BackendOptions, choices: Sequence[BackendChoice], stack: ExitStack
    ) -> None:
        self.refused: dict[str, str] = {}
        self.reference_ms: list[float] = []
        self._reference = stack.enter_context(opened_reference(options.threads))
        self._nets: dict[tuple[str, str], StyleNet] = {}
        for variant in style.card.variants:
            model = verified_model(style, variant.quality)
            half, int8 = verified_half(style, variant.quality), verified_int8(style, variant.quality)
            for choice in choices:
                try:
                    backend = open_backend(model, choice, options, half=half, int8=int8)
                except BackendError as error:
                    self.refused[choice.value] = error.message
                    continue
                stack.callback(backend.close)
                self._nets[variant.quality, choice.value] = StyleNet(style.card, backend)

    @property
    def networks(self) -> Mapping[tuple[str, str], BackendInfo]:
        """(quality, runtime) → what computes it."""
        return {key: net.info for key, net in self._nets.items()}

    def time(
        self, cases: Sequence[tuple[str, str, int]], shape_of: Callable[[int], tuple[int, int]], budget_s: float
    ) -> list[NetworkTime]:
        """Times networks in turn, the reference among them.

        Args:
            cases: (quality, runtime, size_px) each.
            shape_of: Size → (height, width) of the pictures in pixels.
            budget_s: About how long it may take; each case is timed `LEAST_ROUNDS` times in any case.
        """
        calls: dict[str, Callable[[], object]] = {_REFERENCE_NAME: self._reference}
        for quality, backend, size_px in cases:
            picture = head_picture(*shape_of(size_px))
            calls[f"{quality} {backend} {size_px}"] = partial(self._nets[quality, backend], (picture,))
        for call in calls.values():  # compiles, before the time runs
            call()
        times_ms = interleave(calls, MOST_ROUNDS, budget_s=budget_s, least_rounds=LEAST_ROUNDS)
        reference_ms = times_ms.pop(_REFERENCE_NAME)
        self.reference_ms += reference_ms
        return [
            NetworkTime(
                quality=quality,
                backend=backend,
                precision=self._nets[quality, backend].info.precision,
                size_px=size_px,
                ms=Spread.of(samples_ms),
                ratio=Ratio.of(samples_ms, reference_ms),
            )
            for (quality, backend, size_px), samples_ms in zip(cases, times_ms.values(), strict=True)
        ]


def usable_backends(gpu: int = 0) -> tuple[BackendChoice, ...]:
    """The runtimes that work here, with that GPU."""
    return tuple(BackendChoice(status.name) for status in probe_backends(gpu) if status.usable)


@contextmanager
def opened_reference(threads: int = 0) -> Generator[Callable[[], object]]:
    """The reference, loaded: each call draws one picture.

    Args:
        threads: CPU threads, 0: the runtime's choice.

    Raises:
        BackendError: ONNX Runtime does not work here.
        StyleError: The reference's file is damaged.
    """
    style = find_style(REFERENCE_STYLE)
    model = verified_model(style, FULL)
    with StyleNet(style.card, open_backend(model, BackendChoice.ONNXRUNTIME, BackendOptions(threads=threads))) as net:
        picture = head_picture(REFERENCE_PX, REFERENCE_PX)
        yield lambda: net((picture,))


def head_picture(height_px: int, width_px: int) -> Image:
    """The bundled portrait's head, stretched to a size: RGB, uint8 [height_px, width_px, 3]."""
    head = load_portrait()[_HEAD_ROWS, _HEAD_COLUMNS]
    return np.asarray(cv2.resize(head, (width_px, height_px), interpolation=cv2.INTER_AREA), np.uint8)
