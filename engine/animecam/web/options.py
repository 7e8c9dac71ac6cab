"""What `animecam serve` was asked for, and what it allows to strangers."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from animecam.errors import AnimecamError, UsageError

LARGEST_PORT = 65535
MIB = 1024 * 1024
RESULT_TIMES = 10  # the largest upload may its result have: what a phone packs well grows as near lossless H.264
SPARE = 8  # times the pixels allowed: so much larger pictures are decoded, so that their sender is told the size
LEAST_TOKEN = 8  # characters, where strangers may try one after the other
_SAFE_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")  # of what an address takes as it is


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one server gives to those who reach it.

    Raises:
        UsageError: A limit is below what one user needs.
    """

    sessions: int = 4  # live sessions at a time
    upload_bytes: int = 200 * MIB  # size of an uploaded file
    width_px: int = 1280  # largest camera picture, either way up
    height_px: int = 720
    minutes: float = 120.0  # longest session, and longest conversion of an upload
    faces: int = 32  # most faces that a page may ask for: each takes time, and all users share one thread

    def __post_init__(self) -> None:
        if self.sessions < 1:
            raise UsageError(f"max-sessions {self.sessions} is below 1", hint="leave it out for 4")
        if self.upload_bytes < 1:
            raise UsageError(f"max-upload {self.upload_bytes // MIB} is below 1", hint="leave it out for 200 MiB")
        if min(self.width_px, self.height_px) < 1:
            what = f"max-resolution {self.width_px}x{self.height_px} is no picture"
            raise UsageError(what, hint="leave it out for 1280x720")
        if not self.minutes > 0:  # nan is no time, either
            raise UsageError(f"max-minutes {self.minutes:g} is not above 0", hint="leave it out for 120")

    @property
    def result_bytes(self) -> int:
        """Most bytes of what is made of an upload."""
        return RESULT_TIMES * self.upload_bytes

    @property
    def decoded_pixels(self) -> int:
        """Most pixels of a camera's picture that is decoded at all."""
        return SPARE * self.width_px * self.height_px

    def allows_camera(self, width_px: int, height_px: int) -> bool:
        """Whether a camera picture of this size may be sent, upright or on its side."""
        longer, shorter = max(self.width_px, self.height_px), min(self.width_px, self.height_px)
        return max(width_px, height_px) <= longer and min(width_px, height_px) <= shorter


def is_loopback(host: str) -> bool:
    """Whether a server on this address, or called so, can be reached from this machine only."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # another name, wherever it may point
        return False


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where the server listens and whom it lets in.

    Raises:
        UsageError: A value does not make sense.
    """

    host: str = "127.0.0.1"
    port: int = 8000  # 0: one that is free
    token: str = ""  # empty: none on this machine's own address, a new one elsewhere
    certificate: Path | None = None  # PEM; None: a self-signed one where one is needed
    key: Path | None = None  # PEM of the certificate's key; None: it is in the same file
    plain: bool = False  # HTTP even on another address: a proxy in front does TLS
    seconds: float | None = None  # None: until it is stopped
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.host:
            raise UsageError("no address to listen on was given", hint="--host 0.0.0.0 is all of them")
        try:
            self.host.encode("idna")  # as names are looked up
        except UnicodeError as error:
            what = f"{self.host} is no name or address of a machine"
            raise UsageError(what, hint="127.0.0.1 is for this machine, 0.0.0.0 for the network") from error
        if self.token and _SAFE_TOKEN.fullmatch(self.token) is None:
            raise UsageError("a token has letters, digits and . _ ~ - only", hint="leave it out for a good one")
        if self.token and len(self.token) < LEAST_TOKEN and not is_loopback(self.host):
            what = f"the token has {len(self.token)} of at least {LEAST_TOKEN} characters: it is easily guessed"
            raise UsageError(what, hint="leave it out for a good one")
        if not 0 <= self.port <= LARGEST_PORT:
            raise UsageError(f"port {self.port} is outside 0..{LARGEST_PORT}", hint="8000 is usual")
        if self.key is not None and self.certificate is None:
            raise UsageError("--key without --certificate", hint="name the certificate, too")
        if self.plain and self.certificate is not None:
            raise UsageError("--plain and --certificate contradict each other", hint="give one of them")


class Refusal(AnimecamError):  # noqa: N818 - an answer as much as an error
    """The server says no to a request; the page shows why.

    Args:
        message: What is wrong, for the person before the page.
        hint: What to do about it.
        status: HTTP status of the answer.
        reason: One word for the count of refusals.
    """

    def __init__(self, message: str, *, hint: str = "", status: int = 400, reason: str = "request") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason
