"""What a container says of its tracks: which one is the picture, its rate, and how many bits it takes."""

from fractions import Fraction

from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from animecam.errors import SourceError

DEFAULT_RATE = Fraction(25)  # for streams that name none; FFmpeg assumes the same
_NO_FILM = Disposition.attached_pic | Disposition.dependent  # a cover; a part of another track's picture


def video_track(uri: str, container: InputContainer) -> VideoStream:
    """The video track a player would show; the cover of a song is none.

    Raises:
        SourceError: There is none, or none that can be decoded.
    """
    if is_in_tiles(container):
        raise SourceError(f"{uri} is a photo stored in tiles", hint="save it as JPEG or PNG first")
    tracks = [s for s in container.streams.video if not s.disposition & _NO_FILM]
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


def is_in_tiles(container: InputContainer) -> bool:
    """Whether it is a HEIC or AVIF photo of which each track is a tile, a thumbnail or a map, and none the whole."""
    tracks = container.streams.video
    is_whole = any(s.disposition & Disposition.default or s.frames != 1 for s in tracks)
    return not is_whole and any(s.disposition & Disposition.dependent for s in tracks)


def pixel_aspect(stream: VideoStream) -> Fraction:
    """Width of a pixel over its height, as container or codec say; 1 where neither does."""
    return stream.sample_aspect_ratio or Fraction(1)


class FrameAspect:
    """Tells the aspect of each frame's pixels, which may be another where a film changes its size.

    Args:
        stream: The video track, of which nothing was decoded yet.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._context, self._said = stream.codec_context, pixel_aspect(stream)
        self._is_containers = self._said != self._coded

    @property
    def _coded(self) -> Fraction:
        return self._context.sample_aspect_ratio or Fraction(1)

    def __call__(self, frame: VideoFrame) -> Fraction:
        """As `pixel_aspect`, of a frame that was just decoded; what the container says goes for all of them."""
        is_decoders = (self._context.width, self._context.height) == (frame.width, frame.height)  # else it is ahead
        return self._coded if is_decoders and not self._is_containers else self._said


def frame_rate(stream: VideoStream) -> Fraction:
    """Nominal frames per second, as container or codec say.

    Of raw DV FFmpeg gives the units of its time stamps, 60000 a second, for an average; its guess is right.
    """
    average, guessed = stream.average_rate, stream.guessed_rate
    if average and guessed and guessed < average and average * (stream.time_base or 0) == 1:
        return guessed
    return average or guessed or DEFAULT_RATE


def bit_rate(container: InputContainer, stream: VideoStream) -> int:
    """Bits per second of the video: as the track says, else what is left of the whole after the sound."""
    if stream.bit_rate:
        return stream.bit_rate
    sound = sum(getattr(track, "bit_rate", None) or 0 for track in container.streams.audio)  # missing without a decoder
    return max(0, (container.bit_rate or 0) - sound)
