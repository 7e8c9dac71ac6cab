"""Addresses as they may be shown: what people copy from a screen or send with a report holds no password."""

import re

_PASSWORD = re.compile(r"(?<=://)[^/]*@")  # up to the last @, as people escape neither that, # nor ?


def public_uri(uri: str) -> str:
    """The address of a source without the name and the password in it; anything else as it is."""
    return _PASSWORD.sub("", uri)
