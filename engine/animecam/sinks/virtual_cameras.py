"""The virtual cameras of this machine: what other programs take for a webcam and animecam can write to."""

import logging
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType

from animecam.errors import SinkError
from animecam.sinks.v4l2 import modprobe_command
from animecam.sinks.virtualcam import VirtualCameraSink
from animecam.sources import v4l2
from animecam.sources.v4l2 import Kernel
from animecam.types import Color, PixelFormat, StreamFormat

LOOPBACK_DRIVER = "v4l2 loopback"
PACKAGE_URI = "virtualcam:"
PROBED = StreamFormat(
    640, 480, PixelFormat.RGB24, Color(), 0, time_base=Fraction(1, 30), rate=Fraction(30), is_live=True
)
"""A size that every webcam has."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VirtualCamera:
    """A virtual camera.

    Attributes:
        uri: What `--output` takes.
        name: Under which meeting programs show it.
        is_busy: Another program writes to it.
    """

    uri: str
    name: str
    is_busy: bool = False


def find_virtual_cameras(
    platform: str = sys.platform,
    *,
    folder: Path = v4l2.SYSTEM_NODES,
    kernel: Kernel | None = None,
    package: ModuleType | None = None,
) -> tuple[VirtualCamera, ...]:
    """Finds what can be written to: on Linux the nodes that say so, elsewhere what pyvirtualcam opens for a moment.

    Args:
        platform: As `sys.platform`.
        folder: Where Linux lists its nodes.
        kernel: Linux's system calls.
        package: Stands in for pyvirtualcam.

    Returns:
        At least one.

    Raises:
        SinkError: There is none; the hint tells how to get one.
    """
    if not platform.startswith("linux"):
        camera = VirtualCameraSink(PACKAGE_URI, PROBED, package)
        try:
            return (VirtualCamera(PACKAGE_URI, camera.device),)
        finally:
            camera.close(complete=False)
    nodes = (_of_node(number, kernel or Kernel()) for number in v4l2.node_numbers(folder))
    cameras = tuple(camera for camera in nodes if camera is not None)
    if not cameras:
        raise SinkError("no virtual camera was found", hint=f"install v4l2loopback, then: {modprobe_command()}")
    return cameras


def _of_node(number: int, kernel: Kernel) -> VirtualCamera | None:
    path = f"/dev/video{number}"
    try:
        device = kernel.open(path)
    except OSError as error:
        _log.info("%s cannot be asked what it takes: %s", path, error.strerror)
        return None
    try:
        found = v4l2.abilities(kernel, device)
    except OSError as error:
        _log.info("%s does not say what it takes: %s", path, error.strerror)
        return None
    finally:
        kernel.close(device)
    is_busy = found.driver == LOOPBACK_DRIVER and not found.can_output  # with exclusive_caps it is a camera meanwhile
    return VirtualCamera(f"v4l2://{path}", found.name, is_busy) if found.can_output or is_busy else None
