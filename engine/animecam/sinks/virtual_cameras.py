"""The virtual cameras of this machine: what other programs take for a webcam and animecam can write to."""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import av
from av.device import DeviceInfo

from animecam.errors import SinkError, SourceError
from animecam.sinks.v4l2 import modprobe_command
from animecam.sinks.virtualcam import VirtualCameraSink
from animecam.sources import v4l2
from animecam.sources.devices import list_cameras
from animecam.sources.v4l2 import Kernel
from animecam.types import Color, PixelFormat, StreamFormat

LOOPBACK_DRIVER = "v4l2 loopback"
PACKAGE_URI = "virtualcam:"
PROBED = StreamFormat(
    640, 480, PixelFormat.RGB24, Color(), 0, time_base=Fraction(1, 30), rate=Fraction(30), is_live=True
)
"""A size that every webcam has."""

log = logging.getLogger(__name__)


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

    @property
    def word(self) -> str:
        """The URI as one word of a command, in quotes that every shell knows where it has spaces."""
        return f'"{self.uri}"' if " " in self.uri else self.uri


def find_virtual_cameras(
    platform: str = sys.platform,
    *,
    folder: Path = v4l2.SYSTEM_NODES,
    kernel: Kernel | None = None,
    package: ModuleType | None = None,
    enumerate_devices: Callable[[str], list[DeviceInfo]] = av.enumerate_input_devices,
) -> tuple[VirtualCamera, ...]:
    """Finds what can be written to: on Linux the nodes that say so, elsewhere what pyvirtualcam opens for a moment.

    Args:
        platform: As `sys.platform`.
        folder: Where Linux lists its nodes.
        kernel: Linux's system calls.
        package: Stands in for pyvirtualcam.
        enumerate_devices: As `list_cameras` takes it.

    Returns:
        At least one.

    Raises:
        SinkError: There is none; the hint tells how to get one.
    """
    if not platform.startswith("linux"):
        return _of_package(_camera_names(platform, enumerate_devices), package)
    nodes = (_of_node(number, kernel or Kernel()) for number in v4l2.node_numbers(folder))
    cameras = tuple(camera for camera in nodes if camera is not None)
    if not cameras:
        raise SinkError("no virtual camera was found", hint=f"install v4l2loopback, then: {modprobe_command()}")
    return cameras


def advice() -> str:
    """What to tell who named one that cannot be opened: which there are, or how to get one."""
    try:
        cameras = find_virtual_cameras()
    except SinkError as error:
        return error.hint
    return "animecam devices lists " + ", ".join(camera.word for camera in cameras)


def _camera_names(platform: str, enumerate_devices: Callable[[str], list[DeviceInfo]]) -> tuple[str, ...]:
    """All cameras that programs are shown, real ones too."""
    try:
        return tuple(camera.name for camera in list_cameras(platform, enumerate_devices=enumerate_devices))
    except SourceError as error:
        log.info("%s", error.message)
        return ()


def _of_package(names: Sequence[str], package: ModuleType | None) -> tuple[VirtualCamera, ...]:
    found: list[VirtualCamera] = []
    for name in names:
        try:
            found.append(_opened(PACKAGE_URI + name, package))
        except SinkError as error:  # as a rule it is a real camera
            log.info("%s", error.message)
    return tuple(found) or (_opened(PACKAGE_URI, package),)


def _opened(uri: str, package: ModuleType | None) -> VirtualCamera:
    camera = VirtualCameraSink(uri, PROBED, package)
    try:
        return VirtualCamera(uri, camera.device)
    finally:
        camera.close(complete=False)


def _of_node(number: int, kernel: Kernel) -> VirtualCamera | None:
    path = f"/dev/video{number}"
    try:
        device = kernel.open(path)
    except OSError as error:
        log.info("%s cannot be asked what it takes: %s", path, error.strerror)
        return None
    try:
        found = v4l2.abilities(kernel, device)
    except OSError as error:
        log.info("%s does not say what it takes: %s", path, error.strerror)
        return None
    finally:
        kernel.close(device)
    is_busy = found.driver == LOOPBACK_DRIVER and not found.can_output  # with exclusive_caps it is a camera meanwhile
    return VirtualCamera(f"v4l2://{path}", found.name, is_busy) if found.can_output or is_busy else None
