"""Frames of a clip, from a video file or from a folder of pictures."""

# pyright: reportUnknownMemberType=false

from itertools import islice
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from animecam.sources.orientation import Orientation, orientation
from animecam_training.data.pictures import list_pictures, read_picture
from animecam_training.errors import DataError
from animecam_training.faces import Image

OPEN_SECONDS, READ_SECONDS = 10.0, 10.0
LONGEST_SIDE_PX = 512  # larger frames are reduced: flow and network see a head as large as the product draws it
SIDE_MULTIPLE = 8
QUARTER_DEG = 90

_HINT = "name a video file, or a folder of frames"
_ONE_SIZE = "give the frames of one clip, of one size"


def read_clip(path: Path, *, most: int) -> list[Image]:
    """The first frames of a clip, RGB uint8 [H, W, 3], sides multiples of 8 and at most 512 px.

    Args:
        path: A video file, or a folder of pictures whose names are in order.
        most: Number of frames to stop at.

    Raises:
        DataError: The file cannot be read or holds no video, the folder no pictures, or they are of several sizes.
    """
    if path.is_dir():
        return _read_folder(list_pictures(path)[:most])
    try:
        # Titles of old films are not in UTF-8, and nobody looks at them here.
        with av.open(str(path), timeout=(OPEN_SECONDS, READ_SECONDS), metadata_errors="replace") as container:
            if not container.streams.video:
                raise DataError(f"{path} holds no video", hint=_HINT)
            frames = islice(container.decode(container.streams.video[0]), most)
            clip = [_fit(_upright(frame)) for frame in frames]
    except (av.error.FFmpegError, OSError) as error:
        reason = error.strerror or "not a video"
        raise DataError(f"cannot read clip {path}: {reason}", hint=_HINT) from error
    if any(frame.shape != clip[0].shape for frame in clip):
        raise DataError(f"the frames of {path} change their size", hint=_ONE_SIZE)
    return clip


def _read_folder(paths: list[Path]) -> list[Image]:
    frames: list[Image] = []
    for path in paths:
        frames.append(_fit(read_picture(path)))
        if frames[-1].shape != frames[0].shape:
            raise DataError(f"{path} is not of the size of {paths[0].name}", hint=_ONE_SIZE)
    return frames


def _upright(frame: av.VideoFrame) -> Image:
    """A frame as it is to be seen: phones store theirs lying, and say so in the file."""
    turned = orientation(frame) or Orientation()
    stored = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    return np.rot90(stored[:, ::-1] if turned.is_mirrored else stored, turned.rotation_deg // QUARTER_DEG)


def _fit(image: Image) -> Image:
    """The picture at most 512 px long, without the last rows and columns that make its sides no multiples of 8."""
    scale = min(1.0, LONGEST_SIDE_PX / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    height, width = (side // SIDE_MULTIPLE * SIDE_MULTIPLE for side in small.shape[:2])
    return np.ascontiguousarray(small[:height, :width], dtype=np.uint8)
