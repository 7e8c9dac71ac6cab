"""The way of frames through a GPU, on a GPU that is the host: the pictures, the order of work, and what it costs."""

from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from animecam.errors import BackendError, DeviceMemoryError
from animecam.faces.align import Pose
from animecam.render.calm import IN_PLACE, Calm
from animecam.render.compositor import Compositor
from animecam.render.cpu import CpuImageOps
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.settings import Look
from animecam.types import Color, ColorMatrix, Frame, PixelFormat, Region, allocate_planes

SIZE_PX = 96
WIDTH_PX, HEIGHT_PX = 240, 160
STRENGTH = 0.9
FORMATS = [PixelFormat.YUV420P, PixelFormat.YUV422P, PixelFormat.YUV444P, PixelFormat.RGB24]
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
        return self._compositor(frame, regions, pictures, drawn, Look(strength=STRENGTH))


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


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rough", [False, True])
def test_films_look_as_the_processor_draws_them(host, gpu, no_persons, pixel_format, rough):
    frames = [film(pixel_format, index, rough=rough) for index in range(8)]
    cpu = OnCpu(host.HostNetwork(gpu), no_persons)
    for index, drawn in enumerate(run(host, gpu, frames)):
        compare(drawn, cpu(frames[index], faces(index)))
        assert (drawn.pts, drawn.index, drawn.color) == (frames[index].pts, index, frames[index].color)


@pytest.mark.parametrize("pixel_format", [PixelFormat.YUV420P, PixelFormat.RGB24])
@pytest.mark.parametrize("has_color", [True, False])
def test_films_whose_light_goes_look_as_the_processor_draws_them(host, gpu, no_persons, pixel_format, has_color):
    """Whole, recorded and with three under way: the last drawing that is mixed in is as dim as its own frame was."""
    cpu, path = OnCpu(host.HostNetwork(gpu), no_persons), DevicePath(gpu, OPTIONS)
    network, waiting = host.HostNetwork(gpu), []
    try:
        for index, light in enumerate((1.0, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.05, 0.6)):
            frame = in_light(film(pixel_format, index), light, has_color)
            waiting.append((frame, path.submit(frame, faces(3), "s", network, STRENGTH)))
            if len(waiting) == RING:
                frame, result = waiting.pop(0)
                compare(result().frame, cpu(frame, faces(3)))
        for frame, result in waiting:
            compare(result().frame, cpu(frame, faces(3)))
        assert gpu.replays == 9 - RING
    finally:
        path.close()


def in_light(frame: Frame, light: float, has_color: bool) -> Frame:
    """The same frame in other light, and gray where it has no colour."""
    for plane, black in zip(frame.planes, (16, 128, 128) if frame.pixel_format.is_yuv else (0,), strict=True):
        if not has_color and plane.ndim == 3:
            plane[...] = plane[..., :1]
        elif not has_color and black == 128:
            plane[...] = black
        plane[...] = black + light * (plane.astype(float) - black)
    return frame


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(10, 11)])
def test_squeezed_heads_look_as_the_processor_draws_them(host, gpu, no_persons, aspect):
    def heads(index):
        poses = (Pose(80 * float(aspect), 80 + index, 90, 0.3), Pose(160 * float(aspect), 70, 60, -0.9))
        return [pose.region(track_id, SIZE_PX, aspect) for track_id, pose in enumerate(poses)]

    frames = [replace(film(PixelFormat.NV12, index), pixel_aspect=aspect) for index in range(4)]
    cpu, network = OnCpu(host.HostNetwork(gpu), no_persons), host.HostNetwork(gpu)
    with closing(DevicePath(gpu, OPTIONS)) as path:
        for index, frame in enumerate(frames):
            drawn = path.submit(frame, heads(index), "s", network, STRENGTH)().frame
            compare(drawn, cpu(frame, heads(index)))
            assert drawn.pixel_aspect == aspect


