"""The command line itself: inert imports, exit statuses, and that the README's lines are understood."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from animecam.cli import main
from animecam.sinks.v4l2 import modprobe_command
from animecam.styles.registry import BUNDLED

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "tensorrt", "onnxruntime", "onnx", "openvino", "cv2", "av", "insightface", "skimage", "aiortc")


def test_importing_the_command_line_loads_nothing_heavy():
    code = f"import sys, animecam.cli; print([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_the_notice_names_the_networks_of_every_style():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    files = {path.name.partition(".")[0] for path in BUNDLED.glob("*/*.onnx")}
    (line,) = re.findall(r"animecam/styles/(.*) \((.*)\)", notice)
    assert {part.partition("*.onnx")[0] for part in line[0].removeprefix("*/").split(" and ")} == files
    assert set(line[1].split(", ")) == {path.parent.name for path in BUNDLED.glob("*/*.onnx")}


CALL = ROOT / "docs" / "call.md"


def test_the_page_on_calls_makes_the_camera_that_the_program_advises():
    text, command = CALL.read_text(encoding="utf-8"), modprobe_command()
    assert command in text.splitlines()
    options = command.partition("v4l2loopback ")[2]
    assert f"echo 'options v4l2loopback {options}' | sudo tee /etc/modprobe.d/" in text


def test_pages_install_extras_from_the_checkout():
    """The package is on no index; the program's own hints are for who has installed it, which pip goes by then."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert not [page.name for page in pages if "pip install 'animecam[" in page.read_text(encoding="utf-8")]


def _readme_lines():
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "README.md", CALL))
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                if words and Path(words[0]).name == "animecam":
                    yield words[1:]


@pytest.mark.parametrize("words", list(_readme_lines()), ids=" ".join)
def test_a_line_of_the_readme_is_understood(words, capfd):
    # Asked for its help, a command still refuses options and commands that it does not know.
    assert main([*words, "--help"]) == 0
    assert "Usage: animecam" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--no-such-option"], 2, "no-such-option"),
        (["frobnicate"], 2, "frobnicate"),
        (["devcies"], 2, "hint: did you mean animecam devices?"),
        (["clip.mp4"], 2, "hint: animecam convert clip.mp4"),
        (["."], 2, "hint: animecam convert ."),
        (["0"], 2, "hint: animecam --device 0"),
        (["rtsp://me:secret@cam/1"], 2, "rtsp://cam/1 is no command\nhint: animecam --input rtsp://cam/1"),
        (["pattern:640x480@30"], 2, "hint: animecam --input pattern:640x480@30"),
        (["--device", "0", "--output", "null"], 2, "hint: with a colon: null:"),
        (["--device", "0", "--size", "100"], 2, "size 100"),
        (["--device", "0", "--scope", "nose"], 2, "nose"),
        (["--device", "0", "--input", "x.mp4"], 2, "two sources"),
        (["--device", "0", "--resolution", "big"], 2, "'big'"),
        (["--device", "0", "--resolution", 5000 * "9" + "x9"], 2, "is no resolution"),
        (["--output", "a.mp4"], 2, "no source"),
        (["--input", ""], 2, "no source"),
        (["--input", "pattern:64x64@30", "--seconds", "0"], 2, "seconds 0"),
        (["--input", "pattern:64x64@30", "--seconds", "nan"], 2, "seconds nan"),
        (["demo", "--seconds", "-1"], 2, "seconds -1"),
        (["serve", "--seconds", "0"], 2, "hint: for example --seconds 10"),
        (["demo", "-o", "https://x/y.mp4"], 2, "cannot write to https://"),
        (["bench", "--seconds", "nan"], 2, "seconds nan"),
        (["--device", "0", "--output", "a.mp4", "--output", "./a.mp4"], 2, "twice"),
        (["--device", "0", "--output", "a.mp4", "--audio-delay", "80"], 2, "hint: add --audio"),
        (["--device", "0", "--output", "a.mp4", "--audio-delay", "0"], 2, "none is heard"),
        (["--device", "0", "--output", "a.mp4", "--audio", "--audio-delay", "2001"], 2, "outside -2000..2000"),
        (["--device", "0", "--output", "a.mp4", "--audio", "--audio-delay", "-2001"], 2, "outside -2000..2000"),
        (["--device", "0", "--output", "a.mp4", "--audio", "--audio-delay", "0.1"], 2, "0.1"),
        (["convert"], 2, "IN"),
        (["--strength", "0.2", "convert", "a.mp4"], 2, "--strength stands before convert"),
        (["convert", "--audio", "a.mp4"], 2, "hint: animecam convert --help"),
        (["convert", "--seconds", "0", "a.mp4"], 2, "seconds 0"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(words, status, says, capfd):
    assert main(words) == status
    message = capfd.readouterr().err
    assert says in message
    assert "Traceback" not in message
    assert message.count("\n") <= 2  # the line and its hint


def test_without_arguments_it_explains_itself(capfd):
    assert main([]) == 0
    assert "animecam --device 0" in capfd.readouterr().out


@pytest.mark.parametrize("command", ["--help", "styles"])
def test_an_output_of_another_encoding_gets_what_it_can_hold(command, tmp_path) -> None:
    folder = tmp_path / "animecam" / "styles" / "ink"
    shutil.copytree(BUNDLED / "cel", folder)
    card = (folder / "card.json").read_text("utf-8")
    changed = card.replace('"name": "cel"', '"name": "ink"').replace(
        '"description": "', '"description": "ink \N{EN DASH} '
    )
    (folder / "card.json").write_text(changed, "utf-8")
    environment = os.environ | {"PYTHONIOENCODING": "latin-1", "XDG_DATA_HOME": str(tmp_path)}
    words = [sys.executable, "-m", "animecam", command]
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert ("rtsp://?" if command == "--help" else "ink ?") in done.stdout.decode("latin-1")


def test_the_list_of_styles_shows_names_in_full(tmp_path, monkeypatch, capfd):
    name = "a-name-as-long-as-they-may-be-0123456789"
    folder = tmp_path / "animecam" / "styles" / name
    shutil.copytree(BUNDLED / "cel", folder)
    card = (folder / "card.json").read_text("utf-8")
    (folder / "card.json").write_text(card.replace('"name": "cel"', f'"name": "{name}"'), "utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["styles"]) == 0
    assert name in capfd.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGPIPE")
@pytest.mark.parametrize("program", ["animecam", "animecam_export.cli", "animecam_training.cli"])
@pytest.mark.parametrize("word", ["--help", "nothing"])
def test_a_reader_that_goes_ends_a_program_without_a_word(program, word):
    assert_ends_quietly(program, word, is_error=word == "nothing")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGPIPE")
def test_a_reader_that_goes_ends_a_table_without_a_word():
    assert_ends_quietly("animecam", "styles", is_error=False)


def assert_ends_quietly(program, word, *, is_error):
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", program, word]
    with os.fdopen(write_end, "wb") as closed:
        said = subprocess.DEVNULL if is_error else subprocess.PIPE
        done = subprocess.run(command, stdout=closed, stderr=closed if is_error else said, timeout=60, check=False)
    assert done.returncode == 141
    assert not done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, a disk that is always full, on this system")
def test_results_that_do_not_fit_on_a_disk_are_one_clear_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "animecam", "styles"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "animecam: cannot write the output: no space is left on the device"
