"""Whatever kind of picture lies in a folder is read as people see it, or dropped under a name that says why."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from animecam_training.data.crops import CropOptions
from animecam_training.data.pictures import read_picture
from animecam_training.data.prepare import prepare
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.errors import DataError

TURNED_LEFT = 6  # of EXIF: to be seen, it is turned by 90 degrees clockwise
ORIENTATION = 0x0112


@pytest.fixture
def picture() -> np.ndarray:
    """Soft colours, of which JPEG loses little: red from top to bottom, green from left to right."""
    rows, columns = np.mgrid[:96, :96]
    return np.dstack([rows * 2 + 30, columns * 2 + 30, np.full((96, 96), 120)]).astype(np.uint8)


def _coded(picture: np.ndarray, kind: str, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_a_jpeg_of_other_inks_is_read_in_its_colours(mode: str, picture: np.ndarray, tmp_path: Path) -> None:
    seen = Image.fromarray(picture).convert(mode)
    seen.save(tmp_path / "x.jpg", quality=98)
    error = read_picture(tmp_path / "x.jpg").astype(int) - np.asarray(seen.convert("RGB"))
    assert np.abs(error).mean() < 3


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_read_as_eight(channels: int, picture: np.ndarray, tmp_path: Path) -> None:
    wide = picture[..., :channels].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "x.png"), wide[..., ::-1])
    error = read_picture(tmp_path / "x.png").astype(int) - np.broadcast_to(picture[..., :channels], picture.shape)
    assert np.abs(error).max() <= 1


def test_a_photo_of_a_phone_is_read_upright(picture: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED_LEFT
    (tmp_path / "x.jpg").write_bytes(_coded(np.rot90(picture), "JPEG", quality=98, exif=exif))
    assert np.abs(read_picture(tmp_path / "x.jpg").astype(int) - picture).mean() < 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9])
def test_a_download_that_was_cut_off_is_no_picture(kind: str, share: float, tmp_path: Path) -> None:
    """Not one whose lower part is gray."""
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    whole = _coded(noise, kind)
    path = tmp_path / f"x.{kind.lower()}"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="is not a picture"):
        read_picture(path)


def test_what_is_dropped_has_a_reason_and_the_rest_is_kept(
    colourful: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for seed, name in enumerate(("Zoë.png", "漢字.webp", "with space.bmp")):
        Image.fromarray(colourful(seed)).save(source / name)
    Image.fromarray(colourful(0)).resize((80, 80)).save(source / "smaller copy.png")
    Image.fromarray(colourful(4)[:8, :8]).save(source / "tiny.png")
    (source / "empty.jpg").touch()
    report = prepare(source, tmp_path / "out", PrepareOptions("style", crop=CropOptions(side_px=96)))
    assert report.kept == 3
    assert report.dropped == {"duplicate": 1, "blurred": 1, "unreadable": 1}
    assert {path.name for path in (tmp_path / "out").glob("*.smooth.png")} == {
        *("Zoë.smooth.png", "漢字.smooth.png", "with space.smooth.png")
    }


def test_the_terminal_hears_nothing_of_the_decoders(picture: np.ndarray, tmp_path: Path) -> None:
    """OpenCV warned of half a PNG in words of its own, above the bar."""
    (tmp_path / "in").mkdir()
    whole = _coded(np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8), "PNG")
    (tmp_path / "in/half.png").write_bytes(whole[: len(whole) // 2])
    command = [sys.executable, "-m", "animecam_training.cli", "prepare", "in", "out", "--kind", "style"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    *bars, told, hint = done.stderr.splitlines()
    assert [bar.split()[0] for bar in bars] == ["looking", "preparing"]
    assert told == "animecam-train: nothing in in can be used: 1 unreadable"
    assert hint.startswith("hint: ")
