"""The renderer on a GPU that is the host: every look and every way back, against the processor's renderer."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.backends.torch_ import TorchDevice
from animecam.drawing.gpu_renderer import GpuRenderer
from animecam.drawing.renderer import Renderer
from animecam.drawing.steps import Steps
from animecam.errors import DeviceMemoryError
from animecam.faces.align import Aligner
from animecam.portrait import load_portrait
from animecam.render.backdrop import Backdrop
from animecam.render.calm import IN_PLACE, Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.render.hair import HairTint
from animecam.render.printed import Printer
from animecam.settings import Controls, Look, Scope
from animecam.styles.card import LITE
from animecam.styles.registry import find_style, verified_half, verified_model
from animecam.timing import Timing
from animecam.types import Box, Color, Detection, Face, Faces, Frame, PixelFormat, allocate_planes

SIZE_PX = 192
POINTS_PX = np.array([[140, 100], [180, 100], [160, 122], [160, 142]], np.float32)
FACE = Face(7, Detection(Box(125, 80, 195, 160), POINTS_PX, 0.9))


def reference_of(model):
    """A network by ONNX Runtime, from pictures to pictures."""

    def draw(pictures):
        backend = open_backend(model, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
        numbers = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) * (2 / 255) - 1
        levels = np.clip(np.rint(backend.run(numbers)[0] * 127.5 + 127.5), 0, 255).astype(np.uint8)
        backend.close()
        return [np.ascontiguousarray(picture) for picture in levels.transpose(0, 2, 3, 1)]

    return draw


def grey(index=0) -> Frame:
    planes, packed = allocate_planes(PixelFormat.RGB24, 320, 240)
    packed[...] = 100
    return Frame(planes, PixelFormat.RGB24, Color(), 0, index, index, Fraction(1, 30), 0, packed=packed)


def somebody(index=0) -> Frame:
    frame = grey(index)
    frame.planes[0][...] = cv2.resize(load_portrait(), (320, 240), interpolation=cv2.INTER_AREA)
    return frame


@pytest.fixture
def studio(host, gpu, no_persons):
    """A renderer with scripted faces on the host's GPU, and what it did."""

    class Studio:
        faces = Faces((FACE,), is_exposed=False)
        network = host.HostNetwork(gpu)
        controls = Controls(Look(style="ink", size_px=SIZE_PX))
        timing = Timing()
        on_cpu = 0
        is_there = True
        backdrop_persons = staticmethod(no_persons)
        noted = None

        def note(self, style, info):
            self.noted = style, info and info.name

        def _draw(self, pictures):
            self.on_cpu += 1
            return self.network(pictures)

        def track(self, _frame):
            yield
            return self.faces

        def renderer(self):
            ops = CpuImageOps()
            steps = Steps(
                track=self.track,
                align=Aligner(),
                ops=ops,
                draw=lambda _style: self._draw,
                calm=Calm(IN_PLACE),
                tint=HairTint(no_persons),
                compositor=Compositor(ops, no_persons),
                backdrop=Backdrop(ops, self.backdrop_persons),
            )
            return Renderer(steps, self.controls, self.timing)

        def on_gpu(self, **options):
            return GpuRenderer(
                path,
                self.renderer(),
                find_network=lambda *_: self.network if self.is_there else None,
                note_network=self.note,
                **{"can_fade": True} | options,
            )

    path = DevicePath(gpu, PathOptions(most_faces=1, largest_px=SIZE_PX))
    yield Studio()
    path.close()


def same(drawn: Frame, expected: Frame) -> None:
    assert np.abs(drawn.planes[0].astype(int) - expected.planes[0]).max() <= 2


@pytest.mark.parametrize(
    "change",
    [{"mirror": True}, {"split": 0.5}, {"shows_boxes": True}, {"strength": 0.4}, {"split": 0.3, "mirror": True}],
)
def test_looks_are_those_of_the_processor(studio, change):
    studio.controls.change(**change)
    same(studio.on_gpu()(grey()).frame, studio.renderer()(grey()).frame)


def test_what_the_gpu_drew_is_printed_by_the_processor(studio):
    in_color = studio.on_gpu()(somebody()).frame
    studio.controls.change(palette="manga")
    drawn = studio.on_gpu()(somebody()).frame
    np.testing.assert_array_equal(drawn.planes[0], Printer()(in_color).planes[0])
    assert studio.on_cpu == 0


def test_a_background_is_laid_behind_what_the_gpu_drew(studio, monkeypatch):
    def nobody(regions, _pictures):
        return tuple(np.zeros((region.height_px, region.width_px), np.float32) for region in regions)

    monkeypatch.setattr("animecam.render.outline.SEEN_SHARE", 0.0)  # no head is shown by its own shape
    studio.backdrop_persons = nobody
    studio.controls.change(background="blue")
    assert (studio.on_gpu()(somebody()).frame.planes[0] == (0, 71, 187)).all()
    assert studio.on_cpu == 0


def test_heads_are_drawn_on_the_gpu(studio):
    studio.on_gpu()(grey())
    assert studio.on_cpu == 0
    assert studio.noted == ("ink", "host")


