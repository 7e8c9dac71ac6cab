"""animecam turns the people in a webcam or a video into anime characters, live."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animecam.api import Stylizer

__version__ = "0.1.0"
__all__ = ["Stylizer", "__version__"]


def __getattr__(name: str) -> Any:
    """Loads the Python interface when it is asked for, so that importing the package stays cheap."""
    if name == "Stylizer":
        from animecam.api import Stylizer

        return Stylizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
