"""What is to be drawn of a frame."""

from dataclasses import dataclass

from animecam.settings import Look, Scope, Unseen
from animecam.types import Faces, Frame, Region


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be drawn of one frame.

    Attributes:
        frame: The frame.
        faces: Who is in it.
        look: The look that was valid when the frame came.
        regions: Where the pictures lie in the frame.
    """

    frame: Frame
    faces: Faces
    look: Look
    regions: tuple[Region, ...]

    @property
    def is_shown_as_drawn(self) -> bool:
        """Whether nothing is done to the frame once the faces are in it."""
        look = self.look
        return look.split is None and not (look.shows_boxes or look.mirror or look.is_printed or look.hides_background)

    @property
    def is_blurred(self) -> bool:
        """Whether nothing of the frame may be seen but the heads that are drawn."""
        return self.look.unseen is Unseen.BLUR and may_be_bare(self.faces, self.look)


def may_be_bare(faces: Faces, look: Look) -> bool:
    """Whether somebody may be in view whom no crop covers; the other scopes do not count heads."""
    return faces.is_exposed or (faces.left_out > 0 and look.scope is Scope.HEAD)
