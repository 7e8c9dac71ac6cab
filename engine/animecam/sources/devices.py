"""The cameras of this machine, by name."""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
from av.device import DeviceInfo

from animecam.errors import SourceError
from animecam.sources import v4l2
from animecam.sources.ffmpeg_devices import FORMATS, list_devices
from animecam.sources.v4l2 import CameraMode, Kernel

__all__ = ["CameraInfo", "CameraMode", "list_cameras"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera.

    Attributes:
        index: What `--device` takes.
        path: How FFmpeg opens it.
        name: What is printed on it, or nearly.
        modes: What it can deliver; empty where the system does not say, or does not let us ask.
    """

    index: int
    path: str
    name: str
    modes: tuple[CameraMode, ...] = ()


def list_cameras(
    platform: str = sys.platform,
    *,
    folder: Path = v4l2.SYSTEM_NODES,
    kernel: Kernel | None = None,
    enumerate_devices: Callable[[str], list[DeviceInfo]] = av.enumerate_input_devices,
) -> tuple[CameraInfo, ...]:
    """Lists the cameras of this machine.

    Args:
        platform: As `sys.platform`.
        folder: Where Linux lists them.
        kernel: Linux's system calls.
        enumerate_devices: PyAV's list of devices of a format, for the other systems.

    Raises:
        SourceError: The system cannot list its cameras.
    """
    if platform.startswith("linux"):
        return _linux_cameras(folder, kernel or Kernel())
    device_format = FORMATS.get(platform)
    if device_format is None:
        raise SourceError(f"cameras cannot be listed on {platform}", hint="name a file, a stream or pattern:640x480@30")
    cameras = list_devices(device_format, "video", enumerate_devices)
    prefix = "video=" if device_format == "dshow" else ""
    return tuple(
        CameraInfo(index, prefix + camera.name, camera.description or camera.name)
        for index, camera in enumerate(cameras)
    )


def _linux_cameras(folder: Path, kernel: Kernel) -> tuple[CameraInfo, ...]:
    cameras = (_linux_camera(folder, number, kernel) for number in v4l2.node_numbers(folder))
    return tuple(camera for camera in cameras if camera is not None)


def _linux_camera(folder: Path, number: int, kernel: Kernel) -> CameraInfo | None:
    """What is known of a node; None if it is none that delivers video."""
    path = f"/dev/video{number}"
    try:
        device = kernel.open(path)
    except OSError as error:
        log.info("%s cannot be asked what it can do: %s", path, error.strerror)
        node = folder / f"video{number}"
        is_first = _told(node / "index") in ("", "0")  # others carry metadata
        return CameraInfo(number, path, _told(node / "name") or path) if is_first else None
    try:
        name = v4l2.capture_name(kernel, device)
        return None if name is None else CameraInfo(number, path, name, v4l2.modes(kernel, device))
    except OSError as error:  # it went away, or its driver is broken
        log.info("%s does not say what it can do: %s", path, error.strerror)
        return CameraInfo(number, path, path)
    finally:
        kernel.close(device)


def _told(file: Path) -> str:
    """What the system says in a file; nothing where there is none, or none any more: cameras are unplugged."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
