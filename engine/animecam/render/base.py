"""What the parts of a renderer hand to one another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from animecam.render.masks import Mask
from animecam.types import Faces, Frame, Image, Region


@dataclass(frozen=True, slots=True)
class Patch:
    """A styled region on its way back into the frame.

    Attributes:
        region: Where it goes.
        picture: Styled RGB, uint8 [region.height_px, region.width_px, 3].
        mask: How much of it shows, float32 [region.height_px, region.width_px] in [0, 1]; 0 at its border unless the
            region is the whole frame.
        is_soft: The mask changes over many pixels everywhere and has no edge, as the shape of a head.
    """

    region: Region
    picture: Image
    mask: Mask
    is_soft: bool = False


class Draw(Protocol):
    """A style: pictures in, drawn pictures of the same sizes out."""

    def __call__(self, pictures: Sequence[Image]) -> Sequence[Image]:
        """RGB, uint8 [H, W, 3] each, all of one size."""
        ...


class FindPersons(Protocol):
    """Finds the persons in the pictures of one stream. Call it with the frames in order: it remembers the last ones."""

    def __call__(self, regions: Sequence[Region], pictures: Sequence[Image]) -> tuple[Mask, ...]:
        """Masks the persons of one frame.

        Args:
            regions: Where the pictures come from; `track_id` tells which mask of the last call belongs to which.
            pictures: RGB, uint8 [H, W, 3] each, upright.

        Returns:
            Masks of the pictures' sizes.
        """
        ...

    def forget(self) -> None:
        """Takes the next pictures for new ones."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the renderer makes of a frame."""

    frame: Frame
    faces: Faces
    is_idle: bool = False  # nothing had changed: the last drawings were put back, and the network rested
    plain: Frame | None = None  # without mirror, split and boxes, for whom they are not meant; None: there are none


Render = Callable[[Frame], Rendered]


@runtime_checkable
class Overlapping(Protocol):
    """A renderer that works on several frames at a time."""

    frames_ahead: int

    def submit(self, frame: Frame) -> Callable[[], Rendered]:
        """Sends a frame on its way; what is returned waits for it, after at most `frames_ahead` more frames."""
        ...


@runtime_checkable
class Dividing(Protocol):
    """A renderer whose last step needs no accelerator: another thread does it while the next frame is drawn."""

    def begin(self, frame: Frame) -> Callable[[], Rendered]:
        """Draws a frame but for its last step, which what is returned does; called by one thread, in the same order."""
        ...
