"""Cameras of this machine, through FFmpeg's devices: v4l2 (Linux), avfoundation (macOS), dshow (Windows)."""

import errno
import logging
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
from av.container import InputContainer

from animecam.errors import SourceError
from animecam.sources import faults
from animecam.sources.clock import SYSTEM_CLOCK, Clock
from animecam.sources.devices import CameraInfo, list_cameras
from animecam.sources.ffmpeg_devices import FORMATS, NON_BLOCKING
from animecam.sources.options import SourceOptions
from animecam.sources.reader import DecodedSource, open_decoded
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, StreamFormat

log = logging.getLogger(__name__)

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 30.0  # what every webcam can; asked for unless the user wants another
MEASURED_FRAMES = 60  # two seconds at 30 fps: the rate is taken over so many
RATE_TOLERANCE = 0.05  # of the rate asked for: 29.97 is 30
SLOW = 0.8  # below this part of the promised rate the user is told; exposure in dim light halves it

_GONE = {errno.ENODEV, errno.ENXIO, errno.EIO, errno.ESHUTDOWN, errno.EPROTO}  # what drivers say when the plug is out
_CANNOT = {errno.EINVAL, errno.EIO, errno.ENOTTY}  # what devices say to a format, size or rate they do not have
_RAW_MATRICES = {"v4l2": ColorMatrix.BT601}  # the kernel's default for cameras, at any size; FFmpeg passes none on

Opener = Callable[..., InputContainer]
"""`av.open`, or something that takes the same arguments."""


@dataclass(frozen=True, slots=True)
class System:
    """What a camera needs of its surroundings; a test gives its own.

    Attributes:
        platform: As `sys.platform`.
        open: Opens a device as `av.open` does.
        list: The cameras there are.
        clock: Where time comes from.
    """

    platform: str = sys.platform
    open: Opener = av.open
    list: Callable[[], Sequence[CameraInfo]] = list_cameras
    clock: Clock = SYSTEM_CLOCK


def asked_format(options: SourceOptions) -> StreamFormat:
    """What a camera will deliver if it does what it is asked, known before it is open."""
    return StreamFormat(
        width_px=options.width_px or WIDTH_PX,
        height_px=options.height_px or HEIGHT_PX,
        pixel_format=PixelFormat.RGB24,  # takes odd sizes, too
        color=Color(full_range=True),
        rotation_deg=0,
        time_base=Fraction(1, 1_000_000),
        rate=Fraction(options.fps or FPS).limit_denominator(1001),
        is_live=True,
    )


def open_camera(device: str, options: SourceOptions, system: System | None = None) -> "CameraSource":
    """Opens a camera and asks it for MJPEG (the only format most can send at full rate), a size and a rate.

    A camera that cannot do so is used in its own format, or at the size and rate that it grants, and a warning says
    which these are.

    Args:
        device: Its number, its path (`/dev/video0`), or a part of its name.
        options: Size and rate to ask for (640x480 at 30 unless given), time-outs, threads.
        system: The surroundings.

    Raises:
        SourceError: There is no such camera, another program has it, or the user may not use it.
    """
    system = system or System()
    device_format = "v4l2" if system.platform.startswith("linux") else FORMATS.get(system.platform)
    if device_format is None:
        raise SourceError(f"cameras cannot be opened on {system.platform}", hint="name a file or a stream")
    path = _find(device, device_format, system)
    name = f"camera {device}"

    def describe(error: av.error.FFmpegError) -> SourceError:
        return _describe(name, error, options, system, is_open=True)

    wishes = _wishes(device_format, options)
    for number, wish in enumerate(wishes):
        try:
            container = system.open(
                path,
                format=device_format,
                container_options=wish,  # as `options` the size would overrule, in the decoder, what the camera grants
                timeout=(options.open_s, options.read_s),
            )
        except av.error.FFmpegError as error:
            if error.errno in _CANNOT and number + 1 < len(wishes):
                log.info("%s does not take %s", name, wish)
                continue
            raise _describe(name, error, options, system, is_open=False) from error
        raw_matrix = _RAW_MATRICES.get(device_format, ColorMatrix.UNSPECIFIED)
        source = open_decoded(
            name, container, describe, options, is_live=True, clock=system.clock, raw_matrix=raw_matrix
        )
        return CameraSource(source, options, is_own_format=number > 0)
    raise AssertionError("the last wish returns or raises")


