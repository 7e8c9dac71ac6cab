"""A look at a file from a stranger, before anything opens it in earnest."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from animecam.sources.picture_header import is_animated, is_still_avif
from animecam.web.options import MIB, Refusal

if TYPE_CHECKING:
    from av.container import InputContainer

MOST_PICTURE_PIXELS = 50_000_000  # a good phone's photo; drawn, it needs some 300 MB
MOST_CLIP_PIXELS = 3840 * 2160
HEAD_BYTES = MIB  # colour profiles and the like may stand before what tells an animation
MARK, MP4_MARK = slice(4, 8), b"ftyp"  # where MP4, MOV and their kin say what they are

_PICTURES = {"jpeg_pipe": ".jpg", "png_pipe": ".png", "webp_pipe": ".webp"}
_CLIPS = {"mov": ".mp4", "matroska": ".mkv", "avi": ".avi", "mpegts": ".mp4", "mpeg": ".mp4", "flv": ".mp4"}
_AVIF = ".avif"  # of the demuxer "mov", too; it is read and cannot be written
_ALLOWED = ",".join((*_PICTURES, *_CLIPS, "webm"))
"""FFmpeg's demuxers that read nothing but the file itself: a playlist could name other files and addresses."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What was found in a file.

    Attributes:
        suffix: Suffix for the file.
        made: Suffix for what is made of it.
        is_picture: A still picture rather than a clip.
    """

    suffix: str
    made: str
    is_picture: bool


def most_pixels(*, is_picture: bool) -> int:
    """Most pixels of an upload's picture, or of each frame of its clip."""
    return MOST_PICTURE_PIXELS if is_picture else MOST_CLIP_PIXELS


def inspect(path: Path) -> Upload:
    """Finds out what a file is without decoding more than its head.

    Args:
        path: The file, under a name without a suffix: FFmpeg would believe it.

    Raises:
        Refusal: It is no picture or clip, or one that is too large to be decoded.
    """
    import av
    from av.error import FFmpegError

    from animecam.sources.tracks import is_in_tiles

    # The limit makes decoders refuse before they take memory: a 400 kB PNG can hold 400 MB of pixels.
    options = {"format_whitelist": _ALLOWED, "max_pixels": str(MOST_PICTURE_PIXELS)}
    head = b""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if is_animated(head):
                what = "animated WebP and PNG files are not drawn here"
                raise Refusal(what, hint="save it as a video first", status=415, reason="media")
            file.seek(0)
            with av.open(file, mode="r", metadata_errors="replace", options=options) as container:
                names = container.format.name.split(",")
                if is_in_tiles(container):
                    what = "the photo is stored in tiles, as HEIC files are"
                    raise Refusal(what, hint="save it as JPEG or PNG first", status=415, reason="media")
                track_pixels = _track_pixels(container)
    except (FFmpegError, OSError) as error:
        raise (_cut_off() if head[MARK] == MP4_MARK else _no_media()) from error
    if not track_pixels:
        raise _no_media()
    pixels = max(track_pixels)
    picture = _AVIF if is_still_avif(head) else next((_PICTURES[name] for name in names if name in _PICTURES), None)
    limit = most_pixels(is_picture=picture is not None)
    if pixels == 0 or pixels > limit:
        raise Refusal(
            f"the picture has more than {limit / 1e6:.0f} million pixels or is damaged",
            hint="make it smaller first",
            status=413,
            reason="pixels",
        )
    if picture is not None:
        return Upload(picture, ".png" if picture == _AVIF else picture, is_picture=True)
    clip = next(_CLIPS[name] for name in names if name in _CLIPS)
    return Upload(clip, clip, is_picture=False)


def _track_pixels(container: "InputContainer") -> list[int]:
    """Pixels of each video track but covers: any of them may be the one that is drawn."""
    from av.stream import Disposition

    tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    return [s.width * s.height for s in tracks if getattr(s, "codec_context", None) is not None]


def _cut_off() -> Refusal:
    """Of a clip whose index is missing: cameras write it last, so a copy that broke off has none."""
    hint = "copy it again, check that it plays elsewhere"
    return Refusal("the file is damaged or cut off", hint=hint, status=415, reason="media")


def _no_media() -> Refusal:
    return Refusal(
        "the file is no picture or clip that can be read here",
        hint="JPEG, PNG, WebP, AVIF, MP4, MOV, MKV, WebM and AVI can",
        status=415,
        reason="media",
    )
