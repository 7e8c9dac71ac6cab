"""Which container and which encoder with which settings an output gets."""

from dataclasses import dataclass, replace
from fractions import Fraction

from av import Codec, CodecContext
from av.codec.codec import UnknownCodecError
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from animecam.errors import UsageError
from animecam.sinks.options import AUTO, SinkOptions
from animecam.types import PixelFormat, StreamFormat

FFmpegSettings = tuple[tuple[str, str], ...]
"""Names and values that FFmpeg takes as they are."""

H264, H264_ON_GPU, X265, SVT_AV1 = "libx264", "h264_nvenc", "libx265", "libsvtav1"  # FFmpeg's names
_NVENC = "_nvenc"  # how the names of all of NVIDIA's encoders end

X264_CRF = 18  # visually lossless by common agreement; a crf six lower doubles the bytes
X265_CRF = 20
VP9_CRF = 24
AV1_CRF = 26
AV1_BEST = 1  # of SVT-AV1, which takes 0 for none
WORST_CRF = {H264: 51, X265: 51, "libvpx-vp9": 63, SVT_AV1: 63}
"""Beyond these libx265 does not open, and libx264 writes what it does at 51. The best is 0."""

NVENC_BEST, NVENC_WORST = 1, 51  # of NVENC's "cq", whose 0 means that a bit rate decides
BITS_PER_PIXEL = 0.15  # of H.264 in real time where no quality can be set: 4 Mbit/s at 720p and 30 fps
MIN_BIT_RATE = 500_000  # below this even small pictures show blocks
_PROBE_PX = 256  # hardware encoders refuse pictures that are much smaller
_PROBE_RATE = Fraction(30)
_IN_ORDER = ("bf", "0")  # without time stamps pictures must be stored in the order they are shown in
_NVENC_PROMPT: FFmpegSettings = (("zerolatency", "1"), ("delay", "0"), _IN_ORDER)
"""Each picture comes out when it went in; else as many stay in there as it has room for."""

_X265 = "log-level=error:open-gop=0"  # a film is parted before key frames, where no picture may wait for a later one
_X265_ANY_TIME: FFmpegSettings = (("keyint_min", "1"),)  # else it makes none within a tenth of "g", asked for or not
_QUIET: dict[str, FFmpegSettings] = {X265: (("x265-params", _X265),)}
"""Settings of encoders that write to the terminal by themselves."""

