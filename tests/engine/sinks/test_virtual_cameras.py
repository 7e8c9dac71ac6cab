"""Virtual cameras of a machine that the test plays, in the program's list and to its doctor."""

import errno
import sys
from types import SimpleNamespace

import pytest

from animecam import doctor
from animecam.cli import main
from animecam.doctor import State
from animecam.errors import SinkError
from animecam.sinks import virtual_cameras
from animecam.sinks.virtual_cameras import VirtualCamera, find_virtual_cameras
from animecam.sources import v4l2
from animecam.sources.v4l2 import CAN_CAPTURE, CAN_OUTPUT, HAS_DEVICE_CAPS, Kernel

LOOPBACK, WEBCAM = b"v4l2 loopback", b"uvcvideo"
MODPROBE = 'sudo modprobe v4l2loopback devices=1 video_nr=9 card_label="animecam" exclusive_caps=1'


class FakeKernel:
    """Device nodes by number: driver, name and capabilities, or the errno with which the node fails when asked."""

    def __init__(self, nodes, denied=()):
        self._nodes = {f"/dev/video{number}": node for number, node in nodes.items()}
        self._denied = denied
        self.open_nodes = []
        self.kernel = Kernel(self._open, self._ioctl, self.open_nodes.remove)

    def _open(self, path):
        if path in self._denied:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.open_nodes.append(path)
        return path

    def _ioctl(self, path, code, buffer):
        assert code == v4l2.QUERYCAP
        node = self._nodes[path]
        if isinstance(node, int):
            raise OSError(node, "failed")
        driver, name, bits = node
        v4l2.CAPABILITY.pack_into(buffer, 0, driver, name, b"bus", 1, bits | HAS_DEVICE_CAPS | CAN_CAPTURE, bits)


@pytest.fixture
def find(tmp_path):
    """Finds the virtual cameras of a Linux with these nodes."""

    def find_on(nodes, denied=()):
        for number in nodes:
            (tmp_path / f"video{number}").mkdir()
        fake = FakeKernel(nodes, denied)
        try:
            return find_virtual_cameras("linux", folder=tmp_path, kernel=fake.kernel)
        finally:
            assert fake.open_nodes == []  # all closed again

    return find_on


def test_nodes_that_take_video_are_virtual_cameras(find):
    nodes = {
        10: (LOOPBACK, b"animecam", CAN_OUTPUT),
        9: (LOOPBACK, b"both ways", CAN_OUTPUT | CAN_CAPTURE),  # without exclusive_caps
        0: (WEBCAM, b"Desk Cam", CAN_CAPTURE),
        1: errno.ENODEV,
    }
    assert find(nodes) == (
        VirtualCamera("v4l2:///dev/video9", "both ways"),
        VirtualCamera("v4l2:///dev/video10", "animecam"),
    )


def test_one_that_another_program_writes_to_is_told_apart(find):
    (camera,) = find({9: (LOOPBACK, b"animecam", CAN_CAPTURE), 0: (WEBCAM, b"Desk Cam", CAN_CAPTURE)})
    assert camera == VirtualCamera("v4l2:///dev/video9", "animecam", is_busy=True)


@pytest.mark.parametrize("denied", [(), ("/dev/video0",)])
def test_without_one_the_hint_makes_one(find, denied):
    with pytest.raises(SinkError, match="no virtual camera was found") as raised:
        find({0: (WEBCAM, b"Desk Cam", CAN_CAPTURE)}, denied)
    assert MODPROBE in raised.value.hint


class FakePackage:
    """Stands in for pyvirtualcam on Windows, with cameras of these names."""

    def __init__(self, problem="", names=("OBS Virtual Camera",)):
        self.problem, self.names, self.opened, self.sent, self.closed = problem, names, [], {}, 0

    def Camera(self, width, height, fps, device):  # noqa: N802 - the package's name
        name = device or self.names[0]
        if self.problem or name not in self.names:
            raise RuntimeError(self.problem or "'obs' backend: another name\n'unitycapture' backend: not registered")
        self.opened.append(device)
        pictures = self.sent.setdefault(name, [])
        return SimpleNamespace(device=name, send=pictures.append, close=self.close)

    def close(self):
        self.closed += 1


def cameras_of_windows(*names):
    """What FFmpeg lists there."""
    return lambda _: [SimpleNamespace(name=f"@{name}", description=name, media_types=["video"]) for name in names]


def test_elsewhere_what_the_package_opens_is_one_and_is_let_go():
    package = FakePackage()
    assert find_virtual_cameras("win32", package=package) == (VirtualCamera("virtualcam:", "OBS Virtual Camera"),)
    assert package.closed == 1


