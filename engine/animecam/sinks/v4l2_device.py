"""A video output device of Linux (a virtual camera of v4l2loopback) by its system calls."""

import os
from dataclasses import dataclass
from typing import Protocol

from animecam.sources import v4l2
from animecam.sources.v4l2 import Kernel

FIELD_NONE = 1  # V4L2_FIELD_NONE
COLORSPACE_SRGB = 8  # V4L2_COLORSPACE_SRGB
YCBCR_ENC_601 = 1  # V4L2_YCBCR_ENC_601
QUANTIZATION_LIM_RANGE = 2  # V4L2_QUANTIZATION_LIM_RANGE


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR)  # unlike a camera that is asked only: a write waits until it is taken


WAITING = Kernel(open=_open)


@dataclass(frozen=True, slots=True)
class DeviceFormat:
    """What a device takes.

    Attributes:
        width_px: Width.
        height_px: Height.
        pixel_format: Number of its four letters.
        row_bytes: Bytes from one row of the first plane to the next.
    """

    width_px: int
    height_px: int
    pixel_format: int
    row_bytes: int


class OutputDevice(Protocol):
    """An open device; whoever opened it closes it. All but `close` raise OSError as the system does."""

    def can_output(self) -> bool:
        """Whether this device node takes video."""
        ...

    def set_format(self, wanted: DeviceFormat) -> DeviceFormat:
        """Asks for a format.

        Returns:
            What the device chose, which may be another.
        """
        ...

    def write(self, picture: bytes) -> int:
        """Gives one picture; returns how many bytes were taken."""
        ...

    def close(self) -> None:
        """Lets the device go."""
        ...


class V4l2Device:
    """A device node.

    Args:
        path: For example /dev/video9.
        kernel: The system calls.

    Raises:
        OSError: It is not there, or must not be opened.
    """

    def __init__(self, path: str, kernel: Kernel = WAITING) -> None:
        self._kernel = kernel
        self._node = kernel.open(path)

    def can_output(self) -> bool:
        """See `OutputDevice`."""
        return v4l2.abilities(self._kernel, self._node).can_output

    def set_format(self, wanted: DeviceFormat) -> DeviceFormat:
        """See `OutputDevice`."""
        request = (
            *(v4l2.OUTPUT, wanted.width_px, wanted.height_px, wanted.pixel_format, FIELD_NONE, wanted.row_bytes),
            *(0, COLORSPACE_SRGB, 0, 0, YCBCR_ENC_601, QUANTIZATION_LIM_RANGE, 0),
        )
        answer = v4l2.ask(self._kernel, self._node, v4l2.SET_FORMAT, v4l2.PICTURE, *request)
        _, width_px, height_px, pixel_format, _, row_bytes, *_ = answer
        return DeviceFormat(width_px, height_px, pixel_format, row_bytes)

    def write(self, picture: bytes) -> int:
        """See `OutputDevice`."""
        return os.write(self._node, picture)

    def close(self) -> None:
        """See `OutputDevice`."""
        self._kernel.close(self._node)
