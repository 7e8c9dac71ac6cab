"""The whole way through FFmpeg's v4l2 device, with a camera that a small library puts under it (fake_v4l2.c)."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("gcc") is None or not Path("/usr/include/linux").is_dir(),
    reason="needs Linux, its headers and gcc",
)

SCRIPT = """
import json, logging, sys
from animecam.errors import SourceError
from animecam.sources import v4l2
from animecam.sources.opening import SourceOptions, open_source
logging.basicConfig(level=logging.WARNING)
result = {"frames": [], "modes": [], "error": ""}
try:
    device = v4l2.Kernel().open("/dev/video7")
    result["name"] = v4l2.capture_name(v4l2.Kernel(), device)
    result["modes"] = [str(mode) for mode in v4l2.modes(v4l2.Kernel(), device)]
    v4l2.Kernel().close(device)
except OSError as error:
    result["listing"] = error.strerror
try:
    source = open_source("7", SourceOptions(width_px=160, height_px=120, open_s=0.4, read_s=0.3, threads=1))
    result["format"] = source.format.pixel_format.value
    for _ in range(int(sys.argv[1])):
        frame = source.read()
        luma = frame.planes[0]
        result["frames"].append((frame.pts, luma.shape, float(luma.mean()), frame.color.full_range))
        result["matrix"] = frame.color.matrix.name
        result["colours"] = [[int(plane.min()), int(plane.max())] for plane in frame.planes]
    result["skipped"] = source.skipped
    source.close()
    result["kept"] = float(frame.planes[0].mean())
except SourceError as error:
    result["error"] = error.message
print(json.dumps(result))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    built = tmp_path_factory.mktemp("camera") / "fake_v4l2.so"
    source = Path(__file__).with_name("fake_v4l2.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(built), str(source)], check=True, timeout=60)
    return built


@pytest.fixture
def film(library, media, tmp_path):
    """Runs the script before the fake camera in one of its modes; returns what it saw, and its warnings."""
    picture = tmp_path / "picture.jpg"
    cv2.imwrite(str(picture), media.portrait(0, 160, 120)[:, :, ::-1])
    engine = Path(__file__).parents[3] / "engine"

    def run(mode, frames=8):
        surroundings = {"LD_PRELOAD": str(library), "FAKE_MODE": mode, "FAKE_JPEG": str(picture)}
        environment = os.environ | surroundings | {"PYTHONPATH": str(engine)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(frames)], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    return run


def test_a_webcam_films_in_mjpeg(film):
    seen, warnings = film("works")
    assert seen["error"] == ""
    assert [pts for pts, *_ in seen["frames"]] == [33_333 * n for n in range(8)]
    assert all(shape == [120, 160] and mean > 60 for _, shape, mean, _ in seen["frames"])
    assert seen["frames"][0][3]  # JPEG is full range
    assert "cannot do" not in warnings
    assert seen["name"] == "Fake Webcam"
    assert "MJPG 160x120 at 30, 15 fps" in seen["modes"]
    assert len(seen["modes"]) == 4


def test_a_webcam_without_mjpeg_and_of_one_size(film):
    seen, warnings = film("yuyv")
    assert seen["error"] == ""
    assert seen["format"] == "yuv420p"
    assert all(shape == [48, 64] for _, shape, _, _ in seen["frames"])
    assert "cannot do MJPEG 160x120 at 30 fps; it gives 64x48" in warnings
    assert seen["colours"] == [[40, 40], [90, 90], [200, 200]]  # whatever the matrix is called, no number changes


@pytest.mark.parametrize("mode", ["yuyv", "nv12"])
def test_raw_pixels_have_the_matrix_of_webcams(film, mode):
    """At any size: nothing is guessed from the height."""
    seen, _ = film(mode)
    assert seen["matrix"] == "BT601"


def test_what_waited_since_the_camera_was_opened_is_left_out(film):
    seen, _ = film("late")
    assert seen["error"] == ""
    assert [pts for pts, *_ in seen["frames"]] == [33_333 * n for n in range(8)]  # no jump after old frames


def test_a_frame_outlives_a_camera_whose_pixels_are_taken_as_they_are(film):
    """Such a camera's memory goes with the device, while a frame is still being drawn."""
    seen, _ = film("nv12")
    assert seen["error"] == ""
    assert seen["format"] == "nv12"
    assert seen["kept"] == 40.0


def test_transfers_that_fail_are_no_end(film):
    seen, _ = film("empty")
    assert len(seen["frames"]) == 8


@pytest.mark.parametrize(
    ("mode", "message", "frames"),
    [
        ("busy", "camera 7 is busy", 0),
        ("denied", "camera 7: permission denied", 0),
        ("unplug", "camera 7 was unplugged", 4),
        ("silent", "camera 7: nothing came for 0.3 s", 0),
    ],
)
def test_a_webcam_that_fails(film, mode, message, frames):
    seen, _ = film(mode)
    assert seen["error"] == message
    assert len(seen["frames"]) == frames
