"""Mistakes in the settings file, and faults that come of it: a line that names the file and the key."""

import pytest

from animecam.cli import main
from animecam.errors import BackendError, FaceError, UsageError
from animecam.settings import Settings

LIVE = ["--input", "pattern:160x120@30"]


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
        ('size = "big"', "size is to be a whole number", "size = 256"),
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
