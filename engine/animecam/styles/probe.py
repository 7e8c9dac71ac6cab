"""Finds out how an unknown picture-to-picture network is fed, by running it on a portrait and looking at the result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2  # noqa: TID253 - compares pictures
import numpy as np

from animecam.backends.base import Backend, Port, Tensor
from animecam.errors import BackendError, StyleError
from animecam.styles.card import Contract, Layout, PixelCoding, PixelType
from animecam.styles.pixels import batch_shape, decode, encode
from animecam.types import Image

RANGES = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
"""(black, white) that networks are trained with, the most common first."""

BYTES = ((0.0, 255.0),)
"""The one range of uint8."""

MULTIPLES_PX = (1, 2, 4, 8, 16, 32, 64)
"""What the sides may have to be multiples of: networks halve up to six times."""

SMALLEST_PX = (16, 32, 64, 128)
"""Sides that are tried, to find the smallest picture. No network may be fixed to less than the first."""

PROBE_PX = (256, 192)
"""(height, width) of the probe: multiples of all above, and unequal, so that no axis is taken for another."""

LEAST_LIKENESS = 0.35
"""Below this the result is no drawing of the portrait. Noise, a negative and networks fed far off have 0 and less,
the bundled style has 0.97, the portrait in two levels a channel 0.64."""

AS_GOOD = 0.05
"""Likenesses that differ by less do not tell two ranges apart; the more usual one is taken then."""

MOST_NUMBERS = 3 * 4096**2
"""That a network may take at once: 200 MB of float32. All of a batch is computed, however few pictures are in it."""

_CHANNELS = 3
_MOST_CHANNELS = 4  # a side of a picture is longer than this
_COMPARED_PX = (32, 32)  # so small that lines and textures, which a style adds, do not count
_HINT = "a style takes an RGB picture and gives one of the same size"


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found.

    Attributes:
        contract: How the network is fed.
        likeness: How much its drawing of the portrait resembles the portrait, at most 1.
        as_good: Other (black, white) for the input that give a drawing as good.
    """

    contract: Contract
    likeness: float
    as_good: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Trial:
    """One way to feed a network, and what came of it."""

    input: PixelCoding
    output: PixelCoding
    likeness: float


def probe_network(backend: Backend, portrait: Image) -> Probed:
    """Finds a network's contract.

    Args:
        backend: The loaded network.
        portrait: RGB, uint8 [H, W, 3], not uniform.

    Raises:
        StyleError: It is not a network that takes an RGB picture and gives one of the same size.
    """
    problem = ""
    for layout in _layouts(backend.input):
        fixed_px = _fixed_size(backend.input, layout)
        size_px = fixed_px or PROBE_PX
        if backend.max_batch * _CHANNELS * size_px[0] * size_px[1] > MOST_NUMBERS:
            message = f"the network takes {_shape(backend.input)}, which is too large to be drawn live"
            raise StyleError(message, hint="export it with a smaller fixed size, for instance 1x3x256x256")
        if min(size_px) < SMALLEST_PX[0]:
            message = f"the network takes {_shape(backend.input)}, which is too small to draw a face"
            raise StyleError(message, hint="export it with a larger fixed size, for instance 1x3x256x256")
        picture = _resized(portrait, size_px)
        try:
            trials = list(_trials(backend, picture, layout))
        except BackendError as error:  # it does not run in this layout; there may be another
            problem = error.message
            continue
        trial, as_good = _best(trials)
        contract = _sized(backend, portrait, trial, fixed_px)
        return Probed(contract, trial.likeness, as_good)
    raise StyleError(f"the network does not run on a picture: {problem}", hint=_HINT)


def likeness(picture: Image, drawn: Image) -> float:
    """How much a drawing resembles its picture: the correlation of brightness, less what mean and contrast differ.

    Args:
        picture: RGB, uint8 [H, W, 3].
        drawn: Likewise, of the same size.

    Returns:
        1 for equal pictures; 0 and below for pictures that have nothing in common.
    """
    before, after = (_brightness(one) for one in (picture, drawn))
    spread = float(before.std() * after.std())
    correlation = float(((before - before.mean()) * (after - after.mean())).mean()) / spread if spread > 0 else 0.0
    return correlation - abs(float(before.mean() - after.mean())) - abs(float(before.std() - after.std()))


def _layouts(port: Port) -> Sequence[Layout]:
    """The layouts that the input's shape allows."""
    if len(port.shape) == len(Layout.NCHW):
        fits = [layout for layout in Layout if port.shape[layout.index("C")] == _CHANNELS]
        other_channels = any(size is not None and size <= _MOST_CHANNELS for size in port.shape[1:])
        if not fits and not other_channels:
            fits = [layout for layout in Layout if port.shape[layout.index("C")] is None]
        if fits:
            return fits
    raise StyleError(f"the network takes {_shape(port)}, which is no RGB picture", hint=_HINT)


def _shape(port: Port) -> str:
    return "x".join("?" if size is None else str(size) for size in port.shape) or "a single number"


