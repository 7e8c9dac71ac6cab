"""Frames and films in HDR made of light in cd/m2, and what is seen of them, worked out from ITU-R BT.2100."""

from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.sources.pixels import Unwrapper
from animecam.types import Color, ColorMatrix, PixelFormat

PQ, HLG = 16, 18
SDR = Color(ColorMatrix.BT709, full_range=False, primaries=1, transfer=1)
PATCH_PX = 16
WHITE = 203.0  # cd/m2, BT.2408
XYZ_2020 = np.array([[0.636958, 0.144617, 0.168881], [0.2627, 0.677998, 0.059302], [0, 0.028073, 1.060985]])
XYZ_709 = np.array([[0.412391, 0.357584, 0.180481], [0.212639, 0.715169, 0.072192], [0.019331, 0.119195, 0.950532]])
TO_2020, LUMA = np.linalg.solve(XYZ_2020, XYZ_709), np.array([0.2627, 0.6780, 0.0593])
SKINS = np.array([[0.85, 0.67, 0.57], [0.76, 0.57, 0.47], [0.62, 0.42, 0.33], [0.35, 0.22, 0.17], [0.2, 0.12, 0.09]])


def hlg(light):
    """HLG signals of light in cd/m2 on a screen of 1000 cd/m2, [..., 3]."""
    shown = light / 1000
    scene = shown * np.maximum(shown @ LUMA, 1e-9)[..., None] ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * np.maximum(scene, 0)), log)


def pq(light):
    """PQ signals of light in cd/m2."""
    power = np.clip(light / 10_000, 0, 1) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def stored(light, curve):
    return (hlg if curve == HLG else pq)(np.asarray(light, float))


def shown_in_hdr(sdr):
    """Light of BT.2020 in cd/m2 that looks like signals of an SDR picture."""
    return np.asarray(sdr) ** 2.4 @ TO_2020.T * WHITE


def toned(light, peak=1000.0):
    """Greys by the curve of BT.2390 from a screen of `peak` to one of 203 cd/m2, as SDR signals."""
    most = pq(peak)
    top = pq(WHITE) / most
    signal, knee = pq(light) / most, 1.5 * top - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * top
    power = (np.where(signal < knee, signal, bent) * most) ** (1 / 78.84375)
    nits = 10_000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
    return (nits / WHITE) ** (1 / 2.4)


def film_frame(signal, curve, kind="yuv420p10le", color_range=ColorRange.MPEG):
    """A frame of a film from signals [H, W, 3] of BT.2020, chroma averaged."""
    signal = np.asarray(signal, float)
    luma = signal @ LUMA
    parts = [luma, (signal[..., 2] - luma) / 1.8814, (signal[..., 0] - luma) / 1.4746]
    spans, zeros = ((876, 896, 896), (64, 512, 512)) if color_range == ColorRange.MPEG else ((1023,) * 3, (0, 512, 512))
    frame = av.VideoFrame(signal.shape[1], signal.shape[0], "yuv444p10le")
    for plane, part, span, zero in zip(frame.planes, parts, spans, zeros, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)
        rows[:, : plane.width] = np.clip(np.rint(part * span + zero), 0, 1023)
    frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 9, 9, curve, color_range
    made = VideoReformatter().reformat(
        frame, format=kind, src_color_range=color_range, dst_color_range=color_range, interpolation="AREA", threads=1
    )  # swscale's threads spoil a row of 17 pixels now and then
    made.colorspace, made.color_primaries, made.color_trc, made.color_range = 9, 9, curve, color_range
    return made


def patches(colors):
    """A row of patches, [PATCH_PX, N * PATCH_PX, 3]."""
    return np.repeat(np.repeat(np.asarray(colors)[None], PATCH_PX, 0), PATCH_PX, 1)


def rgb(planes):
    """SDR planes as RGB of [0, 255], without rounding."""
    luma, *chroma = (plane.astype(np.float64) for plane in planes)
    blue, red = (cv2.resize(part, luma.shape[::-1], interpolation=cv2.INTER_NEAREST) for part in chroma)
    y, cb, cr = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    r, b = y + 1.5748 * cr, y + 1.8556 * cb
    return 255 * np.stack([r, (y - 0.2126 * r - 0.0722 * b) / 0.7152, b], axis=-1)


def seen(colors, curve, **kind):
    """What becomes of patches of light: RGB of [0, 255], the mean of each."""
    made = Unwrapper("a film", 1)(film_frame(patches(stored(colors, curve)), curve, **kind))
    assert (made.pixel_format, made.color) == (PixelFormat.YUV420P, SDR)
    return rgb(made.planes).reshape(PATCH_PX, -1, PATCH_PX, 3).mean(axis=(0, 2))


def greys(nits):
    return np.repeat(np.asarray(nits, float)[:, None], 3, axis=1)


def write(path, frames, codec="ffv1", options=None):
    with av.open(str(path), "w") as container:
        first = frames[0]
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        context = stream.codec_context
        context.colorspace, context.color_range = first.colorspace, first.color_range
        context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def mastered(path, peak, brightest=0, light=1000.0):
    """A PQ film of one grey, with the metadata that PQ films carry."""
    screen = f"G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L({peak * 10_000},50)"
    # In order: of so few frames libx265 gives decoding times that it never set, if they may be reordered.
    parameters = f"log-level=error:bframes=0:hdr10=1:master-display={screen}:max-cll={brightest},0"
    frame = film_frame(patches(stored(greys([light] * 4), PQ)), PQ)
    return write(path, [frame] * 2, "libx265", {"preset": "ultrafast", "crf": "1", "x265-params": parameters})


def read_one(path):
    source = open_file(path, SourceOptions(threads=1))
    frame = source.read()
    source.close()
    return frame
