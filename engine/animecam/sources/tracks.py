"""What a container says of its tracks: which one is the picture, and how many bits it takes."""

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from animecam.errors import SourceError


def video_track(uri: str, container: InputContainer) -> VideoStream:
    """The video track a player would show; the cover of a song is none.

    Raises:
        SourceError: There is none, or none that can be decoded.
    """
    tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not tracks:
        if container.streams.audio:
            raise SourceError(f"{uri} holds sound but no video", hint="give a video or a picture")
        raise SourceError(f"{uri} holds no video, or was cut off or damaged", hint="check that it plays elsewhere")
    tracks = [s for s in tracks if getattr(s, "codec_context", None) is not None]  # None if there is no decoder
    if not tracks:
        what = f"{uri}: its video was cut off or damaged, or uses an unknown codec"
        raise SourceError(what, hint="check that it plays elsewhere; if so, convert it to H.264")
    # By frames in the end: an animated AVIF holds a still picture, too.
    return max(tracks, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height, s.frames))


def bit_rate(container: InputContainer, stream: VideoStream) -> int:
    """Bits per second of the video: as the track says, else what is left of the whole after the sound."""
    if stream.bit_rate:
        return stream.bit_rate
    sound = sum(getattr(track, "bit_rate", None) or 0 for track in container.streams.audio)  # missing without a decoder
    return max(0, (container.bit_rate or 0) - sound)
