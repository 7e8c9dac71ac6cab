"""Films that are stored turned or mirrored: a player shows them by the matrix in the file, and so do we."""

import itertools

import av
import cv2
import numpy as np
import pytest

from animecam.sinks.convert import to_rgb
from animecam.sinks.file import FileSink
from animecam.sinks.options import SinkOptions
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.sources.orientation import Orientation, orientation
from animecam.types import PixelFormat

OPTIONS = SourceOptions(threads=1)
SIGNS = list(itertools.product((1, -1), repeat=2))
MATRICES = [(a, 0, 0, d) for a, d in SIGNS] + [(0, b, c, 0) for b, c in SIGNS]
MIRRORED = [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]


def shown(stored, matrix):
    """The picture as the standard defines it: the pixel at (x, y) goes to (a x + c y, b x + d y)."""
    a, b, c, d = matrix
    if a == 0:
        stored, a, d = stored.swapaxes(0, 1), c, b
    return stored[::d, ::a]


def first_frame(path):
    source = open_file(path, OPTIONS)
    frame = source.read()
    assert source.format.rotation_deg == frame.rotation_deg
    assert (source.format.width_px, source.format.height_px) == (frame.width_px, frame.height_px)
    source.close()
    return frame


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(
    ("codec", "stored", "expected"),
    [
        ("libx264", "yuv420p", PixelFormat.YUV420P),
        ("libx264", "yuv422p", PixelFormat.YUV422P),
        ("libx264", "yuv444p", PixelFormat.YUV444P),
        ("qtrle", "rgb24", PixelFormat.RGB24),
        ("libx265", "yuv420p10le", PixelFormat.YUV420P),
    ],
)
def test_pictures_stand_as_players_show_them(make_clip, media, tmp_path, matrix, codec, stored, expected):
    clip = make_clip(tmp_path / "a.mov", frames=1, codec=codec, pixel_format=stored, content=media.portrait)
    plain = to_rgb(first_frame(clip))
    frame = first_frame(media.set_matrix(clip, matrix))
    assert frame.pixel_format is expected
    np.testing.assert_array_equal(to_rgb(frame), shown(plain, matrix))
    assert not any(plane.flags.writeable for plane in frame.planes)


@pytest.mark.parametrize("matrix", MIRRORED)
def test_chroma_stays_with_its_luma_at_odd_sides(make_clip, media, tmp_path, matrix):
    kind = {"codec": "prores_ks", "pixel_format": "yuv422p10le"}
    clip = make_clip(tmp_path / "a.mov", frames=1, width_px=35, height_px=33, **kind)
    plain = to_rgb(first_frame(clip))
    assert plain.shape == (34, 36, 3)
    np.testing.assert_array_equal(to_rgb(first_frame(media.set_matrix(clip, matrix))), shown(plain, matrix))


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_what_is_written_is_shown_like_the_input(make_clip, media, tmp_path, matrix, ending):
    clip = media.set_matrix(make_clip(tmp_path / "a.mp4", frames=2, content=media.portrait), matrix)
    film = open_file(clip, OPTIONS)
    sink = FileSink(str(tmp_path / f"out.{ending}"), film.format, SinkOptions(threads=1))
    frames = [film.read(), film.read()]
    for frame in frames:
        sink.write(frame)
    sink.close(complete=True)
    film.close()
    with av.open(str(tmp_path / f"out.{ending}")) as container:
        picture = next(container.decode(video=0))
    held = orientation(picture) or Orientation()
    assert held == Orientation(rotation_deg=0 if ending == "avi" else frames[0].rotation_deg)
    got = np.rot90(picture.to_ndarray(format="rgb24"), held.rotation_deg // 90)
    assert np.abs(got.astype(int) - to_rgb(frames[0])).mean() < 6


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_stands_as_its_exif_data_say(media, tmp_path, turn):
    """Of one without an ending, which FFmpeg decodes, with EXIF data that PyAV has no name for."""
    quarters = np.repeat(np.repeat([[40, 100], [160, 220]], 32, axis=0), 32, axis=1).astype(np.uint8)
    jpeg = media.with_orientation(cv2.imencode(".jpg", quarters)[1].tobytes(), turn)
    (tmp_path / "photo").write_bytes(jpeg)
    expected = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_allclose(to_rgb(first_frame(tmp_path / "photo")), expected, atol=3)


def test_without_a_matrix_it_stands(make_clip, tmp_path):
    with av.open(str(make_clip(tmp_path / "a.mkv", frames=1))) as container:
        assert orientation(next(container.decode(video=0))) is None
