"""Whatever goes wrong, the user reads one line with a hint, the exit status says so, and nothing is lost."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from animecam.cli import main
from animecam.styles.registry import find_style, user_styles

RUN_TIME_ERROR, USAGE = 1, 2


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """The user's styles are none of the developer's; the cache stays, or every test compiles the networks anew."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def fails(capfd):
    """Runs the command line; checks the status and the form of the message; returns the message."""

    def run(*words: object, status: int = RUN_TIME_ERROR) -> str:
        assert main([str(word) for word in words]) == status
        lines = capfd.readouterr().err.strip().splitlines()
        assert "Traceback" not in "".join(lines)
        assert sum(line.startswith("animecam: ") for line in lines) == 1
        assert lines[-1].startswith("hint: ")
        return "\n".join(lines)

    return run


def _count_frames(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture
def people(tmp_path, make_clip, media) -> Path:
    return make_clip(tmp_path / "people.mp4", width_px=160, height_px=160, frames=4, content=media.portrait, audio=True)


def test_no_such_camera(fails):
    assert "99" in fails("--device", "99", "--output", "null:")


def test_camera_busy(fails):
    assert "busy" in fails("--input", "pattern:64x48@30?busy=1", "--output", "null:")


def test_camera_unplugged_in_mid_run_keeps_the_recording(fails, tmp_path):
    out = tmp_path / "out.mp4"
    assert "unplugged" in fails("--input", "pattern:160x120@30?unplug_at=20", "--output", out)
    assert _count_frames(out) > 0
    assert [path.name for path in tmp_path.glob("out*")] == ["out.mp4"]


def test_file_is_missing(fails, tmp_path):
    assert "no.mp4" in fails("convert", tmp_path / "no.mp4", "-o", tmp_path / "out.mp4")


@pytest.mark.parametrize("content", [b"", b"this is no video, whatever its name says\n" * 20])
def test_file_is_no_video(fails, tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    assert "x.mp4" in fails("convert", path, "-o", tmp_path / "out.mp4")
    assert not list(tmp_path.glob("out*"))


def test_file_is_cut_off_in_its_header(fails, tmp_path, people):
    people.write_bytes(people.read_bytes()[:200])
    assert "people.mp4" in fails("convert", people, "-o", tmp_path / "out.mp4")


def test_file_holds_sound_alone(fails, tmp_path, media):
    path = media.make_audio(tmp_path / "song.mp4")
    assert "song.mp4" in fails("convert", path, "-o", tmp_path / "out.mp4")
    assert not list(tmp_path.glob("out*"))


def test_video_track_without_a_frame(fails, tmp_path, make_clip):
    path = make_clip(tmp_path / "none.mkv", frames=0)
    assert "none.mkv" in fails("convert", path, "-o", tmp_path / "out.mp4")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("size", [(1, 1), (17, 31)])
def test_odd_sizes_are_converted(tmp_path, make_clip, size):
    source = make_clip(tmp_path / "odd.mkv", width_px=size[0], height_px=size[1], frames=3, pixel_format="yuv444p")
    out = tmp_path / "out.mp4"
    assert main(["convert", str(source), "-o", str(out), "--scope", "frame"]) == 0
    assert _count_frames(out) == 3
    with av.open(out) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == tuple(side + side % 2 for side in size)


@pytest.mark.slow
def test_8k_is_converted(tmp_path, make_clip):
    source = make_clip(tmp_path / "8k.mp4", width_px=7680, height_px=4320, frames=1)
    out = tmp_path / "out.mp4"
    assert main(["convert", str(source), "-o", str(out), "--scope", "frame"]) == 0
    assert _count_frames(out) == 1


def test_one_frame_is_converted(tmp_path, make_clip, media):
    source = make_clip(tmp_path / "one.mp4", width_px=160, height_px=160, frames=1, content=media.portrait)
    assert main(["convert", str(source), "-o", str(tmp_path / "out.mp4")]) == 0
    assert _count_frames(tmp_path / "out.mp4") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["convert", "people.mp4", "-o", "out.mp4"],
        ["--input", "pattern:64x48@30", "--output", "null:"],
        ["demo"],
        ["build"],
        ["bench"],
        ["serve", "--port", "0"],
    ],
)
@pytest.mark.usefixtures("people")
def test_unknown_style_names_the_near_ones(fails, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = fails(*words, "--style", "starte", status=USAGE)
    assert "starte" in message
    assert "starter" in message


def test_damaged_style_is_refused(fails, people, tmp_path):
    folder = user_styles() / "mine"
    shutil.copytree(find_style("starter").folder, folder)
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"name": "starter"', '"name": "mine"'))
    for model in folder.glob("*.onnx"):  # whichever of them draws here
        damaged = bytearray(model.read_bytes())
        damaged[len(damaged) // 2] ^= 0xFF
        model.write_bytes(damaged)
    assert "mine" in fails("convert", people, "-o", tmp_path / "out.mp4", "--style", "mine")


def test_an_animated_picture_is_refused_and_not_halved(fails, tmp_path, make_clip):
    webp = make_clip(tmp_path / "a.webp", codec="libwebp_anim")
    assert "a.webp is animated" in fails("convert", webp, "-o", tmp_path / "out.mp4")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"), [("a.apng", "apng", "rgb24"), ("a.avif", "libsvtav1", "yuv420p")]
)
def test_an_animation_is_converted_whole(tmp_path, make_clip, name, codec, pixel_format):
    source = make_clip(tmp_path / name, width_px=64, height_px=64, codec=codec, pixel_format=pixel_format, frames=3)
    out = tmp_path / "out.mp4"
    assert main(["convert", str(source), "-o", str(out), "--scope", "frame"]) == 0
    assert _count_frames(out) == 3


def test_an_avif_photo_becomes_a_picture(tmp_path, make_clip, media):
    source = make_clip(
        tmp_path / "a.avif", width_px=128, height_px=96, codec="libsvtav1", frames=1, content=media.portrait
    )
    assert main(["convert", str(source), "-o", str(tmp_path / "out"), "--scope", "frame"]) == 0
    assert cv2.imread(str(tmp_path / "out" / "a.png")).shape == (96, 128, 3)


@pytest.mark.parametrize("output", ["window:", "null:", "rtmp://host/stream", "v4l2:///dev/video9"])
def test_convert_writes_files_alone(fails, people, tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    assert f"{output} is no file" in fails("convert", people, "-o", output, status=USAGE)
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


def test_nobody_in_the_whole_video_is_told_and_the_output_kept(fails, tmp_path, make_clip):
    source = make_clip(tmp_path / "sky.mp4", width_px=64, height_px=48, frames=4)
    out = tmp_path / "out.mp4"
    assert "no face" in fails("convert", source, "-o", out)
    assert _count_frames(out) == 4
    assert main(["convert", str(source), "-o", str(out), "--scope", "frame", "--overwrite"]) == 0


def test_a_batch_goes_on_after_a_failure(capfd, tmp_path, people):
    broken = tmp_path / "a_broken.mp4"
    broken.write_bytes(b"no video")
    assert main(["convert", str(broken), str(people), "-o", str(tmp_path / "out")]) == RUN_TIME_ERROR
    message = capfd.readouterr().err
    assert "a_broken.mp4" in message
    assert "1 of 2" in message
    assert _count_frames(tmp_path / "out" / "people.mp4") == 4


def test_a_batch_tells_files_without_a_face_apart(capfd, tmp_path, people, make_clip):
    sky = make_clip(tmp_path / "sky.mp4", width_px=64, height_px=48, frames=4)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    words = ["convert", str(sky), str(people), str(broken), "-o", str(tmp_path / "out")]
    assert main(words) == RUN_TIME_ERROR
    message = capfd.readouterr().err
    assert "1 of 3 could not be converted" in message
    assert "1 of 3 show no face and were drawn whole" in message


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


def test_a_picture_is_converted(tmp_path, media):
    source, out = tmp_path / "me.png", tmp_path / "out.png"
    cv2.imwrite(str(source), media.portrait(0, 200, 200)[..., ::-1])
    assert main(["convert", str(source), "-o", str(out)]) == 0
    before, after = cv2.imread(str(source)).astype(int), cv2.imread(str(out)).astype(int)
    assert before.shape == after.shape
    assert np.abs(before - after)[40:117, 58:129].mean() > 3  # the face
    np.testing.assert_array_equal(before[-8:, :8], after[-8:, :8])  # a corner


@pytest.mark.parametrize("option", ["--max-fps", "--target-fps"])
def test_a_rate_is_refused_where_frames_wait(fails, tmp_path, people, option):
    out = tmp_path / "out.mp4"
    assert option in fails("convert", people, "-o", out, option, "10", status=USAGE)
    message = fails("--input", people, "--output", out, option, "10", status=USAGE)
    assert f"{option} is for live sources" in message
    assert "people.mp4" in message
    assert not list(tmp_path.glob("out*"))
