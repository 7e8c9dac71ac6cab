"""From a frame to a drawn frame: track, crop, draw, paste. One renderer a run; its memory is that of its faces."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from animecam.errors import PipelineError
from animecam.governor import Governor
from animecam.pipeline import Rendered
from animecam.render.base import ImageOps
from animecam.render.boxes import boxed
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor
from animecam.render.eyes import EyeEnlarger
from animecam.render.hair import HairTint
from animecam.render.ink import inked
from animecam.render.mirror import mirrored
from animecam.render.scope import whole_frame_region
from animecam.render.split import split
from animecam.settings import Controls, Look, Scope
from animecam.timing import Timing
from animecam.types import Face, Faces, Frame, Image, Region

log = logging.getLogger(__name__)


class Draw(Protocol):
    """A style: pictures in, drawn pictures of the same sizes out."""

    def __call__(self, pictures: Sequence[Image]) -> Sequence[Image]:
        """RGB, uint8 [H, W, 3] each, all of one size."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be drawn of one frame.

    Attributes:
        frame: The frame.
        faces: Who is in it.
        look: The look that was valid when the frame came.
        regions: Where the pictures lie in the frame.
        pictures: RGB pictures of the regions, uint8 [H, W, 3].
    """

    frame: Frame
    faces: Faces
    look: Look
    regions: tuple[Region, ...]
    pictures: tuple[Image, ...]


class Renderer:
    """Draws frames of one source.

    Args:
        track: Frame → faces, with a memory.
        align: Faces and crop size → a region each, smoothed over time.
        ops: Crops pictures out of frames.
        draw: Style by name.
        calm: Steadies drawings over time.
        compositor: Puts drawn pictures back.
        controls: Holds the look.
        timing: Where the stages' times go.
        tint: Tints hair; needed for looks with a hair tint.
        governor: Chooses the size of the crops to hold a frame rate; None leaves it to the look.
    """

    def __init__(
        self,
        *,
        track: Callable[[Frame], Faces],
        align: Callable[[Frame, Sequence[Face], int], tuple[Region, ...]],
        ops: ImageOps,
        draw: Callable[[str], Draw],
        calm: Calm,
        compositor: Compositor,
        controls: Controls,
        timing: Timing,
        tint: HairTint | None = None,
        governor: Governor | None = None,
    ) -> None:
        self._track, self._align, self._ops = track, align, ops
        self._draw, self._calm, self._compositor = draw, calm, compositor
        self._controls, self._timing = controls, timing
        self._governor = governor
        self._enlarge_eyes, self._tint = EyeEnlarger(), tint

    def __call__(self, frame: Frame) -> Rendered:
        """Draws one frame; frames come in the order of their time stamps."""
        if frame.is_placeholder:
            return Rendered(frame, Faces(is_exposed=False))
        start_ns = time.perf_counter_ns()
        plan = self.plan(frame)
        planned_ns = time.perf_counter_ns()
        drawn = draw_each_size(self._draw(plan.look.style), plan.pictures)
        drawn_ns = time.perf_counter_ns()
        self._timing.add("draw", (drawn_ns - planned_ns) / 1e6)
        rendered = self.finish(plan, drawn)
        if self._governor is not None and plan.pictures:  # a frame of nobody says nothing about the cost of a face
            total_ms, draw_ms = (time.perf_counter_ns() - start_ns) / 1e6, (drawn_ns - planned_ns) / 1e6
            self._govern(self._governor, plan.look.size_px, draw_ms, total_ms - draw_ms)
        return rendered

    def _govern(self, governor: Governor, size_px: int, draw_ms: float, rest_ms: float) -> None:
        choice = governor.observe(time.monotonic(), size_px, draw_ms, rest_ms)
        if choice is not None:
            self._controls.change(size_px=choice.size_px)
            log.info("%s", choice.reason)

    def plan(self, frame: Frame) -> Plan:
        """Finds what is to be drawn; the pictures of several plans may then be drawn together."""
        look = self._controls.look
        with self._timing.stage("track"):
            faces = self._track(frame)
        with self._timing.stage("crop"):
            regions = self._regions(frame, faces, look)
            pictures = tuple(self._ops.crop(frame, region) for region in regions)
            if look.eyes:
                pictures = self._enlarge_eyes(frame.time_s, faces, regions, pictures, look.eyes)
        return Plan(frame, faces, look, regions, pictures)

    def finish(self, plan: Plan, drawn: Sequence[Image]) -> Rendered:
        """Puts the drawn pictures of a plan back into its frame."""
        with self._timing.stage("paste"):
            drawn = self._calm(plan.look.style, plan.regions, plan.pictures, drawn)
            retouch = partial(self._retouch, plan) if plan.look.is_retouched else None
            frame = self._compositor(plan.frame, plan.regions, plan.pictures, drawn, plan.look, retouch)
            if plan.look.split is not None:
                frame = split(plan.frame, frame, plan.look.split, is_mirrored=plan.look.mirror)
            if plan.look.shows_boxes:
                frame = boxed(frame, plan.faces)
            if plan.look.mirror:
                frame = mirrored(frame)
        return Rendered(frame, plan.faces)

    def _retouch(self, plan: Plan, drawn: Sequence[Image]) -> Sequence[Image]:
        drawn = [inked(drawing, plan.look.line) for drawing in drawn]
        if plan.look.hair_rgb is None:
            return drawn
        if self._tint is None:
            raise PipelineError("there is nothing to find hair with", hint="leave the hair as it is drawn")
        return self._tint(plan.faces, plan.regions, plan.pictures, drawn, plan.look.hair_rgb)

    def _regions(self, frame: Frame, faces: Faces, look: Look) -> tuple[Region, ...]:
        if look.scope is not Scope.HEAD:
            return (whole_frame_region(frame, look.size_px),)
        heads = self._align(frame, faces.faces, look.size_px)
        if faces.is_exposed:  # somebody may be in view whom no crop covers: better all drawn than one bare face
            return (whole_frame_region(frame, look.size_px), *heads)
        return heads


def draw_each_size(draw: Draw, pictures: Sequence[Image]) -> tuple[Image, ...]:
    """Draws pictures of mixed sizes, those of one size in one go; the result is in the order of the input."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, picture in enumerate(pictures):
        by_size.setdefault(picture.shape, []).append(index)
    drawn: dict[int, Image] = {}
    for indices in by_size.values():
        drawn |= zip(indices, draw([pictures[index] for index in indices]), strict=True)
    return tuple(drawn[index] for index in range(len(pictures)))
