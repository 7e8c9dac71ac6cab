"""Network streams: the file's encoder without delay, and with a limit on every wait."""

from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

from av.error import FFmpegError, ProtocolNotFoundError

from animecam.errors import SinkError, UsageError
from animecam.sinks.codecs import Container, FFmpegSettings, stream_encoding
from animecam.sinks.encoder import Encoder, reason
from animecam.sinks.options import SinkOptions
from animecam.types import Frame, StreamFormat

UDP_PACKET_BYTES = 1316  # seven MPEG-TS packets, the most that fits an Ethernet frame
_US_PER_S = 1_000_000


class StreamSink:
    """Sends frames to a server or a player: FLV over RTMP, RTSP, or MPEG-TS over UDP, SRT or TCP.

    Args:
        uri: The address.
        stream: What the frames will be.
        options: How to encode and how long to wait.

    Attributes:
        uri: The address without passwords and stream keys.

    Raises:
        UsageError: There is no such encoder, or the address cannot be read.
        SinkError: Nobody answers, or the encoder does not work here.
    """

    def __init__(self, uri: str, stream: StreamFormat, options: SinkOptions) -> None:
        self.uri = public_address(uri)
        self._is_closed = False
        url, container = _destination(uri, round(options.timeout_s * _US_PER_S))
        encoding = stream_encoding(container, stream, options)
        with self._explained("open"):
            self._encoder = Encoder(url, encoding, stream, options)

    def write(self, frame: Frame) -> None:
        """Encodes and sends one frame.

        Raises:
            SinkError: The other side is gone or takes nothing any more.
        """
        with self._explained("send to"):
            self._encoder.write(frame)

    def close(self, *, complete: bool) -> None:  # noqa: ARG002 - a stream has no name to give
        """Sends what is left and hangs up; may be called twice.

        Raises:
            SinkError: The other side was gone before the last frame.
        """
        if self._is_closed:
            return
        self._is_closed = True
        with self._explained("finish"):
            self._encoder.finish(complete=False)

    @contextmanager
    def _explained(self, doing: str) -> Generator[None]:
        try:
            yield
        except ProtocolNotFoundError as error:
            scheme = self.uri.partition(":")[0]
            raise SinkError(
                f"cannot {doing} {self.uri}: this build of FFmpeg does not speak {scheme}",
                hint="use rtmp, udp or tcp, or a build of PyAV with it",
            ) from error
        except FFmpegError as error:
            self._is_closed = True
            raise SinkError(
                f"cannot {doing} {self.uri}: {reason(error)}", hint="is the server running and the address right?"
            ) from error


def public_address(uri: str) -> str:
    """The address as it may be shown: without user, password, query and the stream key at the end of RTMP paths.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:  # its text may hold the password
        scheme = uri.partition(":")[0]
        hint = f"an IPv6 address stands in brackets: {scheme}://[::1]:5000"
        raise UsageError(f"the {scheme} address of the output cannot be read", hint=hint) from error
    host = parts.netloc.rpartition("@")[2]
    path = parts.path
    if parts.scheme.lower().startswith("rtmp"):
        application, slash, key = path.lstrip("/").partition("/")
        path = f"/{application}" + (f"{slash}***" if key else "")
    return f"{parts.scheme}://{host}{path}"


def _destination(uri: str, timeout_us: int) -> tuple[str, Container]:
    """FFmpeg's name for the address, and the container that is usual there."""
    scheme = urlsplit(uri).scheme  # in small letters, and FFmpeg knows no others
    uri = scheme + uri[len(scheme) :]
    if scheme == "rtsp":
        settings: FFmpegSettings = (("rtsp_transport", "tcp"), ("timeout", str(timeout_us)))
        return uri, Container("rtsp", settings=settings, keeps_rotation=False, needs_global_header=True)
    muxer, settings = ("flv", ()) if scheme.startswith("rtmp") else ("mpegts", ())
    if scheme.startswith("rtmp"):
        settings = (("flvflags", "no_duration_filesize"),)
    if scheme == "udp" and "pkt_size" not in uri:
        settings = (("pkt_size", str(UDP_PACKET_BYTES)),)
    settings += (("rw_timeout", str(timeout_us)),)
    # PyAV opens outputs without options for the protocol, and so without a limit on its waits. The muxer "tee", given
    # a single output, passes options on to it.
    arguments = ":".join(f"{name}={value}" for name, value in (("f", muxer), *settings))
    container = Container("tee", keeps_rotation=False, needs_global_header=muxer == "flv")
    return f"[{arguments}]{_escaped(uri)}", container


def _escaped(uri: str) -> str:
    """The address with the characters marked that separate outputs or quote."""
    for special in "\\'|":
        uri = uri.replace(special, f"\\{special}")
    return uri
