"""Numbered pictures: the files of a name such as frames/%05d.png."""

from collections.abc import Iterator
from pathlib import Path

from animecam.sources.addresses import FRAME_NUMBER


def numbered(pattern: Path, number: int) -> Path:
    """The file of an image sequence, for example frames/00007.png for frames/%05d.png and 7."""
    return pattern.with_name(FRAME_NUMBER.sub(lambda place: place[0] % number, pattern.name))


def without_number(stem: str) -> str:
    """The name of one picture, for a stem that by chance has a place for a number: 100_done for 100%done."""
    return FRAME_NUMBER.sub(lambda place: f"_{place[0][1:]}", stem)


def pictures_of(pattern: Path) -> Iterator[tuple[int, Path]]:
    """The files that are there of an image sequence, and their numbers, in no order.

    Args:
        pattern: With one place for the number.

    Raises:
        OSError: The folder cannot be read.
    """
    number = FRAME_NUMBER.search(pattern.name)
    assert number is not None, "the caller looked"
    head, tail = pattern.name[: number.start()], pattern.name[number.end() :]
    for path in pattern.parent.iterdir():
        middle = path.name.removeprefix(head).removesuffix(tail)
        if path.name == head + middle + tail and middle.isdecimal():
            yield int(middle), path
