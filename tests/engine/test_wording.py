"""Messages name settings as Python does; the terminal names their options."""

import logging
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

import animecam
from animecam.cli.console import set_up_logging
from animecam.cli.convert import convert
from animecam.cli.live import group
from animecam.command_line import _options, run_command_line, show_error
from animecam.errors import NEED_LESS_MEMORY, ON_PROCESSOR, AnimecamError
from animecam.settings import Look, Settings
from animecam.wording import FIELDS, in_options, option_name

PACKAGE = Path(animecam.__file__).parent
OPTION = re.compile(rf"--(?:{'|'.join(map(option_name, FIELDS))})(?![\w-])")
TYPED = {"cli", "web", "measure", "doctor.py", "limit.py", "live_options.py", "own.py", "torch_compiled.py"}
"""Folders and files whose messages only those get who typed a command."""


@pytest.mark.parametrize(
    ("said", "typed"),
    [
        ("use `size_px`", "use --size"),
        ("`max_faces=9` draws all", "--max-faces 9 draws all"),
        ('use `backend="openvino"` or `backend="torch"`', "use --backend openvino or --backend torch"),
        ("replace it with `overwrite=True`", "replace it with --overwrite"),
        ("`head_edge='soft'`", "--edge soft"),
        ("`still_faces`", "`still_faces`"),
        ("a file `clip.mp4`, a size, size_px", "a file `clip.mp4`, a size, size_px"),
    ],
)
def test_fields_become_options(said, typed):
    assert in_options(said) == typed


def test_only_fields_that_have_an_option_become_one():
    options = {word for command in (group, convert) for parameter in command.params for word in parameter.opts}
    named = {field.name: in_options(f"`{field.name}`") for kind in (Look, Settings) for field in fields(kind)}
    for name, told in named.items():
        assert told in {*options, f"`{name}`"}
    without = {name for name, told in named.items() if told == f"`{name}`"}
    assert without == {"look", "split", "shows_boxes", "still_faces"}


@click.group()
@click.option("--gpu")
def lesser(gpu):
    pass


@lesser.command()
@click.option("--size")
def build(size):
    raise AnimecamError(size, hint=f"{NEED_LESS_MEMORY}; {ON_PROCESSOR}; `gpu`")


def test_a_program_names_options_of_its_own_and_says_whose_the_others_are(capfd):
    """animecam-export, which shows errors of the same parts, advised its users to add --backend to its commands."""
    assert run_command_line(lesser, "lesser", ["build", "--size", "`backend`"]) == 1
    error, hint = capfd.readouterr().err.splitlines()
    assert error == "lesser: animecam --backend"
    assert "(animecam --max-faces), a smaller size (--size)" in hint
    assert "use animecam --backend openvino or animecam --backend onnxruntime; --gpu" in hint


def test_animecam_has_all_options_itself():
    assert in_options("".join(f"`{field}`" for field in FIELDS), _options(group)).count("animecam") == 0


def test_errors_at_the_terminal_name_options(capfd):
    show_error("`gpu=7` is none", NEED_LESS_MEMORY)
    show_error("too old", ON_PROCESSOR)
    told = capfd.readouterr().err
    assert "--gpu 7 is none" in told
    assert "(--max-faces), a smaller size (--size)" in told
    assert "use --backend openvino or --backend onnxruntime" in told


def test_what_is_logged_at_the_terminal_names_options(capfd):
    log = logging.getLogger("animecam")
    handlers, level = log.handlers, log.level
    try:
        set_up_logging(verbose=False)
        log.warning("2 more faces: `max_faces=%d` draws all", 6)
    finally:
        log.handlers = handlers
        log.setLevel(level)
    assert "--max-faces 6 draws all" in capfd.readouterr().err


def test_no_message_that_a_script_gets_names_an_option():
    found: list[str] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if not (TYPED | {"wording.py"}).intersection(path.relative_to(PACKAGE).parts):
            found += [f"{path.name}: {line.strip()}" for line in path.read_text().splitlines() if OPTION.search(line)]
    assert not found
