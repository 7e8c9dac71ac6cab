"""What the detector sees, drawn into the picture."""

from animecam.named_colors import Rgb
from animecam.render.paint import AMBER, GREEN, line_px, own_copy, paint
from animecam.types import Box, Face, Faces, Frame


def boxed(frame: Frame, faces: Faces) -> Frame:
    """A new frame with each face's box and its four points: green where it was seen, amber where it is held."""
    marked = own_copy(frame)
    for face in faces.faces:
        _mark(marked, face, AMBER if face.held else GREEN)
    return marked


def _mark(frame: Frame, face: Face, color: Rgb) -> None:
    thin_px = line_px(frame)
    left, top, right, bottom = face.detection.box_px
    edges = (
        Box(left, top, right, top + thin_px),
        Box(left, bottom - thin_px, right, bottom),
        Box(left, top, left + thin_px, bottom),
        Box(right - thin_px, top, right, bottom),
    )
    points = [Box(x - thin_px, y - thin_px, x + thin_px, y + thin_px) for x, y in face.detection.points_px.tolist()]
    for box_px in (*edges, *points):
        paint(frame, box_px, color)