_ENCODER_HINT = "give FFmpeg's name of one, for example libx264, libx265, libvpx-vp9 or h264_nvenc, or auto"
MOST_FPS = 240  # of a source that does not tell its rate
KEYFRAME_SECONDS = 2  # what streaming services ask for, how long a viewer waits after joining, and a fragment's length


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file or stream.

    Attributes:
        muxer: FFmpeg's name.
        codec: The encoder when the user names none.
        settings: Of the muxer.
        keeps_rotation: It can note that the picture must be turned.
        keeps_time: Every frame has its own time stamp; else frames are counted.
        needs_global_header: The encoder must give its parameters once and apart, which FFmpeg cannot tell by itself
            where the muxer only passes on to another.
    """

    muxer: str
    codec: str = H264
    settings: FFmpegSettings = ()
    keeps_rotation: bool = True
    keeps_time: bool = True
    needs_global_header: bool = False


# A "hybrid" MP4 is written in fragments, so that what is there plays after a power cut or on a full disk, and becomes
# an ordinary MP4 when it is closed. Only with a late header does its edit list hold first time stamps exactly.
# Fragments end before key frames, where no picture waits for a later one: FFmpeg takes the end of a film from its last
# fragment. Cut elsewhere, the last picture, stored before its neighbours, lay beyond that end and was not shown.
# FFmpeg holds back 256 KiB, which are all of a short film: a fragment is handed on when it ends.
_HYBRID: FFmpegSettings = (("movflags", "+hybrid_fragmented+delay_moov+frag_keyframe"), ("flush_packets", "1"))

# What is filmed live cannot be filmed again: it reaches the disk within half a second, whatever happens then.
_PROMPT: dict[str, FFmpegSettings] = {
    "mp4": (("frag_duration", "500000"), ("flush_packets", "1")),
    "mov": (("frag_duration", "500000"), ("flush_packets", "1")),
    "matroska": (("cluster_time_limit", "500"), ("flush_packets", "1")),
    "webm": (("cluster_time_limit", "500"), ("flush_packets", "1")),
}

CONTAINERS: dict[str, Container] = {
    ".mp4": Container("mp4", settings=_HYBRID),
    ".m4v": Container("mp4", settings=_HYBRID),
    ".mov": Container("mov", settings=_HYBRID),
    ".mkv": Container("matroska"),
    ".webm": Container("webm", codec="libvpx-vp9"),
    ".avi": Container("avi", keeps_rotation=False, keeps_time=False),
}
"""By the file's ending."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Everything an encoder is opened with.

    Attributes:
        container: The kind of file or stream.
        codec: FFmpeg's name of the encoder.
        pixel_format: What the frames are converted to before they reach it, if they are not.
        codec_format: FFmpeg's name of the pixel format that the encoder is told.
        settings: Of the encoder.
        bit_rate: Bits per second, 0 where quality is set instead.
        threads: Of the encoder, 0 lets it choose.
        gpu: Index of the GPU that encodes, and takes frames that lie on it; None takes frames of the host.
        key_frame_s: Seconds from one key frame to the next of live pictures; None: the encoder counts pictures.
    """

    container: Container
    codec: str
    pixel_format: PixelFormat
    codec_format: str
    settings: FFmpegSettings
    bit_rate: int
    threads: int
    gpu: int | None = None
    key_frame_s: int | None = None


def file_encoding(container: Container, stream: StreamFormat, options: SinkOptions) -> Encoding:
    """How a video file is encoded: constant quality, in the pixel format of the frames, without delay if live.

    Raises:
        UsageError: FFmpeg has no such encoder.
    """
    codec, gpu = options.codec, None
    if codec == AUTO:
        codec = container.codec
        if codec == H264 and stream.pixel_format is PixelFormat.NV12 and options.gpu is not None:
            codec, gpu = H264_ON_GPU, options.gpu  # frames go into the file as GPUs decode and encode them
    settings = quality(codec, options) + _order_and_delay(codec, container, stream)
    if options.codec.endswith(_NVENC) and options.gpu:
        settings += (("gpu", str(options.gpu)),)  # unsaid, FFmpeg passes over GPUs without NVENC
    if stream.is_live:
        container = replace(container, settings=container.settings + _PROMPT.get(container.muxer, ()))
    encoding = _encoding(container, codec, stream, options, settings, 0 if settings else _bit_rate(stream))
    return replace(encoding, gpu=gpu)


def stream_encoding(container: Container, stream: StreamFormat, options: SinkOptions) -> Encoding:
    """How a network stream is encoded: no delay, a steady bit rate, a key frame every two seconds.

    Raises:
        UsageError: FFmpeg has no such encoder.
    """
    codec = container.codec if options.codec == AUTO else options.codec
    bit_rate = _bit_rate(stream)
    settings: FFmpegSettings = (("g", _key_frame_interval(stream)),)
    if codec.startswith(("libx264", "libx265")):
        settings += (("preset", options.preset), ("tune", "zerolatency"))
    elif codec.endswith(_NVENC):
        settings += _NVENC_PROMPT
    settings += (("maxrate", str(bit_rate)), ("bufsize", str(bit_rate)))
    return _encoding(container, codec, stream, options, settings, bit_rate)


def encoder_formats(codec: str) -> tuple[str, ...]:
    """FFmpeg's names of the pixel formats that an encoder lists; empty where it lists none.

    Raises:
        UsageError: FFmpeg has no video encoder of this name.
    """
    try:
        found = Codec(codec, "w")
    except UnknownCodecError as error:
        raise UsageError(f"there is no encoder {codec}", hint=_ENCODER_HINT) from error
    if found.type != "video":
        raise UsageError(f"{codec} is no video encoder", hint=_ENCODER_HINT)
    return tuple(video_format.name for video_format in found.video_formats or ())


def probe_codec(codec: str) -> bool:
    """Whether an encoder works here, found out by opening it: hardware encoders are listed where no hardware is."""
    try:
        context = CodecContext.create(codec, "w")
    except UnknownCodecError:
        return False
    if not isinstance(context, VideoCodecContext):
        return False
    context.width = context.height = _PROBE_PX
    context.pix_fmt = next(iter(encoder_formats(codec)), PixelFormat.YUV420P.value)
    context.time_base = 1 / _PROBE_RATE
    context.framerate = _PROBE_RATE
    try:
        context.open()
    except (FFmpegError, ValueError):
        return False
    return True


def _encoding(
    container: Container,
    codec: str,
    stream: StreamFormat,
    options: SinkOptions,
    settings: FFmpegSettings,
    bit_rate: int,
) -> Encoding:
    known = encoder_formats(codec)
    wanted = _stored_format(stream)
    if known and wanted.value not in known:
        wanted = PixelFormat.YUV420P
    codec_format = wanted.value if not known or wanted.value in known else known[0]
    settings += _QUIET.get(codec, ()) + (_X265_ANY_TIME if codec == X265 and stream.is_live else ())
    key_frame_s = KEYFRAME_SECONDS if stream.is_live and "g" in dict(settings) else None
    return Encoding(
        container, codec, wanted, codec_format, settings, bit_rate, options.threads, key_frame_s=key_frame_s
    )


def _order_and_delay(codec: str, container: Container, stream: StreamFormat) -> FFmpegSettings:
    """Of the encoder of a file: in which order and how soon pictures come out, and how often one stands by itself."""
    is_hybrid = container.settings is _HYBRID
    key_frames = ("g", _key_frame_interval(stream))
    if codec.endswith(_NVENC):
        prompt = _NVENC_PROMPT if stream.is_live else ()
        if is_hybrid:
            return (*prompt, key_frames, ("forced-idr", "1"))
        return prompt if stream.is_live or container.keeps_time else (_IN_ORDER,)
    if codec.startswith(("libx264", "libx265")):
        if stream.is_live:
            # Nothing is held back in the encoder, which at ten frames a second would be the last two seconds.
            return ("tune", "zerolatency"), key_frames
        if not container.keeps_time:
            return (_IN_ORDER,)
        return (key_frames,) if is_hybrid else ()  # what is lost if the disk is full; 6 % more bytes
    if codec == "libvpx-vp9" and stream.is_live:
        return ("deadline", "realtime"), ("lag-in-frames", "0"), key_frames
    return (key_frames,) if codec == SVT_AV1 and stream.is_live else ()


def _stored_format(stream: StreamFormat) -> PixelFormat:
    """That of the frames, but 4:2:0 of live sources: a camera's 4:2:2 makes files that browsers and phones refuse."""
    if stream.pixel_format is PixelFormat.RGB24:
        return PixelFormat.YUV420P
    if stream.is_live and stream.pixel_format is not PixelFormat.NV12:
        return PixelFormat.YUV420P
    return stream.pixel_format


