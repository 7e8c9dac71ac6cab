"""A look at a file from a stranger, before anything opens it in earnest."""

from dataclasses import dataclass
from pathlib import Path

from animecam.sources.picture_header import is_animated, is_still_avif
from animecam.web.options import MIB, Refusal

MOST_PICTURE_PIXELS = 50_000_000  # a good phone's photo; drawn, it needs some 300 MB
MOST_CLIP_PIXELS = 3840 * 2160
HEAD_BYTES = MIB  # colour profiles and the like may stand before what tells an animation

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
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if is_animated(head):
                what = "an animated WebP or PNG would become a still picture"
                raise Refusal(what, hint="save it as a video first", status=415, reason="media")
            file.seek(0)
            with av.open(file, mode="r", options=options) as container:
                names = container.format.name.split(",")
                if is_in_tiles(container):
                    what = "the photo is stored in tiles"
                    raise Refusal(what, hint="save it as JPEG or PNG first", status=415, reason="media")
                streams = [(s.width, s.height) for s in container.streams.video]
    except (FFmpegError, OSError) as error:
        raise _no_media() from error
    if not streams:
        raise _no_media()
    width_px, height_px = streams[0]
    picture = _AVIF if is_still_avif(head) else next((_PICTURES[name] for name in names if name in _PICTURES), None)
    most_pixels = MOST_CLIP_PIXELS if picture is None else MOST_PICTURE_PIXELS
    if width_px * height_px == 0 or width_px * height_px > most_pixels:
        raise Refusal(
            f"the picture has more than {most_pixels / 1e6:.0f} million pixels or is damaged",
            hint="make it smaller first",
            status=413,
            reason="pixels",
        )
    if picture is not None:
        return Upload(picture, ".png" if picture == _AVIF else picture, is_picture=True)
    clip = next(_CLIPS[name] for name in names if name in _CLIPS)
    return Upload(clip, clip, is_picture=False)


def _no_media() -> Refusal:
    return Refusal(
        "the file is no picture or clip that can be read here",
        hint="JPEG, PNG, WebP, AVIF, MP4, MOV, MKV, WebM and AVI can",
        status=415,
        reason="media",
    )
