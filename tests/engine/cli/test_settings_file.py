"""The settings file as the user meets it: defaults of the commands, what is typed wins, and mistakes are told."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from animecam.cli import live, main
from animecam.errors import BackendError, FaceError, UsageError
from animecam.files import FILE_SETTINGS
from animecam.settings import Look, Settings, Unseen
from animecam.styles.card import FULL, Contract, Rights, StyleCard, Variant
from animecam.styles.registry import user_styles

LIVE = ["--input", "pattern:160x120@30"]


@pytest.fixture
def write(settings_file):
    def write(text):
        settings_file.parent.mkdir(parents=True, exist_ok=True)
        settings_file.write_text(text, encoding="utf-8")
        return settings_file

    return write


@pytest.fixture
def asked(monkeypatch):
    """What the three commands were about to do, in place of doing it: options and settings."""
    asked = []

    def convert(jobs, settings, display, options, **_):
        asked.append((options, settings))
        raise BackendError("nothing is converted in this test", hint="none")

    monkeypatch.setattr(
        "animecam.run.session.run_live", lambda options, settings, *_: asked.append((options, settings))
    )
    monkeypatch.setattr("animecam.cli.live.figure_table", lambda *_: "")
    monkeypatch.setattr("animecam.run.limit.slowness", lambda *_: "")
    monkeypatch.setattr("animecam.cli.convert._convert_here", convert)
    monkeypatch.setattr("animecam.cli.serve._serve", lambda options, settings, **_: asked.append((options, settings)))
    return asked


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
    write('unseen = "draw"\n')
    assert main(LIVE) == 0
    main(["convert", photo])
    assert [settings.look.unseen for _, settings in asked] == [Unseen.DRAW, Unseen.KEEP]


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


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("style = ", "is not TOML", "style ="),
        ('stile = "soft"', "stile is no setting", "did you mean style?"),
        ("[serve]\nmax-sessions = 0", "max-sessions 0 is below 1", "leave it out for 4"),
        ("[serve]\nmax-upload = 0", "max-upload 0 is below 1", "leave it out for 200 MiB"),
        ("[serve]\nmax-minutes = nan", "max-minutes nan is not above 0", "leave it out for 120"),
        ('[serve]\nmax-resolution = "0x0"', "max-resolution 0x0 is no picture", "leave it out for 1280x720"),
        ('[live]\nresolution = "0x0"', "size 0x0 is no picture", "for example 1280x720"),
        ("[live]\nfps = 0", "0 frames per second is no rate", "for example 30"),
        ("[live]\naudio-delay = 99999", "audio-delay 99999 is outside", "it is in milliseconds"),
        ("[convert]\nstrenght = 1", "[convert] strenght", "did you mean strength?"),
        ("[convert]\nmax-fps = 3", "[convert] max-fps", ""),
        ("port = 3", "port is for serve alone", "[serve]"),
        ('output = "a.mp4"', "output cannot stand there", "--output"),
        ("[live]\naudio = 'default'", "[live] audio cannot stand there", "--audio"),
        ("[bench]\nsize = 256", "no table [bench]", "[live], [convert], [serve]"),
        ("live = 3", "live is no table", "[live]"),
        ('eyes = "0.3"', "eyes is to be a number", "eyes = 0.5"),
        ("eyes = true", "eyes is to be a number", ""),
        ("max-faces = 2.0", "max-faces is to be a whole number", "max-faces = 2"),
        ("style = 3", "style is to be text", ""),
        ("mirror = 'yes'", "mirror is to be true or false", "true"),
        ("style = {name = 'soft'}", "style is to be text", ""),
        ("eyes = 3", "eyes 3 is outside", ""),
        ("eyes = nan", "eyes nan is outside", ""),
        ("size = 250", "size 250 is no multiple", "248 is the nearest"),
        ("threads = -1", "threads: -1", "threads"),
        ("max-faces = 0", "max-faces 0", ""),
        ("scope = 'nose'", "scope: 'nose'", ""),
        ("[live]\nresolution = 'big'", "[live] 'big' is no resolution", ""),
        ("[serve]\nport = 99999", "[serve] port 99999", ""),
        ("[serve]\ntoken = 'no good one'", "[serve] a token has letters, digits", "leave it out"),
        ("style = 'gone'", "style: there is no style 'gone'", ""),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_key(asked, write, capfd, text, says, hint):
    path = write(text)
    assert main(LIVE) == 2
    told = capfd.readouterr().err.splitlines()
    assert told[0].startswith(f"animecam: {path}")
    assert says in told[0]
    assert len(told) == 2
    assert told[1].startswith("hint: ")
    assert hint in told[1]
    assert not asked
    assert main([*LIVE, "--no-config"]) == 0
    assert asked[0][1] == Settings()


def test_a_style_that_is_gone_does_not_matter_where_another_is_typed(asked, write):
    write('style = "gone"\n')
    assert main([*LIVE, "--style", "soft"]) == 0
    assert asked[0][1].look.style == "soft"


@pytest.mark.parametrize("kind", ["folder", "latin-1"])
def test_a_file_that_cannot_be_read_is_an_error(asked, settings_file, capfd, kind):
    settings_file.parent.mkdir(parents=True)
    if kind == "folder":
        settings_file.mkdir()
    else:
        settings_file.write_bytes('style = "é"'.encode("latin-1"))
    assert main(LIVE) == 2
    assert str(settings_file) in capfd.readouterr().err
    assert not asked


@pytest.mark.parametrize("key", ["certificate", "key"])
def test_a_file_that_is_set_and_gone_is_told(write, capfd, key):
    path = write(f'[serve]\n{key} = "/gone/old.pem"\n')
    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert f'{path} sets {key} = "/gone/old.pem"' in capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (UsageError("eyes are too large"), True),
        (BackendError("no driver"), True),
        (FaceError("there is no YuNet model at no.onnx"), True),
        (UsageError("no camera"), False),
    ],
)
def test_a_later_error_about_what_the_file_sets_says_so(write, monkeypatch, capfd, error, is_told):
    def fail(*_):
        raise type(error)(error.message)  # a new one: the other start's note stays with it

    monkeypatch.setattr("animecam.run.session.run_live", fail)
    path = write('eyes = 0.3\nbackend = "openvino"\ndetector = "yunet:no.onnx"\n')
    assert main(LIVE) == error.exit_status
    told = capfd.readouterr().err
    assert (f"animecam: {path} sets " in told) is is_told
    assert main([*LIVE, "--eyes", "0.3", "--backend", "openvino", "--detector", "yunet:no.onnx"]) == error.exit_status
    assert " sets " not in capfd.readouterr().err


def test_a_secret_is_not_shown(write, capfd):
    write('[serve]\ntoken = "SesamE"\nkey = "key.pem"\n')  # without a certificate
    assert main(["serve"]) == 2
    assert main(["doctor"]) in (0, 1)
    shown = capfd.readouterr()
    assert "token = …" in " ".join(shown.out.split())
    write('[serve]\ntoken = "SesamE, open"\n')
    assert main(["serve"]) == 2
    told = capfd.readouterr().err
    assert "a token has letters" in told
    assert "SesamE" not in shown.out + shown.err + told


@pytest.mark.parametrize("words", [["styles"], ["--help"], ["convert", "--help"], ["--version"], []])
def test_who_does_not_read_the_file_runs_beside_a_broken_one(write, capfd, words):
    write("= broken")
    assert main(words) == 0
    assert "TOML" not in capfd.readouterr().err


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
