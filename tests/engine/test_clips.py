"""The main job on real clips, end to end: frames, times, sound, faces, and what was touched."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from animecam.cli import main
from animecam.drawing.networks import Networks, open_networks
from animecam.render.base import Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import head_mask
from animecam.run.session import opened_source
from animecam.settings import Settings
from animecam.sources.opening import SourceOptions
from animecam.timing import Timing
from animecam.types import Frame, PixelFormat, Region, allocate_planes

CLIPS = ("carphone_qcif", "lp_d12", "lp_d18", "lp_d3", "lp_s29_portrait", "lp_s32_720p")
FACE_SHARE = 0.95  # every frame of these clips shows a face
CODEC_PSNR_DB = 34.0  # of x264's default quality on what was only encoded again
CORE = 0.35  # of a crop's side: half the width of the part around its middle that is surely inside the mask
DRAWN_LEVELS = 4.0  # mean luma change inside, above what the codec alone does (0.5 on lp_s32_720p, 1.8 on carphone)


@pytest.fixture(scope="module")
def networks() -> Iterator[Networks]:
    with open_networks(Settings()) as networks:
        yield networks


@pytest.fixture(scope="module", params=CLIPS)
def conversion(request, shared: Path, tmp_path_factory) -> tuple[Path, Path]:
    source = shared / "data" / "video" / f"{request.param}.mp4"
    target = tmp_path_factory.mktemp("out") / source.name
    assert main(["convert", str(source), "-o", str(target)]) == 0
    return source, target


def _packets(path: Path, kind: str):
    with av.open(path) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        packets = container.demux(streams) if streams else []  # without a stream named, PyAV takes them all
        return [(bytes(packet), packet.pts * packet.time_base) for packet in packets if packet.size]


def _times(path: Path):
    with av.open(path) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def test_every_frame_keeps_its_time(conversion):
    source, target = conversion
    assert _times(target) == _times(source)


def test_the_sound_is_copied_byte_for_byte(conversion):
    source, target = conversion
    assert _packets(target, "audio") == _packets(source, "audio")


def test_faces_are_drawn_and_the_rest_is_left_alone(conversion, networks):
    source, target = conversion
    with (
        opened_source(str(source), SourceOptions()) as reader,
        opened_source(str(target), SourceOptions()) as drawn_reader,
    ):
        renderer = networks.renderer(Timing())
        outside, inside, with_faces, count = [], [], 0, 0
        while (frame := reader.read()) is not None:
            drawn = drawn_reader.read()
            assert drawn is not None
            plan = renderer.plan(frame)
            count += 1
            with_faces += bool(plan.faces.faces)
            if plan.faces.is_exposed:
                continue
            before, after = frame.planes[0].astype(np.float32), drawn.planes[0].astype(np.float32)
            untouched = _outside_masks(frame, plan.regions)
            for region in plan.regions:
                middle = region.to_frame @ (region.width_px / 2, region.height_px / 2, 1)
                reach = CORE * region.width_px * np.hypot(*region.to_frame[:, 0]) / 2
                core = np.zeros(before.shape, np.uint8)
                cv2.circle(core, tuple(int(v) for v in middle), max(int(reach), 1), 1, -1)
                inside.append(np.abs(after - before)[core > 0].mean())
            if untouched.any():
                outside.append(np.square(after - before)[untouched].mean())
    assert drawn_reader_is_spent(target, count)
    assert with_faces >= FACE_SHARE * count
    assert len(outside) >= FACE_SHARE * count  # every mask leaves something alone
    assert 10 * np.log10(255**2 / np.mean(outside)) >= CODEC_PSNR_DB
    assert np.mean(inside) >= DRAWN_LEVELS


def _outside_masks(frame: Frame, regions: Sequence[Region]):
    """Luma pixels that no mask reaches, bool [H, W]: those that stay black when white heads are pasted on black."""
    planes, packed = allocate_planes(PixelFormat.RGB24, frame.width_px, frame.height_px)
    packed[...] = 0
    black = replace(frame, planes=planes, packed=packed, pixel_format=PixelFormat.RGB24)
    heads = [
        Patch(
            region,
            np.full((region.height_px, region.width_px, 3), 255, np.uint8),
            head_mask(region.width_px, region.height_px),
        )
        for region in regions
    ]
    red, green, blue = np.moveaxis(CpuImageOps().paste(black, heads).planes[0], 2, 0)
    return (red | green | blue) == 0  # the largest of three neighbours takes numpy ten times as long


def drawn_reader_is_spent(target: Path, count: int) -> bool:
    """Whether the target has exactly as many frames as were compared."""
    return len(_times(target)) == count
