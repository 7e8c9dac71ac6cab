"""A renderer with scripted faces and styles that paint one level, and the frames that it is given."""

from fractions import Fraction

import numpy as np
import pytest

from animecam.drawing.renderer import Renderer
from animecam.drawing.steps import Steps
from animecam.faces.align import Aligner
from animecam.render.backdrop import Backdrop
from animecam.render.calm import Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.hair import HairTint
from animecam.settings import Controls, Look
from animecam.timing import Timing
from animecam.types import Box, Color, Detection, Face, Faces, Frame, PixelFormat, allocate_planes

POINTS_PX = np.array([[140, 100], [180, 100], [160, 122], [160, 142]], np.float32)


def _frame(index: int = 0, rotation_deg: int = 0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.RGB24, 320, 240)
    packed[...] = 100
    return Frame(planes, PixelFormat.RGB24, Color(), rotation_deg, index, index, Fraction(1, 30), 0, packed=packed)


def _detailed(index: int = 0) -> Frame:
    frame = _frame(index)
    frame.planes[0][...] = np.random.default_rng(index).integers(0, 256, frame.planes[0].shape, dtype=np.uint8)
    return frame


class Painter:
    """A style that paints one level and notes the sizes it was given."""

    def __init__(self, level: int) -> None:
        self.level, self.shapes = level, []

    def __call__(self, pictures):
        self.shapes.append([picture.shape for picture in pictures])
        return [np.full_like(picture, self.level) for picture in pictures]


class Doubtful:
    """Finds a person in half of every pixel, and notes what happens to it."""

    def __init__(self) -> None:
        self.did = []

    def __call__(self, regions, _pictures):
        self.did.append("find")
        return tuple(np.full((region.height_px, region.width_px), 0.5, np.float32) for region in regions)

    def forget(self):
        self.did.append("forget")


@pytest.fixture
def face() -> Face:
    """The one that the studio sees."""
    return Face(7, Detection(Box(125, 80, 195, 160), POINTS_PX, 0.9))


@pytest.fixture
def studio(face: Face):
    """A renderer with scripted faces and two styles, its controls, and plain and detailed frames."""

    class Studio:
        faces = Faces((face,), is_exposed=False)
        styles = {"ink": Painter(20), "snow": Painter(220)}  # noqa: RUF012
        controls = Controls(Look(style="ink", size_px=192))
        timing = Timing()
        persons, hair_persons, backdrop_persons = Doubtful(), Doubtful(), Doubtful()
        frame, detailed = staticmethod(_frame), staticmethod(_detailed)

        def track(self, _frame):
            yield
            return self.faces

        def renderer(self, governing=None, idle=None, name=""):
            ops = CpuImageOps()
            steps = Steps(
                track=self.track,
                align=Aligner(),
                ops=ops,
                draw=lambda name: self.styles[name],
                calm=Calm(),
                tint=HairTint(self.hair_persons),
                compositor=Compositor(ops, self.persons),
                backdrop=Backdrop(ops, self.backdrop_persons),
            )
            return Renderer(steps, self.controls, self.timing, governing=governing, idle=idle, name=name)

    return Studio()
