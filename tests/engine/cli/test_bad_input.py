"""Whatever goes wrong, the user reads one line with a hint, the exit status says so, and nothing is lost."""

import errno
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from animecam.cli import main
from animecam.cli.conversion import Outcome
from animecam.styles.registry import find_style, user_styles

RUN_TIME_ERROR, USAGE = 1, 2

pytestmark = pytest.mark.usefixtures("own_folders")


def _count_frames(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("device", ["99", "camera:99", "Camera:99"])
def test_no_such_camera(fails, device):
    assert "camera 99 does not exist" in fails("--device", device, "--output", "null:")


def test_camera_busy(fails):
    assert "busy" in fails("--input", "pattern:64x48@30?busy=1", "--output", "null:")


def test_camera_unplugged_in_mid_run_keeps_the_recording(fails, tmp_path):
    out = tmp_path / "out.mp4"
    assert "unplugged" in fails("--input", "pattern:160x120@30?unplug_at=20", "--output", out)
    assert _count_frames(out) > 0
    assert [path.name for path in tmp_path.glob("out*")] == ["out.mp4"]


def test_file_is_missing(fails, tmp_path):
    assert "no.mp4" in fails("convert", tmp_path / "no.mp4", "-o", tmp_path / "out.mp4")


@pytest.mark.parametrize("gpus", [(), ("--gpus", "0,1")])
def test_files_that_are_missing_are_told_before_networks_are_opened(monkeypatch, tmp_path, capsys, gpus):
    monkeypatch.setattr("animecam.drawing.networks.open_networks", None)
    monkeypatch.setattr("animecam.cli.crew.convert_on", None)
    names = [str(tmp_path / name) for name in ("no.mp4", "nor.jpg")]
    assert main(["convert", *names, "-o", str(tmp_path / "out"), *gpus]) == RUN_TIME_ERROR
    told = capsys.readouterr().err
    assert [told.count(f"{name} does not exist") for name in names] == [1, 1]
    assert "2 of 2 could not be converted" in told


@pytest.mark.parametrize(
    ("more", "is_hinted"), [((), True), (("third.png",), False), (("-o", "out"), False), (("--overwrite",), True)]
)
def test_a_missing_file_that_was_meant_as_the_result_is_hinted_at(tmp_path, monkeypatch, capsys, more, is_hinted):
    monkeypatch.setattr("animecam.cli.convert._convert_here", lambda jobs, *_, **__: Outcome(failures=len(jobs)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").touch()
    assert main(["convert", "a.jpg", "b.png", *more]) == RUN_TIME_ERROR
    told = capsys.readouterr().err
    assert "b.png does not exist" in told
    assert ("hint: if that is to be the result: -o b.png" in told) is is_hinted


def test_numbers_of_frames_are_for_outputs(fails, tmp_path):
    assert "numbers are for outputs" in fails("convert", tmp_path / "f%03d.png", "-o", tmp_path / "out.mp4")


ENDLESS = "x" * 300  # longer than a name may be, as hard to look at for root as a folder without rights for others


@pytest.mark.parametrize(
    "words",
    [
        ["--input", f"{ENDLESS}.mp4", "--output", "null:"],
        ["bench", "--source", f"{ENDLESS}.mp4"],
        ["--input", "pattern:64x48@30", "--output", f"{ENDLESS}.mp4"],
        ["--input", "pattern:64x48@30", "--output", f"{ENDLESS}/sub/out.mp4"],
        ["--input", "pattern:64x48@30", "--output", f"{ENDLESS}/%d.png"],
        ["demo", "-o", f"{ENDLESS}/out.mp4"],
        ["bench", "--json", f"{ENDLESS}/figures.json"],
        ["--input", "pattern:64x48@30", "--output", "null:", "--detector", f"yunet:{ENDLESS}.onnx"],
    ],
)
def test_a_place_that_cannot_be_looked_at_is_named(fails, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    message = fails(*words)
    assert ENDLESS in message
    assert "too long" in message


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--input", "pictures", "--fps", "0.0004"], "0.0004 frames per second"),
        (["--input", "pictures", "--fps", "1e10"], "1e+10 frames per second"),
        (["--input", "pattern:64x48@99999999999"], "99999999999 frames per second"),
        (["--input", "pattern:64x48@30", "--threads", "99999999999"], "99999999999 is not in the range"),
    ],
)
def test_a_number_beyond_all_sense_is_refused(fails, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "a.png"), np.zeros((48, 64, 3), np.uint8))
    assert told in fails(*words, "--output", "out.mp4", status=USAGE)
    assert not list(tmp_path.glob("out*"))


def test_a_failure_that_names_no_file_is_no_message(monkeypatch, tmp_path, people):
    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EBADF, "a descriptor of our own")

    monkeypatch.setattr("animecam.cli.convert.plan_conversion", broken)
    with pytest.raises(OSError, match="of our own"):
        main(["convert", str(people), "-o", str(tmp_path / "out.mp4")])


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
def test_8k_is_converted(tmp_path, make_clip, media):
    source = make_clip(tmp_path / "8k.mp4", width_px=7680, height_px=4320, frames=1, content=media.counter)
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
    png = make_clip(tmp_path / "a.apng", codec="apng", pixel_format="rgb24").rename(tmp_path / "a.png")
    assert "a.png is animated" in fails("convert", png, "-o", tmp_path / "out.mp4")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("a.apng", "apng", "rgb24"), ("a.avif", "libsvtav1", "yuv420p"), ("a.webp", "libwebp_anim", "yuv420p")],
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