def test_a_network_that_takes_fewer_pictures_is_bound_where_memory_begins(host, gpu):
    """TensorRT takes addresses that are multiples of 256 only, and pictures of 200 px are none."""

    class Network(host.HostNetwork):
        def __init__(self, gpu, max_batch):
            super().__init__(gpu, max_batch=max_batch)
            self.places = set()

        def bind(self, *addresses, batch, size_px):
            self.places.add(addresses)
            super().bind(*addresses, batch=batch, size_px=size_px)

    side_px, frames = 200, [film(PixelFormat.NV12, index) for index in range(4)]
    films = []
    for max_batch in (4, 1, 2):
        network, drawn = Network(gpu, max_batch), []
        with closing(DevicePath(gpu, PathOptions(most_faces=3, largest_px=side_px))) as path:
            for index, frame in enumerate(frames):
                regions = [place(track, 60 * track + index, 80, 0.4, 0.2, side_px) for track in (1, 2, 3)]
                drawn.append(path.submit(frame, regions, "s", network, STRENGTH)().frame)
        assert len(network.places) == 1
        assert {batch for batch, _ in network.bound} == {4: {3}, 1: {1}, 2: {1, 2}}[max_batch]
        films.append(drawn)
    for parts in films[1:]:
        for whole, frame in zip(films[0], parts, strict=True):
            for mine, theirs in zip(frame.planes, whole.planes, strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_a_head_that_keeps_still_is_drawn_steadily(host, gpu):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, OPTIONS)
    still = [place(0, 160, 80, 0.9, 0.3)]  # beside the bar
    changes = []
    try:
        for remembers in (True, False):
            drawn = []
            for index in range(2):
                drawn.append(path.submit(film(PixelFormat.RGB24, index), still, "s", network, 1.0)().frame.planes[0])
                if not remembers:
                    path.forget()
            inside = [picture[60:100, 140:180].astype(int) for picture in drawn]
            changes.append(np.abs(inside[1] - inside[0]).mean())
            path.forget()
    finally:
        path.close()
    assert changes[0] < 0.6 * changes[1]


@pytest.mark.parametrize("uses_graphs", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_the_streams_changes_a_picture(host, library, tmp_path, seed, uses_graphs):
    frames = [film(PixelFormat.YUV420P, index) for index in range(9)]
    one_by_one = run(host, host.HostGpu(tmp_path, library), frames)
    options = PathOptions(most_faces=3, largest_px=SIZE_PX, uses_graphs=uses_graphs)
    overlapped = run(host, host.HostGpu(tmp_path, library, seed=seed), frames, options=options, ahead=RING - 1)
    for mine, theirs in zip(overlapped, one_by_one, strict=True):
        for plane, other in zip(mine.planes, theirs.planes, strict=True):
            np.testing.assert_array_equal(plane, other)


def test_without_events_the_order_would_show(host, library, tmp_path):
    frames = [film(PixelFormat.YUV420P, index) for index in range(9)]
    one_by_one = run(host, host.HostGpu(tmp_path, library), frames)
    wrong = 0
    for seed in range(6):
        gpu = host.HostGpu(tmp_path, library, seed=seed)
        torn = run(host, gpu, frames, ahead=RING - 1, events_until=2 + RING)  # every slot holds a job with three faces
        wrong += any((a.planes[0] != b.planes[0]).any() for a, b in zip(torn, one_by_one, strict=True))
    assert wrong > 3


def test_uploads_drawings_and_downloads_of_several_frames_interleave(host, library, tmp_path):
    gpu = host.HostGpu(tmp_path, library, seed=3)
    run(host, gpu, [film(PixelFormat.YUV420P, index) for index in range(9)], ahead=RING - 1)
    order = [name for _, name in gpu.done if name in ("copy_in", "network", "copy_out")]
    uploads, frames_ahead = 0, []
    for name in order:
        uploads += {"copy_in": 1, "copy_out": -1}.get(name, 0)
        frames_ahead.append(uploads)
    assert max(frames_ahead) >= 2, "a frame went up only when the last one was down"
    assert {stream for stream, name in gpu.done if name == "copy_in"} != {
        stream for stream, name in gpu.done if name == "copy_out"
    }


def test_a_frame_costs_one_upload_one_download_one_wait_and_no_memory(host, gpu):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, OPTIONS)
    try:
        region = [place(0, 80, 80, 0.9, 0.3)]
        for index in range(2 * RING):
            path.submit(film(PixelFormat.NV12, index), region, "s", network, 1.0)()
        before = (gpu.allocations, gpu.taken, len(gpu.objects))
        gpu.done.clear()
        gpu.waits = gpu.replays = 0
        for index in range(20):
            path.submit(film(PixelFormat.NV12, index), region, "s", network, 1.0)()
        assert (gpu.allocations, gpu.taken, len(gpu.objects)) == before
        names = [name for _, name in gpu.done]
        assert (names.count("copy_in"), names.count("copy_out"), gpu.waits, gpu.replays) == (20, 20, 20, 20)
    finally:
        path.close()


def test_the_first_frame_runs_before_it_is_recorded(host, gpu):
    """Runtimes load what they need in their first run, which a recording forbids."""
    network, path = host.HostNetwork(gpu), DevicePath(gpu, OPTIONS)
    try:
        for index in range(3 * RING):
            path.submit(film(PixelFormat.RGB24, index), faces(0), "s", network, 1.0)()
        assert gpu.replays == 2 * RING
        assert network.bound == [(2, SIZE_PX)] * 2 * RING
    finally:
        path.close()


