"""The ways in which a device lets its user down; the synthetic camera fails with the same words as a real one."""

from animecam.errors import SourceError


def busy(uri: str) -> SourceError:
    """Another program has the device."""
    return SourceError(f"{uri} is busy", hint="close the other program that uses the camera (a call, a browser tab)")


def unplugged(uri: str) -> SourceError:
    """The device went away while it was read."""
    return SourceError(f"{uri} was unplugged", hint="plug it in again, at another port or without a hub if it recurs")


def nothing_came(uri: str, seconds: float) -> SourceError:
    """The device or sender is silent."""
    return SourceError(f"{uri}: nothing came for {seconds:g} s", hint="check that it is on and nobody else uses it")
