"""Styles on the GPU, made ready beside the run: until one is, somebody else draws."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.device import Compiling, DeviceNetwork
from animecam.backends.opening import INSTALL_TORCH, importing
from animecam.cuda.base import Gpu, Stream
from animecam.cuda.turns import gpu_turn
from animecam.errors import AnimecamError, BackendError, DeviceMemoryError
from animecam.render.device_path import RING
from animecam.styles.card import FULL, PixelCoding
from animecam.styles.fit import fit_to
from animecam.styles.registry import find_style, verified_half, verified_model

MOST_KEPT = 8
"""Networks that stay on the GPU: every style at one size. Whoever holds a frame rate goes through seven sizes."""

ROOM_SECONDS, _POLL_SECONDS = 2.0, 0.05  # longest wait for a network that no frame under way is drawn with

CLOSE_SECONDS = 60.0  # longest wait for an engine that is being built when the run ends

_PICTURE_BYTES = 3 * 2  # of one pixel: three numbers of 16 bits

_CODED = (PixelCoding().black, PixelCoding().white)
"""What stands for black and white in the pictures that the kernels write and read."""

log = logging.getLogger(__name__)

_Key = tuple[str, int]
"""A style and the side of its pictures, pixels."""

OpenNetwork = Callable[[str, int], DeviceNetwork]
"""Loads a style for pictures of a size (pixels a side), of which nothing else will be asked; the caller closes it."""


class DeviceStyles:
    """Networks on a GPU by style and size; asked by one thread with each frame, filled by one of its own.

    Beyond `MOST_KEPT`, and where a new one finds no memory, those go that were drawn with longest ago.

    Args:
        gpu: Stays the caller's, and is closed after this.
        open_network: Loads one; called in the thread of this.
        open_other: Loads it in another runtime, where the first one does not run it; None: nothing else is tried.
    """

    def __init__(self, gpu: Gpu, open_network: OpenNetwork, open_other: OpenNetwork | None = None) -> None:
        self._gpu, self._open, self._open_other = gpu, open_network, open_other
        self._ready: dict[_Key, DeviceNetwork] = {}
        self._used: dict[_Key, int] = {}  # the frame that each was last asked for, in frames
        self._frames = 0
        self._asked: set[_Key] = set()
        self._refused: set[_Key] = set()
        self._keys = threading.Lock()  # whoever looks one up and whoever takes one out
        self._wanted: queue.SimpleQueue[_Key | None] = queue.SimpleQueue()
        self._is_ending = threading.Event()
        self._opening: DeviceNetwork | None = None
        self._thread = threading.Thread(target=self._fill, name="gpu-styles", daemon=True)
        self._thread.start()

    def __call__(self, style: str, size_px: int) -> DeviceNetwork | None:
        """The network of a style for heads of a size; None until it is ready, and for ever if it cannot be loaded."""
        key = (style, size_px)
        with self._keys:
            self._frames += 1
            self._used[key] = self._frames
            if key not in self._asked:
                self._asked.add(key)
                self._wanted.put(key)
            return self._ready.get(key)

    def has_given_up(self, style: str, size_px: int) -> bool:
        """Whether a style cannot be loaded for heads of a size."""
        return (style, size_px) in self._refused

    def close(self) -> None:
        """Frees all; may be called twice."""
        self._is_ending.set()
        opening = self._opening
        if opening is not None:
            opening.end()
        self._wanted.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("an engine is still being built after %g s: its memory is not freed", CLOSE_SECONDS)
        self._gpu.use()
        for network in self._ready.values():
            network.close()
        self._ready.clear()

    def _fill(self) -> None:
        while (key := self._wanted.get()) is not None and not self._is_ending.is_set():
            try:
                network = self._opened_with_room(*key)
            except AnimecamError as error:
                if not self._is_ending.is_set():  # else it was let end, and nobody waits for it
                    self._refused.add(key)
                    log.warning("%s at %d px is not drawn on %s: %s", *key, self._gpu.name, error.message)
                continue
            with self._keys:
                self._ready[key] = network
            log.info("%s at %d px is drawn on %s now", *key, self._gpu.name)
            while len(self._ready) > MOST_KEPT and self._drop_one():
                pass

    def _opened_with_room(self, style: str, size_px: int) -> DeviceNetwork:
        """Loads a network; where the memory is full, once more after another one went."""
        while True:
            try:
                return self._opened(style, size_px)
            except DeviceMemoryError:
                if not self._make_room():
                    raise

    def _make_room(self) -> bool:
        """Frees a network; waits a little for the one that was drawn with until this one was asked for in its place."""
        end_s = time.monotonic() + ROOM_SECONDS
        while not self._drop_one():
            if not self._ready or time.monotonic() > end_s or self._is_ending.wait(_POLL_SECONDS):
                return False
        return True

    def _drop_one(self) -> bool:
        """Frees the network that no frame asked for the longest, if there is one that none under way is drawn with."""
        with self._keys:
            idle = [key for key in self._ready if self._frames - self._used[key] > RING]
            if not idle:
                return False
            key = min(idle, key=self._used.__getitem__)
            network = self._ready.pop(key)
            self._asked.discard(key)
        with gpu_turn(self._is_ending.is_set):  # it may wait for the whole GPU
            self._gpu.use()
            network.close()
        return True

    def _opened(self, style: str, size_px: int) -> DeviceNetwork:
        """Loads a network that runs; in another runtime where the first one loads it and then cannot run it."""
        self._gpu.use()
        network = self._open(style, size_px)
        try:
            return self._made_ready(network, size_px)
        except DeviceMemoryError:
            raise  # another runtime would need as much
        except BackendError as error:
            if self._open_other is None or self._is_ending.is_set():
                raise
            try:
                other = self._open_other(style, size_px)
            except BackendError:
                raise error from None  # what to mend is the first choice
            if other.info.name == network.info.name:
                other.close()
                raise
            names = network.info.name, other.info.name
            ready = self._made_ready(other, size_px)
            log.warning("%s at %d px: %s is not usable, %s is: %s", style, size_px, *names, error.message)
            return ready

    def _made_ready(self, network: DeviceNetwork, size_px: int) -> DeviceNetwork:
        """Runs it once for each number of pictures: what it loads late, it loads now. Closes it where that fails."""
        self._opening = network
        if self._is_ending.is_set():  # whoever closes may have looked before there was anything to end
            network.end()
        stream = self._gpu.stream()
        try:
            with gpu_turn(self._is_ending.is_set) as is_mine:
                if not is_mine:
                    raise BackendError("the run has ended")
                self._warm_up(network, stream, size_px)
            if isinstance(network, Compiling):
                network.keep_compiled()  # now, as a program may be killed
        except AnimecamError:
            network.close()
            raise
        finally:
            self._opening = None
            stream.close()
        return network

    def _warm_up(self, network: DeviceNetwork, stream: Stream, size_px: int) -> None:
        with ExitStack() as memory:

            def room_for(pictures: int) -> int:
                nbytes = pictures * _PICTURE_BYTES * size_px**2
                return memory.enter_context(closing(self._gpu.buffer(nbytes))).address

            try:
                # The first one loads the engine, which may find that fewer fit at a time than was thought.
                network.bind(room_for(1), room_for(1), batch=1, size_px=size_px)
                given, drawn = room_for(network.max_batch), room_for(network.max_batch)
                for batch in range(1, network.max_batch + 1):
                    network.bind(given, drawn, batch=batch, size_px=size_px)
                    network.enqueue(stream.handle)
            except AnimecamError:
                with suppress(BackendError):  # what was queued before uses this memory, and the network's own
                    stream.synchronize()
                raise
            stream.synchronize()


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
    if not takes_crops or {(coding.black, coding.white) for coding in (contract.input, contract.output)} != {_CODED}:
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
