"""Small clips that tests make for themselves; reached through the fixtures of tests/engine/conftest.py."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from animecam.portrait import load_portrait
from animecam.types import Color

Content = Callable[[int, int, int], NDArray[np.uint8]]
"""(index, width_px, height_px) to the RGB picture of that frame, uint8 [H, W, 3]."""

AUDIO_RATE_HZ = 48_000
AUDIO_CHUNK = 1024  # samples of an AAC frame
TONE_HZ = 440.0
COUNTER_FIRST = 40  # grey level of frame 0; far enough above black to survive every range conversion
COUNTER_STEP = 8


def moving_gradient(index: int, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Smooth colours that move from frame to frame."""
    y, x = np.mgrid[0:height_px, 0:width_px]
    red = 60 + 120 * x / max(width_px - 1, 1)
    green = 60 + 120 * y / max(height_px - 1, 1)
    blue = 128 + 80 * np.sin((x + y) / 9.0 + index)
    return np.stack([red, green, np.broadcast_to(blue, red.shape)], axis=-1).astype(np.uint8)


def counter(index: int, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """A grey picture whose level says which frame it is, see `counter_index`."""
    level = COUNTER_FIRST + COUNTER_STEP * (index % 24)
    return np.full((height_px, width_px, 3), level, dtype=np.uint8)


def counter_index(luma: NDArray[np.uint8]) -> int:
    """Which frame of a limited-range `counter` clip a luma plane belongs to."""
    level = (float(luma.mean()) - 16.0) * 255.0 / 219.0
    return round((level - COUNTER_FIRST) / COUNTER_STEP)


def portrait(index: int, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """The bundled portrait, filling the shorter side, swaying by a few pixels."""
    picture = load_portrait()
    scale = min(width_px, height_px) / picture.shape[0]
    shift_px = 0.02 * width_px * np.sin(index / 5.0)
    left = (width_px - scale * picture.shape[1]) / 2 + shift_px
    matrix = np.array([[scale, 0.0, left], [0.0, scale, 0.0]])
    size = (width_px, height_px)
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_AREA, borderValue=(70, 90, 80))


def make_clip(
    path: Path,
    *,
    width_px: int = 64,
    height_px: int = 48,
    frames: int = 8,
    rate: Fraction | int = 30,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    rotation_deg: int = 0,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    color: Color | None = None,
    audio: bool = False,
    audio_s: float | None = None,
    content: Content = moving_gradient,
    options: dict[str, str] | None = None,
    muxer_options: dict[str, str] | None = None,
) -> Path:
    """Writes a clip; the name's suffix chooses the container.

    Args:
        path: Where to; its folder must exist.
        width_px: Width.
        height_px: Height.
        frames: Number of frames (ignored with `pts`); 0 makes a video track without a single frame (mp4 drops such a
            track unless muxer_options={"movflags": "empty_moov"}; mkv keeps it).
        rate: Frames per second; time stamps are multiples of its inverse unless `pts` is given.
        pts: Explicit time stamps, increasing, in units of `time_base`.
        time_base: Unit of `pts`; default 1 / rate.
        rotation_deg: Counter-clockwise turn that the display has to apply.
        codec: FFmpeg's encoder name.
        pixel_format: FFmpeg's pixel format name.
        color: Flags to write; RGB is converted by this matrix and range. Default: none written, limited-range BT.601.
        audio: Whether to add an AAC track (a tone) as long as the video.
        audio_s: Length of the audio track instead of the video's.
        content: What to show.
        options: Options of the encoder instead of fast ones.
        muxer_options: Options of the container.
    """
    tick = time_base or 1 / Fraction(rate)
    stamps = list(pts) if pts is not None else list(range(frames))
    with av.open(str(path), "w", options=muxer_options or {}) as output:
        stream = output.add_stream(codec, rate=Fraction(rate), options=options or _default_options(codec))
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, pixel_format
        stream.codec_context.time_base = tick
        stream.codec_context.thread_count = 1
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        if color is not None:
            _flag(stream.codec_context, color)
        tone = output.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono") if audio else None
        output.start_encoding()
        packets = []
        for index, stamp in enumerate(stamps):
            frame = _convert(content(index, width_px, height_px), pixel_format, color)
            frame.pts, frame.time_base = stamp, tick
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if tone is not None:
            video_s = float((stamps[-1] + 1) * tick) if stamps else 0.0
            packets += _encode_tone(tone, video_s if audio_s is None else audio_s)
        for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
            output.mux(packet)
    return path


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Puts an EXIF block with one tag, the orientation (274), behind the start of a JPEG."""
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHIHH", 274, 3, 1, orientation, 0) + struct.pack(">I", 0)
    block = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def make_audio(path: Path, seconds: float = 0.3, *, cover: bool = False) -> Path:
    """Writes a file with one AAC track (a tone) and no video, but for a picture of the cover if asked."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono")
        packets = []
        if cover:
            picture = output.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            frame = _convert(portrait(0, 64, 64), "yuvj420p", None)
            packets += picture.encode(frame) + picture.encode(None)
        for packet in packets + _encode_tone(stream, seconds):
            output.mux(packet)
    return path


