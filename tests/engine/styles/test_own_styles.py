"""The folder of the user's styles: names, what replaces what, styles copied from a folder, and their removal."""

import io
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from animecam.cli import main
from animecam.errors import StyleChoiceError, StyleError, UsageError
from animecam.styles.add import add_style
from animecam.styles.card_parser import read_card
from animecam.styles.own import remove_style
from animecam.styles.probe import probe_network
from animecam.styles.registry import BUNDLED, find_style, verify_style

pytestmark = pytest.mark.usefixtures("user_folder")


@pytest.mark.parametrize("name", ["starter", "Über", "a/b", "..", "-x", ""])
def test_refuses_the_name_of_a_bundled_style_or_no_name(write_toy: Callable[..., Path], tmp_path: Path, name: str):
    path = write_toy()
    if not name:  # nothing of the file's name can stay
        path = path.rename(tmp_path / "!!.onnx")
    with pytest.raises(UsageError) as caught:
        add_style(path, name=name or None, overwrite=True)
    assert "--name" in caught.value.hint


def test_replaces_only_when_asked(write_toy: Callable[..., Path]):
    add_style(write_toy(), name="toy")
    with pytest.raises(StyleError, match="already"):
        add_style(write_toy(layout="NHWC"), name="toy")
    assert find_style("toy").card.contract.input.layout == "NCHW"
    add_style(write_toy(layout="NHWC"), name="toy", overwrite=True)
    assert find_style("toy").card.contract.input.layout == "NHWC"


def test_a_style_that_another_add_made_meanwhile_is_not_replaced(
    write_toy: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    def probe_slowly(*arguments):
        monkeypatch.setattr("animecam.styles.add.probe_network", probe_network)
        add_style(write_toy(layout="NHWC"), name="toy")
        return probe_network(*arguments)

    monkeypatch.setattr("animecam.styles.add.probe_network", probe_slowly)
    with pytest.raises(StyleError, match="there is a style toy already"):
        add_style(write_toy(), name="toy")
    assert find_style("toy").card.contract.input.layout == "NHWC"


def test_what_a_killed_add_left_is_removed_and_what_goes_on_is_not(write_toy: Callable[..., Path], user_folder: Path):
    left_over, going_on = user_folder / ".adding-killed", user_folder / ".adding-now"
    for folder in (left_over, going_on):
        (folder / "toy").mkdir(parents=True)
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(left_over, (two_days_ago, two_days_ago))
    add_style(write_toy(), name="toy")
    assert sorted(path.name for path in user_folder.iterdir()) == [".adding-now", "toy"]


def test_a_failed_replacement_leaves_the_old_style(write_toy: Callable[..., Path], tmp_path: Path):
    add_style(write_toy(), name="toy")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no network")
    with pytest.raises(StyleError):
        add_style(bad, name="toy", overwrite=True)
    verify_style(find_style("toy"))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A style's folder as animecam-export writes it, with all forms of both networks, and a file of the user's own."""
    folder = tmp_path / "exported"
    shutil.copytree(BUNDLED / "cel", folder)
    card = read_card(folder)
    replace(card, name="mine", rights=replace(card.rights, licence="CC0-1.0")).save(folder)
    (folder / "notes.txt").write_text("not a part of it")
    return folder


def test_a_folder_is_copied_with_its_card_and_all_networks(exported: Path, user_folder: Path):
    report = add_style(exported)
    assert report.folder == user_folder / "mine"
    assert any("CC0-1.0" in finding for finding in report.findings)
    style = find_style("mine")
    verify_style(style)
    assert style.card == read_card(exported)
    assert len(list(style.folder.glob("*.onnx"))) == len(list(exported.glob("*.onnx"))) == 6
    assert not (style.folder / "notes.txt").exists()
    assert add_style(exported, name="other").card.name == find_style("other").name == "other"
    with pytest.raises(StyleError, match="already"):
        add_style(exported)
    add_style(exported, overwrite=True)


def test_a_folder_that_is_not_whole_is_refused(exported: Path, user_folder: Path, tmp_path: Path):
    (exported / "lite.onnx").write_bytes((exported / "lite.onnx").read_bytes()[:-1])
    with pytest.raises(StyleError, match=r"lite\.onnx is damaged") as caught:
        add_style(exported)
    assert "as a whole" in caught.value.hint
    (exported / "lite.onnx").unlink()
    with pytest.raises(StyleError, match=r"lite\.onnx cannot be read"):
        add_style(exported)
    with pytest.raises(StyleError, match="no style") as caught:
        add_style(tmp_path)
    assert "animecam-export" in caught.value.hint
    assert not list(user_folder.iterdir())


def test_a_style_is_removed(write_toy: Callable[..., Path], user_folder: Path):
    add_style(write_toy(), name="toy")
    (user_folder / "toy/card.json").write_text("broken")  # it can be got rid of all the same
    assert remove_style("toy") == user_folder / "toy"
    assert not list(user_folder.iterdir())
    with pytest.raises(StyleChoiceError):
        remove_style("toy")


@pytest.mark.parametrize("name", ["cel", "..", "../styles", "", "starterr"])
def test_nothing_else_is_removed(write_toy: Callable[..., Path], user_folder: Path, name: str):
    add_style(write_toy(), name="toy")
    with pytest.raises((UsageError, StyleChoiceError)):
        remove_style(name)
    assert [path.name for path in user_folder.iterdir()] == ["toy"]
    assert (BUNDLED / "cel").is_dir()


def test_the_command_asks_before_it_removes(
    write_toy: Callable[..., Path], user_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    add_style(write_toy(), name="toy")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["styles", "remove", "toy"]) != 0
    assert (user_folder / "toy").is_dir()
    assert main(["styles", "remove", "toy", "--yes"]) == 0
    assert not (user_folder / "toy").exists()
