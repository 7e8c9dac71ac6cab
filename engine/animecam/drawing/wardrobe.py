"""Styles that are opened while the run goes on, so that changing to one takes a frame and not a second; and what finds
persons, which some keys turn on.

First on the processor, which draws in any case until a GPU does; then a GPU that draws keeps them ready as well.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from animecam.drawing.networks import Networks
from animecam.errors import AnimecamError, BackendError
from animecam.styles.registry import offered_styles
from animecam.types import StreamFormat

CLOSE_SECONDS = 30.0  # longest wait for the style that is being opened when the run ends


class Wardrobe:
    """The styles that are offered on this machine, each as far as it is open.

    Args:
        networks: Opens them and draws with them.
        stream: What will be drawn.
        chosen: Name of the style that is drawn first.

    Attributes:
        styles: Names of those that are offered, in the order of `animecam styles`.
    """

    def __init__(self, networks: Networks, stream: StreamFormat, chosen: str) -> None:
        self.styles = tuple(style.name for style in offered_styles(chosen))
        self._networks, self._stream = networks, stream
        self._obstacles: dict[str, str] = {}

    def why_not(self, style: str) -> str | None:
        """What keeps a style from being drawn at once, in a few words; None when nothing does."""
        try:
            if self._networks.is_prepared(style):
                return None
        except AnimecamError as error:  # it was deleted after it was listed; the run goes on
            return _does_not_work(error)
        return self._obstacles.get(style, "is still being loaded")

    @contextmanager
    def filling(self) -> Generator[None]:
        """Opens what finds persons and one style after the other in the background for the length of the block."""
        is_ending = threading.Event()

        def fill() -> None:
            with suppress(BackendError):  # it is told to whoever turns on what needs it
                self._networks.prepare_persons()
            for style in self.styles:
                if is_ending.is_set():
                    return
                try:
                    self._networks.prepare(style, self._stream, is_ending.is_set)
                except AnimecamError as error:
                    self._obstacles[style] = _does_not_work(error)
            self._networks.offer(self.styles)

        thread = threading.Thread(target=fill, name="wardrobe", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_ending.set()
            self._networks.end_preparing()  # an engine takes minutes
            thread.join(CLOSE_SECONDS)
            self._networks.offer(())


def _does_not_work(error: AnimecamError) -> str:
    return f"does not work: {error.message}"
