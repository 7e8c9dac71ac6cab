"""`animecam.convert`: a file in, a drawn file out."""

import subprocess
import sys
from dataclasses import replace
from typing import Unpack, get_type_hints

import av
import cv2
import numpy as np
import pytest

import animecam
from animecam.drawing import networks
from animecam.files import FILE_SETTINGS, file_settings
from animecam.look_changes import LookChanges
from animecam.run import session
from animecam.run.tally import Figures
from animecam.settings import Look, Settings

SMALL = Settings(Look(size_px=192), threads=1)


@pytest.fixture
def clip(tmp_path, make_clip, media):
    return make_clip(tmp_path / "clip.mp4", width_px=320, height_px=240, frames=4, content=media.portrait)


def test_a_clip_is_drawn_frame_for_frame(clip):
    target = clip.with_name("anime.mp4")
    figures = animecam.convert(clip, str(target), SMALL, style="starter")
    assert (figures.frames_out, figures.with_faces) == (4, 4)
    with av.open(str(clip)) as before, av.open(str(target)) as after:
        pairs = list(zip(before.decode(video=0), after.decode(video=0), strict=True))
    assert all(one.time == other.time for one, other in pairs)
    filmed, drawn = (frame.to_ndarray(format="rgb24").astype(int) for frame in pairs[-1])
    assert np.abs(drawn - filmed).max() > 40


def test_a_name_that_would_be_a_camera_s_is_a_file_s(clip, monkeypatch):
    monkeypatch.chdir(clip.parent)
    cv2.imwrite("0.png", np.full((64, 64, 3), 90, np.uint8))
    clip.with_name("0.png").rename("0")
    animecam.convert("0", "out.png", SMALL, strength=0.0)
    assert cv2.imread("out.png").shape == (64, 64, 3)


def test_files_may_be_named_by_address(tmp_path):
    cv2.imwrite(str(tmp_path / "my room.png"), np.full((64, 64, 3), 90, np.uint8))
    animecam.convert(f"file://{tmp_path}/my%20room.png", f"file://{tmp_path}/my%20drawing.png", SMALL, strength=0.0)
    assert cv2.imread(str(tmp_path / "my drawing.png")).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("target", "options", "kind", "hint"),
    [
        ("there.mp4", {}, animecam.SinkError, "overwrite=True"),
        ("clip.mp4", {"overwrite": True}, animecam.UsageError, "another name"),
        ("window:", {}, animecam.UsageError, "known are"),
        ("out.mp4", {"strength": 2}, animecam.UsageError, "camera"),
        ("out.mp4", {"settings": Settings(max_fps=5)}, animecam.UsageError, "leave it out"),
        ("out.mp4", {"settings": Look()}, animecam.UsageError, "settings=Settings"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_opened(clip, monkeypatch, target, options, kind, hint):
    monkeypatch.setattr(networks, "open_networks", lambda _settings: pytest.fail("networks are opened"))
    clip.with_name("there.mp4").touch()
    with pytest.raises(kind) as caught:
        animecam.convert(clip, clip.with_name(target), **options)
    assert hint in caught.value.hint
    assert "--" not in caught.value.hint


def test_what_is_no_film_is_an_error_of_the_source(tmp_path):
    with pytest.raises(animecam.SourceError, match=r"gone\.mp4"):
        animecam.convert(tmp_path / "gone.mp4", tmp_path / "out.mp4", SMALL)


def test_ctrl_c_is_no_result(clip, monkeypatch):
    monkeypatch.setattr(session, "convert_file", lambda *_: Figures(is_interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        animecam.convert(clip, clip.with_name("out.mp4"), SMALL)


def test_the_defaults_are_those_of_the_command(clip, monkeypatch):
    asked = []

    def refuse(settings):
        asked.append(settings)
        raise animecam.BackendError("none here")

    monkeypatch.setattr(networks, "open_networks", refuse)
    with pytest.raises(animecam.BackendError):
        animecam.convert(clip, clip.with_name("out.mp4"))
    assert asked == [FILE_SETTINGS]
    assert get_type_hints(animecam.convert, {"Figures": Figures})["look"] == Unpack[LookChanges]


def test_files_beside_live_sources_have_the_defaults_of_convert_but_for_what_was_chosen():
    live = Settings(Look("anime", size_px=192), threads=1)
    files = file_settings(live)
    assert files == replace(FILE_SETTINGS, look=replace(FILE_SETTINGS.look, style="anime", size_px=192), threads=1)
    assert file_settings(replace(live, max_faces=2), {"max_faces"}).max_faces == 2
    assert files.still_faces == FILE_SETTINGS.still_faces
    assert file_settings(live, {"max_faces", "unseen"}) == replace(files, max_faces=4, still_faces=None, look=live.look)


def test_it_can_be_had_without_loading_what_it_needs():
    code = "import sys, animecam; animecam.convert; print({'av', 'cv2', 'onnxruntime', 'click'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
