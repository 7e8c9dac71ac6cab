"""A virtual camera on Linux: pictures written to a v4l2loopback device."""

import errno
import re
from collections.abc import Callable

import numpy as np

from animecam.errors import SinkError, UsageError
from animecam.sinks.convert import even, square_size, to_yuv420, upright, with_squares
from animecam.sinks.v4l2_device import DeviceFormat, OutputDevice, V4l2Device
from animecam.sources.v4l2 import fourcc
from animecam.types import Color, ColorMatrix, Frame, Plane, StreamFormat

YU12 = fourcc("YU12")
YUYV = fourcc("YUYV")
CAMERA_COLOR = Color(ColorMatrix.BT601)
"""What programs take a webcam's numbers for, whatever the device says."""

USUAL_NUMBER = 9  # of the device that is made for us; real cameras count from 0

_PATH = re.compile(r"v4l2:(?://)?(/[^/].*)", re.IGNORECASE)


class V4l2Sink:
    """Gives frames to programs that take pictures from a webcam, upright, with square pixels.

    Args:
        uri: `v4l2:///dev/video9`.
        stream: What the frames will be.
        open_device: Opens the device node.

    Attributes:
        uri: As opened.

    Raises:
        UsageError: The URI names no device.
        SinkError: The device is missing, busy, forbidden, or no output.
    """

    def __init__(self, uri: str, stream: StreamFormat, open_device: Callable[[str], OutputDevice] = V4l2Device) -> None:
        self.uri = uri
        path = _PATH.fullmatch(uri)
        if path is None:
            raise UsageError(f"{uri} names no device", hint="for example v4l2:///dev/video9")
        self._path = path[1]
        self._is_closed = False
        try:
            self._device = open_device(self._path)
        except OSError as error:
            raise self._explained(error) from error
        try:
            self._format = self._agree(stream)
        except SinkError:
            self._device.close()
            raise

    def write(self, frame: Frame) -> None:
        """Shows one frame, at once.

        Raises:
            SinkError: The frame has another size than the device, or the device is gone.
        """
        frame = with_squares(frame)
        data = _packed_yuyv(frame) if self._format.pixel_format == YUYV else _packed_yuv420(frame)
        size = _stored_size(frame)
        if size != (self._format.width_px, self._format.height_px):
            raise SinkError(f"the picture changed its size to {size[0]}x{size[1]} pixels", hint="start again")
        try:
            taken = self._device.write(data.tobytes())
        except OSError as error:
            raise self._explained(error) from error
        if taken != data.size:
            raise SinkError(f"{self._path} took {taken} of {data.size} bytes", hint="update v4l2loopback")

    def close(self, *, complete: bool) -> None:  # noqa: ARG002 - a camera is never complete
        """Lets the device go; may be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._device.close()

    def _agree(self, stream: StreamFormat) -> DeviceFormat:
        """Finds a format that both sides know."""
        width_px, height_px = _stored_size(stream)
        try:
            can_output = self._device.can_output()
        except OSError as error:
            raise self._no_output() from error  # ENOTTY: not a video device at all
        if not can_output:
            raise self._no_output()
        try:
            chosen = self._device.set_format(DeviceFormat(width_px, height_px, YU12, width_px))
            if chosen.pixel_format != YU12:
                chosen = self._device.set_format(DeviceFormat(width_px, height_px, YUYV, 2 * width_px))
        except OSError as error:
            raise self._explained(error) from error
        known_rows = {YU12: width_px, YUYV: 2 * width_px}
        if (chosen.width_px, chosen.height_px) != (width_px, height_px):
            raise SinkError(
                f"{self._path} is held at {chosen.width_px}x{chosen.height_px} pixels, not {width_px}x{height_px}",
                hint="close the programs that show this camera, or reload v4l2loopback",
            )
        if known_rows.get(chosen.pixel_format) != chosen.row_bytes:
            raise SinkError(f"{self._path} takes neither YU12 nor YUYV pixels", hint="reload v4l2loopback")
        return chosen

    def _no_output(self) -> SinkError:
        return SinkError(
            f"{self._path} is a camera or another device, not an output",
            hint=f"make a virtual camera, for example: {modprobe_command()}",
        )

    def _explained(self, error: OSError) -> SinkError:
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            number = re.search(r"\d+$", self._path)
            command = modprobe_command(int(number[0])) if number else modprobe_command()
            return SinkError(f"there is no device {self._path}", hint=f"make it: {command}")
        if error.errno == errno.EBUSY:
            return SinkError(
                f"{self._path} is busy", hint="another program writes to it: end that, or use another device"
            )
        if error.errno in (errno.EACCES, errno.EPERM):
            return SinkError(
                f"no permission to write to {self._path}", hint="sudo usermod -aG video $USER, then log in again"
            )
        return SinkError(f"cannot write to {self._path}: {error.strerror}")


def modprobe_command(number: int = USUAL_NUMBER) -> str:
    """What makes a virtual camera, where v4l2loopback is installed.

    Args:
        number: N of the /dev/videoN that it is to be.
    """
    return f'sudo modprobe v4l2loopback devices=1 video_nr={number} card_label="animecam" exclusive_caps=1'


def _stored_size(stored: Frame | StreamFormat) -> tuple[int, int]:
    width_px, height_px = square_size(stored)
    return even(width_px), even(height_px)


def _packed_yuv420(frame: Frame) -> Plane:
    """All three planes in a row of bytes, narrow BT.601."""
    planes = to_yuv420(upright(frame), CAMERA_COLOR).planes
    return np.concatenate([plane.reshape(-1) for plane in planes])


def _packed_yuyv(frame: Frame) -> Plane:
    """Luma and chroma by turns in a row of bytes, narrow BT.601."""
    luma, blue, red = to_yuv420(upright(frame), CAMERA_COLOR).planes
    packed = np.empty((luma.shape[0], luma.shape[1] // 2, 4), dtype=np.uint8)
    packed[..., 0::2] = luma.reshape(luma.shape[0], -1, 2)
    packed[..., 1] = np.repeat(blue, 2, axis=0)
    packed[..., 3] = np.repeat(red, 2, axis=0)
    return packed.reshape(-1)
