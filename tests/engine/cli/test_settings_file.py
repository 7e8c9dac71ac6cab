"""The settings file as the user meets it: defaults of the commands, what is typed wins, and mistakes are told."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from animecam.cli import live, main
from animecam.errors import BackendError
from animecam.files import FILE_SETTINGS
from animecam.settings import Look, Settings, Unseen
from animecam.styles.card import FULL, Contract, Rights, StyleCard, Variant
from animecam.styles.registry import user_styles

LIVE = ["--input", "pattern:160x120@30"]


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    return str(path)


def test_without_a_file_everything_is_as_built_in(asked, settings_file, photo):
    assert main(LIVE) == 0
    assert main(["serve"]) == 0
    main(["convert", photo])
    film = FILE_SETTINGS
    assert [settings for _, settings in asked] == [Settings(), Settings(), film]
    assert not settings_file.parent.exists()


def test_the_file_gives_defaults_and_the_command_line_wins(asked, write, photo):
    write('style = "soft"\neyes = 0.3\nline = 1\nmax-faces = 2\nmirror = true\nsize = 192\nbackend = "onnxruntime"\n')
    assert main(LIVE) == 0
    assert main([*LIVE, "--style", "cel", "--no-mirror", "--eyes", "0"]) == 0
    assert main(["serve", "--size", "256"]) == 0
    main(["convert", photo])
    (_, live_run), (_, typed), (_, page), (_, film) = asked
    look = Look("soft", eyes=0.3, line=1.0, size_px=192, mirror=True)
    kept = Settings(look, max_faces=2, backend="onnxruntime")
    assert live_run == kept
    assert (typed.look.style, typed.look.mirror, typed.look.eyes, typed.look.line) == ("cel", False, 0, 1)
    assert (page.look.style, page.look.size_px, page.max_faces) == ("soft", 256, 2)
    assert (film.look.style, film.look.mirror, film.max_faces) == ("soft", True, 2)


def test_a_table_is_for_one_command_and_wins_over_the_top(asked, write, photo):
    write(
        'strength = 0.5\n[live]\nstrength = 0.6\nresolution = "320x240"\n'
        '[convert]\nstrength = 0.7\nunseen = "blur"\n[serve]\nport = 9000\n'
    )
    assert main(["--device", "0"]) == 0
    assert main(["serve"]) == 0
    main(["convert", photo])
    (options, live_run), (page, served), (_, film) = asked
    assert (live_run.look.strength, served.look.strength, film.look.strength) == (0.6, 0.5, 0.7)
    assert options.resolution_px == (320, 240)
    assert page.port == 9000
    assert film.look.unseen is Unseen.BLUR


def test_frames_without_a_face_stay_as_they_are_in_a_film_whatever_a_live_look_does(asked, write, photo):
    write('unseen = "draw"\nbackground = "green"\n')
    assert main(LIVE) == 0
    main(["convert", photo])
    assert [settings.look.unseen for _, settings in asked] == [Unseen.DRAW, Unseen.KEEP]
    assert [settings.look.background for _, settings in asked] == ["green", "keep"]


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("[live]\nresolution = '640x480'\nfps = 30", LIVE, lambda options, _: (options.resolution_px, options.fps)),
        ("[serve]\nplain = true", ["serve", "--certificate", "x.pem"], lambda options, _: options.plain or None),
        ("[serve]\ncertificate = 'x.pem'\nkey = 'y.pem'", ["serve", "--plain"], lambda o, _: o.certificate or o.key),
        ("[live]\naudio-delay = 80", LIVE, lambda options, _: options.audio_delay_ms),
        ("target-fps = 30", ["serve"], lambda _, settings: settings.target_fps),
    ],
)
def test_what_contradicts_the_command_line_is_left_out(asked, write, text, words, found):
    write(text)
    assert main(words) == 0
    value = found(*asked[0])
    assert value in (None, (None, None))


def test_the_sound_of_a_microphone_that_is_typed_comes_as_late_as_the_file_says(asked, write):
    write("[live]\naudio-delay = 80\n")
    assert main([*LIVE, "--audio"]) == 0
    assert main([*LIVE, "--audio", "--audio-delay", "20"]) == 0
    assert [options.audio_delay_ms for options, _ in asked] == [80, 20]


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A style of the user's that has no lite network."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = user_styles() / "alone"
    folder.mkdir(parents=True)
    only = Variant(FULL, "full.onnx", "0" * 64)
    StyleCard("alone", "Alone", "For tests.", Contract(), Rights("MIT", "", ""), (only,)).save(folder)


@pytest.mark.usefixtures("alone")
def test_a_typed_quality_that_the_style_of_the_file_lacks_names_that(write, photo, tmp_path, capfd):
    path = write('style = "alone"\n')
    assert main(["convert", photo, "-o", str(tmp_path / "out.png"), "--quality", "lite"]) == 2
    shown = capfd.readouterr().err
    assert "style alone has no lite network" in shown
    assert f'{path} sets style = "alone"' in shown


@pytest.mark.usefixtures("alone")
def test_a_quality_that_the_typed_style_lacks_is_left_out(asked, write):
    write('quality = "lite"\n')
    assert main([*LIVE, "--style", "alone"]) == 0
    assert main([*LIVE, "--style", "cel"]) == 0
    assert [settings.quality for _, settings in asked] == ["auto", "lite"]


def test_a_rate_to_hold_is_for_live_sources_only(write, tmp_path, photo, capfd):
    write("target-fps = 30\nmax-fps = 20\nsize = 192\n")
    assert main(["--input", photo, "--output", str(tmp_path / "out.png")]) == 0
    assert (tmp_path / "out.png").exists()
    assert main(["--input", photo, "--output", str(tmp_path / "2.png"), "--max-fps", "20"]) == 2
    assert "max-fps is for live sources" in capfd.readouterr().err


def test_options_before_a_command_are_still_those_that_were_typed(asked, write, photo):
    write('style = "soft"\n')
    main(["convert", photo])
    assert asked[0][1].look.style == "soft"
    assert main(["--style", "cel", "convert", photo]) == 2


def test_a_demo_and_a_benchmark_are_the_same_everywhere(asked, write, monkeypatch):
    write('style = "soft"\n')
    monkeypatch.setattr("animecam.cli.demo.figure_table", lambda *_: "")
    assert main(["demo"]) == 0

    def measure(settings, *_):
        asked.append((None, settings))
        raise BackendError("nothing is measured in this test", hint="none")

    monkeypatch.setattr("animecam.measure.bench.measure", measure)
    main(["bench"])
    assert [settings for _, settings in asked] == [Settings(), Settings()]


def test_help_shows_the_programs_own_defaults(write):
    write('style = "television"\n')
    for words in (["--help"], ["convert", "--help"], ["serve", "--help"]):
        shown = CliRunner().invoke(live.group, words).output
        assert "television" not in shown
        assert "cel" in shown


def _doctors_line(capfd):
    main(["doctor"])
    lines = capfd.readouterr().out.split("settings file", 1)[1]
    return "".join(lines.split()).replace("│", "")


def test_the_doctor_tells_where_the_file_is_and_what_it_sets(write, settings_file, capfd, monkeypatch):
    monkeypatch.setattr("animecam.doctor.examine", lambda gpu: [])
    assert f"absent,notneedednone:{settings_file}" in _doctors_line(capfd)
    write('style = "soft"\n[serve]\nport = 9000\n')
    assert f'works{settings_file}:style="soft";[serve]port=9000' in _doctors_line(capfd)
    for text in ("stile = 1", 'style = "gone"', "= 3"):
        write(text)
        assert main(["doctor"]) == 1
        assert "doesnotwork" in _doctors_line(capfd)


def test_the_program_finds_the_file_by_itself(tmp_path, write, media, make_clip):
    """Nothing is patched here: soft is drawn, and with --style cel something else."""
    write('style = "soft"\nsize = 192\nthreads = 1\n')
    clip = make_clip(tmp_path / "clip.mp4", width_px=160, height_px=160, frames=2, content=media.portrait)
    drawn = {}
    typed = ["--no-config", "--size", "192", "--threads", "1", "--style"]
    runs = {"file": [], "soft": [*typed, "soft"], "cel": [*typed, "cel"], "wins": ["--style", "cel"]}
    for name, words in runs.items():
        command = ["--input", str(clip), "--seconds", "0.01", "--output", str(tmp_path / f"{name}-%d.png"), *words]
        if "--no-config" in words:  # no file is looked for: what to compare with, without a program of its own
            assert main(command) == 0
        else:
            program = [sys.executable, "-m", "animecam", *command]
            done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
        out = min(tmp_path.glob(f"{name}-*.png"))
        drawn[name] = cv2.imread(str(out)).astype(int)
    assert np.abs(drawn["file"] - drawn["soft"]).mean() < 0.1
    assert np.abs(drawn["wins"] - drawn["cel"]).mean() < 0.1
    assert np.abs(drawn["file"] - drawn["cel"]).mean() > 0.5  # the head is a part of the picture