def test_elsewhere_every_camera_that_the_package_opens_is_listed_by_its_name():
    package = FakePackage(names=("OBS Virtual Camera", "Unity Video Capture #2"))
    ask = cameras_of_windows("Desk Cam", *package.names)
    assert find_virtual_cameras("win32", package=package, enumerate_devices=ask) == (
        VirtualCamera("virtualcam:OBS Virtual Camera", "OBS Virtual Camera"),
        VirtualCamera("virtualcam:Unity Video Capture #2", "Unity Video Capture #2"),
    )
    assert package.closed == 2


def test_elsewhere_with_real_cameras_alone_the_package_says_why_there_is_none():
    package = FakePackage(problem="'obs' backend: not found")
    with pytest.raises(SinkError, match="no virtual camera: 'obs' backend: not found") as raised:
        find_virtual_cameras("win32", package=package, enumerate_devices=cameras_of_windows("Desk Cam"))
    assert "OBS Studio" in raised.value.hint


LIVE = ("--input", "pattern:160x120@30", "--size", "192")


def test_two_cameras_with_names_get_the_same_run_s_pictures(monkeypatch):
    package = FakePackage(names=("OBS Virtual Camera", "Unity Video Capture"))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", package)
    outputs = [word for name in package.names for word in ("--output", f"virtualcam:{name}")]
    assert main([*LIVE, *outputs, "--seconds", "1"]) == 0
    assert (package.opened, package.closed) == (list(package.names), 2)
    first, second = ({picture.tobytes() for picture in package.sent[name]} for name in package.names)
    assert len(first & second) >= 3  # one more than there are placeholders


def test_a_name_that_is_not_there_is_one_line_and_the_hint_tells_those_that_are(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", FakePackage())
    words = [*LIVE, "--output", "virtualcam:Studio"]
    play(monkeypatch, VirtualCamera("virtualcam:OBS Virtual Camera", "OBS Virtual Camera"), FREE)
    assert main(words) == 1
    error, hint = capfd.readouterr().err.splitlines()
    assert error.endswith(
        "no virtual camera Studio: 'obs' backend: another name; 'unitycapture' backend: not registered"
    )
    assert hint == 'hint: animecam devices lists "virtualcam:OBS Virtual Camera", v4l2:///dev/video9'
    play(monkeypatch)
    assert main(words) == 1
    assert capfd.readouterr().err.splitlines()[-1] == "hint: make one"


def test_the_reasons_of_every_kind_of_camera_are_one_line():
    problem = "'obs' backend: not found! Did you install OBS?\n'unitycapture' backend: not registered"
    with pytest.raises(SinkError, match=r"install OBS\?; 'unitycapture' backend: not registered") as raised:
        find_virtual_cameras("win32", package=FakePackage(problem))
    assert "\n" not in raised.value.message
    assert "OBS Studio" in raised.value.hint


FREE = VirtualCamera("v4l2:///dev/video9", "animecam [mine]")
BUSY = VirtualCamera("v4l2:///dev/video8", "other", is_busy=True)


def play(monkeypatch, *cameras):
    def find_some():
        if not cameras:
            raise SinkError("no virtual camera was found", hint="make one")
        return cameras

    monkeypatch.setattr(virtual_cameras, "find_virtual_cameras", find_some)


def test_the_list_of_devices_has_them_with_the_command(monkeypatch, capfd):
    play(monkeypatch, BUSY, FREE)
    assert main(["devices"]) == 0
    told = capfd.readouterr()
    lines = told.out.splitlines()
    start = lines.index("virtual cameras, for meetings (--output URI)")
    assert lines[start + 1 : start + 3] == [
        "  v4l2:///dev/video8  other  (another program writes to it)",
        "  v4l2:///dev/video9  animecam [mine]",
    ]
    assert "animecam --device 0 --output v4l2:///dev/video9 --output window:" in told.err
    play(monkeypatch, VirtualCamera("virtualcam:OBS Virtual Camera", "OBS Virtual Camera"))
    assert main(["devices"]) == 0
    told = capfd.readouterr()
    assert '  "virtualcam:OBS Virtual Camera"  OBS Virtual Camera' in told.out.splitlines()
    assert '--output "virtualcam:OBS Virtual Camera" --output window:' in told.err
    play(monkeypatch)
    assert main(["devices"]) == 0
    assert "no virtual camera was found; make one" in capfd.readouterr().err


def test_the_doctor_tells_whether_there_is_one_and_how_to_get_one(monkeypatch):
    play(monkeypatch, FREE)
    (finding,) = doctor._virtual_cameras()
    assert (finding.state, finding.hint) == (State.WORKS, "")
    assert "--output v4l2:///dev/video9" in finding.detail
    play(monkeypatch)
    (finding,) = doctor._virtual_cameras()
    assert finding.state is State.OPTIONAL
    assert "make one" in finding.hint
    assert "docs/call.md" in finding.hint
