"""Engines for fewer pictures at a time, where the memory of the GPU is short."""

import logging
from collections.abc import Callable
from typing import TypeVar

from animecam.backends.base import Port
from animecam.errors import DeviceMemoryError, HostMemoryError

log = logging.getLogger(__name__)

Made = TypeVar("Made")


def as_many_as_fit(most: int, port: Port, name: str, make: Callable[[int], Made]) -> Made:
    """What is made for as many pictures at a time as find memory; each time that fewer are tried is told.

    Args:
        most: Pictures that are tried first.
        port: The network's input; where it takes a fixed number nothing else is tried.
        name: Of the network, for people.
        make: Number of pictures → what is made for them.

    Raises:
        DeviceMemoryError: Not even one finds memory.
        HostMemoryError: It is the host that has none: a smaller engine would cost a build, and gain nothing.
    """
    while True:
        try:
            return make(most)
        except HostMemoryError:
            raise
        except DeviceMemoryError as error:
            (_, *fewer) = counts_down(most, port)
            if not fewer:
                raise
            most = fewer[0]
            log.warning("%s; %s takes %d pictures at a time instead", error.message, name, most)


def counts_down(most: int, port: Port) -> list[int]:
    """The numbers of pictures that engines are made for, the largest first.

    Args:
        most: The largest.
        port: As for `as_many_as_fit`.
    """
    counts = [most]
    while counts[-1] > 1 and port.shape[0] is None:
        counts.append(counts[-1] // 2)
    return counts