class CameraSource:
    """An open camera; as a `Source`.

    Args:
        decoded: Its frames.
        options: What was asked of it.
        is_own_format: It refused what was asked first.
    """

    def __init__(self, decoded: DecodedSource, options: SourceOptions, *, is_own_format: bool) -> None:
        self.uri = decoded.uri
        self.format = decoded.format
        self.skipped = 0
        self._decoded = decoded
        self._times_s: deque[float] = deque(maxlen=MEASURED_FRAMES)
        self._has_told = False
        self._is_closed = False
        self._tell_if_unlike(options, is_own_format=is_own_format)

    @property
    def measured_fps(self) -> float:
        """Frames per second over the last two seconds by the camera's own clock; 0 before there are two frames."""
        if len(self._times_s) < 2 or self._times_s[-1] <= self._times_s[0]:
            return 0.0
        return (len(self._times_s) - 1) / (self._times_s[-1] - self._times_s[0])

    def read(self) -> Frame | None:
        """The next frame; as `Source.read`.

        Raises:
            SourceError: The camera was unplugged, or sends nothing within the time-out.
        """
        frame = self._decoded.read()
        self.skipped = self._decoded.skipped
        if frame is None:
            if self._is_closed:
                return None
            raise faults.unplugged(self.uri)  # a camera has no end
        self._times_s.append(frame.time_s)
        if len(self._times_s) == MEASURED_FRAMES and not self._has_told:
            self._has_told = True
            promised = float(self.format.rate)
            if self.measured_fps < SLOW * promised:
                text = "%s gives %.1f frames per second of %.4g: more light often helps"
                log.warning(text, self.uri, self.measured_fps, promised)
        return frame

    def close(self) -> None:
        """Frees the camera; may be called twice and from another thread."""
        self._is_closed = True
        self._decoded.close()

    def _tell_if_unlike(self, options: SourceOptions, *, is_own_format: bool) -> None:
        """Warns where the camera grants something else than it was asked for."""
        fps, granted_fps = options.fps or FPS, float(self.format.rate)
        asked = (options.width_px or WIDTH_PX, options.height_px or HEIGHT_PX)
        granted = (self.format.width_px, self.format.height_px)
        is_other_rate = options.fps is not None and abs(granted_fps - fps) > RATE_TOLERANCE * fps
        if is_own_format or granted != asked or is_other_rate:
            codec = "MJPEG " if is_own_format else ""
            text = "%s cannot do %s%dx%d at %g fps; it gives %dx%d at %.4g fps"
            log.warning(text, self.uri, codec, *asked, fps, *granted, granted_fps)


def _find(device: str, device_format: str, system: System) -> str:
    """How FFmpeg names the device that the user means."""
    if device.startswith("/dev/"):
        return device
    if device.isdecimal() and device_format == "v4l2":
        return f"/dev/video{device}"
    cameras = system.list()
    if device.isdecimal():
        matching = [camera for camera in cameras if camera.index == int(device)]
    else:
        matching = [camera for camera in cameras if device.casefold() in camera.name.casefold()]
    if not matching or not device:
        raise _no_such(f"camera {device}", cameras)
    return matching[0].path


def _wishes(device_format: str, options: SourceOptions) -> tuple[dict[str, str], ...]:
    """FFmpeg's options, from what is best to whatever the camera likes."""
    size = f"{options.width_px or WIDTH_PX}x{options.height_px or HEIGHT_PX}"
    picture = {"video_size": size, "framerate": f"{options.fps or FPS:g}"}
    basic = {"fflags": NON_BLOCKING}
    if device_format == "v4l2":
        return basic | {"input_format": "mjpeg"} | picture, basic | picture, basic
    if device_format == "avfoundation":  # has no MJPEG; NV12 goes through the pipeline as it is
        return basic | {"pixel_format": "nv12"} | picture, basic | picture, basic
    return basic | picture, basic  # dshow takes MJPEG where only that reaches the size and rate


def _describe(
    name: str, error: av.error.FFmpegError, options: SourceOptions, system: System, *, is_open: bool
) -> SourceError:
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "allow it in the system's privacy settings, under Camera"
        if system.platform.startswith("linux"):
            hint = "add yourself to group 'video' (sudo usermod -aG video $USER) and log in again"
        return SourceError(f"{name}: permission denied", hint=hint)
    if error.errno == errno.EBUSY:
        return faults.busy(name)
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return faults.nothing_came(name, options.read_s if is_open else options.open_s)
    if is_open and error.errno in _GONE:
        return faults.unplugged(name)
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return _no_such(name, system.list())
    return SourceError(f"{name} cannot be read: {error.strerror}", hint="unplug it and plug it in again")


def _no_such(name: str, cameras: Sequence[CameraInfo]) -> SourceError:
    hint = "no camera was found; plug one in, or try the synthetic one: pattern:640x480@30"
    if cameras:
        hint = f"there is {'; '.join(f'{camera.index}: {camera.name}' for camera in cameras)}"
    return SourceError(f"{name} does not exist", hint=hint)
