"""The parts of an address, of an input or an output, and what of it may be shown."""

import re

FRAME_NUMBER = re.compile(r"%0?\d*d")
"""The place of the number in the name of a sequence of pictures, frames/%05d.png."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)  # two letters at least: one is a Windows drive
_PASSWORD = re.compile(r"(?<=://)[^/]*@")  # up to the last @, as people escape neither that, # nor ?


def scheme_of(uri: str) -> str:
    """What stands before the colon of a URI, in small letters; empty if nothing does."""
    scheme = _SCHEME.match(uri)
    return scheme[1].lower() if scheme else ""


def public_uri(uri: str) -> str:
    """The address of a source without the name and the password in it; anything else as it is.

    What people copy from a screen or send with a report holds no password.
    """
    return _PASSWORD.sub("", uri)
