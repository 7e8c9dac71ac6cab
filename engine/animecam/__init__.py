"""animecam turns the people in a webcam or a video into anime characters, live."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animecam.api import Stylizer
    from animecam.backends.base import BackendChoice
    from animecam.errors import (
        AnimecamError,
        BackendError,
        CacheError,
        DeviceMemoryError,
        FaceError,
        PipelineError,
        SinkError,
        SourceError,
        StyleError,
        UsageError,
    )
    from animecam.files import convert
    from animecam.settings import HeadEdge, Look, Palette, Quality, Scope, Settings, Unseen

__version__ = "0.1.0"
__all__ = [
    "AnimecamError",
    "BackendChoice",
    "BackendError",
    "CacheError",
    "DeviceMemoryError",
    "FaceError",
    "HeadEdge",
    "Look",
    "Palette",
    "PipelineError",
    "Quality",
    "Scope",
    "Settings",
    "SinkError",
    "SourceError",
    "StyleError",
    "Stylizer",
    "Unseen",
    "UsageError",
    "__version__",
    "convert",
]

_HOMES = {
    "AnimecamError": "animecam.errors",
    "BackendChoice": "animecam.backends.base",
    "BackendError": "animecam.errors",
    "CacheError": "animecam.errors",
    "DeviceMemoryError": "animecam.errors",
    "FaceError": "animecam.errors",
    "HeadEdge": "animecam.settings",
    "Look": "animecam.settings",
    "Palette": "animecam.settings",
    "PipelineError": "animecam.errors",
    "Quality": "animecam.settings",
    "Scope": "animecam.settings",
    "Settings": "animecam.settings",
    "SinkError": "animecam.errors",
    "SourceError": "animecam.errors",
    "StyleError": "animecam.errors",
    "Stylizer": "animecam.api",
    "Unseen": "animecam.settings",
    "UsageError": "animecam.errors",
    "convert": "animecam.files",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    """Loads the Python interface when it is asked for, so that importing the package stays cheap."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
