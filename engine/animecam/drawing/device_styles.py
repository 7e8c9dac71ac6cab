"""Styles on the GPU, made ready beside the run: until one is, somebody else draws.

What frames ask for is loaded first. Then come spares: the styles that may be chosen next, at the size that is drawn, so
that changing to one takes a frame. They take nothing from what is drawn: neither time, nor memory, nor its place.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count

from animecam.backends.device import Compiling, DeviceNetwork
from animecam.backends.unforeseen import as_failure
from animecam.cuda.base import Gpu
from animecam.cuda.turns import gpu_turn
from animecam.drawing.device_warming import warm_up
from animecam.errors import BackendError, DeviceMemoryError, HostMemoryError
from animecam.once import tell_once
from animecam.render.device_path import RING

MOST_KEPT = 8
"""Networks that stay on the GPU: every style at one size. Whoever holds a frame rate goes through seven sizes."""

SPARE_ROOM_BYTES = 1 << 30
"""Memory of the GPU that spares leave free: for frames, for the next size of what is drawn, and for other programs."""

SETTLED_FRAMES = 90
"""So many frames of one size are drawn before spares of it are loaded: three seconds of a camera. Loading takes the
processor's time, by which whoever holds a frame rate would choose the next size at once."""

ROOM_SECONDS, _POLL_SECONDS = 2.0, 0.05  # longest wait for a network that no frame under way is drawn with

CLOSE_SECONDS = 60.0  # longest wait for an engine that is being built when the run ends

log = logging.getLogger(__name__)

