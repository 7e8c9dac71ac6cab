"""From a style to a network on the GPU, in the first runtime that works there."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.device import DeviceNetwork
from animecam.backends.opening import INSTALL_TORCH, importing
from animecam.cuda.base import Gpu
from animecam.drawing.device_styles import DeviceStyles
from animecam.engines.ahead import Place, is_built
from animecam.engines.loader import flavour_here
from animecam.errors import BackendError
from animecam.render.device_kernels import FaceKernels
from animecam.styles.card import FULL, PixelCoding
from animecam.styles.fit import fit_to
from animecam.styles.registry import find_style, verified_half, verified_model

_CODED = (PixelCoding().layout, PixelCoding().black, PixelCoding().white)
"""How the pictures lie that the kernels write and read, and what stands for black and white in them."""

log = logging.getLogger(__name__)


def open_styles(
    gpu: Gpu,
    options: BackendOptions,
    choice: BackendChoice,
    quality_of: Callable[[str], str],
    offered: Callable[[], Sequence[str]],
) -> DeviceStyles:
    """The styles on a GPU, none of which is loaded yet; whoever calls closes them.

    Args:
        gpu: That of the options.
        options: `gpu` and `cache_dir` are used.
        choice: As for `open_device_style`.
        quality_of: Style → which of its networks.
        offered: Names of the styles that may be chosen next.
    """

    def open_network(style: str, size_px: int) -> DeviceNetwork:
        return open_device_style(style, size_px, options, choice, quality_of(style))

    def open_in_torch(style: str, size_px: int) -> DeviceNetwork:
        return open_device_style(style, size_px, options, BackendChoice.TORCH, quality_of(style))

    def is_at_hand(style: str, size_px: int) -> bool:
        return choice is BackendChoice.TORCH or _is_at_hand(gpu, style, size_px, options, quality_of(style))

    other = open_in_torch if choice is BackendChoice.AUTO else None
    return DeviceStyles(gpu, open_network, other, offered=offered, is_at_hand=is_at_hand)


def open_device_style(
    name: str,
    size_px: int,
    options: BackendOptions,
    choice: BackendChoice = BackendChoice.AUTO,
    quality: str = FULL,
) -> DeviceNetwork:
    """Loads a style on the GPU; whoever calls closes it.

    Args:
        name: Of a bundled style or of one that the user added.
        size_px: Side of the pictures that it will draw.
        options: `gpu` and `cache_dir` are used.
        choice: `tensorrt`, `torch`, or `auto`: the first of the two that works.
        quality: Which of the style's networks.

    Raises:
        StyleError: It is unknown or damaged, or has no network of that quality.
        BackendError: It takes other pictures, has no fp16 form, or no runtime runs it on this GPU.
    """
    style = find_style(name)
    contract, square_px = style.card.contract, (size_px, size_px)
    takes_crops = fit_to(contract, *square_px).padded_px == square_px
    codings = {(coding.layout, coding.black, coding.white) for coding in (contract.input, contract.output)}
    if not takes_crops or codings != {_CODED}:
        raise BackendError(f"style {name} does not take pictures as they are cropped on a GPU")
    model, half = verified_model(style, quality), verified_half(style, quality)
    if choice is BackendChoice.TORCH:
        return _open_torch(name, half, options)
    from animecam.backends.tensorrt_ import TensorRtDevice

    try:
        return TensorRtDevice(model, half, options)
    except BackendError as no_tensorrt:
        if choice is not BackendChoice.AUTO:
            raise
        try:
            network = _open_torch(name, half, options)
        except BackendError:
            raise no_tensorrt from None  # PyTorch is the second choice: what to mend is the first
        log.info("%s: tensorrt is not usable, torch is: %s", name, no_tensorrt.message)
        return network


def _open_torch(name: str, half: Path | None, options: BackendOptions) -> DeviceNetwork:
    if half is None:
        raise BackendError(f"style {name} has no fp16 form", hint="animecam-export fp16 FOLDER gives it one")
    with importing("torch", INSTALL_TORCH):
        from animecam.backends.torch_ import TorchDevice
    return TorchDevice(half, options)


def _is_at_hand(gpu: Gpu, name: str, size_px: int, options: BackendOptions, quality: str) -> bool:
    """Whether a style is loaded in seconds: tensorrt builds for minutes, on the GPU that others draw with meanwhile."""
    try:
        flavour = flavour_here(gpu)
    except BackendError:  # PyTorch draws, or nobody
        return True
    if flavour.is_rtx:
        return True
    style = find_style(name)
    model = verified_half(style, quality) or verified_model(style, quality)
    return options.cache_dir is not None and is_built(Place(flavour, gpu, options.cache_dir), model, size_px)


def has_kernels(gpu: Gpu) -> bool:
    """Whether frames can be drawn on a GPU; its kernels are compiled for that, and kept with it."""
    gpu.use()  # whoever looked for runtimes may have left another one in this thread
    try:
        FaceKernels(gpu)
    except BackendError as error:
        tell_why(error)
        return False
    return True


def tell_why(error: BackendError) -> None:
    """Says why a GPU that is there does not draw."""
    hint = f" ({error.hint})" if error.hint else ""
    log.warning("frames stay on the processor: %s%s", error.message, hint)
