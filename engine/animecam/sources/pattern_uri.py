"""The synthetic camera's settings and how they are written in its URI."""

import re
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import parse_qsl

from animecam.errors import UsageError
from animecam.sources.options import FASTEST_FPS, MAX_PIXELS, SourceOptions
from animecam.types import PixelFormat

DEFAULT_WIDTH_PX, DEFAULT_HEIGHT_PX = 640, 480  # what every webcam can
DEFAULT_RATE = Fraction(30)
MAX_FACES = 2

_LARGEST_DENOMINATOR = 1001  # of a rate, as in 30000/1001; FFmpeg has 32 bits for it
_SAME_RATE = 0.01  # frames a second between 29.97 and 30000/1001

_SHAPE = re.compile(r"(?:(\d+)x(\d+))?(?:@([\d./]+))?")
_KEYS = ("frames", "unplug_at", "stall_at", "busy", "faces", "live", "format")
_EXAMPLE = "for example pattern:640x480@30?frames=90&faces=2&live=0"


@dataclass(frozen=True, slots=True)
class PatternOptions:
    """What the synthetic camera shows and how it fails.

    Attributes:
        width_px: Width; even for the YUV formats.
        height_px: Height; even for the YUV formats.
        rate: Frames per second.
        frames: The stream ends after so many; None never ends.
        unplug_at: Number of the frame, from 0, at which the camera is unplugged.
        stall_at: Number of the frame, from 0, from which nothing comes any more.
        is_busy: Opening fails as if another program had it.
        faces: People in the picture, 0 to 2.
        is_live: Keep to the clock, as a camera does; else as fast as it is read.
        pixel_format: Format of the frames.

    Raises:
        UsageError: A value makes no sense.
    """

    width_px: int = DEFAULT_WIDTH_PX
    height_px: int = DEFAULT_HEIGHT_PX
    rate: Fraction = DEFAULT_RATE
    frames: int | None = None
    unplug_at: int | None = None
    stall_at: int | None = None
    is_busy: bool = False
    faces: int = 1
    is_live: bool = True
    pixel_format: PixelFormat = PixelFormat.YUV420P

    def __post_init__(self) -> None:
        size = f"{self.width_px}x{self.height_px}"
        if min(self.width_px, self.height_px) < 1 or self.width_px * self.height_px > MAX_PIXELS:
            raise UsageError(f"a pattern of {size} cannot be made", hint=_EXAMPLE)
        if self.pixel_format.is_yuv and (self.width_px % 2 or self.height_px % 2):
            raise UsageError(f"{size} has an odd side", hint="make both sides even, or add format=rgb24")
        if not 0 < self.rate <= FASTEST_FPS:
            raise UsageError(f"a pattern of {self.rate} frames per second cannot be made", hint=_EXAMPLE)
        if not 0 <= self.faces <= MAX_FACES:
            raise UsageError(f"a pattern shows 0 to {MAX_FACES} faces, not {self.faces}", hint=_EXAMPLE)


def parse_pattern(uri: str, asked: SourceOptions) -> PatternOptions:
    """Reads `pattern:WxH@FPS?key=value&…`; every part may be missing.

    Args:
        uri: Keys are frames, unplug_at, stall_at, busy, faces, live and format, as in `PatternOptions`.
        asked: Its size and rate hold where the URI names none.

    Raises:
        UsageError: The URI cannot be read, or another size or rate is asked for than it names.
    """
    shape_text, _, query = uri.partition(":")[2].partition("?")
    shape = _SHAPE.fullmatch(shape_text)
    if shape is None:
        raise UsageError(f"{uri}: {shape_text!r} is no size and rate", hint=_EXAMPLE)
    values = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(values) - set(_KEYS))
    if unknown:
        raise UsageError(f"{uri}: unknown {', '.join(unknown)}", hint=f"known are {', '.join(_KEYS)}")
    width, height, rate = shape.groups()
    format_name = values.get("format", PixelFormat.YUV420P.value)
    known = [pixel_format.value for pixel_format in PixelFormat]
    if format_name not in known:
        raise UsageError(f"{uri}: unknown format {format_name}", hint=f"known are {', '.join(known)}")
    if width and asked.width_px and (int(width), int(height)) != (asked.width_px, asked.height_px):
        message = f"{uri} has its own size, and {asked.width_px}x{asked.height_px} is asked for"
        raise UsageError(message, hint=f"leave one out: pattern:{asked.width_px}x{asked.height_px}")
    return PatternOptions(
        width_px=int(width or asked.width_px or DEFAULT_WIDTH_PX),
        height_px=int(height or asked.height_px or DEFAULT_HEIGHT_PX),
        rate=_rate(uri, rate, asked),
        frames=_count(uri, values, "frames"),
        unplug_at=_count(uri, values, "unplug_at"),
        stall_at=_count(uri, values, "stall_at"),
        is_busy=bool(_count(uri, values, "busy")),
        faces=int(_count(uri, values, "faces", 1) or 0),
        is_live=bool(_count(uri, values, "live", 1)),
        pixel_format=PixelFormat(format_name),
    )


def _count(uri: str, values: dict[str, str], key: str, default: int | None = None) -> int | None:
    text = values.get(key)
    if text is None:
        return default
    if not text.isdecimal():
        raise UsageError(f"{uri}: {key}={text} is no number", hint=_EXAMPLE)
    return int(text)


def _rate(uri: str, text: str | None, asked: SourceOptions) -> Fraction:
    if text is None:
        return DEFAULT_RATE if asked.fps is None else Fraction(asked.fps).limit_denominator(_LARGEST_DENOMINATOR)
    try:
        rate = Fraction(text).limit_denominator(_LARGEST_DENOMINATOR)
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(f"{uri}: {text} is no rate", hint="for example 30, 29.97 or 30000/1001") from error
    if asked.fps is not None and abs(rate - Fraction(asked.fps)) > _SAME_RATE:
        hint = f"leave one out: pattern:@{asked.fps:g}"
        raise UsageError(f"{uri} has its own rate, and {asked.fps:g} is asked for", hint=hint)
    return rate
