"""FFmpeg's capture devices, by which cameras and microphones are found and opened on macOS and Windows."""

from collections.abc import Callable, Sequence
from typing import Literal

import av.error
from av.device import DeviceInfo

from animecam.errors import SourceError

FORMATS = {"darwin": "avfoundation", "win32": "dshow"}
"""By the platform, what FFmpeg calls its devices."""

NON_BLOCKING = "+4"  # AVFMT_FLAG_NONBLOCK: FFmpeg has no name for it, and a silent device would block for ever


def list_devices(
    device_format: str, kind: Literal["video", "audio"], ask: Callable[[str], Sequence[DeviceInfo]]
) -> list[DeviceInfo]:
    """The devices that deliver pictures or sound, in the order by which they are numbered.

    Args:
        device_format: FFmpeg's name, see `FORMATS`.
        kind: What they deliver.
        ask: PyAV's list of devices of a format.

    Raises:
        SourceError: This build of PyAV has no such list.
    """
    try:
        return [device for device in ask(device_format) if kind in device.media_types]
    except (ValueError, av.error.FFmpegError) as error:
        what = f"this build of PyAV cannot list {device_format} devices"
        raise SourceError(what, hint="pip install --upgrade av") from error
