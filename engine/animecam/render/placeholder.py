"""What is shown while there is no picture of a camera: dark, quiet, and it says why."""

from math import ceil

import cv2
import numpy as np

from animecam.faces.geometry import upright_size
from animecam.render.base import Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import full_mask
from animecam.render.scope import whole_frame_region
from animecam.types import Frame, Image, StreamFormat, allocate_planes

STARTING = "starting"
AWAY = "no picture from the camera"

TOP, BOTTOM = (38, 42, 58), (20, 22, 32)  # RGB of the ground's upper and lower border: darker than any room
INK = (188, 194, 212)
FONT = cv2.FONT_HERSHEY_DUPLEX
TEXT_PART = 0.055  # height of a capital letter in shorter sides of the picture
MOST_WIDTH = 0.8  # of the picture that the text may take
ICON_PART = 0.16  # height of the camera drawn above the text, in shorter sides of the picture
TEXT_DOWN, ICON_UP = 0.12, 0.08  # of either from the middle of the picture, in its shorter sides
_CAPITAL_PX = 21.0  # of the font at scale 1


def placeholder_frame(stream: StreamFormat, text: str) -> Frame:
    """A frame of a stream that shows a text instead of what was filmed.

    Args:
        stream: Size, pixel format, rotation and shape of the pixels.
        text: One line of ASCII.

    Returns:
        A frame marked as a placeholder, with number and time stamp 0.
    """
    planes, packed = allocate_planes(stream.pixel_format, stream.width_px, stream.height_px)
    frame = Frame(
        planes=planes,
        pixel_format=stream.pixel_format,
        color=stream.color,
        rotation_deg=stream.rotation_deg,
        index=0,
        pts=0,
        time_base=stream.time_base,
        captured_ns=0,
        packed=packed,
        is_placeholder=True,
        pixel_aspect=stream.pixel_aspect,
    )
    region = whole_frame_region(frame, min(upright_size(frame)))
    picture = placeholder_picture(region.width_px, region.height_px, text)
    return CpuImageOps().paste(frame, (Patch(region, picture, full_mask(region.width_px, region.height_px)),))


def placeholder_picture(width_px: int, height_px: int, text: str) -> Image:
    """A camera that is crossed out, over a text in the middle of a dark ground: RGB, uint8 [height_px, width_px, 3]."""
    down = np.linspace(0.0, 1.0, height_px)[:, None, None]
    ground = (1.0 - down) * np.array(TOP) + down * np.array(BOTTOM)
    picture = np.ascontiguousarray(np.broadcast_to(ground, (height_px, width_px, 3)).astype(np.uint8))
    side_px = min(width_px, height_px)
    scale = TEXT_PART * side_px / _CAPITAL_PX
    widest_px = cv2.getTextSize(text, FONT, 1.0, 1)[0][0]
    scale = min(scale, MOST_WIDTH * width_px / max(widest_px, 1))
    thick_px = max(1, round(scale))
    text_px = cv2.getTextSize(text, FONT, scale, thick_px)[0][0]
    place = ((width_px - text_px) // 2, round(height_px / 2 + TEXT_DOWN * side_px))
    cv2.putText(picture, text, place, FONT, scale, INK, thick_px, cv2.LINE_AA)
    _draw_camera(picture, (width_px // 2, round(height_px / 2 - ICON_UP * side_px)), ICON_PART * side_px)
    return picture


def _draw_camera(picture: Image, middle: tuple[int, int], height_px: float) -> None:
    x, y = middle
    thick_px = max(1, ceil(height_px / 16))

    def at(across: float, down: float) -> tuple[int, int]:
        return round(x + across * height_px), round(y + down * height_px)

    body = np.array([at(-0.7, -0.4), at(0.35, -0.4), at(0.35, 0.4), at(-0.7, 0.4)], np.int32)
    lens = np.array([at(0.35, -0.1), at(0.75, -0.35), at(0.75, 0.35), at(0.35, 0.1)], np.int32)
    cv2.polylines(picture, [body, lens], isClosed=True, color=INK, thickness=thick_px, lineType=cv2.LINE_AA)
    cv2.line(picture, at(-0.8, 0.62), at(0.8, -0.62), INK, thick_px, cv2.LINE_AA)
