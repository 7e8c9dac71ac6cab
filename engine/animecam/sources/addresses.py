"""The parts of an address, of an input or an output, and what of it may be shown."""

import os
import re
from urllib.parse import unquote

FILE_PREFIX = "file://"

FRAME_NUMBER = re.compile(r"%0?\d*d")
"""The place of the number in the name of a sequence of pictures, frames/%05d.png."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)  # two letters at least: one is a Windows drive
_PASSWORD = re.compile(r"(?<=://)[^/]*@")  # up to the last @, as people escape neither that, # nor ?


def scheme_of(uri: str) -> str:
    """What stands before the colon of a URI, in small letters; empty if nothing does."""
    scheme = _SCHEME.match(uri)
    return scheme[1].lower() if scheme else ""


def path_text(uri: str) -> str:
    """The path in the address of a file, as file managers copy it: a space in it is %20. Any other text as it is.

    What would have control characters in it, such as frames/%05d.png, is a path written behind `file://`.
    """
    if not uri.lower().startswith(FILE_PREFIX):
        return uri
    text = uri[len(FILE_PREFIX) :]
    path = unquote(text)
    return text if min(path, default=" ") < " " or os.path.exists(text) else path  # noqa: PTH110 - never raises


def public_uri(uri: str) -> str:
    """The address of a source without the name and the password in it; anything else as it is.

    What people copy from a screen or send with a report holds no password.
    """
    return _PASSWORD.sub("", uri)
