"""What users chose, each for himself, is drawn with: networks that are ready before their pictures are."""

from contextlib import ExitStack
from dataclasses import replace

from animecam.backends.opening import on_processor
from animecam.drawing.person_network import PersonNetwork, looks_for_persons
from animecam.drawing.style_networks import StyleNetworks
from animecam.faces.geometry import upright_size
from animecam.render.base import FindPersons
from animecam.render.scope import whole_frame_size
from animecam.settings import Look, Quality, Scope, Settings, Unseen
from animecam.styles.network import StyleNet, open_style
from animecam.types import Frame


class ChosenNetworks(StyleNetworks):
    """Networks by style and choice, for users of whom each has his own look, and the one that finds persons; threads as
    for `StyleNetworks`.

    Args:
        settings: As for `StyleNetworks`.
        stack: As for `StyleNetworks`.
    """

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        super().__init__(settings, stack)
        self._apart: dict[tuple[str, Quality], StyleNet] = {}
        # The small networks lose more than they gain by sharing out, or by the way to a GPU.
        self._one_core = replace(self._options, threads=1, gpu=None)
        self._small = on_processor(settings.backend)
        self._person = PersonNetwork(self._small, self._one_core, stack)

    def persons(self) -> FindPersons:
        """What finds persons and knows nobody yet; its network is opened when it is first asked, and shared by all."""
        return self._person.finder()

    def prepare_persons(self) -> None:
        """Opens what finds persons, so that no frame of a look that needs it waits; others may draw meanwhile.

        Raises:
            BackendError: The runtime does not work here.
        """
        self._person.warm_up()

    def draw_with(self, style: str, quality: Quality) -> StyleNet:
        """The network of a style as another choice than that of the settings has it, opened at its first use and kept.

        Raises:
            StyleError: There is no such style, or it has no such network, or its file is damaged.
            BackendError: The runtime does not load it.
        """
        if self._is_usual(style, quality):
            return self.draw(style)
        if (style, quality) not in self._apart:
            on_processor, on_gpu = (self._suited(style, quality, on_gpu=on_gpu) for on_gpu in (False, True))
            network = open_style(style, self._settings.backend, self._options, on_processor, on_gpu)
            self._apart[style, quality] = self._stack.enter_context(network)
        return self._apart[style, quality]

    def make_ready(self, look: Look, quality: Quality, frame: Frame) -> None:
        """Opens what a user's frame is drawn with, and makes it ready for its pictures; others may draw meanwhile.

        Args:
            look: What it is to look like.
            quality: As for `draw_with`.
            frame: One of the user's.

        Raises:
            StyleError: As of `draw_with`.
            BackendError: As of `draw_with`.
        """
        network = self.draw_with(look.style, quality)
        for width_px, height_px in _sizes_px(look, frame):
            network.make_ready(width_px, height_px)
        if looks_for_persons(look, self._settings.head_edge):
            self.prepare_persons()

    def is_ready(self, look: Look, quality: Quality, frame: Frame) -> bool:
        """Whether `make_ready` has nothing to do; any thread. What is ready for pictures of a size stays so the longer
        the more often it is asked for.
        """
        network = self._opened_with(look.style, quality)
        if network is None or (looks_for_persons(look, self._settings.head_edge) and not self._person.is_open):
            return False
        ready = [network.is_ready(width_px, height_px) for width_px, height_px in _sizes_px(look, frame)]
        return all(ready)  # each was asked for: a size that is not makes room for others

    def _opened_with(self, style: str, quality: Quality) -> StyleNet | None:
        """What `draw_with` gives, if that is open; reads no file."""
        if style not in self._cards:
            return None
        if self._is_usual(style, quality):
            return self._styles.get((style, self.usual_quality(style)))
        return self._apart.get((style, quality))

    def _is_usual(self, style: str, quality: Quality) -> bool:
        """Whether a choice is what the settings say, too, for this style on this machine."""
        on_processor, on_gpu = (self._suited(style, quality, on_gpu=on_gpu) for on_gpu in (False, True))
        is_same_on_gpu = on_gpu == self.gpu_quality(style)
        return is_same_on_gpu and (on_processor == self.usual_quality(style) or self._is_on_gpu(style))


def _sizes_px(look: Look, frame: Frame) -> tuple[tuple[int, int], ...]:
    """Width and height of the pictures that may be drawn of a frame."""
    head = look.size_px, look.size_px
    if look.scope is Scope.HEAD and look.unseen is not Unseen.DRAW:
        return (head,)
    return head, whole_frame_size(*upright_size(frame), look.size_px)
