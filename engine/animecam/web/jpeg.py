"""Motion JPEG by FFmpeg: pictures of the page in YUV as they are stored, and drawn ones back."""

# PyAV leaves the side data of its packets untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from fractions import Fraction
from typing import TYPE_CHECKING

from animecam.errors import UsageError
from animecam.sinks.avframe import to_video_frame
from animecam.types import Frame

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext

QUANTISER = 4  # of 2 (best) to 31: clean lines at some 60 kB for 640x480
MILLISECONDS = Fraction(1, 1000)


class JpegReader:
    """Decodes pictures of one stranger.

    Args:
        most_pixels: Larger ones are refused before they take memory.
    """

    def __init__(self, most_pixels: int) -> None:
        from av import CodecContext

        self._codec = CodecContext.create("mjpeg", "r")
        self._codec.options = {"max_pixels": str(most_pixels)}
        self._codec.thread_count = 1

    def __call__(self, data: bytes, time_ms: int) -> "VideoFrame":
        """The picture.

        Args:
            data: A JPEG file.
            time_ms: When it was taken, by any clock that goes on.

        Raises:
            UsageError: It is no JPEG, a damaged one, or too large.
        """
        from av import Packet
        from av.error import FFmpegError

        if not data:  # to FFmpeg an empty packet is the end of everything
            raise UsageError("the page sent an empty picture", hint="reload the page")
        packet = Packet(data)
        packet.pts = packet.dts = time_ms
        packet.time_base = MILLISECONDS
        try:
            frames = self._codec.decode(packet)
        except FFmpegError as error:
            raise UsageError("the page sent a picture that cannot be read", hint="reload the page") from error
        if not frames:
            raise UsageError("the page sent a picture without content", hint="reload the page")
        frames[0].pts, frames[0].time_base = time_ms, MILLISECONDS
        return frames[0]


class JpegWriter:
    """Encodes drawn pictures; a new size opens a new encoder."""

    def __init__(self) -> None:
        self._codec: VideoCodecContext | None = None

    def __call__(self, frame: Frame) -> bytes:
        """The picture as a JPEG file."""
        from av.video.frame import PictureType
        from av.video.reformatter import ColorRange

        video_frame = to_video_frame(frame)
        if not (frame.color.full_range and frame.pixel_format.is_yuv):
            video_frame = video_frame.reformat(format="yuvj420p", dst_color_range=ColorRange.JPEG)
        codec = self._codec
        if codec is None or (codec.width, codec.height) != (video_frame.width, video_frame.height):
            codec = self._codec = _encoder(video_frame.width, video_frame.height, frame.pixel_format.value)
        video_frame.pts, video_frame.pict_type = None, PictureType.NONE
        return b"".join(bytes(packet) for packet in codec.encode(video_frame))


def _encoder(width_px: int, height_px: int, pixel_format: str) -> "VideoCodecContext":
    from av import CodecContext
    from av.video.reformatter import ColorRange

    codec = CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.time_base = width_px, height_px, MILLISECONDS
    codec.pix_fmt = pixel_format if pixel_format.startswith("yuv") else "yuv420p"
    codec.color_range = ColorRange.JPEG
    codec.thread_count = 1
    codec.options = {"qmin": str(QUANTISER), "qmax": str(QUANTISER)}
    return codec
