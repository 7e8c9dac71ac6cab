"""From what the user wrote to the right kind of source."""

import ntpath
import shutil
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from animecam import file_address
from animecam.cli.jobs import plan_conversion
from animecam.errors import SourceError, UsageError
from animecam.file_address import path_text
from animecam.sources.image import PictureSource
from animecam.sources.opening import SourceOptions, local_path, open_source
from animecam.sources.pattern import PatternSource
from animecam.sources.reader import DecodedSource

OPTIONS = SourceOptions(threads=1)


@pytest.fixture
def folder(tmp_path, make_clip):
    make_clip(tmp_path / "clip.mp4", frames=2)
    make_clip(tmp_path / "8mm.MOV", frames=2)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "B.JPG"), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "odd[1].png"), np.zeros((4, 6, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("clip.mp4", DecodedSource),
        ("8mm.MOV", DecodedSource),
        ("a.png", PictureSource),
        ("B.JPG", PictureSource),
        ("odd[1].png", PictureSource),  # a name, although it looks like a pattern
        ("*.png", PictureSource),
        ("", PictureSource),
    ],
)
def test_paths(folder, name, kind):
    for prefix in ("", "file://"):
        source = open_source(f"{prefix}{folder}/{name}", OPTIONS)
        assert type(source) is kind
        source.close()


@pytest.mark.parametrize(
    "address",
    [
        "file://{}/my%20film%20%231.mp4",
        "FILE://{}/clip.mp4",
        "file:{}/clip.mp4",
        "file://localhost{}/clip.mp4",
        "file://{}/100%25.mp4",
    ],
)
def test_the_address_of_a_file_as_a_file_manager_copies_it(folder, address):
    for name in ("my film #1.mp4", "100%25.mp4"):  # the second has it in its name
        shutil.copy(folder / "clip.mp4", folder / name)
    uri = address.format(folder)
    open_source(uri, OPTIONS).close()
    path = local_path(uri)
    assert path is not None
    assert path.is_file()  # whose sound is copied, and which is not overwritten
    (job,) = plan_conversion([uri], folder / "out.mp4", overwrite=False).jobs
    assert job.source == path


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///a/my%20film.mp4", "/a/my film.mp4"),
        ("file:///a/10%E2%80%AFAM.png", "/a/10\u202fAM.png"),  # as macOS names screenshots
        ("file:///a/%05d.png", "/a/%05d.png"),  # typed by hand
        ("file:///a/%2505d.png", "/a/%05d.png"),
        ("file:///a/%00.mp4", "/a/%00.mp4"),
        ("file:///" + "x" * 300, "/" + "x" * 300),
        ("file://", ""),
        ("a%20b.mp4", "a%20b.mp4"),
        ("file:/a/my%20film.mp4", "/a/my film.mp4"),
        ("file://localhost/a/my%20film.mp4", "/a/my film.mp4"),
        ("FILE://LocalHost/a/film.mp4", "/a/film.mp4"),
        ("file://localhosts/film.mp4", "localhosts/film.mp4"),
        ("file:film.mp4", "file:film.mp4"),
        ("file:///C:/film.mp4", "/C:/film.mp4"),
    ],
)
def test_the_path_in_the_address_of_a_file_that_is_not_there(address, path):
    assert path_text(address) == path


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///C:/my%20films/a.mp4", "C:/my films/a.mp4"),
        ("file:/c:/a.mp4", "c:/a.mp4"),
        ("file://localhost/C:/a.mp4", "C:/a.mp4"),
        ("file:///C:/frames/%05d.png", "C:/frames/%05d.png"),
        ("file://C:/a.mp4", "C:/a.mp4"),
        ("file:///films/a.mp4", "/films/a.mp4"),
        ("C:\\a%20b.mp4", "C:\\a%20b.mp4"),
    ],
)
def test_the_address_of_a_file_on_windows(address, path, monkeypatch):
    monkeypatch.setattr(file_address, "os", SimpleNamespace(name="nt", path=ntpath))
    assert path_text(address) == path