def quality(codec: str, options: SinkOptions) -> FFmpegSettings:
    """The settings for constant quality, none where the encoder knows only bit rates.

    Raises:
        UsageError: The encoder knows no such quality.
    """
    worst = NVENC_WORST if codec.endswith(_NVENC) else WORST_CRF.get(codec)
    if options.crf is not None:
        _check_crf(codec, options.crf, worst)
    if codec in ("libx264", "libx265"):
        usual = X264_CRF if codec == "libx264" else X265_CRF
        return ("crf", _crf(options, usual)), ("preset", options.preset)
    if codec == "libvpx-vp9":
        return ("crf", _crf(options, VP9_CRF)), ("deadline", "good"), ("cpu-used", "5"), ("row-mt", "1")
    if codec == SVT_AV1:
        level = AV1_CRF if options.crf is None else max(options.crf, AV1_BEST)
        return ("crf", str(level)), ("preset", "10")
    if codec.endswith(_NVENC):
        level = X264_CRF if options.crf is None else max(options.crf, NVENC_BEST)
        return ("rc", "vbr"), ("cq", str(level)), ("preset", "p4")
    return ()


def check_quality(ending: str, options: SinkOptions) -> None:
    """Refuses a quality that a file's encoder does not know, before anything is opened for it.

    Args:
        ending: Of the file's name, such as `.mp4`; files that are no videos have no such quality, and pass.
        options: How it is to be written.

    Raises:
        UsageError: The encoder knows no such quality.
    """
    if ending in CONTAINERS:
        quality(CONTAINERS[ending].codec if options.codec == AUTO else options.codec, options)


def _check_crf(codec: str, crf: int, worst: int | None) -> None:
    if worst is None:
        hint = "leave the crf out: the bit rate follows the picture's size"
        raise UsageError(f"encoder {codec} has no constant quality", hint=hint)
    if not 0 <= crf <= worst:
        raise UsageError(f"crf {crf} is outside 0..{worst}, the range of {codec}", hint="0 is the best and largest")


def _key_frame_interval(stream: StreamFormat) -> str:
    """The most pictures from one key frame to the next."""
    return str(max(1, round(KEYFRAME_SECONDS * (stream.rate if stream.is_rate_told else MOST_FPS))))


def _crf(options: SinkOptions, usual: int) -> str:
    return str(usual if options.crf is None else options.crf)


def _bit_rate(stream: StreamFormat) -> int:
    pixels_per_second = stream.width_px * stream.height_px * float(stream.rate)
    return max(MIN_BIT_RATE, round(pixels_per_second * BITS_PER_PIXEL))
