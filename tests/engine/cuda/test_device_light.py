"""Dim heads, and those without colour, on a GPU that is the host: lit, dimmed and greyed as the processor does it."""

from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest

from animecam.render.device_path import DevicePath, PathOptions
from animecam.render.light import Light
from animecam.types import Color, Frame, PixelFormat, Region, allocate_planes

SIZES_PX = (64, 128, 192, 200, 256, 504, 512)  # cells of one, four and more pixels, and of parts of pixels


def pictures_of(kind: str, size_px: int, random: np.random.Generator) -> list[np.ndarray]:
    """Pictures of one kind in all lights, RGB uint8 [size_px, size_px, 3]."""
    shape = (size_px, size_px, 3)
    lights = (0, 1, 24, 25, 26, 60, 128, 199, 200, 201, 255)
    match kind:
        case "noise":
            some = [random.integers(0, light + 1, shape) for light in lights]
        case "flat":
            some = [np.full(shape, light) for light in lights]
        case "gray":
            some = [np.repeat(random.integers(0, light + 1, (*shape[:2], 1)), 3, axis=2) for light in lights]
        case "saturated":
            some = [random.choice([0, light], shape) for light in lights]
        case "smooth":
            across = np.linspace(0.0, 1.0, size_px)[None, :, None] * np.linspace(0.3, 1.0, size_px)[:, None, None]
            some = [light * across * random.uniform(0.5, 1.0, 3) for light in lights]
        case "backlit":  # a head of more and less light in front of a window, and beside its edge
            rows, columns = np.mgrid[:size_px, :size_px, :1][:2] / size_px
            head = (columns - 0.5) ** 2 + (rows - 0.5) ** 2 < 0.07
            noise = random.uniform(0.7, 1.0, shape)
            some = [noise * np.where(head | (rows > 0.8 + light / 1000), light, 240) for light in lights]
        case _:  # a lamp of more and of fewer cells than tell of light, and one tone of another colour
            some = []
            for side in (5, 6, 7):
                picture = np.full(shape, 40)
                picture[: size_px * side // 64, : size_px * side // 64] = 180
                picture[-size_px // 4 :, :, 0] += side - 3
                some.append(picture)
    return [np.ascontiguousarray(picture, dtype=np.uint8) for picture in some]


def side_by_side(pictures: list[np.ndarray]) -> tuple[Frame, list[Region]]:
    """A frame that shows pictures pixel by pixel, and where they lie."""
    size_px = pictures[0].shape[0]
    planes, packed = allocate_planes(PixelFormat.RGB24, size_px * len(pictures), size_px)
    planes[0][...] = np.concatenate(pictures, axis=1)
    places = [np.array([[1.0, 0.0, size_px * index], [0.0, 1.0, 0.0]]) for index in range(len(pictures))]
    regions = [Region(index, size_px, size_px, place) for index, place in enumerate(places)]
    return Frame(planes, PixelFormat.RGB24, Color(), 0, 0, 0, Fraction(1, 30), 0, packed=packed), regions


@pytest.fixture
def draw(host, gpu):
    """`draw(pictures, drawing=None)`: what a network sees of pictures, and what is kept of its drawing of them."""

    def draw(pictures, drawing=None, max_batch=4):
        network = host.Seen(gpu, drawing, max_batch)
        frame, regions = side_by_side(pictures)
        with closing(DevicePath(gpu, PathOptions(most_faces=len(pictures), largest_px=len(pictures[0])))) as path:
            path.submit(frame, regions, "s", network, 1.0)()
            np.testing.assert_array_equal(host.remembered(gpu, path, "filmed"), np.stack(pictures))
            return network.pictures, host.remembered(gpu, path, "drawn")

    return draw


@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("kind", ["noise", "flat", "gray", "saturated", "smooth", "backlit", "lamp"])
def test_heads_are_lit_and_dimmed_as_by_the_processor(draw, kind, size_px):
    random = np.random.default_rng(size_px)
    pictures = pictures_of(kind, size_px, random)
    pictures = [pictures[index] for index in random.permutation(len(pictures))][: 11 if size_px <= 128 else 4]
    assert kind != "backlit" or any(Light.of(picture).gains is not None for picture in pictures)
    numbers = random.uniform(-1.2, 1.2, (1, 3, size_px, size_px)).astype(np.float16)
    (drawing,) = np.clip(np.rint(numbers.astype(np.float32) * 127.5 + 127.5), 0, 255).astype(np.uint8)
    drawing = np.ascontiguousarray(drawing.transpose(1, 2, 0))
    seen, drawn = draw(pictures, numbers, max_batch=3)
    for picture, fed, kept in zip(pictures, seen, drawn, strict=True):
        light = Light.of(picture)
        most = 0 if light.gains is None else 1  # what lies between two cells is rounded elsewhere
        np.testing.assert_allclose(fed.astype(int), light.lit(picture), atol=most)
        np.testing.assert_allclose(kept.astype(int), light.drawn(drawing), atol=most)