@pytest.mark.parametrize("why", ["scope", "exposed", "strength", "person", "crowd", "not there yet", "left out"])
def test_what_the_gpu_does_not_draw_the_processor_draws(studio, why):
    options = {}
    match why:
        case "scope":
            studio.controls.change(scope=Scope.FRAME)
        case "exposed":
            studio.faces = Faces((FACE,), is_exposed=True)
        case "strength":
            studio.controls.change(strength=0.0)
        case "person":
            options["can_fade"] = False
        case "crowd":
            studio.faces = Faces((FACE, Face(8, FACE.detection)), is_exposed=False)
        case "left out":
            studio.faces = Faces((FACE,), is_exposed=False, left_out=1)
        case "not there yet":
            studio.is_there = False
    drawn = studio.on_gpu(**options)(grey()).frame
    assert studio.on_cpu > 0
    assert studio.noted == ("ink", None)
    same(drawn, studio.renderer()(grey()).frame)


def test_changing_sides_leaves_no_trace_of_old_drawings(studio):
    render = studio.on_gpu()
    render(grey(0))
    studio.controls.change(scope=Scope.FRAME)
    render(grey(1))
    studio.controls.change(scope=Scope.HEAD)
    same(render(grey(2)).frame, studio.renderer()(grey(2)).frame)


@pytest.mark.parametrize("may_leave", [True, False])
def test_without_room_for_frames_the_processor_goes_on_where_it_may(studio, gpu, caplog, may_leave):
    gpu.memory = gpu.taken + 1
    render = studio.on_gpu(may_leave=may_leave)
    if not may_leave:
        with pytest.raises(DeviceMemoryError):
            render(grey())
        return
    drawn = [render(grey(index)).frame for index in range(3)]
    assert studio.on_cpu > 0
    assert studio.noted == ("ink", None)
    assert caplog.text.count("host draws no more, the processor goes on") == 1
    same(drawn[0], studio.renderer()(grey()).frame)


def test_a_frame_of_nobody_goes_through_untouched(studio):
    studio.faces = Faces((), is_exposed=False)
    frame = grey()
    assert studio.on_gpu()(frame).frame is frame


@pytest.mark.parametrize("strength", [1.0, 0.0])
@pytest.mark.parametrize(
    "faces", [Faces(), Faces((FACE,), is_exposed=True), Faces((FACE,), is_exposed=False, left_out=1)]
)
@pytest.mark.parametrize("unseen", ["keep", "blur"])
def test_what_is_shown_where_somebody_may_be_bare_is_as_on_the_processor(studio, unseen, faces, strength):
    studio.faces = faces
    studio.controls.change(unseen=unseen, strength=strength)
    frame = somebody()
    before = frame.planes[0].copy()
    drawn, expected = studio.on_gpu()(frame).frame, studio.renderer()(frame).frame
    same(drawn, expected)
    if unseen == "blur":
        assert np.abs(np.diff(drawn.planes[0][:, :60].astype(int), axis=1)).max() <= 3  # no edge is left
    else:
        np.testing.assert_array_equal(drawn.planes[0][:, :60], before[:, :60])


def test_heads_that_are_left_as_they_are_keep_the_others_on_the_gpu(studio):
    studio.faces = Faces((FACE,), is_exposed=True, left_out=2)
    studio.controls.change(unseen="keep")
    studio.on_gpu()(grey())
    assert studio.on_cpu == 0
    assert studio.noted == ("ink", "host")


def test_several_frames_may_be_under_way(studio):
    render = studio.on_gpu()
    one_by_one = [render(grey(index)).frame for index in range(6)]
    again = studio.on_gpu()
    render.submit(grey(9))()
    waiting, drawn = [], []
    again._path.forget()
    for index in range(6):
        waiting.append(again.submit(grey(index)))
        if len(waiting) > again.frames_ahead:
            drawn.append(waiting.pop(0)().frame)
    drawn += [result().frame for result in waiting]
    assert again.frames_ahead == RING - 1
    for mine, theirs in zip(drawn, one_by_one, strict=True):
        np.testing.assert_array_equal(mine.planes[0], theirs.planes[0])


def test_a_network_that_no_graph_may_hold_is_called_for_each_frame(host, gpu, studio):
    """PyTorch's way through the same path: the network computes from and to the path's own memory."""
    style = find_style("anime")
    half = verified_half(style, LITE)  # the full one takes seconds in half precision on a processor

    class InTorch(TorchDevice):
        def enqueue(self, stream_handle):
            gpu.objects[stream_handle - 1].queue("network", lambda: TorchDevice.enqueue(self, stream_handle))

    studio.network, drawn = InTorch(half, BackendOptions(), device="cpu"), []
    try:
        render = studio.on_gpu()
        drawn += [render(somebody(index)).frame for index in range(5)]
        assert [name for _, name in gpu.done].count("network") == 5
        assert gpu.replays == 0
    finally:
        studio.network.close()
    changed = np.abs(drawn[0].planes[0].astype(int) - somebody().planes[0])
    assert changed.mean() > 2  # it was drawn at all
    studio.network, studio.is_there = reference_of(verified_model(style, LITE)), False
    same(drawn[0], studio.on_gpu()(somebody()).frame)
