"""What the benchmarks look at: frames and clips of a source, head crops, and crowds, all made of what is bundled."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import ceil, radians, sqrt
from pathlib import Path
from time import perf_counter_ns

import cv2
import numpy as np

from animecam.faces.align import Pose, head_pose
from animecam.faces.opening import open_follower
from animecam.portrait import load_portrait
from animecam.render.cpu import CpuImageOps
from animecam.run.session import opened_outputs, opened_source
from animecam.sinks.convert import to_yuv420
from animecam.sinks.opening import SinkOptions
from animecam.sources.opening import SourceOptions
from animecam.types import WHOLE_FRAME, Color, Frame, Image, PixelFormat, StreamFormat

RATE = Fraction(30)
MIN_SCORE = 0.5
TURNS_DEG, SIZES, LIGHTS = (-12.0, 0.0, 12.0), (0.9, 1.1), (0.7, 1.2)  # of the crops; lights scale the pixels
BUST_ROWS, BUST_COLUMNS = slice(0, 300), slice(75, 375)  # the portrait's head and shoulders
SWAY = 0.04  # of a person in a crowd, in sides of their picture
WALL = (84, 94, 112)  # RGB behind a crowd


def read_frames(uri: str, count: int) -> tuple[StreamFormat, list[Frame]]:
    """The first frames of a source, all in memory.

    Raises:
        SourceError: It cannot be read.
        UsageError: It names no source.
    """
    frames: list[Frame] = []
    with opened_source(uri, SourceOptions()) as source:
        while len(frames) < count and (frame := source.read()) is not None:
            frames.append(frame)
        return source.format, frames


def local_clip(uri: str, count: int, folder: Path) -> Path:
    """A video file of a source: the file itself, or the first frames of what is none, as H.264.

    Args:
        uri: A file, a pattern, a camera.
        count: How many frames to record.
        folder: Where to record.
    """
    if Path(uri).is_file():
        return Path(uri)
    stream, frames = read_frames(uri, count)
    path = folder / "clip.mp4"
    with opened_outputs((str(path),), replace(stream, is_live=False), SinkOptions()) as outputs:
        for frame in frames:
            outputs.write(frame)
        outputs.is_complete = True
    return path


def picture_frame(picture: Image, index: int = 0) -> Frame:
    """An RGB picture as frame `index` of a film of 30 a second."""
    return Frame(
        planes=(picture,),
        pixel_format=PixelFormat.RGB24,
        color=Color(full_range=True),
        rotation_deg=0,
        index=index,
        pts=index,
        time_base=1 / RATE,
        captured_ns=perf_counter_ns(),
        duration=1,
    )


def portrait_crops(size_px: int) -> tuple[Image, ...]:
    """Crops of the bundled portrait's head as a renderer makes them: turned, near and far, in shadow and in the sun.

    Returns:
        Twelve pictures, uint8 [size_px, size_px, 3].
    """
    frame = picture_frame(load_portrait())
    with closing(open_follower()) as detector:
        pose = head_pose(detector.detect(frame.planes[0], MIN_SCORE)[0])
    crops: list[Image] = []
    for turn_deg, size, light in product(TURNS_DEG, SIZES, LIGHTS):
        turned = Pose(pose.x_px, pose.y_px, pose.side_px * size, pose.angle_rad + radians(turn_deg))
        crop = CpuImageOps().crop(frame, turned.region(WHOLE_FRAME, size_px))
        crops.append(np.clip(crop * light, 0, 255).astype(np.uint8))
    return tuple(crops)


def crowd(faces: int, width_px: int, height_px: int, count: int, *, room_for: int) -> list[Frame]:
    """Frames that show the bundled portrait several times side by side, each swaying, as YUV 4:2:0.

    Args:
        faces: How many.
        width_px: Width of the frames, even.
        height_px: Height of the frames, even.
        count: How many frames.
        room_for: Faces are as small as if there were so many, `faces` or more: crowds can then be compared.
    """
    columns = ceil(sqrt(room_for * width_px / height_px))
    rows = ceil(room_for / columns)
    side = min(width_px // columns, height_px // rows)
    portrait = load_portrait()[BUST_ROWS, BUST_COLUMNS]
    bust = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)
    places = [
        (number % columns * width_px // columns, number // columns * height_px // rows) for number in range(faces)
    ]
    return [to_yuv420(picture_frame(_crowd(bust, places, width_px, height_px, n), n)) for n in range(count)]


def _crowd(bust: Image, places: Sequence[tuple[int, int]], width_px: int, height_px: int, index: int) -> Image:
    picture = np.empty((height_px, width_px, 3), np.uint8)
    picture[:] = WALL
    for number, (left, top) in enumerate(places):
        shift = round(SWAY * bust.shape[1] * np.sin(index / 5 + number))
        picture[top : top + bust.shape[0], left : left + bust.shape[1]] = np.roll(bust, shift, axis=1)
    return picture


def with_noise(frame: Frame, levels: float) -> Frame:
    """A frame as a camera in a dim room gives it: with noise, the same in every run.

    Args:
        frame: Any frame.
        levels: Standard deviation of the noise, in levels of 255.
    """
    noise = np.random.default_rng(frame.index)
    planes = tuple(
        np.clip(np.rint(plane + noise.normal(0.0, levels, plane.shape)), 0, 255).astype(np.uint8)
        for plane in frame.planes
    )
    return replace(frame, planes=planes, packed=None)
