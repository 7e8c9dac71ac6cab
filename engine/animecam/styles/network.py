"""A style that is loaded: pictures in, drawn pictures out."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np

from animecam.backends.base import Backend, BackendChoice, BackendInfo, BackendOptions, Ending, Port, Settling, Tensor
from animecam.backends.opening import open_backend
from animecam.backends.switching import Preparable
from animecam.errors import StyleError
from animecam.render.light import Light
from animecam.styles.card import Layout, StyleCard
from animecam.styles.fit import Fit, fit_to
from animecam.styles.pixels import batch_shape, decode, encode
from animecam.styles.registry import find_style, verified_half, verified_int8, verified_model
from animecam.types import Image

_ADD_AGAIN = "its card does not describe its network: add the style again"


class StyleNet:
    """A style's network with everything around it that its card asks for; used by one thread at a time.

    Args:
        card: How pixels are written, and which sizes the network takes.
        backend: The loaded network; closed with this.

    Raises:
        StyleError: The network is not what the card says. The backend stays open.
    """

    def __init__(self, card: StyleCard, backend: Backend) -> None:
        _check_ports(card, backend)
        self.card = card
        self._backend = backend
        self._batch: Tensor = np.empty(0)

    @property
    def info(self) -> BackendInfo:
        """What computes it."""
        return self._backend.info

    @property
    def is_settled(self) -> bool:
        """Whether what drew last will go on drawing; False while something faster is made ready."""
        return not isinstance(self._backend, Settling) or self._backend.is_settled

    def __call__(self, pictures: Sequence[Image]) -> tuple[Image, ...]:
        """Draws pictures; dim ones as they would look in good light, and dimmed again, those without colour without.

        Args:
            pictures: RGB, uint8 [H, W, 3] each, all of one size, which may be any.

        Returns:
            The drawn pictures, of the same size, in the same order.

        Raises:
            StyleError: The pictures are of several sizes, or the network gave something else than pictures.
            BackendError: The runtime failed.
        """
        if not pictures:
            return ()
        height, width = pictures[0].shape[:2]
        if any(picture.shape != (height, width, 3) for picture in pictures):
            sizes = ", ".join(sorted({"x".join(map(str, picture.shape)) for picture in pictures}))
            raise StyleError(f"pictures drawn together must be of one size and RGB, not {sizes}")
        fit = fit_to(self.card.contract, height, width)
        step = self._backend.max_batch
        lights = [Light.of(picture) for picture in pictures]
        lit = [light.lit(picture) for light, picture in zip(lights, pictures, strict=True)]
        drawn: list[Image] = []
        for start in range(0, len(lit), step):
            drawn += self._draw(lit[start : start + step], fit)
        return tuple(light.drawn(drawing) for light, drawing in zip(lights, drawn, strict=True))

    def _draw(self, pictures: Sequence[Image], fit: Fit) -> list[Image]:
        contract = self.card.contract
        fixed_count = self._backend.input.shape[0]  # a network of a fixed batch gets old pictures behind the new ones
        batch = self._memory(batch_shape(contract.input, fixed_count or len(pictures), *fit.padded_px))
        for picture, target in zip(pictures, batch, strict=False):
            encode(fit.apply(picture), contract.input, target)
        numbers = self._backend.run(batch)[0]
        if numbers.shape != batch_shape(contract.output, batch.shape[0], *fit.padded_px):
            given, got = ("x".join(map(str, array.shape)) for array in (batch, numbers))
            raise StyleError(f"style {self.card.name} gave {got} for {given}", hint=_ADD_AGAIN)
        return [fit.undo(decode(one, contract.output)) for one in numbers[: len(pictures)]]

    def _memory(self, shape: tuple[int, ...]) -> Tensor:
        """The batch that goes in; its memory is used again while the shape stays."""
        if self._batch.shape != shape:
            self._batch = np.zeros(shape, self.card.contract.input.pixel_type.dtype)
        return self._batch

    def make_ready(self, width_px: int, height_px: int) -> None:
        """Gets ready for pictures of a size, where that takes time for each; another thread may draw meanwhile.

        Raises:
            BackendError: The runtime failed.
        """
        if isinstance(self._backend, Preparable):
            self._backend.prepare(self._shape(width_px, height_px))

    def is_ready(self, width_px: int, height_px: int) -> bool:
        """Whether `make_ready` has nothing to do for pictures of a size; any thread."""
        return not isinstance(self._backend, Preparable) or self._backend.is_ready(self._shape(width_px, height_px))

    def _shape(self, width_px: int, height_px: int) -> tuple[int, ...]:
        """What the network takes for a picture of a size, without the batch's count."""
        contract = self.card.contract
        return batch_shape(contract.input, 1, *fit_to(contract, height_px, width_px).padded_px)[1:]

    def end(self) -> None:
        """Lets a drawing end soon that waits in another thread for the network to get ready; it draws no more."""
        if isinstance(self._backend, Ending):
            self._backend.end()

    def close(self) -> None:
        """Frees the network; may be called twice."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_style(
    name: str, choice: BackendChoice, options: BackendOptions, quality: str, on_gpu: str | None = None
) -> StyleNet:
    """Loads a style; close it, or use it in a `with` block.

    Args:
        name: Of a bundled style or of one that the user added.
        choice: Which runtime is to compute it.
        options: How it is to compute.
        quality: Which of the style's networks.
        on_gpu: Which of them a GPU computes in its place; None: the same.

    Raises:
        StyleError: It is unknown or damaged, or its network is not what its card says.
        BackendError: The runtime does not work or refuses it.
    """
    style, on_gpu = find_style(name), on_gpu or quality
    backend = open_backend(
        verified_model(style, quality),
        choice,
        options,
        half=verified_half(style, on_gpu),
        int8=verified_int8(style, quality),
        on_gpu=verified_model(style, on_gpu),
    )
    try:
        return StyleNet(style.card, backend)
    except StyleError:
        backend.close()
        raise


def _check_ports(card: StyleCard, backend: Backend) -> None:
    """Compares what the network says of itself with its card; sizes that only show when it runs are checked then."""
    contract, taken, given = card.contract, backend.input, backend.outputs[0]
    agrees = (
        taken.dtype == contract.input.pixel_type.dtype
        and given.dtype == contract.output.pixel_type.dtype
        and len(taken.shape) == len(Layout.NCHW)
        and _takes(taken, batch_shape(contract.input, 0, *(contract.fixed_px or (0, 0))))
    )
    if not agrees:
        shape = "x".join("?" if size is None else str(size) for size in taken.shape)
        stated = f"{contract.input.pixel_type} {contract.input.layout}"
        message = f"style {card.name}: its card says {stated}, its network takes {taken.dtype} {shape}"
        raise StyleError(message, hint=_ADD_AGAIN)


def _takes(port: Port, wanted: tuple[int, ...]) -> bool:
    """Whether each side is free or as wanted; the batch is any."""
    return all(size in (None, want) for size, want in zip(port.shape[1:], wanted[1:], strict=True))