@pytest.mark.parametrize(
    ("words", "is_told", "is_helped"),
    [
        ((), True, False),  # both detectors looked: there is no other to advise
        (("--detector", "short"), True, True),
        (("--unseen", "draw"), True, False),
        (("--scope", "frame"), False, False),
    ],
)
def test_nobody_in_the_whole_video_is_noted_and_no_fault(capfd, tmp_path, make_clip, words, is_told, is_helped):
    source = make_clip(tmp_path / "sky.mp4", width_px=64, height_px=48, frames=4)
    out = tmp_path / "out.mp4"
    assert main(["convert", str(source), "-o", str(out), *words]) == 0
    message = capfd.readouterr().err
    assert ("no face was found" in message) is is_told
    assert ("(--detector auto finds smaller ones)" in message) is is_helped
    assert "hint:" not in message
    assert _count_frames(out) == 4


@pytest.mark.parametrize(
    ("words", "is_as_filmed"), [((), True), (("--unseen", "draw"), False), (("--unseen", "blur"), False)]
)
def test_a_picture_of_nobody_stays_as_it_is_unless_something_else_is_asked_for(tmp_path, words, is_as_filmed):
    source, out = tmp_path / "sky.png", tmp_path / "out.png"
    before = np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    cv2.imwrite(str(source), before)
    assert main(["convert", str(source), "-o", str(out), *words]) == 0
    assert np.array_equal(cv2.imread(str(out)), before) is is_as_filmed


def test_a_batch_goes_on_after_a_failure(capfd, tmp_path, people):
    broken = tmp_path / "a_broken.mp4"
    broken.write_bytes(b"no video")
    assert main(["convert", str(broken), str(people), "-o", str(tmp_path / "out")]) == RUN_TIME_ERROR
    message = capfd.readouterr().err
    assert message.count(str(broken)) == message.count("a_broken.mp4") == 1
    assert "\n\n" not in message  # where no bar was, there is no gap
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
    assert "1 of 3 show no face and were not drawn" in message


def test_a_picture_is_converted(tmp_path, media):
    source, out = tmp_path / "me.png", tmp_path / "out.png"
    cv2.imwrite(str(source), media.portrait(0, 200, 200)[..., ::-1])
    assert main(["convert", str(source), "-o", str(out)]) == 0
    before, after = cv2.imread(str(source)).astype(int), cv2.imread(str(out)).astype(int)
    assert before.shape == after.shape
    assert np.abs(before - after)[40:117, 58:129].mean() > 3  # the face
    np.testing.assert_array_equal(before[-8:, :8], after[-8:, :8])  # a corner
