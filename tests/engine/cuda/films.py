"""Films of heads for the frame path, and what the processor's parts draw of them."""

from fractions import Fraction

import cv2
import numpy as np

from animecam.render.calm import IN_PLACE, Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.device_path import DevicePath, PathOptions
from animecam.settings import Look
from animecam.types import Color, ColorMatrix, Frame, Region, allocate_planes

SIZE_PX = 96
WIDTH_PX, HEIGHT_PX = 240, 160
STRENGTH = 0.9
OPTIONS = PathOptions(most_faces=3, largest_px=SIZE_PX)

# The means that colours are matched by differ by hundredths of a level, which rounds whole faces to the next level now
# and then; a sharp drawing pasted with that makes two.
MOST_LEVELS, SHARE_WITHIN_ONE = 3, 0.995


def film(pixel_format, index, *, rough=False) -> Frame:
    """Frames of a scene that stands still but for noise and for a bar that moves."""
    scene, grain = np.random.default_rng(1), np.random.default_rng(100 + index)
    planes, packed = allocate_planes(pixel_format, WIDTH_PX, HEIGHT_PX)
    for plane in planes:
        codes = scene.integers(0, 256, plane.shape, dtype=np.uint8)
        if not rough:
            codes = cv2.normalize(cv2.GaussianBlur(codes, (0, 0), 3.0), None, 20, 235, cv2.NORM_MINMAX)
        codes = codes.reshape(plane.shape).astype(int) + grain.integers(-1, 2, plane.shape)
        plane[...] = np.clip(codes, 0, 255)
        plane[:, (10 * index) % 60 : (10 * index) % 60 + 12] = 90
    color = Color(ColorMatrix.BT709)
    return Frame(planes, pixel_format, color, 0, index, index, Fraction(1, 30), 0, packed=packed)


def place(track_id, x, y, step, angle_rad, side_px=SIZE_PX) -> Region:
    turn = step * np.array([[np.cos(angle_rad), -np.sin(angle_rad)], [np.sin(angle_rad), np.cos(angle_rad)]])
    shift = np.array((x, y)) - turn @ (side_px / 2, side_px / 2)
    return Region(track_id, side_px, side_px, np.column_stack((turn, shift)))


def faces(index) -> list[Region]:
    """Three that overlap, of whom the second comes later and the third goes."""
    everybody = [
        place(0, 80 + 0.2 * index, 80, 0.9, 0.3),
        place(4, 130, 90.5, 1.4, -0.4),
        place(7, 160, 60, 0.4 + 0.01 * index, 1.1),
    ]
    present = [True, index >= 2, index < 6]
    return [region for region, is_there in zip(everybody, present, strict=True) if is_there]


class OnCpu:
    """What the path stands for, by the processor's parts."""

    def __init__(self, network, persons):
        self._network, self._ops, self._calm = network, CpuImageOps(), Calm(IN_PLACE)
        self._compositor = Compositor(self._ops, persons)

    def __call__(self, frame, regions, style="s"):
        pictures = [self._ops.crop(frame, region) for region in regions]
        drawn = self._calm(style, regions, pictures, self._network(pictures) if pictures else [])
        return self._compositor(frame, regions, pictures, drawn, Look(style, strength=STRENGTH))


def compare(drawn: Frame, expected: Frame) -> None:
    for mine, theirs in zip(drawn.planes, expected.planes, strict=True):
        levels = np.abs(mine.astype(int) - theirs)
        assert levels.max() <= MOST_LEVELS
        assert (levels <= 1).mean() >= SHARE_WITHIN_ONE


def run(host, gpu, frames, *, options=OPTIONS, ahead=0, events_until=None):
    """The drawn frames, `ahead` of them under way at a time; events count until frame `events_until`."""
    network = host.HostNetwork(gpu, max_batch=2)
    path = DevicePath(gpu, options)
    drawn, waiting = [], []
    try:
        for index, frame in enumerate(frames):
            gpu.ignores_events = events_until is not None and index >= events_until
            waiting.append(path.submit(frame, faces(index), "s", network, STRENGTH))
            if len(waiting) > ahead:
                drawn.append(waiting.pop(0)().frame)
        drawn += [result().frame for result in waiting]
    finally:
        path.close()
    return drawn


def in_light(frame: Frame, light: float, has_color: bool) -> Frame:
    """The same frame in other light, and gray where it has no colour."""
    for plane, black in zip(frame.planes, (16, 128, 128) if frame.pixel_format.is_yuv else (0,), strict=True):
        if not has_color and plane.ndim == 3:
            plane[...] = plane[..., :1]
        elif not has_color and black == 128:
            plane[...] = black
        plane[...] = black + light * (plane.astype(float) - black)
    return frame
