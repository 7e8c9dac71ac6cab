"""What the render thread draws in one round: the pictures of all live users together, those of a file one by one."""

import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from animecam.drawing.draw_pictures import draw_pictures
from animecam.drawing.renderer import Draw, Plan
from animecam.timing import ms_since
from animecam.types import Frame, Image
from animecam.web.seat import Engine, Seat


class _Planned(NamedTuple):
    """A frame of this round, ready to be drawn."""

    seat: Seat
    plan: Plan


@dataclass(slots=True)
class _Begun:
    """A frame of a file, and what is drawn of it so far."""

    seat: Seat
    plan: Plan
    draw: Draw
    drawn: list[Image] = field(default_factory=list[Image])
    draw_ms: float = 0.0


class Drawer:
    """Draws frames, round by round; render thread only.

    A frame of a file may hold a group, drawn with the network that takes longest: live users do not wait for it.
    """

    def __init__(self) -> None:
        self._begun: deque[_Begun] = deque()

    @property
    def has_begun(self) -> bool:
        """Whether there is a frame to go on with, though no other one comes."""
        return bool(self._begun)

    def draw(self, engine: Engine, frames: Sequence[tuple[Seat, Frame]], *, is_anybody_live: bool) -> None:
        """One round: plans all frames, draws those of one network in batches, finishes each.

        Whose picture has not changed gets the drawing of before, and the network has more time for the others.

        Args:
            engine: The networks.
            frames: Those that are new.
            is_anybody_live: Frames of files make room.
        """
        together: dict[Draw, list[_Planned]] = {}
        for seat, frame in frames:
            with _blamed_on(seat):
                seat.timing.add("wait", ms_since(frame.captured_ns))
                plan, draw = seat.plan(engine, frame)
                if not seat.is_live and is_anybody_live:
                    self._begun.append(_Begun(seat, plan, draw))
                elif not seat.rests(plan, draw):
                    together.setdefault(draw, []).append(_Planned(seat, plan))
        for draw, members in together.items():
            _draw_together(draw, members)
        if self._begun:
            self._go_on(most=1 if is_anybody_live else None)

    def _go_on(self, most: int | None) -> None:
        """Draws the next pictures of a frame of a file, so many at most, and finishes it after the last one."""
        begun = self._begun.popleft()
        if begun.seat.is_closed:
            return
        left = begun.plan.pictures[len(begun.drawn) :][:most]
        with _blamed_on(begun.seat):
            start_ns = time.perf_counter_ns()
            begun.drawn += draw_pictures(begun.draw, left)
            begun.draw_ms += ms_since(start_ns)
            if len(begun.drawn) < len(begun.plan.pictures):
                self._begun.append(begun)
                return
            begun.seat.timing.add("draw", begun.draw_ms)
            begun.seat.finish(begun.plan, begun.draw, begun.drawn)


def _draw_together(draw: Draw, members: Sequence[_Planned]) -> None:
    pictures = [picture for member in members for picture in member.plan.pictures]
    start_ns = time.perf_counter_ns()
    try:
        drawn = iter(draw_pictures(draw, pictures))
    except Exception as error:  # noqa: BLE001 - carried to the user whose picture it was
        if len(members) == 1:
            members[0].seat.fail(error)
        else:  # one user's picture must not end the others' sessions: each is tried alone
            for member in members:
                _draw_together(draw, [member])
        return
    draw_ms = ms_since(start_ns)
    for seat, plan in members:
        mine = [next(drawn) for _ in plan.pictures]
        with _blamed_on(seat):
            seat.timing.add("draw", draw_ms)
            seat.finish(plan, draw, mine)


@contextmanager
def _blamed_on(seat: Seat) -> Generator[None]:
    """A failure in the block ends this seat and nobody else's."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - carried to the user of the seat and shown there
        seat.fail(error)
