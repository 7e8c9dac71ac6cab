"""Still pictures: one, or a folder of them shown one after the other."""

import glob
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.errors import SourceError
from animecam.shell import as_word
from animecam.sources.options import MAX_PIXELS, SourceOptions
from animecam.sources.paper import PAPER
from animecam.sources.picture_header import (
    PICTURE_SUFFIXES,
    grey_key,
    is_animated,
    is_opaque,
    is_png,
    picture_size,
)
from animecam.sources.tiff_header import Extra, TiffHeader, is_big_tiff, is_tiff, tiff_header
from animecam.types import Color, Frame, Image, PixelFormat, StreamFormat

PICTURES_PER_SECOND = 25  # for a folder without a rate of its own; the pace FFmpeg gives to numbered pictures
RGB_PROFILE = slice(16, 20), b"RGB "  # where an ICC profile names the numbers that it is for; others fit no RGB


class Picture(NamedTuple):
    """A still picture: RGB uint8 [H, W, 3], and its ICC profile and EXIF data, empty if it has none."""

    rgb: Image
    profile: bytes
    exif: bytes


def open_picture(path: Path) -> "PictureSource":
    """Opens one picture, as a source of a single frame.

    Raises:
        SourceError: It is missing, damaged, too large, or no picture.
    """
    return PictureSource(str(path), (path,), Fraction(PICTURES_PER_SECOND))


def open_pictures(uri: str, options: SourceOptions) -> "PictureSource":
    """Opens the pictures of a folder, or those that a pattern such as `shots/*.png` names, in natural order.

    Raises:
        SourceError: There are none, or the first cannot be read.
    """
    folder = Path(uri)
    paths = folder.iterdir() if folder.is_dir() else map(Path, glob.glob(uri, recursive=True))  # noqa: PTH207
    pictures = [p for p in paths if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".")]
    if not pictures:
        known = ", ".join(sorted(PICTURE_SUFFIXES))
        raise SourceError(f"{uri} holds no pictures", hint=f"pictures are called {known}")
    rate = Fraction(options.fps or PICTURES_PER_SECOND).limit_denominator(1001)
    return PictureSource(uri, sorted(pictures, key=_natural), rate)


class PictureSource:
    """Pictures of one size as a video; as a `Source`.

    Args:
        uri: Name for messages.
        paths: The pictures, in order.
        rate: Pictures per second.
    """

    def __init__(self, uri: str, paths: Sequence[Path], rate: Fraction) -> None:
        self.uri = uri
        self.skipped = 0
        self._paths = paths
        self._next = 0
        self._is_closed = False
        self._first: Picture | None = load_picture(paths[0])
        height_px, width_px = self._first.rgb.shape[:2]
        self.format = StreamFormat(
            width_px=width_px,
            height_px=height_px,
            pixel_format=PixelFormat.RGB24,
            color=Color(full_range=True),
            rotation_deg=0,
            time_base=1 / rate,
            rate=rate,
            is_live=False,
            frames=len(paths),
            duration_s=float(len(paths) / rate),
        )

    def read(self) -> Frame | None:
        """The next picture, or None at the end; as `Source.read`.

        Raises:
            SourceError: It cannot be read, or is not of the first one's size.
        """
        if self._is_closed or self._next == len(self._paths):
            return None
        index = self._next
        picture = load_picture(self._paths[index]) if self._first is None else self._first
        self._first = None
        rgb = picture.rgb
        self._refuse_other_size(self._paths[index], rgb)
        self._next += 1
        return Frame(
            planes=(rgb,),
            pixel_format=PixelFormat.RGB24,
            color=replace(self.format.color, profile=picture.profile),
            rotation_deg=0,
            index=index,
            pts=index,
            time_base=self.format.time_base,
            captured_ns=time.perf_counter_ns(),
            duration=1,
            packed=rgb,
            exif=picture.exif,
            is_still=len(self._paths) == 1,
        )

    def close(self) -> None:
        """Nothing is held open; reading ends."""
        self._is_closed = True

    def _refuse_other_size(self, path: Path, picture: Image) -> None:
        height_px, width_px = picture.shape[:2]
        wanted = (self.format.width_px, self.format.height_px)
        if (width_px, height_px) != wanted:
            what = f"{path} is {width_px}x{height_px}, the first picture {wanted[0]}x{wanted[1]}"
            raise SourceError(what, hint=f"convert them one by one: animecam convert {as_word(self.uri)}")


