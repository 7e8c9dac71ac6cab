"""Commands that messages give to be typed."""

import shlex
from pathlib import PureWindowsPath
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from animecam import shell
from animecam.cli import main


@pytest.fixture
def on_windows(monkeypatch):
    monkeypatch.setattr(shell, "os", SimpleNamespace(name="nt"))


@pytest.mark.parametrize("text", ["clip.mp4", "my clip.mp4", "it's.mp4", "a&b.mp4", "$HOME", "shots/*.png", ""])
def test_a_name_is_one_word(text):
    assert shlex.split(shell.as_word(text)) == [text]


@pytest.mark.usefixtures("on_windows")
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("C:\\clips\\a.mp4", "C:\\clips\\a.mp4"),
        ("C:\\my clips\\it's.mp4", '"C:\\my clips\\it\'s.mp4"'),
        ("C:\\my clips\\", '"C:\\my clips\\\\"'),
        ("a&b.mp4", '"a&b.mp4"'),
        ("größe.mp4", '"größe.mp4"'),
        ("", '""'),
    ],
)
def test_a_name_is_one_word_on_windows(text, word):
    assert shell.as_word(text) == word


@pytest.mark.usefixtures("on_windows")
def test_windows_makes_the_folders_above_unasked():
    folder = PureWindowsPath("C:\\my clips")
    assert shell.mkdir_command(folder) == 'mkdir "C:\\my clips"'


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["it's a.mp4"], ["animecam", "convert", "it's a.mp4"]),
        (["rtsp://cam/a b?x&y"], ["animecam", "--input", "rtsp://cam/a b?x&y"]),
        (["camera:My cam"], ["animecam", "--device", "camera:My cam"]),
        (["--device", "rtsp://cam/a b"], ["--input", "rtsp://cam/a b"]),
        (["convert", "a.mp4", "-o", "virtualcam:My cam"], ["--input", "FILE", "--output", "virtualcam:My cam"]),
        (["convert", "rtsp://cam/it's"], ["--input", "rtsp://cam/it's", "--output", "out.mp4"]),
        (["convert", "PATTERN:64x48@30"], ["--input", "PATTERN:64x48@30", "--output", "out.mp4"]),
        (["convert", "a.mp4", "-o", "my results.old"], ["-o", "my results.old/"]),
        (["convert", "it's", "-o", "a b.mp4"], ["--input", "it's", "--output", "a b.mp4"]),
        (["--input", "it's/a b.png", "--output", "window:"], ["animecam", "convert", "it's/a b.png"]),
        (["--input", "it's/%d.png", "--output", "null:"], ["animecam", "--input", "it's"]),
        (["--input", "it's/a b.png", "--output", "new it's/b.png"], ["mkdir", "-p", "{}/new it's"]),
    ],
)
def test_a_hint_can_be_typed(words, hint, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it's").mkdir()
    for name in ("a b.png", "b.png"):
        cv2.imwrite(str(tmp_path / "it's" / name), np.zeros((4, 6, 3), np.uint8))
    assert main(words) != 0
    told = capfd.readouterr().err.partition("hint: ")[2]
    words_told = shlex.split(told[told.index(f"{hint[0]} ") :])
    assert words_told[: len(hint)] == [part.format(tmp_path) for part in hint]
