"""A look is kept in the settings file, and what else stands there stays."""

import os
import stat
import tomllib
from pathlib import Path

import pytest

from animecam.config import keep_look
from animecam.errors import ConfigError
from animecam.settings import Look, Palette, Scope, Unseen

MORE = {"unseen": Unseen.BLUR, "scope": Scope.PERSON, "palette": Palette.MANGA, "background": "#0a0"}
LOOK = Look("snow", strength=0.8, eyes=0.25, line=0.75, hair_tint="pink", **MORE)
KEPT = {
    "style": "snow",
    "strength": 0.8,
    "eyes": 0.25,
    "line": 0.75,
    "hair-tint": "pink",
    "unseen": "blur",
    "scope": "person",
    "palette": "manga",
    "background": "#00aa00",
}
LINES = (
    'style = "snow"\nstrength = 0.8\neyes = 0.25\nline = 0.75\nhair-tint = "pink"\nunseen = "blur"\nscope = "person"\n'
    'palette = "manga"\nbackground = "#00aa00"\n'
)


@pytest.fixture
def kept(settings_file):
    """Keeps the look beside what stands in the file; returns what stands there then."""

    def keep(text, look=LOOK):
        settings_file.parent.mkdir(parents=True, exist_ok=True)
        settings_file.write_bytes(text.encode())
        keep_look(look)
        return settings_file.read_bytes().decode()

    return keep


def test_a_file_is_made_where_there_is_none(settings_file):
    keep_look(LOOK)
    assert settings_file.read_text() == LINES
    keep_look(Look())
    text = settings_file.read_text()
    assert tomllib.loads(text)["hair-tint"] == "none"
    assert len(text.splitlines()) == len(KEPT)
    assert [path.name for path in settings_file.parent.iterdir()] == ["config.toml"]


def test_a_background_that_is_a_picture_is_kept_as_its_path(settings_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keep_look(Look(background="picture"), Path("room.jpg"))
    assert tomllib.loads(settings_file.read_text())["background"] == str(tmp_path / "room.jpg")
    keep_look(Look(background="blur"), Path("room.jpg"))
    assert tomllib.loads(settings_file.read_text())["background"] == "blur"


def test_a_picture_whose_path_no_text_holds_is_not_kept(settings_file):
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text("eyes = 0.5\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        keep_look(Look(background="picture"), Path("/r\udce9um.png"))
    assert settings_file.read_text() == "eyes = 0.5\n"
    assert [path.name for path in settings_file.parent.iterdir()] == ["config.toml"]


def test_only_the_lines_of_the_look_are_changed(kept):
    before = """# mine
  style="cel" # the usual one
'strength'  =  1
"eyes" = 0
#line = 0.5
backend = "openvino"   # eyes = 9

# for meetings
[live]
mirror = true

[convert]
style = "soft" # films
"""
    assert (
        kept(before)
        == """# mine
  style="snow" # the usual one
'strength'  =  0.8
"eyes" = 0.25
#line = 0.5
backend = "openvino"   # eyes = 9
line = 0.75
hair-tint = "pink"
unseen = "blur"
scope = "person"
palette = "manga"
background = "#00aa00"

# for meetings
[live]
mirror = true

[convert]
style = "soft" # films
"""
    )


def test_what_the_live_table_sets_is_changed_there(kept):
    text = kept('style = "cel"\n[live]\nstyle = "soft"\n[serve]\nstyle = "ink"\n')
    found = tomllib.loads(text)
    assert (found["style"], found["live"], found["serve"]) == ("cel", {"style": "snow"}, {"style": "ink"})
    assert found["strength"] == 0.8


@pytest.mark.parametrize("text", ["size = 192", "size = 192\n", "", "\n", "# nothing", "\ufeffsize = 192\n"])
def test_lines_are_added_at_the_end_where_there_is_no_table(kept, text):
    after = kept(text)
    assert after.endswith(LINES)
    assert tomllib.loads(after) == KEPT | ({"size": 192} if "size" in text else {})


def test_ends_of_lines_stay_those_of_windows(kept):
    after = kept('style = "cel"\r\nsize = 192\r\n[live]\r\nmirror = true\r\n')
    assert after.count("\n") == after.count("\r\n")
    assert tomllib.loads(after) == KEPT | {"size": 192, "live": {"mirror": True}}


@pytest.mark.parametrize(
    "text",
    [
        "style = ",
        'live = { style = "soft" }\n',
        'style = """\nsoft"""\n',
        'live.style = "soft"\n',
        '[serve]\ntoken = """\n[live]\nstyle = "x"\n"""\n[live]\nstyle = "y"\n',
    ],
)
def test_what_cannot_be_changed_by_lines_stays_as_it_is(kept, settings_file, text):
    with pytest.raises(ConfigError, match=r"config\.toml"):
        kept(text)
    assert settings_file.read_bytes().decode() == text
    assert len(list(settings_file.parent.iterdir())) == 1


def test_nothing_is_lost_where_writing_fails(kept, settings_file, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ConfigError, match="No space left"):
        kept('style = "cel"\n')
    assert settings_file.read_text() == 'style = "cel"\n'
    assert len(list(settings_file.parent.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_told(settings_file):
    settings_file.parent.parent.write_bytes(b"")  # a file is in its place
    with pytest.raises(ConfigError, match=r"config\.toml cannot be"):
        keep_look(LOOK)


def test_a_file_that_is_read_only_stays_so(kept, settings_file, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # who is root may write to all
    with pytest.raises(ConfigError, match="it is read-only"):
        kept("size = 192\n")
    assert settings_file.read_text() == "size = 192\n"


def test_a_link_stays_a_link_and_its_file_keeps_its_rights(settings_file, tmp_path):
    own = tmp_path / "dotfiles.toml"
    own.write_text("size = 192\n")
    own.chmod(0o640)
    settings_file.parent.mkdir(parents=True)
    settings_file.symlink_to(own)
    keep_look(LOOK)
    assert settings_file.is_symlink()
    assert Path(settings_file).resolve() == own
    assert own.read_text() == "size = 192\n" + LINES
    assert stat.S_IMODE(own.stat().st_mode) == 0o640
