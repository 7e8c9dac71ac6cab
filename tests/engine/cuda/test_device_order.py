"""The order of work on a GPU that is the host: what overlaps, what is recorded, and what a frame costs."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.errors import BackendError
from animecam.render.device_kernels import kernel_source
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.types import PixelFormat


@pytest.mark.parametrize("uses_graphs", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_the_streams_changes_a_picture(host, library, tmp_path, seed, uses_graphs, films):
    frames = [films.film(PixelFormat.YUV420P, index) for index in range(9)]
    one_by_one = films.run(host, host.HostGpu(tmp_path, library), frames)
    options = PathOptions(most_faces=3, largest_px=films.SIZE_PX, uses_graphs=uses_graphs)
    overlapped = films.run(host, host.HostGpu(tmp_path, library, seed=seed), frames, options=options, ahead=RING - 1)
    for mine, theirs in zip(overlapped, one_by_one, strict=True):
        for plane, other in zip(mine.planes, theirs.planes, strict=True):
            np.testing.assert_array_equal(plane, other)


def test_no_order_of_the_threads_changes_a_picture(host, library, tmp_path, films):
    """What a thread reads no other one writes in the same launch, but for what adds up the same in any order."""
    source = kernel_source(host.SHIM.read_text(encoding="utf-8"))
    shuffled = host.compile_for_host(source, tmp_path, "-DTHREAD_STEP=1000003")
    for pixel_format in (PixelFormat.NV12, PixelFormat.RGB24):
        frames = [films.film(pixel_format, index) for index in range(9)]
        in_order, in_another = (films.run(host, host.HostGpu(tmp_path, one), frames) for one in (library, shuffled))
        for mine, theirs in zip(in_another, in_order, strict=True):
            for plane, other in zip(mine.planes, theirs.planes, strict=True):
                np.testing.assert_array_equal(plane, other)


def test_without_events_the_order_would_show(host, library, tmp_path, films):
    frames = [films.film(PixelFormat.YUV420P, index) for index in range(9)]
    one_by_one = films.run(host, host.HostGpu(tmp_path, library), frames)
    wrong = 0
    for seed in range(6):
        gpu = host.HostGpu(tmp_path, library, seed=seed)
        torn = films.run(
            host, gpu, frames, ahead=RING - 1, events_until=2 + RING
        )  # every slot holds a job with three faces
        wrong += any((a.planes[0] != b.planes[0]).any() for a, b in zip(torn, one_by_one, strict=True))
    assert wrong > 3


def test_uploads_drawings_and_downloads_of_several_frames_interleave(host, library, tmp_path, films):
    gpu = host.HostGpu(tmp_path, library, seed=3)
    films.run(host, gpu, [films.film(PixelFormat.YUV420P, index) for index in range(9)], ahead=RING - 1)
    order = [name for _, name in gpu.done if name in ("copy_in", "network", "copy_out")]
    uploads, frames_ahead = 0, []
    for name in order:
        uploads += {"copy_in": 1, "copy_out": -1}.get(name, 0)
        frames_ahead.append(uploads)
    assert max(frames_ahead) >= 2, "a frame went up only when the last one was down"
    assert {stream for stream, name in gpu.done if name == "copy_in"} != {
        stream for stream, name in gpu.done if name == "copy_out"
    }


def test_a_frame_costs_one_upload_one_download_one_wait_and_no_memory(host, gpu, films):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, films.OPTIONS)
    try:
        region = [films.place(0, 80, 80, 0.9, 0.3)]
        for index in range(2 * RING):
            path.submit(films.film(PixelFormat.NV12, index), region, "s", network, 1.0)()
        before = (gpu.allocations, gpu.taken, len(gpu.objects))
        gpu.done.clear()
        gpu.waits = gpu.replays = 0
        for index in range(20):
            path.submit(films.film(PixelFormat.NV12, index), region, "s", network, 1.0)()
        assert (gpu.allocations, gpu.taken, len(gpu.objects)) == before
        names = [name for _, name in gpu.done]
        assert (names.count("copy_in"), names.count("copy_out"), gpu.waits, gpu.replays) == (20, 20, 20, 20)
    finally:
        path.close()


def test_the_first_frame_runs_before_it_is_recorded(host, gpu, films):
    """Runtimes load what they need in their first run, which a recording forbids."""
    network, path = host.HostNetwork(gpu), DevicePath(gpu, films.OPTIONS)
    try:
        for index in range(3 * RING):
            path.submit(films.film(PixelFormat.RGB24, index), films.faces(0), "s", network, 1.0)()
        assert gpu.replays == 2 * RING
        assert network.queued == 2 * RING
        assert set(network.bound) == {(2, films.SIZE_PX)}
    finally:
        path.close()


@pytest.mark.parametrize("max_batch", [4, 2, 1])
def test_who_comes_and_goes_costs_no_recording_of_what_was_there(host, gpu, no_persons, films, max_batch):
    """One face and three in turns; beyond what the network takes at a time the parts are recorded one after another."""
    network, path = host.HostNetwork(gpu, max_batch=max_batch), DevicePath(gpu, films.OPTIONS)
    cpu = films.OnCpu(host.HostNetwork(gpu), no_persons)
    counts = [1, 3] * RING * 4
    try:
        for index, count in enumerate(counts):
            frame, regions = films.film(PixelFormat.RGB24, index), films.faces(3)[:count]
            films.compare(path.submit(frame, regions, "s", network, films.STRENGTH)().frame, cpu(frame, regions))
        assert gpu.replays == len(counts) - 2 * RING
        assert network.queued == 2 * RING * (1 + -(-3 // max_batch))
    finally:
        path.close()


def test_networks_in_turns_are_recorded_side_by_side(host, gpu, no_persons, films):
    networks, path = [host.HostNetwork(gpu, strokes) for strokes in (0.5, 0.1)], DevicePath(gpu, films.OPTIONS)
    cpus = [films.OnCpu(host.HostNetwork(gpu, strokes), no_persons) for strokes in (0.5, 0.1)]
    try:
        for index in range(4 * RING):
            frame, which = films.film(PixelFormat.RGB24, index), index % 2
            path.forget()
            cpus[which] = films.OnCpu(cpus[which]._network, no_persons)
            drawn = path.submit(frame, films.faces(3), "s", networks[which], films.STRENGTH)().frame
            films.compare(drawn, cpus[which](frame, films.faces(3)))
        assert gpu.replays == 2 * RING
    finally:
        path.close()


def test_a_form_that_takes_over_for_one_number_of_faces_is_recorded_for_that_alone(host, gpu, films):
    """Which one draws is known of what is bound, and what was bound last need not be what is drawn."""
    forms = {}

    class Compiled(host.HostNetwork):
        @property
        def info(self):
            return replace(super().info, version=forms.get(self.bound[-1][0], "as it is"))

    network, path = Compiled(gpu), DevicePath(gpu, films.OPTIONS)

    def draw(index):
        frame, regions = films.film(PixelFormat.RGB24, index), films.faces(3)[: 1 + index % 2]
        path.submit(frame, regions, "s", network, films.STRENGTH)()

    try:
        for index in range(4 * RING):
            draw(index)
        forms[1] = "compiled"
        queued, replays = network.queued, gpu.replays
        for index in range(4 * RING):
            draw(index)
        assert (network.queued, gpu.replays) == (queued + 2 * RING, replays + 3 * RING)
    finally:
        path.close()


def test_what_cannot_be_recorded_is_launched_one_by_one(host, gpu, no_persons, caplog, films):
    class Stubborn(host.HostNetwork):
        runs = 0

        def enqueue(self, stream_handle):
            self.runs += 1
            if gpu.objects[stream_handle - 1]._captured is not None:
                raise BackendError("this cannot be recorded")
            super().enqueue(stream_handle)

    network, path = Stubborn(gpu), DevicePath(gpu, films.OPTIONS)
    cpu = films.OnCpu(host.HostNetwork(gpu), no_persons)
    try:
        for index in range(3 * RING):
            frame = films.film(PixelFormat.RGB24, index)
            films.compare(
                path.submit(frame, films.faces(0), "s", network, films.STRENGTH)().frame, cpu(frame, films.faces(0))
            )
        assert (gpu.replays, network.runs) == (0, 3 * RING + 1)
        assert caplog.text.count("one by one") == 1
    finally:
        path.close()
