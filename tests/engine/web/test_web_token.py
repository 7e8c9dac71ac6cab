"""Which tokens `animecam serve` takes, and from where."""

import pytest
from click.testing import CliRunner

from animecam.cli.serve import serve as command
from animecam.errors import UsageError
from animecam.web.options import ServeOptions


def test_a_token_that_strangers_may_try_is_not_short():
    with pytest.raises(UsageError, match="7 of at least 8 characters") as caught:
        ServeOptions(host="0.0.0.0", token="seven77")
    assert "seven77" not in caught.value.message + caught.value.hint
    assert ServeOptions(host="0.0.0.0", token="eight888").token
    assert ServeOptions(host="localhost", token="a").token  # nobody else gets there


@pytest.mark.parametrize(("words", "token"), [([], "from-the-variable"), (["--token", "typed-here"], "typed-here")])
def test_a_token_comes_from_the_environment_where_none_is_typed(monkeypatch, words, token):
    asked = []
    monkeypatch.setattr("animecam.cli.serve._serve", lambda options, *_, **__: asked.append(options.token))
    done = CliRunner().invoke(command, words, env={"ANIMECAM_TOKEN": "from-the-variable"})
    assert done.exit_code == 0, done.output
    assert asked == [token]


def test_the_variable_is_told_and_what_is_in_it_is_not():
    told = CliRunner().invoke(command, ["--help"], env={"ANIMECAM_TOKEN": "from-the-variable"}).output
    assert "ANIMECAM_TOKEN" in told
    assert "from-the-variable" not in told