def test_the_name_of_a_numbered_output_is_answered_with_its_folder(folder):
    with pytest.raises(SourceError, match=r"%05d\.png does not exist") as caught:
        open_source(f"{folder}/%05d.png", OPTIONS)
    assert f"give the folder, {folder}," in caught.value.hint
    cv2.imwrite(str(folder / "%05d.png"), np.zeros((4, 6, 3), np.uint8))
    open_source(f"{folder}/%05d.png", OPTIONS).close()


@pytest.mark.parametrize("uri", ["pattern:64x48@10?live=0", "Pattern:64x48@10?live=0"])
def test_patterns(uri):
    source = open_source(uri, OPTIONS)
    assert type(source) is PatternSource
    assert source.uri == uri
    assert source.format.width_px == 64


@pytest.mark.parametrize(
    "uri", ["987", "camera:987", "Camera:987", "/dev/video987", "camera:/dev/video987", "camera:No Such Camera"]
)
def test_cameras(uri):
    with pytest.raises(SourceError, match=r"^camera (987|/dev/video987|No Such Camera) does not exist$"):
        open_source(uri, OPTIONS)


def test_streams():
    with pytest.raises(SourceError, match=r"rtsp://127\.0\.0\.1:9/x refuses connections"):
        open_source("rtsp://127.0.0.1:9/x", OPTIONS)


@pytest.mark.parametrize("uri", ["gopher://x/y", "webcam://0", ""])
def test_what_is_no_source(uri):
    with pytest.raises(UsageError) as caught:
        open_source(uri, OPTIONS)
    assert "pattern:640x480@30" in caught.value.hint


@pytest.mark.parametrize("uri", ["-", "pipe:", "pipe:0"])
def test_standard_input_is_no_source(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="standard input is not read"):
        open_source(uri, OPTIONS)


@pytest.mark.parametrize("uri", ["nowhere.mp4", "nowhere.png", "C:\\nowhere.mp4"])
def test_files_that_do_not_exist(uri):
    with pytest.raises(SourceError, match="does not exist"):
        open_source(uri, OPTIONS)


def test_sizes_and_rates_are_for_those_who_can_be_asked(folder):
    with pytest.raises(UsageError, match="has its own size"):
        open_source(str(folder / "clip.mp4"), SourceOptions(width_px=64, height_px=48))
    with pytest.raises(UsageError, match="has its own rate"):
        open_source(str(folder / "clip.mp4"), SourceOptions(fps=10))
    with pytest.raises(UsageError, match="has its own rate"):
        open_source("rtsp://127.0.0.1:9/x", SourceOptions(fps=10))


@pytest.mark.parametrize(
    "values",
    [
        {"width_px": 64},
        {"width_px": 0, "height_px": 48},
        {"fps": 0.0},
        {"fps": float("nan")},
        {"fps": float("inf")},
        {"fps": 0.0004},
        {"fps": 1e10},
        {"threads": -1},
        {"read_s": 0.0},
    ],
)
def test_options_that_make_no_sense(values):
    with pytest.raises(UsageError) as caught:
        SourceOptions(**values)
    assert caught.value.hint


def test_importing_it_loads_nothing_heavy():
    code = "import sys, animecam.sources.opening; print([name for name in ('av', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("asked", [{"fps": 5.0}, {"width_px": 64, "height_px": 48}])
def test_a_refusal_shows_no_password(asked):
    with pytest.raises(UsageError, match="rtsp://cam/1 has its own") as caught:
        open_source("rtsp://me:secret@cam/1", SourceOptions(threads=1, **asked))
    assert "secret" not in caught.value.hint


def test_a_stream_that_cannot_be_converted_shows_no_password(tmp_path):
    with pytest.raises(UsageError, match="rtsp://cam/1 is no file") as caught:
        plan_conversion(["rtsp://me:secret@cam/1"], tmp_path, overwrite=False)
    assert "rtsp://cam/1" in caught.value.hint
    assert "secret" not in caught.value.hint
