"""One uploaded file on its way through the server: where it lies, how it is drawn, what there is to tell of it."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from animecam.drawing.crowd import crowd_said
from animecam.render.base import Render, Rendered
from animecam.run.pipeline import Figures
from animecam.settings import Scope, Unseen
from animecam.types import Frame, StreamFormat
from animecam.web.options import MIB, Limits
from animecam.web.orders import Order
from animecam.wording import in_options

MOST_NAME_CHARACTERS = 80  # of an upload: a result is saved, and a message told, by it
UNASKED_SECONDS = 300.0
"""So long after the last question about it nobody is there any more. A page asks twice a second; behind another tab
once a minute, as browsers have it; a phone may sleep for a while, or its network be gone."""

SUFFIX_OF_RESULT = "-anime"
_WITHOUT_FACES = {Unseen.DRAW: "it was drawn whole", Unseen.KEEP: "it was not drawn", Unseen.BLUR: "it was blurred"}


class State(StrEnum):
    """Where a job is on its way."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes:
        state: Where it is on its way.
        done: Part that is drawn, 0 to 1; None while nobody knows how long the clip is.
        fps: Frames drawn a second.
        message: What went wrong, or what there is to know about the result.
        hint: What to do about it.
        left_out: Most faces beyond those that are drawn, in any frame.
    """

    state: State = State.WAITING
    done: float | None = 0.0
    fps: float = 0.0
    message: str = ""
    hint: str = ""
    left_out: int = 0


_FORSAKEN = Progress(
    State.FAILED,
    message=f"nobody asked for it for {UNASKED_SECONDS / 60:.0f} minutes, and others were waiting",
    hint="send it again, and keep the page open",
)


class Job:
    """One uploaded file. The worker's thread replaces `progress`, the event loop reads it.

    Args:
        name: Name of the file at the user's, for the result's.
        folder: Of its own, removed with the job.
        order: How it is drawn.
    """

    def __init__(self, name: str, folder: Path, order: Order) -> None:
        self.id = folder.name
        self.folder, self.order = folder, order
        self.stem = Path(name).stem[:MOST_NAME_CHARACTERS] or "upload"
        self._name = Path(name).name[:MOST_NAME_CHARACTERS] or "the file"
        self.progress = Progress()
        self.source = folder / "upload"
        self.target = folder / "result"
        self.is_picture = False
        self.left_out = 0
        self.is_too_large = False
        self.is_forsaken = False
        self.stop = threading.Event()
        self.asked_s: float | None = None  # when somebody asked for it last; None: it has not arrived as a whole
        self.changed_s = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is done to it: there is a result, or there will be none."""
        return self.progress.state in (State.DONE, State.FAILED)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody who sent it is there, as far as one knows; not before it has arrived."""
        return self.asked_s is not None and time.monotonic() - self.asked_s <= UNASKED_SECONDS

    @property
    def max_faces(self) -> int:
        """Most faces of it that are drawn at a time."""
        of_still = self.order.still_faces if self.is_picture else None
        return of_still or self.order.max_faces

    @property
    def made_bytes(self) -> int:
        """Size of what is made of the upload so far."""
        size = 0
        with suppress(FileNotFoundError):  # it has got its name meanwhile
            for path in self.folder.iterdir():
                size += path.stat().st_size if path != self.source else 0
        return size

    @property
    def result_name(self) -> str:
        """The name to save the result by."""
        return self.stem + SUFFIX_OF_RESULT + self.target.suffix

    def end(self, progress: Progress) -> None:
        """Notes how it ended, and first when: of those that are over the oldest makes room."""
        self.changed_s = time.monotonic()
        self.progress = _FORSAKEN if self.is_forsaken else progress

    def ask(self) -> None:
        """Notes that somebody waits for it."""
        self.asked_s = time.monotonic()

    def forsake(self) -> None:
        """Stops it for others who wait; who comes back is told."""
        self.is_forsaken = True
        self.stop.set()

    def in_words_of_the_user(self, text: str) -> str:
        """A message about a file of the server's, as one about the file that was sent; settings by their options."""
        for path, name in ((self.source, self._name), (self.target, self.result_name), (self.folder, self._name)):
            text = text.replace(str(path), name)
        return in_options(text)

    def watched(self, render: Render) -> Render:
        """A renderer that leaves a note of how many faces were too many."""

        def render_and_count(frame: Frame) -> Rendered:
            rendered = render(frame)
            self.left_out = max(self.left_out, rendered.faces.left_out)
            return rendered

        return render_and_count


def part_done(stream: StreamFormat, figures: Figures) -> float | None:
    """Part of a file that is drawn, 0 to 1; None where nobody knows how long it is."""
    if stream.frames > 0:
        return min(1.0, (figures.frames_out + figures.skipped) / stream.frames)
    if stream.duration_s > 0:
        return min(1.0, figures.position_s / stream.duration_s)
    return None


def outcome(job: Job, figures: Figures, limits: Limits) -> Progress:
    """How drawing a file ended, and what there is to know of the result."""
    if figures.is_interrupted:
        grew = f"what was drawn grew beyond the limit of {limits.result_bytes / MIB:.0f} MiB"
        took = f"drawing took longer than the limit of {limits.minutes:g} minutes"
        return Progress(State.FAILED, message=grew if job.is_too_large else took, hint="send a part")
    look = job.order.look
    if look.scope is Scope.HEAD and not figures.with_faces:
        message = f"no face was found: {_WITHOUT_FACES[look.unseen]}"
        hint = "" if look.unseen is Unseen.DRAW else "choose Everything to draw all of it"
        return Progress(State.DONE, 1.0, figures.fps_out, message, hint)
    said = crowd_said(job.left_out, look)
    message = f"at times {said}" if said and not job.is_picture else said
    return Progress(State.DONE, 1.0, figures.fps_out, message, left_out=job.left_out)
