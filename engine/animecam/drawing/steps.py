"""What a frame goes through on the processor, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from animecam.pauses import Pausing
from animecam.render.backdrop import Backdrop
from animecam.render.base import Draw
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.hair import HairTint
from animecam.types import Face, Faces, Frame, Region


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps from a frame to a drawn frame, in their order, for the frames of one source: most remember its faces.

    Attributes:
        track: Frame → faces; pauses where a picture takes long.
        align: Faces and crop size → a region each, smoothed over time.
        ops: Crops pictures out of frames.
        draw: Style by name.
        calm: Steadies drawings over time.
        tint: Tints hair, where a look asks for it.
        compositor: Puts drawn pictures back.
        backdrop: Lays something else behind persons, where a look asks for it.
    """

    track: Callable[[Frame], Pausing[Faces]]
    align: Callable[[Frame, Sequence[Face], int], tuple[Region, ...]]
    ops: CpuImageOps
    draw: Callable[[str], Draw]
    calm: Calm
    tint: HairTint
    compositor: Compositor
    backdrop: Backdrop

    def forget(self) -> None:
        """No drawing that is remembered fits any more; who is in view is still known."""
        for memory in (self.calm, self.tint, self.compositor):
            memory.forget()
