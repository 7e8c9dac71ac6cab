"""Which settings of the command line reach live sessions, and which uploads."""

import pytest
from click.testing import CliRunner

from animecam.cli.serve import serve as command
from animecam.errors import UsageError
from animecam.files import FILE_SETTINGS, file_settings
from animecam.settings import Unseen


@pytest.fixture
def served(monkeypatch):
    """`served(*arguments)`: the site that the command would serve."""

    def run(*arguments):
        sites = []

        async def serve(_studio, site, *_):
            sites.append(site)

        class Studio:
            summary = ""

            def __init__(self, *_, **__):
                pass

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

        monkeypatch.setattr("animecam.web.server.serve", serve)
        monkeypatch.setattr("animecam.web.studio.Studio", Studio)
        CliRunner().invoke(command, list(arguments), catch_exceptions=False)
        return sites[0]

    return run


@pytest.mark.parametrize(
    ("arguments", "live", "files"),
    [
        ([], 4, FILE_SETTINGS.max_faces),
        (["--max-faces", "4"], 4, 4),
        (["--max-faces", "40"], 40, 40),
    ],
)
def test_uploads_have_the_defaults_of_convert_and_what_is_asked_for_holds_for_both(served, arguments, live, files):
    site = served(*arguments)
    usual = file_settings(site.settings, site.chosen)
    assert (site.settings.max_faces, usual.max_faces) == (live, files)
    assert usual.look.unseen is FILE_SETTINGS.look.unseen
    assert site.limits.faces >= live


def test_what_the_settings_file_says_of_serve_holds_for_uploads(served, settings_file):
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text('unseen = "blur"\n[serve]\nmax-faces = 2\n')
    site = served()
    usual = file_settings(site.settings, site.chosen)
    assert usual.max_faces == 2
    assert (site.settings.look.unseen, usual.look.unseen) == (Unseen.BLUR, FILE_SETTINGS.look.unseen)
    site = served("--unseen", "blur")
    assert file_settings(site.settings, site.chosen).look.unseen is Unseen.BLUR


def test_a_frame_rate_to_hold_is_refused_with_what_to_do_instead():
    refused = CliRunner().invoke(command, ["--target-fps", "30", "--port", "0", "--seconds", "0.1"]).exception
    assert isinstance(refused, UsageError)
    assert "--target-fps" in refused.message
    assert "--size" in refused.hint
    assert "--quality" in refused.hint


def test_only_the_rate_that_can_be_had_is_offered():
    offered = CliRunner().invoke(command, ["--help"]).output
    assert "--max-fps" in offered
    assert "--target-fps" not in offered


def test_the_most_frames_a_second_reach_the_studio(monkeypatch):
    asked = []

    def make_studio(_, *, max_fps):
        asked.append(max_fps)
        raise UsageError("that is all we wanted to know")

    monkeypatch.setattr("animecam.web.studio.Studio", make_studio)
    CliRunner().invoke(command, ["--max-fps", "12"])
    assert asked == [12.0]
