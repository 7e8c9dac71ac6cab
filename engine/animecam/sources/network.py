"""Network streams: cameras and servers that speak RTSP, HTTP, UDP and the like."""

import logging
import time
from urllib.parse import urlsplit

import av
import av.error

from animecam.errors import SourceError
from animecam.sources import faults
from animecam.sources.addresses import public_uri
from animecam.sources.options import SourceOptions
from animecam.sources.reader import CONTAINER_TIME_BASE, DecodedSource, open_decoded

log = logging.getLogger(__name__)

ANALYZE_SECONDS = 1  # enough for a key frame of most senders; FFmpeg's own five seconds are all delay
REORDER_SECONDS = 0.1  # how long RTP waits for a packet that was overtaken
MICROSECONDS = 1_000_000

_LOW_LATENCY = {
    "fflags": "nobuffer",
    "flags": "low_delay",
    "analyzeduration": str(ANALYZE_SECONDS * MICROSECONDS),
}
_OPTIONS = {
    # TCP first: one lost UDP packet is a torn picture until the next key frame.
    "rtsp": {"rtsp_flags": "prefer_tcp", "max_delay": str(round(REORDER_SECONDS * MICROSECONDS))},
    # A receiver that is too slow for a moment loses packets instead of ending the stream.
    "udp": {"overrun_nonfatal": "1"},
}


def open_stream(uri: str, options: SourceOptions) -> DecodedSource:
    """Opens a stream.

    Args:
        uri: Its address; a name and password in it stay out of messages.
        options: Time-outs and threads.

    Returns:
        A live source, but for a file on a web server: it has a length, and is read to its end frame by frame.

    Raises:
        SourceError: Nobody answers, the sender refuses, or what it sends is no video.
    """
    name = public_uri(uri)
    try:
        parts = urlsplit(uri)
    except ValueError as error:  # its text may hold the password
        hint = "an IPv6 address stands in brackets: rtsp://[::1]:554/stream1"
        raise SourceError(f"{name} is no address", hint=hint) from error
    scheme = parts.scheme.lower()
    uri = scheme + uri[len(scheme) :]  # FFmpeg knows them in small letters alone
    if parts.netloc == "":
        raise SourceError(f"{name} names no server", hint="for example rtsp://192.168.1.20:554/stream1")

    def describe(error: av.error.FFmpegError) -> SourceError:
        return _describe(name, error, options.read_s)

    def describe_break(error: av.error.FFmpegError) -> SourceError:
        if isinstance(error, av.error.ExitError | av.error.TimeoutError):
            return describe(error)
        hint = "the sender may have ended, or the network: check both, and start again"
        return SourceError(f"{name} broke off: {error.strerror}", hint=hint)

    is_web = scheme in {"http", "https"}
    extra = {} if is_web else _LOW_LATENCY | _OPTIONS.get(scheme.removesuffix("s"), {})
    start_s = time.perf_counter()
    try:
        container = av.open(
            uri, container_options=extra, timeout=(options.open_s, options.read_s), metadata_errors="replace"
        )
    except av.error.FFmpegError as error:
        # RTSP calls a server that stays silent "invalid data": the clock knows better.
        is_silent = isinstance(error, av.error.ExitError | av.error.TimeoutError)
        if is_silent or time.perf_counter() - start_s >= options.open_s:
            hint = "check the address, and that the sender is on"
            raise SourceError(f"{name} did not answer within {options.open_s:g} s", hint=hint) from error
        raise describe(error) from error
    has_length = (container.duration or 0) * CONTAINER_TIME_BASE > 0
    if is_web and has_length and container.streams.audio:
        log.warning("%s: its sound is left out; save the film first, and convert that, to keep it", name)
    return open_decoded(name, container, describe_break, options, is_live=not (is_web and has_length))


def _describe(name: str, error: av.error.FFmpegError, read_s: float) -> SourceError:
    match error:
        case av.error.ExitError() | av.error.TimeoutError():
            return faults.nothing_came(name, read_s)
        case av.error.ConnectionRefusedError():
            what, hint = "refuses connections", "check the port, and that the sender is on"
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            what, hint = "asks for a name and password", "put them into the address: rtsp://name:password@…"
        case av.error.HTTPNotFoundError():
            what, hint = "does not exist on that server", "check the path of the address"
        case av.error.InvalidDataError() | av.error.EOFError():
            what, hint = "sends no video", "check that it plays elsewhere"
        case av.error.ProtocolNotFoundError():
            what, hint = "uses a protocol that is not built in", "use rtsp, http, udp, rtmp or tcp"
        case _:
            what, hint = f"cannot be read: {error.strerror}", "check the address and the network"
    return SourceError(f"{name} {what}", hint=hint)
