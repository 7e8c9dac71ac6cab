"""A virtual camera on every system, through the optional package pyvirtualcam."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from animecam.errors import SinkError
from animecam.sinks.convert import square_size, to_square_rgb
from animecam.types import Frame, StreamFormat

_PACKAGE = "pyvirtualcam"
_NEEDED_DRIVER = (
    "install OBS Studio (Windows; macOS: and start its virtual camera once) or v4l2loopback (Linux), "
    "which bring the camera's driver"
)


class VirtualCameraSink:
    """Gives frames to programs that take pictures from a webcam, upright, with square pixels.

    Args:
        uri: `virtualcam:` for the first that the package can open, or `virtualcam:NAME`, of a camera as other programs
            show it, on Linux of its path.
        stream: What the frames will be.
        package: Stands in for pyvirtualcam; None imports it.
        advise: Gives the hint when a camera that was named cannot be opened; None: how to get a driver.

    Attributes:
        uri: As opened.

    Raises:
        SinkError: The package, the camera's driver or a camera of the name is missing, or another program has it.
    """

    def __init__(
        self,
        uri: str,
        stream: StreamFormat,
        package: ModuleType | None = None,
        advise: Callable[[], str] | None = None,
    ) -> None:
        self.uri = uri
        name = uri.partition(":")[2].removeprefix("//")
        package = package or _import()
        width_px, height_px = square_size(stream)
        self._shape = (height_px, width_px, 3)
        try:
            self._camera: Any = package.Camera(
                width=width_px, height=height_px, fps=float(stream.rate), device=name or None
            )
        except RuntimeError as error:  # all that the package raises
            reasons = "; ".join(str(error).splitlines())  # one for each kind of camera that it knows
            hint = advise() if name and advise else _NEEDED_DRIVER
            raise SinkError(f"no virtual camera{name and f' {name}'}: {reasons}", hint=hint) from error
        self._is_closed = False

    @property
    def device(self) -> str:
        """The camera's name, as other programs show it; on Linux its path."""
        return str(self._camera.device)

    def write(self, frame: Frame) -> None:
        """Shows one frame, at once.

        Raises:
            SinkError: The frame has another size than the camera, or the camera is gone.
        """
        picture = to_square_rgb(frame)
        if picture.shape != self._shape:
            raise SinkError(f"the picture changed its size to {picture.shape[1]}x{picture.shape[0]} pixels")
        try:
            self._camera.send(np.ascontiguousarray(picture))
        except RuntimeError as error:
            raise SinkError(f"the virtual camera failed: {error}") from error

    def close(self, *, complete: bool) -> None:  # noqa: ARG002 - a camera is never complete
        """Lets the camera go; may be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._camera.close()


def _import() -> ModuleType:
    from importlib import import_module

    try:
        return import_module(_PACKAGE)
    except ImportError as error:
        raise SinkError(
            f"virtualcam: needs the package {_PACKAGE}", hint="pip install 'animecam[virtualcam]'"
        ) from error
