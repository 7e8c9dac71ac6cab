"""A limit to the pixels of a film, which its decoder keeps, too: a film can grow on its way."""

import av.error
from av.video.stream import VideoStream

from animecam.errors import SourceError
from animecam.sources.options import MAX_PIXELS


class PixelLimit:
    """The most pixels that a picture of a track may have.

    Args:
        uri: Name for messages.
        stream: The track; nothing of it has been decoded yet.
        max_pixels: The limit; None is `MAX_PIXELS`, of which the decoder knows nothing.
    """

    def __init__(self, uri: str, stream: VideoStream, max_pixels: int | None) -> None:
        self._uri, self._decoder = uri, stream.codec_context
        self._max_pixels = min(MAX_PIXELS, max_pixels or MAX_PIXELS)
        self._binds_decoder = max_pixels is not None
        if max_pixels is not None:
            self._decoder.options = decoder_options(max_pixels)

    def check(self, width_px: int, height_px: int) -> None:
        """Refuses a picture that is too large.

        Raises:
            SourceError: It is.
        """
        if width_px * height_px > self._max_pixels:
            hint = f"at most {self._max_pixels} pixels are read; scale it down"
            raise SourceError(f"{self._uri} is {width_px}x{height_px} pixels", hint=hint)

    def check_failure(self, error: av.error.FFmpegError) -> None:
        """Tells a decoder that met its limit from one that met damage, which says the same with some codecs.

        Raises:
            SourceError: The limit it was.
        """
        if not self._binds_decoder:
            return
        pixels = self._decoder.width * self._decoder.height  # H.264 and HEVC leave the size that was refused
        is_size_forgotten = pixels == 0 and isinstance(error, av.error.ArgumentError)  # MPEG, VP8 and VP9
        if pixels > self._max_pixels or is_size_forgotten or isinstance(error, av.error.OverflowError):  # last: AV1
            what = f"{self._uri} has pictures of more than {self._max_pixels / 1e6:.1f} million pixels"
            raise SourceError(what, hint="scale it down") from error


def decoder_options(max_pixels: int) -> dict[str, str]:
    """Options of FFmpeg's decoders that make them refuse before they take memory.

    Args:
        max_pixels: Most pixels of a picture. Decoders fill up the sides to whole blocks, so they get an eighth more.
    """
    return {"max_pixels": str(max_pixels + max_pixels // 8)}
