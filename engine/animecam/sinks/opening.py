"""The one place that knows which output a URI names."""

import logging
from collections.abc import Callable
from dataclasses import replace

from animecam.errors import SinkError
from animecam.sinks.base import Sink
from animecam.sinks.options import AUTO, SinkOptions
from animecam.sinks.paths import OutputKind, check_output, output_kind
from animecam.types import StreamFormat

__all__ = ["SinkOptions", "check_output", "open_sink"]

log = logging.getLogger(__name__)

_Opener = Callable[[str, StreamFormat, SinkOptions], Sink]


def open_sink(uri: str, format: StreamFormat, options: SinkOptions | None = None) -> Sink:
    """Opens an output; nothing is written over an existing file before the new one is complete.

    Args:
        uri: `window:`, `null:`, a video file (.mp4 .m4v .mov .mkv .webm .avi), an animation (.gif .webp), a still
            image (.png .jpg .webp), an image sequence (`frames/%05d.png`), `v4l2:///dev/video9`, `virtualcam:`,
            `virtualcam:NAME`, or the address of a stream (rtmp, rtmps, udp, srt, rtsp, tcp).
        format: What the frames will be.
        options: How to write; the defaults suit a first try.

    Returns:
        An open sink, which the caller closes.

    Raises:
        UsageError: The URI is no output, would overwrite the input, or an option makes no sense for it.
        SinkError: The output cannot be opened.
    """
    options = options or SinkOptions()
    check_output(uri, options.reads or options.audio_from, overwrite=options.overwrite)
    return _OPENERS[output_kind(uri)](uri, format, options)


def _open_window(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:
    from animecam.sinks.window import WindowSink

    return WindowSink(uri, format, options)


def _open_null(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:  # noqa: ARG001 - one shape for all
    from animecam.sinks.null import NullSink

    return NullSink(uri)


def _open_virtualcam(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:  # noqa: ARG001 - one shape for all
    from animecam.sinks.virtual_cameras import advice
    from animecam.sinks.virtualcam import VirtualCameraSink

    return VirtualCameraSink(uri, format, advise=advice)


def _open_v4l2(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:  # noqa: ARG001 - one shape for all
    from animecam.sinks.v4l2 import V4l2Sink

    return V4l2Sink(uri, format)


def _open_stream(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:
    from animecam.sinks.stream import StreamSink, public_address
    from animecam.sources.soundtrack import has_sound

    if options.audio_from is not None and has_sound(options.audio_from):
        text = "%s: its sound does not go into %s; a file takes it"
        log.warning(text, options.audio_from, public_address(uri))
    return StreamSink(uri, format, replace(options, audio_from=None))


def _open_video(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:
    from animecam.sinks.file import FileSink

    if options.gpu is not None and options.codec == AUTO:
        try:
            return FileSink(uri, format, options)
        except SinkError as error:  # it takes only so many films at a time, and no very small or large ones
            log.warning("%s is encoded on the processor: %s", uri, error.message)
            options = replace(options, gpu=None)
    return FileSink(uri, format, options)


def _open_animation(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:
    from animecam.sinks.animation import AnimationSink

    return AnimationSink(uri, format, options)


def _open_image(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:
    if uri.lower().endswith(".webp") and (format.is_live or format.frames != 1):
        return _open_animation(uri, format, options)
    return _open_images(uri, format, options)


def _open_images(uri: str, format: StreamFormat, options: SinkOptions) -> Sink:
    from animecam.sinks.image import ImageSink

    return ImageSink(uri, format, options)


_OPENERS: dict[OutputKind, _Opener] = {
    OutputKind.WINDOW: _open_window,
    OutputKind.NULL: _open_null,
    OutputKind.VIRTUALCAM: _open_virtualcam,
    OutputKind.V4L2: _open_v4l2,
    OutputKind.STREAM: _open_stream,
    OutputKind.VIDEO: _open_video,
    OutputKind.ANIMATION: _open_animation,
    OutputKind.IMAGE: _open_image,
    OutputKind.IMAGE_SEQUENCE: _open_images,
}
