"""The window, on a screen in memory."""

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animecam.errors import SinkError
from animecam.sinks.base import SinkClosed
from animecam.sinks.convert import to_rgb
from animecam.sinks.display import find_display, is_answered
from animecam.sinks.opening import open_sink
from animecam.sinks.options import SinkOptions
from animecam.sinks.window import WindowSink
from animecam.types import Color, ColorMatrix, PixelFormat

DEADLINE_SECONDS = 10.0
MAX_CORNERS = 2000  # in a picture of one colour, every pixel could be the first
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be without a display")


@pytest.fixture
def picture_format(stream_format):
    """Large enough that it is shown as large as it is."""
    return replace(stream_format, width_px=640, height_px=480)


def find(screen, picture):
    """Whether the picture is somewhere on the screen, each level within two."""
    height, width = picture.shape[:2]
    corners = np.argwhere(np.abs(screen[: 1 - height, : 1 - width].astype(int) - picture[0, 0]).max(axis=2) <= 2)
    return any(
        np.abs(screen[y : y + height, x : x + width].astype(int) - picture).max() <= 2 for y, x in corners[:MAX_CORNERS]
    )


def wait_until(happens):
    """Until it returns something true, or raises."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not happens():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def test_shows_pictures_upright_in_their_colours(screen, picture_format, make_frame):
    environment, look = screen
    color = Color(ColorMatrix.BT709, full_range=True)
    stream = replace(picture_format, rotation_deg=90, color=color, pixel_format=PixelFormat.NV12)
    frame = make_frame(stream, level=(np.linspace(20, 220, 640)[None], (100, 160)))
    sink = WindowSink("window:", stream, SinkOptions(), environment)
    try:
        sink.write(frame)
        expected = to_rgb(frame)
        assert expected.shape == (640, 480, 3)
        wait_until(lambda: find(look(), expected))
    finally:
        sink.close(complete=True)
        sink.close(complete=True)
    wait_until(lambda: not find(look(), expected))


def test_no_window_stays_black(screen, picture_format, make_frame):
    """One in five did, where Xlib and Qt both took events."""
    environment, look = screen
    for index in range(5):
        frame = make_frame(picture_format, index)
        sink = WindowSink("window:", picture_format, SinkOptions(), environment)
        try:
            sink.write(frame)
            wait_until(lambda: find(look(), to_rgb(frame)))  # noqa: B023 - it is called at once
        finally:
            sink.close(complete=True)


def test_writing_never_waits_for_the_screen(screen, picture_format, make_frame):
    environment, look = screen
    sink = WindowSink("window:", picture_format, SinkOptions(), environment)
    try:
        os.kill(sink._process.pid, signal.SIGSTOP)
        started = time.monotonic()
        for index in range(100):
            sink.write(make_frame(picture_format, index, level=(50 + index, 128, 128)))
        assert time.monotonic() - started < 2
        os.kill(sink._process.pid, signal.SIGCONT)
        newest = to_rgb(make_frame(picture_format, 99, level=(149, 128, 128)))
        wait_until(lambda: find(look(), newest))
    finally:
        os.kill(sink._process.pid, signal.SIGCONT)
        sink.close(complete=True)


def xdotool(environment, title, *command):
    """Does something to a window; fails now and then on a busy machine, so callers try again."""
    words = ["xdotool", "search", "--name", title, *command]
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    return done.stdout


class ClientMessage(ctypes.Structure):
    """XClientMessageEvent, with room for the largest event."""

    _fields_ = (
        ("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p), ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int), ("data", ctypes.c_long * 5), ("room", ctypes.c_long * 24),
    )  # fmt: skip


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def ignore(display, error):
    """In place of Xlib's own answer to a window that is gone meanwhile, which is to end the process."""
    return 0


