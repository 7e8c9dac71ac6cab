"""Still images and numbered sequences of them, upright, with square pixels: their files cannot name others."""

import logging
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from animecam.errors import SinkError, UsageError
from animecam.sinks.convert import square_opacity, to_square_rgb
from animecam.sinks.exif import kept_exif
from animecam.sinks.options import SinkOptions
from animecam.sinks.paths import OutputKind, Target, is_full_disk, output_kind
from animecam.sinks.sequence import numbered, pictures_of
from animecam.types import Frame, StreamFormat

log = logging.getLogger(__name__)

QUALITY = 95  # of JPEG and WebP, from 1 to 100


class ImageSink:
    """Writes PNG, JPEG or WebP files, each complete or not there at all, with the colour profile of its picture.

    Of a photo's EXIF data they have what `kept_exif` keeps, and its mark.

    Args:
        uri: A file, or a pattern like `frames/%05d.png` whose number counts the pictures, whatever frames were dropped.
        stream: What the frames will be.
        options: Whether it may replace a file, and tell where the photo was taken.

    Attributes:
        uri: As opened.
        frames: Pictures written so far.

    Raises:
        UsageError: One file is asked to hold a video.
    """

    def __init__(self, uri: str, stream: StreamFormat, options: SinkOptions) -> None:
        self.uri = uri
        self.frames = 0
        self._is_sequence = output_kind(uri) is OutputKind.IMAGE_SEQUENCE
        self._path = Path(uri)
        self._overwrite = options.overwrite
        self._keeps_location = options.keeps_location
        self._settings = _settings(self._path.suffix.lower())
        self._is_closed = False
        if not self._is_sequence and (stream.is_live or stream.frames > 1):
            raise UsageError(f"{uri} holds one picture, the input is a video", hint=self._sequence_hint())

    def write(self, frame: Frame) -> None:
        """Writes one picture.

        Raises:
            SinkError: It cannot be written, or is the second for one file.
        """
        if self._is_sequence:
            target = Target.of(numbered(self._path, self.frames))
        elif self.frames:
            raise SinkError(f"{self.uri} holds one picture, a second one arrived", hint=self._sequence_hint())
        else:
            target = Target.of(self._path)
        self._write(frame, target)
        self.frames += 1
        if self._is_sequence:
            target.commit(overwrite=self._overwrite)

    def close(self, *, complete: bool) -> None:
        """Gives a single picture its name, tells what is left of a longer sequence; may be called twice.

        Args:
            complete: Every frame arrived. A picture of an incomplete run keeps its temporary name.

        Raises:
            SinkError: It cannot be renamed, or no picture arrived.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if self.frames == 0:
            if complete:
                raise SinkError(f"no picture arrived, so {self.uri} was not written", hint="is the input a picture?")
            return
        if self._is_sequence:
            self._tell_of_older()
        elif complete:
            Target.of(self._path).commit(overwrite=self._overwrite)

    def _write(self, frame: Frame, target: Target) -> None:
        picture = cv2.cvtColor(to_square_rgb(frame), cv2.COLOR_RGB2BGR)
        if (opacity := square_opacity(frame)) is not None:
            picture = cv2.merge([*cv2.split(picture), opacity])
        try:
            told = self._told(frame)
            kinds, parts = [*told], [np.frombuffer(part, np.uint8) for part in told.values()]
            is_encoded, data = cv2.imencodeWithMetadata(self._path.suffix, picture, kinds, parts, self._settings)
        except cv2.error as error:
            is_encoded, data = False, error
        if not is_encoded or isinstance(data, cv2.error):
            raise SinkError(
                f"cannot store {picture.shape[1]}x{picture.shape[0]} pixels in {target.final}", hint="write a .png file"
            )
        try:
            target.partial.write_bytes(data.tobytes())
        except OSError as error:
            target.partial.unlink(missing_ok=True)
            what, hint = str(error.strerror), ""
            if is_full_disk(error):
                what, hint = "the disk is full", "free some space"
            elif not target.final.parent.exists():
                hint = "its folder was deleted meanwhile: start again"
            raise SinkError(f"cannot write {target.final}: {what}", hint=hint) from error

    def _tell_of_older(self) -> None:
        """Says which pictures of an earlier, longer run go on where the new ones end: a film of them has both."""
        with suppress(OSError):  # of a folder that is gone or cannot be read
            older = sorted(one for one in pictures_of(self._path) if one[0] >= self.frames)
            if older:
                text = "%s: after the %d new pictures those of an earlier run follow, %d from %s on; delete what is old"
                log.warning(text, self._path.parent, self.frames, len(older), older[0][1].name)

    def _told(self, frame: Frame) -> dict[int, bytes]:
        """What the file says of its picture, by OpenCV's kinds of metadata."""
        told = {
            cv2.IMAGE_METADATA_EXIF: kept_exif(frame.exif, keeps_location=self._keeps_location),
            cv2.IMAGE_METADATA_ICCP: frame.color.profile,
        }
        return {kind: part for kind, part in told.items() if part}

    def _sequence_hint(self) -> str:
        return f"for every frame as a picture: {self._path.with_name(f'{self._path.stem}-%05d{self._path.suffix}')}"


def _settings(extension: str) -> list[int]:
    if extension in (".jpg", ".jpeg"):
        # Full colour resolution: drawings have hard edges between colours, where halved chroma bleeds.
        full_chroma = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        return [cv2.IMWRITE_JPEG_QUALITY, QUALITY, *full_chroma]
    if extension == ".webp":
        return [cv2.IMWRITE_WEBP_QUALITY, QUALITY]
    return []
