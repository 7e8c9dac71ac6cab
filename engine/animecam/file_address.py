"""The addresses of files (RFC 8089), as browsers and file managers copy them."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

_FILE = re.compile(r"file:(?://(?:localhost(?=/))?|(?=/))", re.IGNORECASE)  # what stands before the path
_DRIVE = re.compile(r"/[a-z]:", re.IGNORECASE)  # of Windows, whose paths do not begin with the slash


def path_text(uri: str) -> str:
    """The path in the address of a file: a space in it is %20. Any other text as it is.

    What would have control characters in it, such as frames/%05d.png, is a path written behind `file://`.
    """
    if (address := _FILE.match(uri)) is None:
        return uri
    text = uri[address.end() :]
    if os.name == "nt" and _DRIVE.match(text):
        text = text[1:]
    path = unquote(text)
    return text if min(path, default=" ") < " " or os.path.exists(text) else path  # noqa: PTH110 - never raises


def as_path(place: str | os.PathLike[str]) -> Path:
    """A path that a script gives, as such or as the address of a file: what a browser copied."""
    return Path(path_text(place) if isinstance(place, str) else place)
