"""A stand-in for the networks, quick and easy to recognise: it inverts the luma of the middle of the picture."""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from animecam.backends.base import BackendInfo
from animecam.drawing.renderer import Draw, Plan
from animecam.errors import StyleError
from animecam.pauses import Pausing
from animecam.render.base import Rendered
from animecam.render.idle import Idle
from animecam.settings import Controls, Look, Quality
from animecam.timing import Timing
from animecam.types import Box, Color, Detection, Face, Faces, Frame, PixelFormat, Region, allocate_planes

STYLES = ("invert", "flat")
FLAT_LEVEL = 200
BACKEND = BackendInfo("fake", "1.0", device="this test", precision="f32")


@dataclass(frozen=True)
class FakeStyle:
    name: str
    description: str
    qualities: tuple[str, ...] = ("full", "lite")


def styles() -> tuple[FakeStyle, ...]:
    return tuple(FakeStyle(name, f"the fake style {name}") for name in STYLES)


def middle(width_px: int, height_px: int) -> tuple[slice, slice]:
    """The part of the picture that a fake style draws, as slices of a full-size plane; even borders."""
    return slice(height_px // 8 * 2, height_px // 8 * 6), slice(width_px // 8 * 2, width_px // 8 * 6)


def make_frame(level: int = 100, width_px: int = 64, height_px: int = 48, index: int = 0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.YUV420P, width_px, height_px)
    packed[:] = 128
    planes[0][:] = level
    return Frame(
        planes=planes,
        pixel_format=PixelFormat.YUV420P,
        color=Color(),
        rotation_deg=0,
        index=index,
        pts=index * 3000,
        time_base=Fraction(1, 90_000),
        captured_ns=time.perf_counter_ns(),
        packed=packed,
    )


class FakeDrawing:
    def __init__(
        self,
        controls: Controls,
        left_out: int = 0,
        *,
        sees_nobody: bool = False,
        is_live: bool = True,
        heads: int = 1,
        of_still: tuple[int, int] | None = None,
        looks: int = 0,
        look_s: float = 0.0,
    ) -> None:
        self._controls, self._left_out, self._sees_nobody = controls, left_out, sees_nobody
        self._heads, self._of_still = heads, of_still
        self._looks, self._look_s = looks, look_s
        self.is_live = is_live
        self.planned = 0
        self._idle = Idle() if is_live else None

    def planning(self, frame: Frame) -> Pausing[Plan]:
        self.planned += 1
        for _ in range(self._looks if frame.is_still else 0):
            time.sleep(self._look_s)
            yield
        rows, columns = middle(frame.width_px, frame.height_px)
        part = frame.planes[0][rows, columns]
        grey = np.repeat(part[..., None], 3, axis=2) if frame.pixel_format.is_yuv else part.copy()
        box = Box(columns.start, rows.start, columns.stop, rows.stop)
        face = Face(0, Detection(box, np.zeros((4, 2), np.float32), 1.0))
        region = Region(0, grey.shape[1], grey.shape[0], np.eye(2, 3))
        found = () if self._sees_nobody else (face,)
        usual = self._heads, self._left_out
        heads, left_out = self._of_still if frame.is_still and self._of_still is not None else usual
        faces = Faces(found, is_exposed=self._sees_nobody, left_out=left_out)
        return Plan(frame, faces, self._controls.look, heads * (region,), heads * (grey,))

    def kept(self, plan: Plan, draw: Draw) -> Sequence[np.ndarray] | None:
        return self._idle.kept(draw, plan.regions, plan.pictures) if self._idle else None

    def remember(self, plan: Plan, draw: Draw, drawn: Sequence[np.ndarray]) -> None:
        if self._idle:
            self._idle.remember(draw, plan.regions, plan.pictures, drawn)

    def finishing(self, plan: Plan, drawn: Sequence[np.ndarray]) -> Pausing[Rendered]:
        frame = plan.frame
        for _ in drawn:
            time.sleep(self._look_s)
            yield
        planes, packed = allocate_planes(frame.pixel_format, frame.width_px, frame.height_px)
        for target, source in zip(planes, frame.planes, strict=True):
            target[...] = source
        rows, columns = middle(frame.width_px, frame.height_px)
        strength = plan.look.strength
        mixed = (strength * drawn[0] + (1 - strength) * plan.pictures[0]).astype(np.uint8)
        planes[0][rows, columns] = mixed[..., 0] if frame.pixel_format.is_yuv else mixed
        return Rendered(
            Frame(
                planes=planes,
                pixel_format=frame.pixel_format,
                color=frame.color,
                rotation_deg=frame.rotation_deg,
                index=frame.index,
                pts=frame.pts,
                time_base=frame.time_base,
                captured_ns=frame.captured_ns,
                duration=frame.duration,
                packed=packed,
            ),
            plan.faces,
        )


@dataclass
class FakeEngine:
    """Counts what it is asked, and refuses to be used by two threads."""

    draw_s: float = 0.0
    summary: str = "a fake engine"
    backend_info: BackendInfo = BACKEND
    batches: list[int] = field(default_factory=list)
    drawings: list[FakeDrawing] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    styles: dict[str, Draw] = field(default_factory=dict)  # as networks do, the same function for a style each time
    gate: threading.Event = field(default_factory=threading.Event)
    thread: int = 0
    is_closed: bool = False
    left_out: int = 0  # faces that there are beside the one that is drawn
    faces: int = 1  # in the picture: what is more than may be drawn is left out, too
    looks: int = 0  # at parts of a still picture, before it is planned
    look_s: float = 0.0  # for each of those, and for each head that is put back
    made_ready: list[tuple[str, Quality]] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)  # what was asked for, frame by frame
    sees_nobody: bool = False
    needs_time: bool = False  # for each network and size of picture, before they are drawn
    ready_in_order: list[tuple[str, Quality, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def renderer(
        self, timing: Timing, controls: Controls, *, is_live: bool, max_faces: int, still_faces: int | None
    ) -> FakeDrawing:
        self._check()
        heads, left_out = self._among(max_faces)
        options = {"sees_nobody": self.sees_nobody, "is_live": is_live, "heads": heads}
        of_still = self._among(still_faces or max_faces)
        options |= {"looks": self.looks, "look_s": self.look_s}
        self.drawings.append(FakeDrawing(controls, left_out, of_still=of_still, **options))
        return self.drawings[-1]

    def _among(self, most: int) -> tuple[int, int]:
        """Heads that are drawn, and faces that are left out."""
        return min(self.faces, most), max(0, self.faces - most) or self.left_out

    def draw_with(self, style: str, quality: Quality):
        self.qualities.append(quality)
        return self.draw(style)

    def make_ready(self, look: Look, quality: Quality, frame: Frame) -> None:
        assert threading.get_ident() != self.thread, "the render thread has others to draw for"
        self.made_ready.append((look.style, quality))
        self.ready_in_order.append((look.style, quality, frame.width_px, frame.height_px))

    def is_ready(self, look: Look, quality: Quality, frame: Frame) -> bool:
        return not self.needs_time or (look.style, quality, frame.width_px, frame.height_px) in self.ready_in_order

    def draw(self, style: str):
        self._check()
        if style in self.broken or style not in STYLES:
            raise StyleError(f"style {style} is broken", hint="choose another")
        if style in self.styles:
            return self.styles[style]

        def apply(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
            self._check()
            self.gate.wait(5)
            self.batches.append(len(pictures))
            time.sleep(self.draw_s)
            if any(np.all(picture == 13) for picture in pictures):
                raise RuntimeError("an unlucky picture")
            return [255 - p if style == "invert" else np.full_like(p, FLAT_LEVEL) for p in pictures]

        return self.styles.setdefault(style, apply)

    @contextmanager
    def open(self) -> Generator["FakeEngine"]:
        self.thread = threading.get_ident()
        try:
            yield self
        finally:
            self.is_closed = True

    def _check(self) -> None:
        assert threading.get_ident() == self.thread, "the engine belongs to the render thread"