_END, _ASKED, _SPARE = range(3)  # what is done first, in the queue of the thread

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
        offered: Names of the styles that may be chosen next.
        is_at_hand: Whether a style is loaded for a size in seconds, and without keeping the GPU from others.
    """

    def __init__(
        self,
        gpu: Gpu,
        open_network: OpenNetwork,
        open_other: OpenNetwork | None = None,
        *,
        offered: Callable[[], Sequence[str]] = tuple,
        is_at_hand: Callable[[str, int], bool] = lambda _style, _size_px: True,
    ) -> None:
        self._gpu, self._open, self._open_other = gpu, open_network, open_other
        self._offered, self._is_at_hand = offered, is_at_hand
        self._ready: dict[_Key, DeviceNetwork] = {}
        self._used: dict[_Key, int] = {}  # the frame that each was last asked for, in frames
        self._frames = 0
        self._asked: set[_Key] = set()
        self._refused: set[_Key] = set()
        self._keys = threading.Lock()  # whoever looks one up and whoever takes one out
        self._wanted: queue.PriorityQueue[tuple[int, int, _Key]] = queue.PriorityQueue()
        self._order = count()
        self._size_px, self._size_since = 0, 0  # what is drawn, and since which frame
        self._spares: tuple[str, ...] = ()  # the styles that are wanted as such at this size
        self._spare: _Key | None = None  # the one that is being loaded
        self._is_put_off = threading.Event()  # that one: a frame asks for another
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
            network = self._ready.get(key)
            if network is None:
                self._ask(key)
            else:
                self._ask_spares(size_px)
            return network

    def has_given_up(self, style: str, size_px: int) -> bool:
        """Whether a style cannot be loaded for heads of a size."""
        return (style, size_px) in self._refused

    def close(self) -> None:
        """Frees all; may be called twice."""
        self._is_ending.set()
        opening = self._opening
        if opening is not None:
            opening.end()
        self._put(_END, ("", 0))
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("an engine is still being built after %g s: its memory is not freed", CLOSE_SECONDS)
        with self._keys:  # that engine may be done just now
            networks = tuple(self._ready.values())
            self._ready.clear()
        self._gpu.use()
        for network in networks:
            network.close()
            self._gpu.use()

    def _ask(self, key: _Key) -> None:
        """Has what a frame asks for loaded before any spare; the lock is held."""
        if key in self._asked:
            return
        self._asked.add(key)
        self._put(_ASKED, key)
        if self._spare not in {None, *self._asked}:
            self._is_put_off.set()
            opening = self._opening
            if opening is not None:
                opening.end()

    def _ask_spares(self, size_px: int) -> None:
        """Has the styles on offer loaded for the size that is drawn, once it stays; the lock is held."""
        if size_px != self._size_px:
            self._size_px, self._size_since, self._spares = size_px, self._frames, ()
        offered = tuple(self._offered())
        if offered == self._spares or self._frames - self._size_since < SETTLED_FRAMES:
            return
        self._spares = offered
        for style in offered:
            if (style, size_px) not in self._asked:
                self._put(_SPARE, (style, size_px))

    def _put(self, urgency: int, key: _Key) -> None:
        self._wanted.put((urgency, next(self._order), key))

    def _fill(self) -> None:
        while True:
            urgency, _, key = self._wanted.get()
            if self._is_ending.is_set():
                return
            if key in self._ready:
                continue
            is_spare = urgency == _SPARE
            try:
                self._load(key, is_spare=is_spare)
            except Exception as error:  # noqa: BLE001 - a mistake, too: others draw what cannot be loaded
                if self._is_ending.is_set():  # it was let end, and nobody waits for it
                    return
                if not is_spare:
                    self._refused.add(key)
                level = logging.INFO if is_spare else logging.WARNING  # nobody has asked for a spare
                told = as_failure(error).message
                log.log(level, "%s at %d px is not drawn on %s: %s", *key, self._gpu.name, told)

    def _load(self, key: _Key, *, is_spare: bool) -> None:
        network = self._opened_spare(key) if is_spare else self._opened_with_room(*key)
        if network is None:
            return
        with self._keys:
            self._ready[key] = network
        log.info("%s at %d px is %s on %s now", *key, "kept ready" if is_spare else "drawn", self._gpu.name)
        while len(self._ready) > MOST_KEPT and self._drop_one():
            pass

    def _opened_spare(self, key: _Key) -> DeviceNetwork | None:
        """Loads a spare; None where it would take something from what is drawn, or a frame asks for another one."""
        if not self._has_place_for(key):
            return None
        with self._keys:
            if not self._asked <= self._ready.keys() | self._refused:
                self._put(_SPARE, key)
                return None
            self._spare = key
        network: DeviceNetwork | None = None
        try:
            network = self._opened(*key)
        except BackendError:
            if not self._is_put_off.is_set():
                raise
        finally:
            with self._keys:
                self._spare, was_put_off = None, self._is_put_off.is_set()
                self._is_put_off.clear()
        if not was_put_off:
            return network
        self._put(_SPARE, key)
        if network is not None:
            self._free(network)  # it was let end: what it is good for now is not known
        return None

    def _has_place_for(self, spare: _Key) -> bool:
        """Whether a spare is still wanted and takes neither memory nor time that somebody else needs."""
        style, size_px = spare
        self._gpu.use()
        with self._keys:
            is_wanted = size_px == self._size_px and style in self._spares
        if not is_wanted or self._gpu.free_bytes() < SPARE_ROOM_BYTES or not self._is_at_hand(style, size_px):
            return False
        # Of those that are kept, spares of another size make room for it, and nothing that was ever drawn.
        return len(self._ready) < MOST_KEPT or self._drop_one(lambda old: old not in self._used and old[1] != size_px)

    def _opened_with_room(self, style: str, size_px: int) -> DeviceNetwork:
        """Loads a network; where the memory is full, once more after another one went."""
        while True:
            try:
                return self._opened(style, size_px)
            except HostMemoryError:
                raise  # networks hold none of the host's
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

    def _drop_one(self, may_go: Callable[[_Key], bool] = lambda _key: True) -> bool:
        """Frees the network that no frame asked for the longest, if there is one that none under way is drawn with."""
        with self._keys:
            idle = [key for key in self._ready if self._frames - self._used.get(key, 0) > RING and may_go(key)]
            if not idle:
                return False
            key = min(idle, key=lambda key: self._used.get(key, 0))
            network = self._ready.pop(key)
            self._asked.discard(key)
        self._free(network)
        return True

    def _free(self, network: DeviceNetwork) -> None:
        with gpu_turn(self._is_ending.is_set):  # it may wait for the whole GPU
            self._gpu.use()
            network.close()

    def _opened(self, style: str, size_px: int) -> DeviceNetwork:
        """Loads a network that runs; in another runtime where the first one loads it and then cannot run it."""
        self._gpu.use()
        network = self._open(style, size_px)
        try:
            return self._made_ready(network, size_px)
        except DeviceMemoryError:
            raise  # another runtime would need as much
        except BackendError as error:
            if self._open_other is None or self._is_unwanted():
                raise
            try:
                other = self._open_other(style, size_px)
            except BackendError:
                raise error from None  # what to mend is the first choice
            if other.info.name == network.info.name:
                other.close()
                raise
            names = f"{network.info.name} is not usable, {other.info.name} is"
            ready = self._made_ready(other, size_px)
            tell_once(log, logging.WARNING, f"{names}: {error.message}")  # not again for each size and style
            return ready

    def _is_unwanted(self) -> bool:
        """Whether what is being loaded is to end soon."""
        return self._is_ending.is_set() or self._is_put_off.is_set()

    def _made_ready(self, network: DeviceNetwork, size_px: int) -> DeviceNetwork:
        """Warms it up, and closes it where that fails."""
        self._opening = network
        if self._is_unwanted():  # who let it end may have looked before it was there
            network.end()
        try:
            with gpu_turn(self._is_unwanted) as is_mine:
                if not is_mine:
                    raise BackendError("it is not wanted any more")
                warm_up(self._gpu, network, size_px)
            if isinstance(network, Compiling):
                network.keep_compiled()  # now, as a program may be killed
        except BaseException:  # a mistake, too, which would leave it in the GPU's memory
            self._free(network)
            raise
        finally:
            self._opening = None
        return network
