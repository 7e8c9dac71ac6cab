"""An output that cannot be written as asked is refused in one line before anything is lost."""

import hashlib
import os
import subprocess

import av
import numpy as np
import pytest

from animecam.cli import main
from animecam.cli.options import OutputPath

USAGE = 2

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.mark.parametrize("output", ["window:", "null:", "rtmp://host/stream", "v4l2:///dev/video9"])
def test_convert_writes_files_alone(fails, people, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    assert f"{output} is no file" in fails("convert", people, "-o", output, status=USAGE)
    assert [path.name for path in tmp_path.iterdir()] == ["people.mp4"]


@pytest.mark.parametrize("output", ["rtmp://me:secret@host/live/secret", "https://me:secret@host/a.mp4"])
def test_an_address_for_a_file_is_told_without_its_secrets(fails, people, output):
    told = fails("convert", people, "-o", output, status=USAGE)
    assert "secret" not in told
    assert ("hint: known are window:" in told) is not output.startswith("rtmp")  # nobody writes to the others at all


def test_standard_output_is_no_folder(fails, people, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "standard output" in fails("convert", people, "-o", "-", status=USAGE)
    assert [path.name for path in tmp_path.iterdir()] == ["people.mp4"]


def test_output_folder_is_missing(fails, people, tmp_path):
    assert "nowhere" in fails("convert", people, "-o", tmp_path / "nowhere" / "out.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_is_read_only(fails, people, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    assert "closed" in fails("convert", people, "-o", folder / "out.mp4")


def test_output_is_the_input(fails, people, tmp_path):
    digest = hashlib.sha256(people.read_bytes()).digest()
    (tmp_path / "link.mp4").symlink_to(people)
    for target in (people, tmp_path / "link.mp4"):
        fails("convert", people, "-o", target, "--overwrite", status=USAGE)
    assert hashlib.sha256(people.read_bytes()).digest() == digest


def test_disk_is_full(fails, tmp_path, make_clip, media):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        noise = np.random.default_rng(1).integers(0, 256, (8, 240, 320, 3), np.uint8)
        source = make_clip(
            tmp_path / "noise.mp4", width_px=320, height_px=240, frames=8, content=lambda i, *_: noise[i]
        )
        message = fails("convert", source, "-o", disk / "out.mp4", "--scope", "frame", "--strength", "0")
        assert "full" in message
        assert not (disk / "out.mp4").exists()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_output_without_a_name_is_refused(fails, people):
    assert "no name" in fails("convert", people, "-o", "", status=USAGE)


def test_an_encoder_that_there_is_not_is_refused_before_any_file(fails, people, tmp_path):
    out = tmp_path / "out"
    assert "no encoder libx999" in fails("convert", people, "-o", out, "--codec", "libx999", status=USAGE)
    assert not out.exists()


@pytest.mark.parametrize(
    ("codec", "crf", "words"),
    [
        ("mpeg4", 20, "mpeg4 has no constant quality"),
        ("libx265", 60, "crf 60 is outside 0..51, the range of libx265"),
        ("libx264", 60, "crf 60 is outside 0..51, the range of libx264"),
        ("auto", 60, "the range of libx264"),
    ],
)
def test_a_quality_that_the_encoder_does_not_know_is_refused_before_any_file(
    fails, people, tmp_path, codec, crf, words
):
    out = tmp_path / "out.mp4"
    assert words in fails("convert", people, "-o", out, "--codec", codec, "--crf", crf, status=USAGE)
    assert not list(tmp_path.glob("out*"))


def test_encoder_and_quality_can_be_chosen(tmp_path, people, capfd):
    sizes = {}
    for codec, crf in (("libx265", 18), ("libx265", 40)):
        out = tmp_path / f"{crf}.mp4"
        assert (
            main(["convert", str(people), "-o", str(out), "--strength", "0", "--codec", codec, "--crf", str(crf)]) == 0
        )
        with av.open(str(out)) as container:
            assert container.streams.video[0].codec_context.name == "hevc"
        sizes[crf] = out.stat().st_size
    assert sizes[40] < sizes[18]
    assert "x265" not in capfd.readouterr().err  # it writes to the terminal by itself


@pytest.mark.parametrize("option", ["--max-fps", "--target-fps"])
def test_a_rate_is_refused_where_frames_wait(fails, tmp_path, people, option):
    out = tmp_path / "out.mp4"
    assert option in fails("convert", people, "-o", out, option, "10", status=USAGE)
    message = fails("--input", people, "--output", out, option, "10", status=USAGE)
    assert f"{option.removeprefix('--')} is for live sources" in message
    assert "people.mp4" in message
    assert not list(tmp_path.glob("out*"))


def test_the_address_of_a_file_is_its_path(asked, tmp_path):
    """As a file manager copies it; inputs were read by it, and no output was written."""
    address, path = f"file://{tmp_path}/my%20film.mp4", f"{tmp_path}/my film.mp4"
    assert main(["--input", "pattern:64x48@30", "--output", "null:", "--output", address]) == 0
    assert asked[0][0].outputs == ("null:", path)
    assert OutputPath().convert(address, None, None) == path
