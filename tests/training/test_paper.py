"""Pictures with transparent parts: they are seen on white, and all others as they always were."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from animecam_training.data.pictures import read_picture
from animecam_training.errors import DataError

SHAPE = 24, 40
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def layer() -> np.ndarray:
    """RGBA in blocks: every cover, over colours that nobody is to see where it is 0."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (SHAPE[0] // 4, SHAPE[1] // 4, 4))
    blocks[:2, :, 3], blocks[-2:, :, 3] = 0, 255
    return np.kron(blocks, np.ones((4, 4, 1))).astype(np.uint8)


def _on_white(layer: np.ndarray) -> np.ndarray:
    cover = layer[..., 3:] / 255
    return layer[..., :3] * cover + 255 * (1 - cover)


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def _opencv(layer: np.ndarray, path: Path) -> None:
    assert cv2.imwrite(str(path), layer[..., [2, 1, 0, 3]])


def _deep(layer: np.ndarray, path: Path) -> None:
    assert cv2.imwrite(str(path), layer[..., [2, 1, 0, 3]].astype(np.uint16) * 257)


@pytest.mark.parametrize(
    ("name", "write", "tolerance"),
    [
        ("x.png", lambda layer, path: Image.fromarray(layer).save(path), 0.3),
        ("deep.png", _deep, 0.3),
        ("x.webp", lambda layer, path: Image.fromarray(layer).save(path, lossless=True, exact=True), 0.3),
        ("x.avif", _opencv, 15),
    ],
)
def test_what_is_transparent_shows_white_paper(
    name: str, write: Callable[[np.ndarray, Path], None], tolerance: float, layer: np.ndarray, tmp_path: Path
) -> None:
    """The colour below came out: of most logos and cut out characters, black."""
    if name.endswith(".avif") and not cv2.haveImageWriter(name):
        pytest.skip("this OpenCV writes no AVIF")
    write(layer, tmp_path / name)
    seen = read_picture(tmp_path / name)
    assert seen.shape == (*SHAPE, 3)
    assert np.abs(seen - _on_white(layer)).mean() <= tolerance
    assert (seen[:6] > 250).all()


def test_gray_with_transparency_and_palettes_show_it_too(layer: np.ndarray, tmp_path: Path) -> None:
    gray = np.dstack([layer[..., 0], layer[..., 3]])
    Image.fromarray(gray, "LA").save(tmp_path / "gray.png")
    wanted = _on_white(np.dstack([layer[..., [0, 0, 0]], layer[..., 3]]))
    assert np.abs(read_picture(tmp_path / "gray.png") - wanted).max() <= 0.51
    palette = Image.fromarray(layer[..., :3]).quantize(16)
    for name in ("palette.png", "palette.gif"):
        palette.save(tmp_path / name, transparency=3)
        wanted = np.where((np.asarray(palette) == 3)[..., None], 255, np.asarray(palette.convert("RGB")))
        assert np.array_equal(read_picture(tmp_path / name), wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_it_is_turned_upright_as_others_are(orientation: int, suffix: str, layer: np.ndarray, tmp_path: Path) -> None:
    opaque = np.rint(_on_white(layer)).astype(np.uint8)
    for name, pixels in (("layer", layer), ("opaque", opaque)):
        path = (tmp_path / name).with_suffix(suffix)
        Image.fromarray(pixels).save(path, exif=_exif(orientation), lossless=True, exact=True)
    turned, wanted = (read_picture((tmp_path / name).with_suffix(suffix)) for name in ("layer", "opaque"))
    assert np.array_equal(turned, wanted)
    assert (turned.shape[0] > turned.shape[1]) == (orientation > 4)


@pytest.mark.parametrize("name", ["x.png", "x.webp", "x.jpg", "x.gif", "x.bmp", "x.tif", "gray.png", "deep.png"])
def test_others_are_decoded_as_before(name: str, layer: np.ndarray, tmp_path: Path) -> None:
    pixels = layer[..., 0] if name.startswith("gray") else layer[..., 2::-1]
    cv2.imwrite(str(tmp_path / name), pixels.astype(np.uint16) * 251 if name.startswith("deep") else pixels)
    wanted = cv2.imdecode(np.frombuffer((tmp_path / name).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert wanted is not None
    assert np.array_equal(read_picture(tmp_path / name), wanted[..., ::-1])


def test_a_cover_that_hides_nothing_changes_no_colour(layer: np.ndarray, tmp_path: Path) -> None:
    whole = layer.copy()
    whole[..., 3] = 255
    Image.fromarray(whole).save(tmp_path / "x.png")
    assert np.array_equal(read_picture(tmp_path / "x.png"), whole[..., :3])


def test_a_gray_that_stands_for_nothing_is_paper(layer: np.ndarray, tmp_path: Path) -> None:
    gray = np.where(layer[..., 0] == 7, 8, layer[..., 0]).astype(np.uint8)
    gray[:6] = 7
    Image.fromarray(gray).save(tmp_path / "x.png", transparency=7)
    assert np.array_equal(read_picture(tmp_path / "x.png")[..., 1], np.where(gray == 7, 255, gray))


def test_a_damaged_avif_is_no_picture(layer: np.ndarray, tmp_path: Path) -> None:
    """One whose download broke off, its rest full of zeros, ended all of `prepare` in a traceback."""
    path = tmp_path / "x.avif"
    if not cv2.haveImageWriter(path.name):
        pytest.skip("this OpenCV writes no AVIF")
    _opencv(layer, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    with pytest.raises(DataError, match="is not a picture"):
        read_picture(path)