def _fixed_size(port: Port, layout: Layout) -> tuple[int, int] | None:
    height, width = port.shape[layout.index("H")], port.shape[layout.index("W")]
    if height is None and width is None:
        return None
    if height is None or width is None:
        raise StyleError("the network fixes one side of the picture and leaves the other free", hint=_HINT)
    return height, width


def _trials(backend: Backend, picture: Image, layout: Layout) -> Iterator[_Trial]:
    """Feeds the picture in every range and reads the result in every range."""
    pixel_type = _pixel_type(backend.input)
    for black, white in _ranges(pixel_type):
        coding = PixelCoding(layout, pixel_type, black, white)
        numbers = _run(backend, picture, coding)
        if not np.isfinite(numbers).all():
            continue
        out_layout, out_type = _output_layout(numbers, picture), _pixel_type(backend.outputs[0])
        for out_black, out_white in _ranges(out_type):
            output = PixelCoding(out_layout, out_type, out_black, out_white)
            yield _Trial(coding, output, likeness(picture, decode(numbers[0], output)))


def _best(trials: Sequence[_Trial]) -> tuple[_Trial, tuple[tuple[float, float], ...]]:
    """The trial to believe, and other input ranges that are as good."""
    if not trials:
        raise StyleError("the network gives no finite numbers for a picture", hint=_HINT)
    best = max(trial.likeness for trial in trials)
    if best < LEAST_LIKENESS:
        message = f"what the network gives does not resemble the picture it got (likeness {best:.2f})"
        raise StyleError(message, hint=_HINT)
    good = [trial for trial in trials if trial.likeness >= best - AS_GOOD]
    # A network that normalises its input draws the same in every range; most have one range for both ends.
    chosen = next((trial for trial in good if _range(trial.input) == _range(trial.output)), good[0])
    others = dict.fromkeys(_range(trial.input) for trial in good if _range(trial.input) != _range(chosen.input))
    return chosen, tuple(others)


def _sized(backend: Backend, portrait: Image, trial: _Trial, fixed_px: tuple[int, int] | None) -> Contract:
    """The contract with the sizes that the network takes."""
    if fixed_px is not None:
        return Contract(trial.input, trial.output, multiple_px=1, fixed_px=fixed_px, min_px=1)
    multiple = next((px for px in MULTIPLES_PX if _takes(backend, portrait, trial, _odd_multiples(px))), None)
    if multiple is None:
        message = f"the network takes no pictures with sides in multiples of {MULTIPLES_PX[-1]}"
        raise StyleError(message, hint="export it with a fixed size, for instance 256x256")
    sides = (-(-side // multiple) * multiple for side in SMALLEST_PX)
    smallest = next((side for side in sides if _takes(backend, portrait, trial, (side, side))), max(PROBE_PX))
    return Contract(trial.input, trial.output, multiple_px=multiple, min_px=smallest)


def _odd_multiples(multiple_px: int) -> tuple[int, int]:
    """Two different sizes near the probe's that are multiples of this and of no larger power of two."""
    height, width = (side // multiple_px // 2 * 2 + 1 for side in PROBE_PX)
    return height * multiple_px, width * multiple_px


def _takes(backend: Backend, portrait: Image, trial: _Trial, size_px: tuple[int, int]) -> bool:
    """Whether the network gives a picture of the same size."""
    picture = _resized(portrait, size_px)
    try:
        numbers = _run(backend, picture, trial.input)
    except BackendError:
        return False
    return numbers.shape[1:] == batch_shape(trial.output, 1, *size_px)[1:] and bool(np.isfinite(numbers).all())


def _run(backend: Backend, picture: Image, coding: PixelCoding) -> Tensor:
    shape = batch_shape(coding, backend.max_batch, *picture.shape[:2])
    batch = np.empty(shape, coding.pixel_type.dtype)
    for target in batch:
        encode(picture, coding, target)
    return backend.run(batch)[0]


def _output_layout(numbers: Tensor, picture: Image) -> Layout:
    height, width = picture.shape[:2]
    for layout in Layout:
        if numbers.shape[1:] == batch_shape(PixelCoding(layout), 1, height, width)[1:]:
            return layout
    given = "x".join(map(str, numbers.shape))
    raise StyleError(f"the network gives {given} for a picture of {height}x{width} in 3 channels", hint=_HINT)


def _pixel_type(port: Port) -> PixelType:
    try:
        return PixelType(port.dtype.name)
    except ValueError as error:
        known = ", ".join(PixelType)
        raise StyleError(f"{port.name} of the network is {port.dtype}, which is none of {known}", hint=_HINT) from error


def _ranges(pixel_type: PixelType) -> Sequence[tuple[float, float]]:
    return BYTES if pixel_type is PixelType.UINT8 else RANGES


def _range(coding: PixelCoding) -> tuple[float, float]:
    return coding.black, coding.white


def _brightness(picture: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    small = cv2.cvtColor(cv2.resize(picture, _COMPARED_PX, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return small.astype(np.float64) / 255


def _resized(portrait: Image, size_px: tuple[int, int]) -> Image:
    return cv2.resize(portrait, size_px[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
