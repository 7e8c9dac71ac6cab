"""How far long work is, told to whoever wants to know; nothing here shows it."""

from collections.abc import Callable, Collection, Iterator
from typing import TypeAlias, TypeVar

Tell: TypeAlias = Callable[[int, int], None]
"""Takes the number of things done and their total."""

Stages: TypeAlias = Callable[[str], Tell]
"""Gives what is told how far a stage of the work is, by the stage's name."""

Thing = TypeVar("Thing")


def ignore(_done: int, _total: int) -> None:
    """Told by whom nobody wants to know."""


def untold(_stage: str) -> Tell:
    """Stages that nobody wants to know of."""
    return ignore


def tracked(things: Collection[Thing], tell: Tell) -> Iterator[Thing]:
    """The things one after the other; each is told of as done when the next one is asked for."""
    for done, thing in enumerate(things):
        tell(done, len(things))
        yield thing
    tell(len(things), len(things))
