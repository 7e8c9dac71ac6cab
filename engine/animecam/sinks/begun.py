"""What a stopped conversion left of a film: its pictures, up to a key frame, become the beginning of the next try."""

# PyAV leaves some parameters of its methods untyped.
# pyright: reportUnknownMemberType=false

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, cast

import av
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from animecam.errors import SinkError
from animecam.sinks.claim import Claim
from animecam.sinks.options import EXACT_ENDINGS
from animecam.sinks.paths import Target, earlier, key_file

WARM_UP_FRAMES = 30
"""Frames before the key frame that are drawn once more, and not written: places and colours are smoothed over them."""

_TO_ANNEX_B = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb", "vp9": ""}
"""Codec → FFmpeg's filter that makes packets of it as encoders give them of those that files hold. What is encoded
otherwise is begun anew."""


class EncodedOtherwiseError(SinkError):
    """What an earlier run encoded cannot be gone on with by this encoder; it is as it was."""


@dataclass(frozen=True, slots=True)
class Making:
    """What a film is made of and how: a part of one that was made otherwise cannot be its beginning.

    Attributes:
        source: Any text that is another one where what it is named after is another, as are the others.
        style: Likewise.
        options: Likewise.
        version: Likewise.
    """

    source: str
    style: str
    options: str
    version: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The beginning of a film that an earlier run encoded.

    Attributes:
        path: The unfinished file.
        head: Digest of the header that its encoder had.
        frames: Pictures before the key frame from which on it is encoded again: none of them needs a later one.
        start_s: When the first picture is shown.
        last_s: When the last of them is.
    """

    path: Path
    head: str
    frames: int
    start_s: Fraction
    last_s: Fraction

    @property
    def unread(self) -> int:
        """Frames of the source that need not be drawn again."""
        return self.frames - WARM_UP_FRAMES

    @contextmanager
    def opened(self) -> "Generator[Iterator[Packet[VideoStream]]]":
        """The pictures' packets in the order of decoding, as an encoder gives them.

        Raises:
            av.error.FFmpegError: The file cannot be read.
        """
        with _open(self.path) as container:
            stream = container.streams.video[0]
            name = _TO_ANNEX_B[stream.codec_context.codec.canonical_name]
            packets = islice(_packets(container), self.frames)
            yield _filtered(packets, BitStreamFilterContext(name, stream)) if name else packets


def find_begun(target: Path, making: Making) -> Begun | None:
    """What can be used of an earlier try to write a film.

    Args:
        target: The film as it was asked for.
        making: What it is made of and how, as `note_making` was given it then.

    Returns:
        None if there is nothing, it was made otherwise, it is too short to be worth it, or cannot be read.

    Raises:
        SinkError: Another run is writing it.
    """
    if target.suffix.lower() not in EXACT_ENDINGS:
        return None
    place = Target.of(target)
    paths = [path for path in (place.partial, earlier(place.partial)) if path.exists()]
    with ExitStack() as claims:
        for path in paths:
            claims.callback(Claim(path, place.final).close)
        known, head = _noted(place.partial)
        if known != asdict(making):
            return None
        found = [begun for path in paths if (begun := _examine(path, head)) is not None]
    return max(found, key=lambda begun: begun.frames, default=None)


def changed_since(target: Path, making: Making) -> tuple[str, ...] | None:
    """What was another when an earlier try to write a film was stopped, by its name in `Making`.

    Returns:
        Nothing if all is as it was; None if it was not noted.
    """
    known, _ = _noted(Target.of(target).partial)
    if known is None:
        return None
    if not isinstance(known, dict):
        return ("version",)  # in which it was noted in another way
    return tuple(name for name, value in asdict(making).items() if known.get(name) != value)


def note_making(partial: Path, making: Making, head: str) -> None:
    """Writes down what an unfinished film is made of, and the digest of its encoder's header.

    Raises:
        OSError: It cannot be written.
    """
    key_file(partial).write_text(json.dumps([asdict(making), head]), encoding="utf-8")


def forget(partial: Path) -> None:
    """Deletes what stands beside an unfinished film, which is complete now, or is written from its beginning."""
    key_file(partial).unlink(missing_ok=True)
    earlier(partial).unlink(missing_ok=True)


def _noted(partial: Path) -> tuple[Any, str]:
    """What `note_making` wrote down; None and nothing if it did not, or broke off."""
    try:
        known, head = json.loads(key_file(partial).read_text("utf-8"))
    except (OSError, ValueError, TypeError):
        return None, ""
    return known, str(head)


def _examine(path: Path, head: str) -> Begun | None:
    """The longest beginning of a film that no later packet belongs to."""
    try:
        with _open(path) as container:
            stream = container.streams.video[0]
            stamps = [(packet.pts, packet.is_keyframe) for packet in _packets(container)]
            time_base = stream.time_base
            is_known = stream.codec_context.codec.canonical_name in _TO_ANNEX_B
    except (FFmpegError, IndexError, OSError):  # no film, or none that was begun in earnest
        return None
    times = [pts for pts, _ in stamps if pts is not None]
    if not is_known or len(times) < len(stamps) or time_base is None:
        return None
    count = _closed_part(times, [is_key for _, is_key in stamps])
    if count <= WARM_UP_FRAMES:
        return None
    return Begun(path, head, count, min(times[:count]) * time_base, max(times[:count]) * time_base)


def _closed_part(times: list[int], are_keys: list[bool]) -> int:
    """The number of packets before the last key frame that parts the film: all before it are shown before it."""
    least_after = times[-1] if times else 0
    latest = list(times)
    for index in range(1, len(times)):
        latest[index] = max(latest[index - 1], times[index])
    for index in range(len(times) - 1, 0, -1):
        least_after = min(least_after, times[index])
        if are_keys[index] and latest[index - 1] < times[index] == least_after:
            return index
    return 0


def _filtered(
    packets: "Iterable[Packet[VideoStream]]", change: BitStreamFilterContext
) -> "Generator[Packet[VideoStream]]":
    for packet in packets:
        yield from cast("list[Packet[VideoStream]]", change.filter(packet))


def _open(path: Path) -> InputContainer:
    return av.open(f"file:{path}")


def _packets(container: InputContainer) -> "Iterator[Packet[VideoStream]]":
    """The packets that hold a picture; the end of a file that broke off is where it cannot be read any more."""
    try:
        yield from (packet for packet in container.demux(container.streams.video[0]) if packet.size)
    except FFmpegError:
        return
