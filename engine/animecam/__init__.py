"""animecam turns the people in a webcam or a video into anime characters, live."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animecam.api import Stylizer
    from animecam.settings import Look, Palette, Scope, Settings, Unseen

__version__ = "0.1.0"
__all__ = ["Look", "Palette", "Scope", "Settings", "Stylizer", "Unseen", "__version__"]

_HOMES = {
    "Look": "animecam.settings",
    "Palette": "animecam.settings",
    "Scope": "animecam.settings",
    "Settings": "animecam.settings",
    "Stylizer": "animecam.api",
    "Unseen": "animecam.settings",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    """Loads the Python interface when it is asked for, so that importing the package stays cheap."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