def test_what_was_recorded_is_dropped_when_the_network_is_bound_otherwise(host, gpu, no_persons):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, OPTIONS)
    cpu = OnCpu(host.HostNetwork(gpu), no_persons)
    counts = [2] * 7 + [1] * 7 + [2] * 7
    try:
        for index, count in enumerate(counts):
            frame, regions = film(PixelFormat.RGB24, index), faces(3)[:count]
            compare(path.submit(frame, regions, "s", network, STRENGTH)().frame, cpu(frame, regions))
        assert gpu.replays == 3 * (7 - RING)
    finally:
        path.close()


def test_what_cannot_be_recorded_is_launched_one_by_one(host, gpu, no_persons, caplog):
    class Stubborn(host.HostNetwork):
        runs = 0

        def enqueue(self, stream_handle):
            self.runs += 1
            if gpu.objects[stream_handle - 1]._captured is not None:
                raise BackendError("this cannot be recorded")
            super().enqueue(stream_handle)

    network, path = Stubborn(gpu), DevicePath(gpu, OPTIONS)
    cpu = OnCpu(host.HostNetwork(gpu), no_persons)
    try:
        for index in range(3 * RING):
            frame = film(PixelFormat.RGB24, index)
            compare(path.submit(frame, faces(0), "s", network, STRENGTH)().frame, cpu(frame, faces(0)))
        assert (gpu.replays, network.runs) == (0, 3 * RING + 1)
        assert caplog.text.count("one by one") == 1
    finally:
        path.close()


def test_frames_may_change_their_size_and_format(host, gpu, no_persons):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, OPTIONS)
    cpu = OnCpu(host.HostNetwork(gpu), no_persons)
    try:
        for index, pixel_format in enumerate([PixelFormat.RGB24, PixelFormat.YUV420P, PixelFormat.RGB24]):
            frame = film(pixel_format, index)
            compare(path.submit(frame, faces(0), "s", network, STRENGTH)().frame, cpu(frame, faces(0)))
    finally:
        path.close()


@pytest.mark.parametrize("between", ["style", "nobody", "elsewhere"])
def test_what_is_remembered_is_forgotten_when_it_should(host, gpu, no_persons, between):
    """After a change of style and after frames of nobody, drawings start anew; colours are followed on."""
    network, path = host.HostNetwork(gpu), DevicePath(gpu, OPTIONS)
    cpu = OnCpu(host.HostNetwork(gpu), no_persons)
    try:
        frame = film(PixelFormat.RGB24, 0)
        for index in range(2):
            frame = film(PixelFormat.RGB24, index)
            path.submit(frame, faces(0), "s", network, STRENGTH)()
            cpu(frame, faces(0))
        if between == "nobody":
            path.skip(frame)
            cpu(frame, [])
        elif between == "elsewhere":
            path.forget()
            cpu = OnCpu(host.HostNetwork(gpu), no_persons)
        style = "t" if between == "style" else "s"
        frame = film(PixelFormat.RGB24, 2)
        compare(path.submit(frame, faces(0), style, network, STRENGTH)().frame, cpu(frame, faces(0), style))
    finally:
        path.close()


def test_little_memory_means_fewer_faces_and_says_so(host, library, tmp_path, caplog):
    gpu = host.HostGpu(tmp_path, library, memory=7)
    path = DevicePath(gpu, PathOptions(most_faces=8, largest_px=SIZE_PX))
    assert path.most_faces == 4
    assert "too small for 8 faces: 4" in caplog.text
    path.close()
    assert gpu.taken == 0
    with pytest.raises(DeviceMemoryError):
        DevicePath(host.HostGpu(tmp_path, library, memory=1), OPTIONS)


def test_closing_twice_and_with_frames_under_way_is_fine(host, gpu):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, OPTIONS)
    path.submit(film(PixelFormat.RGB24, 0), faces(0), "s", network, 1.0)
    path.close()
    path.close()


def test_nothing_is_freed_that_a_frame_still_needs_that_failed_on_its_way(host, gpu, monkeypatch):
    class Broken(host.HostNetwork):
        def enqueue(self, stream_handle):
            raise BackendError("the network cannot be run")

    close = host.HostMemory.close

    def close_unused(memory):
        assert not any(stream.queued for stream in gpu.streams)
        close(memory)

    path = DevicePath(gpu, OPTIONS)
    with pytest.raises(BackendError, match="cannot be run"):
        path.submit(film(PixelFormat.RGB24, 0), faces(0), "s", Broken(gpu), 1.0)
    monkeypatch.setattr(host.HostMemory, "close", close_unused)
    path.close()
