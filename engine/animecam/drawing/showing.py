"""What is done to a frame once its drawings are in it."""

from functools import partial

from animecam.backgrounds import TRANSPARENT
from animecam.drawing.scene import Scene
from animecam.pauses import Pausing
from animecam.render.backdrop import Backdrop
from animecam.render.base import Rendered
from animecam.render.boxes import boxed
from animecam.render.mirror import mirrored
from animecam.render.printed import Printer
from animecam.render.split import split
from animecam.types import Frame


class Showing:
    """What is seen of the drawn frames of one stream, in order.

    Args:
        backdrop: Lays something else behind persons.
    """

    def __init__(self, backdrop: Backdrop) -> None:
        self._backdrop, self._print = backdrop, Printer()
        self._hid_background = True  # in the last frame, or there was none

    def pausing(self, scene: Scene, drawn: Frame, filmed: Frame | None = None) -> Pausing[Rendered]:
        """What is shown of a drawn frame: persons before another background, its print, a split, boxes, as a mirror.

        Args:
            scene: What was drawn.
            drawn: Its frame with the drawings in it.
            filmed: Where persons are looked for, if the scene's frame is blurred.
        """
        hid_background, self._hid_background = self._hid_background, scene.look.hides_background
        if scene.is_shown_as_drawn:
            return Rendered(drawn, scene.faces)
        if scene.look.hides_background and not hid_background:
            self._backdrop.forget()  # the persons whom it saw last may be gone for long
        if scene.faces.is_new_shot:
            self.forget()
        look, drawn = scene.look, drawn.on_host()
        is_plain = look.background_rgb is not None or look.background == TRANSPARENT
        lay_behind = partial(self._backdrop.pausing, filmed or scene.frame, regions=scene.regions, look=look)
        if look.hides_background and not is_plain:
            drawn = yield from lay_behind(drawn)
        if look.is_printed:
            drawn = self._print(drawn)
        if is_plain:  # after the print: what is to be keyed out must not become dots
            drawn = yield from lay_behind(drawn)
        view = drawn
        if look.split is not None:
            view = split(scene.frame.on_host(), view, look.split, is_mirrored=look.mirror)
        if look.shows_boxes:
            view = boxed(view, scene.faces)
        if look.mirror:
            view = mirrored(view)
        return Rendered(view, scene.faces, plain=drawn)

    def forget(self) -> None:
        """Takes the next frame as it comes."""
        self._backdrop.forget()
        self._print.forget()
