"""From a frame to a drawn frame: track, crop, draw, paste. One renderer a run; its memory is that of its faces."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from animecam.drawing.crowd import told_of_crowd
from animecam.drawing.draw_pictures import draw_pictures
from animecam.drawing.governing import Governing
from animecam.drawing.scene import Scene, may_be_bare
from animecam.drawing.showing import Showing
from animecam.drawing.steps import Steps
from animecam.pauses import Pausing, at_once
from animecam.render.base import Draw, Rendered
from animecam.render.blur import blurred
from animecam.render.eyes import EyeEnlarger
from animecam.render.idle import Idle
from animecam.render.ink import inked
from animecam.render.light import in_good_light
from animecam.render.scope import whole_frame_region
from animecam.settings import Controls, Look, Scope, Unseen
from animecam.timing import Timing, ms_since
from animecam.types import Faces, Frame, Image, Region

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan(Scene):
    """A scene with its pictures, ready to be drawn.

    Attributes:
        pictures: RGB pictures of the regions, uint8 [H, W, 3].
    """

    pictures: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A plan and what was drawn of its pictures, in how many milliseconds."""

    plan: Plan
    drawn: Sequence[Image]
    draw_ms: float
    is_idle: bool


class Renderer:
    """Draws frames of one source.

    Args:
        steps: What the frames go through.
        controls: Holds the look.
        timing: Where the stages' times go.
        governing: Chooses size and network to hold a frame rate; None leaves them to the look and to `draw`.
        idle: Keeps drawings of what has not changed, so that the network rests; None draws every frame.
        name: What is drawn, where it is one of several: what is told of it begins so.

    Attributes:
        timing: As given.
    """

    def __init__(
        self,
        steps: Steps,
        controls: Controls,
        timing: Timing,
        *,
        governing: Governing | None = None,
        idle: Idle | None = None,
        name: str = "",
    ) -> None:
        self._steps, self._controls, self.timing = steps, controls, timing
        self._governing, self._idle = governing, idle
        self._enlarge_eyes, self._showing = EyeEnlarger(), Showing(steps.backdrop)
        self._name, self._has_told_of_others = name, False
        self._last_look: Look | None = None  # with which a frame was put back
        self._put_back_ms = 0.0  # of the last frame; written by whoever puts back, read by whoever draws

    def __call__(self, frame: Frame) -> Rendered:
        """Draws one frame, wherever its pixels are; frames come in the order of their time stamps."""
        if frame.is_placeholder:
            return _untouched(frame)
        start_ns = time.perf_counter_ns()
        return self.draw(self.find(frame.on_host()), start_ns)

    def begin(self, frame: Frame) -> Callable[[], Rendered]:
        """Draws one frame but for putting the drawings back, which what is returned does.

        Another thread may do that while this one begins the next frame; it must keep to the order of the frames.
        """
        if frame.is_placeholder:
            return lambda: _untouched(frame)
        start_ns = time.perf_counter_ns()
        drawing = self._drawing(self.find(frame.on_host()))
        # A frame costs what the slower of the two threads takes for it.
        self._charge(drawing, max(ms_since(start_ns), self._put_back_ms))
        return lambda: self._put_back(drawing)

    def draw(self, scene: Scene, start_ns: int) -> Rendered:
        """Draws a scene.

        Args:
            scene: What is to be drawn.
            start_ns: When work on its frame began, `time.perf_counter_ns`.
        """
        drawing = self._drawing(scene)
        rendered = self._put_back(drawing)
        self._charge(drawing, ms_since(start_ns))
        return rendered

    def _drawing(self, scene: Scene) -> _Drawing:
        """The drawings of a scene's pictures."""
        plan = self.cut(scene)
        start_ns = time.perf_counter_ns()
        draw = (self._governing.draw if self._governing else self._steps.draw)(plan.look.style)
        drawn = self.kept(plan, draw)
        is_idle = drawn is not None
        if drawn is None:
            drawn = draw_pictures(draw, plan.pictures)
            self.remember(plan, draw, drawn)
        draw_ms = ms_since(start_ns)
        if not is_idle:  # the look at a crop would pass for a network that takes no time
            self.timing.add("draw", draw_ms)
        return _Drawing(plan, drawn, draw_ms, is_idle)

    def _put_back(self, drawing: _Drawing) -> Rendered:
        start_ns = time.perf_counter_ns()
        rendered = replace(self.finish(drawing.plan, drawing.drawn), is_idle=drawing.is_idle)
        self._put_back_ms = ms_since(start_ns)
        return rendered

    def _charge(self, drawing: _Drawing, frame_ms: float) -> None:
        """Tells the governor what a frame cost; one that was not drawn says nothing about the cost of a face."""
        if not drawing.is_idle:
            self.govern(drawing.plan, drawing.draw_ms, max(0.0, frame_ms - drawing.draw_ms))

    def govern(self, scene: Scene, draw_ms: float, rest_ms: float) -> None:
        """Chooses size and network of the next crops from what this scene cost.

        Args:
            scene: What was drawn.
            draw_ms: What grows with the crops' pixels.
            rest_ms: Everything else.
        """
        if self._governing is not None and scene.regions:  # a frame of nobody says nothing about the cost of a face
            self._governing.observe(scene.look, draw_ms, rest_ms)

    def plan(self, frame: Frame) -> Plan:
        """As `planning`, in one go."""
        return at_once(self.planning(frame))

    def planning(self, frame: Frame) -> Pausing[Plan]:
        """Finds what is to be drawn; the pictures of several plans may then be drawn together."""
        return (yield from self._cutting((yield from self._finding(frame))))

    def find(self, frame: Frame) -> Scene:
        """Finds who is in a frame and what is to be drawn of it."""
        return at_once(self._finding(frame))

    def _finding(self, frame: Frame) -> Pausing[Scene]:
        look = self._controls.look
        if self._governing is not None:
            self._governing.came(frame)
        with self.timing.stage("track"):  # in pauses, too: it is what the picture waits for
            faces = yield from self._steps.track(frame)
            regions = self._regions(frame, faces, look)
        self._tell_of_others(faces, look)
        return Scene(frame, faces, look, regions)

    def cut(self, scene: Scene) -> Plan:
        """Cuts the pictures of a scene out of its frame."""
        return at_once(self._cutting(scene))

    def _cutting(self, scene: Scene) -> Pausing[Plan]:
        frame, look = scene.frame, scene.look
        with self.timing.stage("crop"):
            pictures: tuple[Image, ...] = ()
            for region in scene.regions:
                pictures += (self._steps.ops.crop(frame, region),)
                yield
            if look.eyes:
                pictures = self._enlarge_eyes(frame.time_s, scene.faces, scene.regions, pictures, look.eyes)
            else:
                self._enlarge_eyes.forget()
        return Plan(frame, scene.faces, look, scene.regions, pictures)

    def kept(self, plan: Plan, draw: Draw) -> Sequence[Image] | None:
        """The drawings of a plan whose pictures look as they did when `draw` last drew them; None: draw them."""
        return self._idle.kept(draw, plan.regions, plan.pictures) if self._idle else None

    def remember(self, plan: Plan, draw: Draw, drawn: Sequence[Image]) -> None:
        """Takes what `draw` drew of a plan's pictures, for frames that look like this one."""
        if self._idle:
            self._idle.remember(draw, plan.regions, plan.pictures, drawn)

    def finish(self, plan: Plan, drawn: Sequence[Image]) -> Rendered:
        """As `finishing`, in one go."""
        return at_once(self.finishing(plan, drawn))

    def finishing(self, plan: Plan, drawn: Sequence[Image]) -> Pausing[Rendered]:
        """Puts the drawn pictures of a plan back into its frame; the next frame comes when this one is done."""
        with self.timing.stage("paste"):
            if plan.faces.is_new_shot:
                self._steps.forget()
            self._forget_what_was_off(plan.look)
            filmed = plan.frame
            if plan.is_blurred:  # the half that shows what was filmed, too, and whatever the strength
                plan = replace(plan, frame=blurred(plan.frame))
            drawn = self._steps.calm(plan.look.style, plan.regions, plan.pictures, drawn)
            retouch = partial(self._retouch, plan) if plan.look.is_retouched else None
            yield
            look = plan.look
            if look.scope is Scope.PERSON and not _cuts_out(look):
                look = replace(look, scope=Scope.FRAME)
            compose = self._steps.compositor.pausing
            pasted = yield from compose(plan.frame, plan.regions, plan.pictures, drawn, look, retouch)
            return (yield from self._showing.pausing(plan, pasted, filmed))

    def show(self, scene: Scene, drawn: Frame) -> Rendered:
        """What is shown of a scene whose drawings are in its frame, see `Showing`."""
        return at_once(self._showing.pausing(scene, drawn))

    def forget(self) -> None:
        """No drawing that is remembered fits any more: frames were drawn elsewhere meanwhile, or a film was cut."""
        self._steps.forget()
        self._showing.forget()

    def _forget_what_was_off(self, look: Look) -> None:
        """What an option remembers is of when it was last on: persons and colours of then would shimmer through."""
        last, self._last_look = self._last_look or look, look
        if _tints(look) and not _tints(last):
            self._steps.tint.forget()
        if _cuts_out(look) and not _cuts_out(last):
            self._steps.compositor.forget()

    def _retouch(self, plan: Plan, drawn: Sequence[Image]) -> Pausing[Sequence[Image]]:
        drawn = [inked(drawing, plan.look.line) for drawing in drawn]
        if plan.look.hair_rgb is None:
            return drawn
        tint = partial(self._steps.tint.pausing, plan.faces, plan.regions, tint=plan.look.hair_rgb)
        return (yield from in_good_light(tint, plan.pictures, drawn))

    def _tell_of_others(self, faces: Faces, look: Look) -> None:
        """Says once that there are more faces than are drawn."""
        told = told_of_crowd(len(faces.faces), faces.left_out, look)
        if told and not self._has_told_of_others:
            self._has_told_of_others = True
            log.warning("%s%s", self._name and f"{self._name}: ", told)

    def _regions(self, frame: Frame, faces: Faces, look: Look) -> tuple[Region, ...]:
        is_bare = may_be_bare(faces, look)
        heads = self._steps.align(frame, faces.faces, look.size_px)
        if look.unseen is Unseen.BLUR and is_bare:
            return heads
        # Better all drawn than one bare face. Heads lie on top: in a picture of everything a face has too few pixels.
        is_whole = look.scope is not Scope.HEAD or (look.unseen is Unseen.DRAW and is_bare)
        return (whole_frame_region(frame, look.size_px), *heads) if is_whole else heads


def _tints(look: Look) -> bool:
    return look.strength > 0.0 and look.hair_rgb is not None


def _cuts_out(look: Look) -> bool:
    """Whether what is drawn ends where persons do; behind them a background begins there, anyway."""
    return look.strength > 0.0 and look.scope is Scope.PERSON and not look.hides_background


def _untouched(frame: Frame) -> Rendered:
    return Rendered(frame, Faces(is_exposed=False))
