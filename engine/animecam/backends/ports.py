"""What every backend asks of a batch and of a network before the runtime sees it, so that refusals read the same."""

from collections.abc import Callable, Sequence

import numpy as np

from animecam.backends.base import Port, Tensor
from animecam.errors import BackendError


def only_input(names: Sequence[str], model: str) -> None:
    """Refuses a network that wants anything but one input.

    Raises:
        BackendError: It has none or several.
    """
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        hint = "export it with the picture as its only input"
        raise BackendError(f"{model} has {len(names)} inputs ({listed}), one is wanted", hint=hint)


def batch_limit(port: Port) -> int:
    """How many pictures a processor takes at once: what the input says, or one where that is free.

    Measured with the double-tail network at 256 x 256 on one core: four at once take 3 to 5 % more time a picture than
    one at a time, in OpenVINO and in ONNX Runtime, and every batch size would be compiled on its own.
    """
    return (port.shape[0] if port.shape else None) or 1


def check_batch(batch: Tensor, port: Port, model: str) -> None:
    """Refuses a batch that does not fit the input.

    Raises:
        BackendError: Another dtype, another rank, or a size that the network has fixed otherwise.
    """
    if batch.dtype != port.dtype:
        raise BackendError(f"{model} takes {port.dtype}, not {batch.dtype}")
    fits = batch.ndim == len(port.shape) and all(
        wanted in (None, given) for wanted, given in zip(port.shape, batch.shape, strict=True)
    )
    if not fits:
        wanted = "x".join("?" if size is None else str(size) for size in port.shape)
        given = "x".join(map(str, batch.shape))
        raise BackendError(f"{model} takes {wanted}, not {given}", hint="the sizes it takes are in its style card")


def in_parts(run: Callable[[Tensor], tuple[Tensor, ...]], batch: Tensor, step: int) -> tuple[Tensor, ...]:
    """Runs a batch through something that takes fewer pictures at a time.

    Args:
        run: From some pictures to their outputs.
        batch: Any number of pictures.
        step: How many `run` takes.
    """
    if len(batch) <= step:
        return run(batch)
    parts = [run(batch[start : start + step]) for start in range(0, len(batch), step)]
    return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))
