"""Films with transparent parts are laid on white paper, as pictures are."""

import av
import cv2
import numpy as np
import pytest

from animecam.sinks.convert import to_rgb
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions

COLOR = (200, 90, 40)
ALPHAS = (0, 100, 255)  # from left to right
PATCH_PX = 32


def patches(color=COLOR):
    rgba = np.zeros((48, PATCH_PX * len(ALPHAS), 4), np.uint8)
    rgba[:, :, :3] = color
    rgba[:, :, 3] = np.repeat(ALPHAS, PATCH_PX)
    return rgba


def write(path, rgba, codec, stored, options=None, tags=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *rgba.shape[:2], stored
        stream.metadata.update(tags or {})
        for index in range(2):
            frame = av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format=stored)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shown(path):
    """The RGB in the middle of each patch of the second frame."""
    source = open_file(path, SourceOptions(threads=1))
    source.read()
    picture = to_rgb(source.read())
    source.close()
    return picture[24, PATCH_PX // 2 :: PATCH_PX].astype(int)


@pytest.mark.parametrize(
    ("name", "codec", "stored"),
    [
        ("a.apng", "apng", "rgba"),
        ("a.mov", "qtrle", "argb"),
        ("a.mov", "png", "rgba"),
        ("a.mkv", "ffv1", "bgra"),
        ("a.mkv", "ffv1", "yuva420p"),
        ("a.mkv", "ffv1", "yuva444p10le"),
        ("a.mov", "prores_ks", "yuva444p10le"),
    ],
)
def test_transparent_parts_show_white_paper(tmp_path, name, codec, stored):
    path = write(tmp_path / name, patches(), codec, stored)
    expected = [np.array(COLOR) * alpha / 255 + 255 - alpha for alpha in ALPHAS]
    np.testing.assert_allclose(shown(path), expected, atol=4)


def test_grey_with_transparency(tmp_path):
    path = write(tmp_path / "a.mov", patches((80, 80, 80)), "png", "ya8")
    np.testing.assert_allclose(shown(path)[:, 0], [255, 255 - 100 * 175 / 255, 80], atol=4)


def test_a_palette_with_transparency(tmp_path):
    palette = np.zeros((256, 4), np.uint8)
    palette[:3, 0], palette[:3, 1:] = ALPHAS, COLOR
    indices = np.repeat(np.arange(3, dtype=np.uint8), PATCH_PX)[None].repeat(48, axis=0)
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.height, stream.width, stream.pix_fmt = *indices.shape, "pal8"
        for index in range(2):
            frame = av.VideoFrame.from_ndarray((indices, palette), format="pal8")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    expected = [np.array(COLOR) * alpha / 255 + 255 - alpha for alpha in ALPHAS]
    np.testing.assert_allclose(shown(tmp_path / "a.mov"), expected, atol=4)


@pytest.mark.parametrize("height_px", [48, 720])
def test_without_a_transparent_part_nothing_changes(tmp_path, height_px):
    noise = np.random.default_rng(1).integers(0, 256, (height_px, 64, 4), np.uint8)
    noise[:, :, 3] = 255
    planes = []
    for name, stored in (("a.mkv", "bgra"), ("b.mkv", "bgr0")):
        source = open_file(write(tmp_path / name, noise, "ffv1", stored), SourceOptions(threads=1))
        planes.append(source.read().planes)
        source.close()
    for one, other in zip(*planes, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_avif_whose_transparency_is_a_track_of_its_own(tmp_path):
    """Every frame gets its own: the second is the other way round."""
    animation, bgra = cv2.Animation(), np.ascontiguousarray(patches()[:, :, [2, 1, 0, 3]])
    animation.frames, animation.durations = [bgra[:, ::-1].copy(), bgra], [100, 100]
    is_written, data = cv2.imencodeanimation(".avif", animation, [cv2.IMWRITE_AVIF_QUALITY, 95])
    assert is_written
    (tmp_path / "a.avif").write_bytes(data.tobytes())
    expected = [np.array(COLOR) * alpha / 255 + 255 - alpha for alpha in ALPHAS]
    np.testing.assert_allclose(shown(tmp_path / "a.avif"), expected, atol=5)


def test_an_avif_without_transparency_is_read_as_it_is(tmp_path, make_clip):
    clip = make_clip(tmp_path / "a.avif", codec="libsvtav1", frames=3, options={"svtav1-params": "lp=1"})
    source = open_file(clip, SourceOptions(threads=1))
    frame = source.read()
    source.close()
    assert not frame.planes[0].flags.owndata, "a view of the decoder's memory"


def test_transparency_that_is_not_read_is_told(tmp_path, caplog):
    shown(write(tmp_path / "a.webm", patches(), "libvpx-vp9", "yuva420p"))
    assert "its transparency is of a kind that is not read" in caplog.text


def test_transparency_that_is_read_is_not_told(tmp_path, caplog):
    """FFmpeg long said of all of it in a Matroska file what is true of VP8 and VP9."""
    path = write(tmp_path / "a.mkv", patches(), "ffv1", "yuva420p", tags={"alpha_mode": "1"})
    path.write_bytes(path.read_bytes().replace(b"ALPHA_MODE", b"alpha_mode"))
    shown(path)
    assert "transparency" not in caplog.text