def set_matrix(clip: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Writes a display matrix into an MP4 or MOV of one track (ISO/IEC 14496-12, tkhd), and returns it.

    Args:
        clip: The file.
        matrix: (a, b, c, d), whole numbers: players show the pixel at (x, y) at (a x + c y, b x + d y), y down.
    """
    data = bytearray(clip.read_bytes())
    a, b, c, d = (part << 16 for part in matrix)
    struct.pack_into(">5i", data, data.index(b"tkhd") + 44, a, b, 0, c, d)
    clip.write_bytes(data)
    return clip


def make_tiled_photo(path: Path, *, thumbnail: bool = False, is_primary: bool = True) -> Path:
    """Writes a HEIF photo (ISO/IEC 23008-12) of two tiles side by side, JPEG inside.

    Args:
        path: Where to.
        thumbnail: Whether to add a small picture that is stored whole.
        is_primary: The tiles are what the file shows, else the small picture is.
    """
    tile, small = (_jpeg(side) for side in (64, 32))
    data = {1: (b"jpeg", tile, 1), 2: (b"jpeg", tile, 1), 3: (b"grid", struct.pack(">4B2H", 0, 0, 0, 1, 128, 64), 2)}
    references = [_box(b"dimg", struct.pack(">4H", 3, 2, 1, 2))]
    if thumbnail:
        data[4] = (b"jpeg", small, 3)
        references.append(_box(b"thmb", struct.pack(">3H", 4, 1, 3)))
    shown = 3 if is_primary else 4
    head = _box(b"ftyp", b"mif1", bytes(4), b"mif1")
    start = len(head) + len(_photo_header(data, references, shown, 0)) + 8
    pixels = b"".join(item for _, item, _ in data.values())
    path.write_bytes(head + _photo_header(data, references, shown, start) + _box(b"mdat", pixels))
    return path


def _photo_header(
    data: dict[int, tuple[bytes, bytes, int]], references: Sequence[bytes], shown: int, start: int
) -> bytes:
    """The box "meta" of items (kind, content, which size), whose contents lie one after the other from `start`."""
    places, names, sizes = b"", b"", b""
    for number, (kind, item, size) in data.items():
        places += struct.pack(">3H2I", number, 0, 1, start, len(item))
        names += _box(b"infe", struct.pack(">I2H", 2 << 24, number, 0), kind, bytes(1))
        sizes += struct.pack(">H2B", number, 1, size)
        start += len(item)
    known = [_box(b"ispe", struct.pack(">3I", 0, *size)) for size in ((64, 64), (128, 64), (32, 32))]
    return _box(
        b"meta",
        bytes(4),
        _box(b"hdlr", bytes(8), b"pict", bytes(13)),
        _box(b"pitm", struct.pack(">IH", 0, shown)),
        _box(b"iloc", struct.pack(">I2BH", 0, 0x44, 0, len(data)), places),
        _box(b"iinf", struct.pack(">IH", 0, len(data)), names),
        _box(b"iprp", _box(b"ipco", *known), _box(b"ipma", struct.pack(">2I", 0, len(data)), sizes)),
        _box(b"iref", bytes(4), *references),
    )


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _jpeg(side_px: int) -> bytes:
    return cv2.imencode(".jpg", np.full((side_px, side_px, 3), 90, np.uint8))[1].tobytes()


def _default_options(codec: str) -> dict[str, str]:
    if codec not in {"libx264", "libx265"}:
        return {}
    # Of fewer frames than libx265 may reorder it gives decoding times that it never set, which muxers refuse or not.
    in_order = {"x265-params": "bframes=0"} if codec == "libx265" else {}
    return {"preset": "ultrafast", "crf": "18", **in_order}


def _flag(context: av.VideoCodecContext, color: Color) -> None:
    context.colorspace = int(color.matrix)
    context.color_range = 2 if color.full_range else 1
    context.color_primaries = color.primaries
    context.color_trc = color.transfer


def _convert(rgb: NDArray[np.uint8], pixel_format: str, color: Color | None) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    if pixel_format == "rgb24":
        return frame
    matrix = "ITU709" if color is not None and color.matrix == 1 else "ITU601"
    full = color is not None and color.full_range
    return frame.reformat(
        format=pixel_format, dst_colorspace=matrix, dst_color_range="JPEG" if full else "MPEG", threads=1
    )


def _encode_tone(stream: av.AudioStream, seconds: float) -> list[av.Packet]:
    packets = []
    total = round(seconds * AUDIO_RATE_HZ)
    for start in range(0, total, AUDIO_CHUNK):
        t = np.arange(start, min(start + AUDIO_CHUNK, total)) / AUDIO_RATE_HZ
        wave = (0.2 * np.sin(2 * np.pi * TONE_HZ * t)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, start, Fraction(1, AUDIO_RATE_HZ)
        packets += stream.encode(frame)
    return packets + stream.encode(None)