def load_picture(path: Path) -> Picture:
    """Decodes a picture, upright as its EXIF data says, to RGB uint8 [H, W, 3], read-only, in its own colour space.

    16 bits become 8, grey becomes RGB, transparent parts show white paper. (A picture with transparency stays as it is
    stored, whatever way up its EXIF data say: cameras write none.)

    Raises:
        SourceError: It is missing, damaged, too large, animated, or no picture.
    """
    try:
        if path.exists() and not path.is_file():
            raise SourceError(f"{path} is a pipe, a folder or a device", hint="save it to a file first")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist", hint="check the name and the folder") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", hint="check its folder and rights") from error
    if not data:
        raise SourceError(f"{path} is empty", hint="copy it again")
    size = picture_size(data)
    if size is None and is_big_tiff(data):
        raise SourceError(f"{path} is a BigTIFF", hint="save it as PNG, or as an ordinary TIFF, first")
    if size is None:
        raise SourceError(f"{path} is no picture", hint="JPEG, PNG, WebP, BMP and TIFF can be read")
    if size[0] * size[1] > MAX_PIXELS:
        raise SourceError(f"{path} is {size[0]}x{size[1]} pixels", hint=f"at most {MAX_PIXELS} (16K) are read")
    if is_animated(data):
        hint = "rename it to .apng" if is_png(data) else "save it as a GIF or a video first"
        raise SourceError(f"{path} is animated: it would become a still picture", hint=hint)
    tiff = tiff_header(data) if is_tiff(data) else None
    if tiff is not None and tiff.fault:
        raise SourceError(f"{path} {tiff.fault}", hint="save it as PNG first")
    picture = _decode(data, path, tiff)
    if picture is None and tiff is not None and tiff.unread:
        raise SourceError(f"{path} {tiff.unread}", hint="save it as PNG, with 8 or 16 bits, first")
    if picture is None and tiff is not None:
        hint = "if it shows elsewhere, save it as PNG there, else copy it again"
        raise SourceError(f"{path} is damaged or cut off, or a kind of TIFF that is not read", hint=hint)
    if picture is None:
        raise SourceError(f"{path} is damaged or cut off", hint="copy it again, check that it shows elsewhere")
    picture.rgb.flags.writeable = False
    return picture


def _decode(data: bytes, path: Path, tiff: TiffHeader | None) -> Picture | None:
    encoded = np.frombuffer(data, dtype=np.uint8)
    log_level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # we report damage, in one line
    try:
        if not is_opaque(data):
            stored, profile, exif = _decode_as(encoded, cv2.IMREAD_UNCHANGED)
            if stored is not None and stored.dtype.kind == "f":
                raise SourceError(f"{path} stores floating-point numbers", hint="save it with 8 or 16 bits")
            if stored is not None and (key := grey_key(data)) is not None:
                stored = _with_alpha(stored, *key)
            if stored is None or (stored.ndim == 3 and stored.shape[2] == 4):
                return None if stored is None else Picture(on_paper(stored, tiff), profile, data if tiff else exif)
        bgr, profile, exif = _decode_as(encoded, cv2.IMREAD_COLOR)
    except cv2.error:  # the decoder's own checks
        return None
    finally:
        cv2.utils.logging.setLogLevel(log_level)
    if bgr is None:
        return None
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    return Picture(rgb, profile, data if tiff else exif)  # a TIFF is itself what EXIF data are


def _with_alpha(grey: NDArray[Any], key: int, bits: int) -> NDArray[Any]:
    """A grey picture, uint8 or uint16 [H, W], as BGRA, transparent where it is of one grey; OpenCV tells nothing of it.

    Args:
        grey: The picture; greys of less than 8 bits are spread over all 8.
        key: That grey, as it is stored.
        bits: Of a stored grey.
    """
    full = np.iinfo(grey.dtype).max
    alpha = np.where(grey == key * full // ((1 << bits) - 1), 0, full).astype(grey.dtype)
    return np.dstack((grey, grey, grey, alpha))


def _decode_as(encoded: NDArray[np.uint8], flags: int) -> tuple[NDArray[Any] | None, bytes, bytes]:
    """What is stored, as OpenCV's flags say, or None if it is damaged; the profile of its RGB, and its EXIF data."""
    stored, kinds, parts = cv2.imdecodeWithMetadata(encoded, flags=flags)
    told = [part.tobytes() for kind, part in zip(kinds, parts, strict=True) if kind == cv2.IMAGE_METADATA_EXIF]
    return cast("NDArray[Any] | None", stored), _rgb_profile(kinds, parts), b"".join(told[:1])


def _rgb_profile(kinds: Sequence[int], parts: Sequence[NDArray[Any]]) -> bytes:
    """The ICC profile among what is told of a picture; that of a grey or CMYK picture is not that of its RGB."""
    place, name = RGB_PROFILE
    profiles = (part.tobytes() for kind, part in zip(kinds, parts, strict=True) if kind == cv2.IMAGE_METADATA_ICCP)
    return next((profile for profile in profiles if profile[place] == name), b"")


def on_paper(bgra: NDArray[Any], tiff: TiffHeader | None = None) -> Image:
    """What is seen of a picture whose fourth channel may be its transparency, as RGB uint8 [H, W, 3].

    Args:
        bgra: uint8 or uint16 [H, W, 4].
        tiff: Its header, if it is a TIFF, which says what the channel is.
    """
    extra = Extra.ALPHA if tiff is None or tiff.extra is None else tiff.extra
    full = np.iinfo(bgra.dtype).max
    alpha = bgra[:, :, 3:].astype(np.float32) / full
    rgb = bgra[:, :, 2::-1].astype(np.float32) * (PAPER / full)
    if extra == Extra.UNSPECIFIED:
        alpha = np.float32(1)
    elif extra == Extra.ALPHA and not _is_multiplied(bgra, tiff):
        rgb *= alpha
    return np.rint(np.minimum(rgb + PAPER * (1 - alpha), PAPER)).astype(np.uint8)


def _is_multiplied(bgra: NDArray[Any], tiff: TiffHeader | None) -> bool:
    """Whether the decoder has multiplied colours by transparency: libtiff does, of 8 bits that are said to need it."""
    return tiff is not None and tiff.extra == Extra.ALPHA and bgra.dtype == np.uint8


def _natural(path: Path) -> tuple[str, list[tuple[int, str]]]:
    """Orders shot2 before shot10."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return str(path.parent), [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
