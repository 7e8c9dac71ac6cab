"""The way of frames through a GPU, on a GPU that is the host: the pictures, beside those of the processor."""

from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from animecam.faces.align import Pose
from animecam.render.device_memory import Memory
from animecam.render.device_path import RING, DevicePath, PathOptions
from animecam.render.match import MatchOptions
from animecam.types import PixelFormat

FORMATS = [PixelFormat.YUV420P, PixelFormat.YUV422P, PixelFormat.YUV444P, PixelFormat.RGB24]


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rough", [False, True])
def test_films_look_as_the_processor_draws_them(host, gpu, no_persons, pixel_format, rough, films):
    frames = [films.film(pixel_format, index, rough=rough) for index in range(8)]
    cpu = films.OnCpu(host.HostNetwork(gpu), no_persons)
    for index, drawn in enumerate(films.run(host, gpu, frames)):
        films.compare(drawn, cpu(frames[index], films.faces(index)))
        assert (drawn.pts, drawn.index, drawn.color) == (frames[index].pts, index, frames[index].color)


@pytest.mark.parametrize("pixel_format", [PixelFormat.YUV420P, PixelFormat.RGB24])
@pytest.mark.parametrize("has_color", [True, False])
def test_films_whose_light_goes_look_as_the_processor_draws_them(host, gpu, no_persons, pixel_format, has_color, films):
    """Whole, recorded and with three under way: the last drawing that is mixed in is as dim as its own frame was."""
    cpu, path = films.OnCpu(host.HostNetwork(gpu), no_persons), DevicePath(gpu, films.OPTIONS)
    network, waiting = host.HostNetwork(gpu), []
    try:
        for index, light in enumerate((1.0, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.05, 0.6)):
            frame = films.in_light(films.film(pixel_format, index), light, has_color)
            waiting.append((frame, path.submit(frame, films.faces(3), "s", network, films.STRENGTH)))
            if len(waiting) == RING:
                frame, result = waiting.pop(0)
                films.compare(result().frame, cpu(frame, films.faces(3)))
        for frame, result in waiting:
            films.compare(result().frame, cpu(frame, films.faces(3)))
        assert gpu.replays == 9 - RING
    finally:
        path.close()


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(10, 11)])
def test_squeezed_heads_look_as_the_processor_draws_them(host, gpu, no_persons, aspect, films):
    def heads(index):
        poses = (Pose(80 * float(aspect), 80 + index, 90, 0.3), Pose(160 * float(aspect), 70, 60, -0.9))
        return [pose.region(track_id, films.SIZE_PX, aspect) for track_id, pose in enumerate(poses)]

    frames = [replace(films.film(PixelFormat.NV12, index), pixel_aspect=aspect) for index in range(4)]
    cpu, network = films.OnCpu(host.HostNetwork(gpu), no_persons), host.HostNetwork(gpu)
    with closing(DevicePath(gpu, films.OPTIONS)) as path:
        for index, frame in enumerate(frames):
            drawn = path.submit(frame, heads(index), "s", network, films.STRENGTH)().frame
            films.compare(drawn, cpu(frame, heads(index)))
            assert drawn.pixel_aspect == aspect


def test_a_network_that_takes_fewer_pictures_is_bound_where_memory_begins(host, gpu, films):
    """TensorRT takes addresses that are multiples of 256 only, and pictures of 200 px are none."""

    class Network(host.HostNetwork):
        def __init__(self, gpu, max_batch):
            super().__init__(gpu, max_batch=max_batch)
            self.places = set()

        def bind(self, *addresses, batch, size_px):
            self.places.add(addresses)
            super().bind(*addresses, batch=batch, size_px=size_px)

    side_px, frames = 200, [films.film(PixelFormat.NV12, index) for index in range(4)]
    whole_and_parts = []
    for max_batch in (4, 1, 2):
        network, drawn = Network(gpu, max_batch), []
        with closing(DevicePath(gpu, PathOptions(most_faces=3, largest_px=side_px))) as path:
            for index, frame in enumerate(frames):
                regions = [films.place(track, 60 * track + index, 80, 0.4, 0.2, side_px) for track in (1, 2, 3)]
                drawn.append(path.submit(frame, regions, "s", network, films.STRENGTH)().frame)
        assert len(network.places) == 1
        assert {batch for batch, _ in network.bound} == {4: {3}, 1: {1}, 2: {1, 2}}[max_batch]
        whole_and_parts.append(drawn)
    for parts in whole_and_parts[1:]:
        for whole, frame in zip(whole_and_parts[0], parts, strict=True):
            for mine, theirs in zip(frame.planes, whole.planes, strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_a_head_that_keeps_still_is_drawn_steadily(host, gpu, films):
    network, path = host.HostNetwork(gpu), DevicePath(gpu, films.OPTIONS)
    still = [films.place(0, 160, 80, 0.9, 0.3)]  # beside the bar
    changes = []
    try:
        for remembers in (True, False):
            drawn = []
            for index in range(2):
                drawn.append(
                    path.submit(films.film(PixelFormat.RGB24, index), still, "s", network, 1.0)().frame.planes[0]
                )
                if not remembers:
                    path.forget()
            inside = [picture[60:100, 140:180].astype(int) for picture in drawn]
            changes.append(np.abs(inside[1] - inside[0]).mean())
            path.forget()
    finally:
        path.close()
    assert changes[0] < 0.6 * changes[1]


def test_colours_are_followed_within_a_style(films):
    """Whoever is seen in another one has that one's colours at once, as the processor's path does it."""
    memory, follows = Memory(MatchOptions()), []
    for index, (regions, style) in enumerate([(1, "s"), (1, "s"), (1, "t"), (0, "t"), (1, "t")]):
        recalls = memory.recall(films.faces(0)[:regions], style, 0.04 * index)
        follows += [recall.follow == 1.0 for recall in recalls]
    assert follows == [True, False, True, False]


@pytest.mark.parametrize("between", ["style", "nobody", "elsewhere"])
def test_what_is_remembered_is_forgotten_when_it_should(host, gpu, no_persons, between, films):
    """After a change of style all starts anew; after frames of nobody drawings do, and colours are followed on."""
    network, path = host.HostNetwork(gpu), DevicePath(gpu, films.OPTIONS)
    cpu = films.OnCpu(host.HostNetwork(gpu), no_persons)
    try:
        frame = films.film(PixelFormat.RGB24, 0)
        for index in range(2):
            frame = films.film(PixelFormat.RGB24, index)
            path.submit(frame, films.faces(0), "s", network, films.STRENGTH)()
            cpu(frame, films.faces(0))
        if between == "nobody":
            path.skip(frame)
            cpu(frame, [])
        elif between == "elsewhere":
            path.forget()
            cpu = films.OnCpu(host.HostNetwork(gpu), no_persons)
        style = "t" if between == "style" else "s"
        frame = films.film(PixelFormat.RGB24, 2)
        films.compare(
            path.submit(frame, films.faces(0), style, network, films.STRENGTH)().frame,
            cpu(frame, films.faces(0), style),
        )
    finally:
        path.close()
