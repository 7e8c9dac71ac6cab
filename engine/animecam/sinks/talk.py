"""What a window's process and the one that opened it say to each other, in memory that both share.

The window says which keys were pressed and where the mouse drags; the other says what text to show over the picture.
Neither side waits: what was not read in time is lost, the oldest first.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from animecam.types import Frame

MOST_EVENTS = 256  # two seconds of a mouse that reports 125 times a second
TEXT_BYTES = 2048  # four times what the help takes, the longest of the texts
_EVENT_COUNT, _TEXT_COUNT = 0, 1  # places of the head
_HEAD_FIELDS = 4
_PRESS, _DRAG = 0, 1  # kinds of events
_DRAG_UNIT = 1_000_000  # steps from the left border to the right one
_TEXT_PLACES = 2


class Press(NamedTuple):
    """A key was pressed, named as in `window_keys`."""

    key: str


class Drag(NamedTuple):
    """The mouse moved with its button down, to this part of the picture's width."""

    across: float


Event: TypeAlias = Press | Drag


class Panel(Protocol):
    """What a window's keys act on and what it tells; called by the thread that writes frames only."""

    def take(self, event: Event) -> None:
        """Does what a key or the mouse asks for."""
        ...

    def shown(self, frame: Frame) -> Frame:
        """What the window is to show now that a frame has come: the frame, or one that is held."""
        ...

    @property
    def text(self) -> str:
        """Lines to show over the picture, in ASCII."""
        ...


@dataclass(frozen=True, slots=True)
class Talk:
    """A file mapped into the memory of both processes.

    Attributes:
        head: int64 [4]: how many events and how many texts there were.
        events: int64 [256, 2]: kind and value of each.
        lengths: int64 [2]: bytes of each text.
        texts: uint8 [2, 2048]: the newest text and the one before it.
    """

    head: NDArray[np.int64]
    events: NDArray[np.int64]
    lengths: NDArray[np.int64]
    texts: NDArray[np.uint8]

    @classmethod
    def create(cls, path: Path) -> "Talk":
        """A new one.

        Raises:
            OSError: The file cannot be made.
        """
        numbers = _HEAD_FIELDS + 2 * MOST_EVENTS + _TEXT_PLACES
        path.write_bytes(bytes(8 * numbers + _TEXT_PLACES * TEXT_BYTES))
        return cls.attach(path)

    @classmethod
    def attach(cls, path: Path) -> "Talk":
        """The one that another process made.

        Raises:
            OSError: The file is not there.
        """
        memory: NDArray[np.uint8] = np.memmap(path, np.uint8, "r+")
        numbers = memory[: -_TEXT_PLACES * TEXT_BYTES].view(np.int64)
        head, events, lengths = np.split(numbers, [_HEAD_FIELDS, _HEAD_FIELDS + 2 * MOST_EVENTS])
        texts = memory[numbers.nbytes :].reshape(_TEXT_PLACES, TEXT_BYTES)
        return cls(head, events.reshape(MOST_EVENTS, 2), lengths, texts)

    def report(self, event: Event) -> None:
        """Says what the user did; a key's name must be one character."""
        count = int(self.head[_EVENT_COUNT])
        if isinstance(event, Press):
            self.events[count % MOST_EVENTS] = (_PRESS, ord(event.key))
        else:
            self.events[count % MOST_EVENTS] = (_DRAG, round(event.across * _DRAG_UNIT))
        self.head[_EVENT_COUNT] = count + 1

    def events_since(self, count: int) -> tuple[tuple[Event, ...], int]:
        """What the user did after the first `count` events, and how many there are now."""
        newest = int(self.head[_EVENT_COUNT])
        rows = [self.events[index % MOST_EVENTS].tolist() for index in range(max(count, newest - MOST_EVENTS), newest)]
        return tuple(Press(chr(value)) if kind == _PRESS else Drag(value / _DRAG_UNIT) for kind, value in rows), newest

    @property
    def text_count(self) -> int:
        """How often the text was changed."""
        return int(self.head[_TEXT_COUNT])

    @property
    def text(self) -> str:
        """The newest text."""
        place = self.text_count % _TEXT_PLACES
        return self.texts[place, : int(self.lengths[place])].tobytes().decode("ascii", "replace")

    def tell(self, text: str) -> None:
        """Changes the text; what does not fit is cut off."""
        count = self.text_count + 1
        data = np.frombuffer(text.encode("ascii", "replace")[:TEXT_BYTES], np.uint8)
        self.texts[count % _TEXT_PLACES, : data.size] = data
        self.lengths[count % _TEXT_PLACES] = data.size
        self.head[_TEXT_COUNT] = count