def click_close_button(environment, title):
    """Tells a window what window managers tell it when its button is clicked."""
    found = xdotool(environment, title).split()
    if not found:
        return
    xlib = ctypes.CDLL("libX11.so.6")
    xlib.XOpenDisplay.restype = ctypes.c_void_p
    xlib.XInternAtom.restype = ctypes.c_ulong
    xlib.XSetErrorHandler(ignore)
    display = ctypes.c_void_p(xlib.XOpenDisplay(environment["DISPLAY"].encode()))
    assert display, "the screen is gone"
    protocols, delete = (xlib.XInternAtom(display, name, False) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
    message = ClientMessage(type=33, window=int(found[0]), message_type=protocols, format=32)
    message.data[0] = delete
    xlib.XSendEvent(display, ctypes.c_ulong(int(found[0])), False, ctypes.c_long(0), ctypes.byref(message))
    xlib.XCloseDisplay(display)


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_key_ends_the_run(screen, picture_format, make_frame, key):
    if shutil.which("xdotool") is None:
        pytest.skip("needs xdotool to press a key")
    environment, look = screen
    sink = WindowSink("window:", picture_format, SinkOptions(window_title=f"ends by {key}"), environment)
    try:
        frame = make_frame(picture_format, level=(200, 128, 128))
        sink.write(frame)
        wait_until(lambda: find(look(), to_rgb(frame)))
        with pytest.raises(SinkClosed):
            wait_until(
                lambda: (xdotool(environment, f"ends by {key}", "windowfocus", "key", key), sink.write(frame))[1]
            )
    finally:
        sink.close(complete=True)


def test_button_ends_the_run(screen, picture_format, make_frame):
    if shutil.which("xdotool") is None:
        pytest.skip("needs xdotool to find the window")
    environment, look = screen
    sink = WindowSink("window:", picture_format, SinkOptions(window_title="ends by button"), environment)
    try:
        frame = make_frame(picture_format, level=(90, 128, 128))
        sink.write(frame)
        wait_until(lambda: find(look(), to_rgb(frame)))
        with pytest.raises(SinkClosed):
            wait_until(lambda: (click_close_button(environment, "ends by button"), sink.write(frame))[1])
    finally:
        sink.close(complete=True)


def test_window_that_breaks_down_is_an_error_of_this_run_only(screen, stream_format, make_frame):
    sink = WindowSink("window:", stream_format, SinkOptions(), screen[0])
    try:
        sink._process.kill()
        with pytest.raises(SinkError, match="the window broke down"):
            wait_until(lambda: sink.write(make_frame(stream_format)))
    finally:
        sink.close(complete=False)


def test_a_signal_to_the_whole_group_leaves_the_end_to_the_run(screen, stream_format, make_frame):
    """`timeout 60 animecam …` ended with a window that broke down."""
    sink = WindowSink("window:", stream_format, SinkOptions(), screen[0])
    try:
        sink._process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            sink._process.wait(0.5)
        sink.write(make_frame(stream_format))
    finally:
        sink.close(complete=True)
    assert sink._process.returncode == 0


@linux_only
def test_no_display(stream_format, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert find_display() is None
    with pytest.raises(SinkError, match="there is no display") as raised:
        open_sink("window:", stream_format)
    assert "--output" in raised.value.hint


@linux_only
def test_display_that_is_not_there(stream_format):
    environment = {k: v for k, v in os.environ.items() if k != "WAYLAND_DISPLAY"} | {"DISPLAY": ":4321"}
    assert find_display(environment) == "DISPLAY=:4321"
    with pytest.raises(SinkError, match=r"cannot open a window: .*:4321"):
        WindowSink("window:", stream_format, SinkOptions(), environment)


def test_ctrl_c_before_the_window_is_there_leaves_nothing(stream_format, monkeypatch, tmp_path):
    monkeypatch.setattr("animecam.sinks.window._MEMORY_FOLDER", tmp_path)

    def interrupted(_):
        assert list(tmp_path.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(WindowSink, "_wait_for_window", interrupted)
    with pytest.raises(KeyboardInterrupt):
        WindowSink("window:", stream_format, SinkOptions(), os.environ | {"DISPLAY": ":99"})
    assert not list(tmp_path.iterdir())


def test_a_killed_program_leaves_neither_window_nor_memory(screen, tmp_path):
    code = f"""
import time
from fractions import Fraction
from pathlib import Path
from animecam.sinks import window
from animecam.sinks.options import SinkOptions
from animecam.types import Color, PixelFormat, StreamFormat

window._MEMORY_FOLDER = Path({str(tmp_path)!r})
stream = StreamFormat(64, 48, PixelFormat.RGB24, Color(), 0, Fraction(1), Fraction(1), True)
sink = window.WindowSink("window:", stream, SinkOptions())
print("open", flush=True)
time.sleep({DEADLINE_SECONDS})
"""
    environment = screen.environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as program:
        assert program.stdout.readline().strip() == b"open"
        assert list(tmp_path.iterdir())
        program.kill()
    wait_until(lambda: not list(tmp_path.iterdir()))


def test_files_of_the_users_folder_are_not_taken_for_modules(screen, stream_format, tmp_path, monkeypatch):
    (tmp_path / "cv2.py").write_text("raise SystemExit('this is my own file')\n")
    monkeypatch.chdir(tmp_path)
    WindowSink("window:", stream_format, SinkOptions(), screen[0]).close(complete=True)


@linux_only
def test_a_window_shares_pictures_on_the_disk_where_memory_has_no_room(screen, stream_format, monkeypatch, tmp_path):
    reserve = os.posix_fallocate
    full, disk = tmp_path / "full", tmp_path / "disk"
    full.mkdir()
    disk.mkdir()

    def refuse(number, start, size):
        if full in Path(f"/proc/self/fd/{number}").readlink().parents:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reserve(number, start, size)

    monkeypatch.setattr("animecam.sinks.window._MEMORY_FOLDER", full)
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    sink = WindowSink("window:", stream_format, SinkOptions(), screen[0])
    assert [len(list(folder.iterdir())) for folder in (full, disk)] == [0, 1]
    sink.close(complete=True)
    assert not list(disk.iterdir())


@linux_only
def test_a_display_is_answered_while_it_is_there(screen, monkeypatch):
    for name, value in screen[0].items():
        monkeypatch.setenv(name, value)
    assert is_answered()
    monkeypatch.setenv("DISPLAY", ":4321")
    assert not is_answered()
