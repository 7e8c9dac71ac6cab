"""What the render thread draws in one round: pictures of all users together, and of whoever has many only some."""

import sys
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from animecam.drawing.draw_pictures import draw_pictures
from animecam.drawing.renderer import Draw, Plan
from animecam.pauses import Pausing, at_once, has_ended
from animecam.timing import ms_since
from animecam.types import Frame, Image
from animecam.web.seat import Engine, Seat

MOST_AT_ONCE = 4  # pictures of a live user in a round that others share: as many heads as are usual
ROUND_MS = 25.0  # that others wait for somebody who has more, or as long as his one picture or batch takes


class _Planned(NamedTuple):
    """A frame of this round, ready to be drawn."""

    seat: Seat
    plan: Plan


class _Begun(NamedTuple):
    """A frame that takes several rounds, and what is left to do of it."""

    seat: Seat
    work: Pausing[None]


class Drawer:
    """Draws frames, round by round; render thread only.

    A frame may show a group, drawn with the network that takes longest, and a still picture is searched for its small
    faces tile by tile: live users do not wait for all of it.
    """

    def __init__(self) -> None:
        self._begun: deque[_Begun] = deque()
        self._live = 0

    @property
    def has_begun(self) -> bool:
        """Whether there is a frame to go on with, though no other one comes."""
        return bool(self._begun)

    def is_about(self, seat: Seat) -> bool:
        """Whether a user's frame is being drawn: his next one waits."""
        return any(begun.seat is seat for begun in self._begun)

    def draw(self, engine: Engine, frames: Sequence[tuple[Seat, Frame]], live: int) -> None:
        """One round: plans all frames, draws those of one network in batches, finishes each.

        Whose picture has not changed gets the drawing of before, and the network has more time for the others.

        Args:
            engine: The networks.
            frames: Those that are new.
            live: How many live users there are.
        """
        self._live = live
        together: dict[Draw, list[_Planned]] = {}
        for seat, frame in frames:
            with _blamed_on(seat):
                seat.timing.add("wait", ms_since(frame.captured_ns))
                planning = seat.planning(engine, frame)
                if frame.is_still:  # it is searched for small faces, for longer than any other frame
                    self._begun.append(_Begun(seat, self._all_of(seat, planning)))
                    continue
                plan, draw = at_once(planning)
                if seat.rests(plan, draw):
                    continue
                if len(plan.pictures) > self._share(seat):
                    self._begun.append(_Begun(seat, self._drawing(seat, plan, draw)))
                else:
                    together.setdefault(draw, []).append(_Planned(seat, plan))
        for draw, members in together.items():
            _draw_together(draw, members)
        if self._begun:
            self._go_on()

    def _go_on(self) -> None:
        """Goes on with a frame that was begun, for as long as others wait at most."""
        begun = self._begun.popleft()
        if begun.seat.is_closed:
            return
        with _blamed_on(begun.seat):
            if not has_ended(begun.work, ROUND_MS):
                self._begun.append(begun)

    def _all_of(self, seat: Seat, planning: Pausing[tuple[Plan, Draw]]) -> Pausing[None]:
        plan, draw = yield from planning
        yield from self._drawing(seat, plan, draw)

    def _drawing(self, seat: Seat, plan: Plan, draw: Draw) -> Pausing[None]:
        """Draws a frame and finishes it; each pause is after as many pictures as may be drawn by then."""
        drawn: list[Image] = []
        draw_ms = 0.0
        while True:
            left = plan.pictures[len(drawn) :][: self._share(seat)]
            start_ns = time.perf_counter_ns()
            drawn += draw_pictures(draw, left)
            draw_ms += ms_since(start_ns)
            if len(drawn) == len(plan.pictures):
                break
            yield
        seat.timing.add("draw", draw_ms)
        yield from seat.finishing(plan, draw, drawn)

    def _share(self, seat: Seat) -> int:
        """How many pictures of a user are drawn before it is looked whether others wait."""
        if self._live <= seat.is_live:  # there is nobody else
            return sys.maxsize
        return MOST_AT_ONCE if seat.is_live else 1


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
            at_once(seat.finishing(plan, draw, mine))


@contextmanager
def _blamed_on(seat: Seat) -> Generator[None]:
    """A failure in the block ends this seat and nobody else's."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - carried to the user of the seat and shown there
        seat.fail(error)
