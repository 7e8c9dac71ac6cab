"""A further network of a style: it is the one that was trained, its card says what it costs, and nothing is lost."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.errors import BackendError, StyleError
from animecam.portrait import load_portrait
from animecam.styles.card import FULL, LITE, NetworkForm, Rights, Training
from animecam.styles.card_parser import read_card
from animecam.styles.network import open_style
from animecam.styles.registry import file_sha256, find_style, user_styles, verify_style
from animecam_export import cli
from animecam_export.checkpoints import TrainedGenerator
from animecam_export.errors import ExportError
from animecam_export.half_export import add_half
from animecam_export.onnx_export import OnnxOptions
from animecam_export.parity import psnr_db
from animecam_export.style_export import StyleText, export_style
from animecam_export.variant_export import VariantText, add_variant
from animecam_training.models.lite import LiteGenerator
from animecam_training.recipe.config import ModelConfig, Recipe
from animecam_training.run.checkpoint import Checkpoint, save_checkpoint

WIDE, NARROW = (24, 32, 48), (8, 12, 16)
BRIEFLY_S = 0.0  # three rounds are timed in any case


pytestmark = pytest.mark.usefixtures("one_torch_thread")


def generator(widths: tuple[int, int, int], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return LiteGenerator(widths).eval()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, one_torch_thread: None) -> Path:
    """A style with one network and its fp16 form."""
    folder = tmp_path_factory.mktemp("made") / "ink"
    text = StyleText("ink", "Ink", "For tests.", Rights("MIT", "", ""), figures={"identity_cosine_mean": 0.5})
    export_style(TrainedGenerator(generator(WIDE, 1), "ink (pairs)", 7), folder, text, OnnxOptions())
    add_half(folder)
    return folder


@pytest.fixture
def style(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That as a user's style, which a test may change."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Path(shutil.copytree(made, user_styles() / "ink"))


@pytest.fixture(scope="module")
def made_with_lite(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a lite network beside it."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("lite") / "ink"))
    add_variant(TrainedGenerator(generator(NARROW, 2)), folder, VariantText(LITE), cost_s=BRIEFLY_S)
    return folder


@pytest.fixture
def both(made_with_lite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That as a user's style, which a test may change."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Path(shutil.copytree(made_with_lite, user_styles() / "ink"))


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """What a run of `animecam-train` leaves."""
    recipe = Recipe(name="ink", method="distill", model=ModelConfig("dtgan-lite", NARROW))
    save_checkpoint(Checkpoint(recipe, 9, generator(NARROW, 2).state_dict(), {}), tmp_path / "last.pt")
    return tmp_path / "last.pt"


def test_the_command_gives_a_style_a_lite_network(
    style: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("animecam_export.variant_export.COST_SECONDS", BRIEFLY_S)
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps({"by_name": {"squeeze_distance_to_full": 0.25, "psnr_to_full_db": 30.0}}), "utf-8")
    words = ["variant", str(student), "-o", str(style), "--figures", str(figures), "--fp16"]
    assert cli.main([*words, "--figure", "psnr_to_full_db=31"]) == 0
    shown = capsys.readouterr().out
    assert "lite.onnx" in shown
    assert "lite.fp16.onnx" in shown
    assert "removed" not in shown
    card = read_card(style)
    full, lite = card.variants
    assert (full.quality, lite.quality) == (FULL, LITE)
    assert lite.training == Training("ink (distill)", 9, lite.training.date)
    assert lite.figures == {"squeeze_distance_to_full": 0.25, "psnr_to_full_db": 31.0}
    assert card.figures == {"identity_cosine_mean": 0.5}
    assert full.half is not None
    assert lite.half is not None
    verify_style(find_style("ink"))


def test_the_card_says_what_each_network_costs(style: Path):
    card, *_ = add_variant(TrainedGenerator(generator(NARROW, 2)), style, VariantText(LITE), cost_s=2.0)
    full, lite = card.variants
    assert 0.0 < lite.cost < full.cost < 1.0  # a third of the weights and an eighth of the reference's


@pytest.mark.usefixtures("both")
def test_each_quality_draws_with_its_own_network():
    networks = {FULL: generator(WIDE, 1), LITE: generator(NARROW, 2)}
    picture = np.ascontiguousarray(load_portrait()[::8, ::8])  # all of it, which is well lit: its corner is not
    batch = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)
    for quality, network in networks.items():
        with torch.inference_mode():
            wanted = ((network(batch)[0].numpy().transpose(1, 2, 0) + 1) * 127.5).round()
        with open_style("ink", BackendChoice.ONNXRUNTIME, BackendOptions(threads=1), quality) as net:
            (drawn,) = net((picture,))
        assert psnr_db(wanted, drawn.astype(np.float32), peak=255.0) > 45


def test_an_older_network_of_that_quality_makes_room_with_its_forms(both: Path):
    card = read_card(both)
    (both / "lite.int8.onnx").write_bytes(b"of the old one")
    form = NetworkForm("lite.int8.onnx", "0" * 64, 40.0)
    variants = tuple(replace(one, int8=form) if one.quality == LITE else one for one in card.variants)
    card = replace(card, variants=variants)
    card.save(both)
    before = card.variant(LITE).sha256
    card, _, removed = add_variant(TrainedGenerator(generator(NARROW, 3)), both, VariantText(LITE), cost_s=BRIEFLY_S)
    assert [variant.quality for variant in card.variants] == [FULL, LITE]
    assert card.variant(LITE).sha256 != before
    assert card.variant(LITE).int8 is None
    assert removed == ["lite.int8.onnx"]
    assert sorted(path.name for path in both.iterdir()) == ["card.json", "lite.onnx", "model.fp16.onnx", "model.onnx"]
    verify_style(find_style("ink"))


def test_the_command_says_which_forms_went_with_the_older_network(
    both: Path, student: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("animecam_export.variant_export.COST_SECONDS", BRIEFLY_S)
    add_half(both, quality=LITE)
    assert cli.main(["variant", str(student), "-o", str(both)]) == 0
    assert "removed, as they were of the older network: lite.fp16.onnx" in capsys.readouterr().out
    assert not (both / "lite.fp16.onnx").exists()


def test_a_style_that_is_written_anew_keeps_no_network_of_the_older(
    style: Path, student: Path, capsys: pytest.CaptureFixture[str]
):
    add_variant(TrainedGenerator(generator(NARROW, 2)), style, VariantText(LITE), cost_s=BRIEFLY_S)
    (style / "notes.txt").write_text("of its maker")
    assert cli.main(["onnx", str(student), "-o", str(style)]) == 0
    assert "removed, as they were of the older network: model.fp16.onnx, lite.onnx" in capsys.readouterr().out
    assert sorted(path.name for path in style.iterdir()) == ["card.json", "model.onnx", "notes.txt"]
    verify_style(find_style("ink"))
    assert cli.main(["onnx", str(student), "-o", str(style)]) == 0
    assert "removed" not in capsys.readouterr().out
    (style / "card.json").write_text("damaged")
    (style / "lite.onnx").write_bytes(b"whatever it is of")
    assert cli.main(["onnx", str(student), "-o", str(style)]) == 0
    assert (style / "lite.onnx").exists()


def test_what_the_runtimes_refuse_leaves_the_style_as_it_was(style: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise ExportError("something else")

    monkeypatch.setattr("animecam_export.variant_export.prove", refuse)
    before = {path.name: path.read_bytes() for path in style.iterdir()}
    with pytest.raises(ExportError, match="something else"):
        add_variant(TrainedGenerator(generator(NARROW, 2)), style, VariantText(LITE), cost_s=BRIEFLY_S)
    assert {path.name: path.read_bytes() for path in style.iterdir()} == before


def test_a_quality_whose_file_is_another_networks_is_refused(style: Path):
    before = {path.name: path.read_bytes() for path in style.iterdir()}
    with pytest.raises(ExportError, match=r"model\.onnx is the full network"):
        add_variant(TrainedGenerator(generator(NARROW, 2)), style, VariantText("model"), cost_s=BRIEFLY_S)
    assert {path.name: path.read_bytes() for path in style.iterdir()} == before


def test_a_full_disk_leaves_the_style_as_it_was(both: Path, monkeypatch: pytest.MonkeyPatch):
    before = {path.name: path.read_bytes() for path in both.iterdir()}

    def refuse(path: Path, text: str, **_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", refuse)  # of the card, which is written last
    with pytest.raises(ExportError, match="No space left"):
        add_variant(TrainedGenerator(generator(NARROW, 3)), both, VariantText(LITE), cost_s=BRIEFLY_S)
    assert {path.name: path.read_bytes() for path in both.iterdir()} == before


@pytest.mark.parametrize("content", [None, b"no network"])
def test_a_style_that_is_damaged_is_told_before_anything_is_timed(style: Path, content: bytes | None):
    (style / "model.fp16.onnx").unlink()
    if content is not None:
        (style / "model.fp16.onnx").write_bytes(content)
    with pytest.raises(StyleError, match=r"model\.fp16\.onnx"):
        add_variant(TrainedGenerator(generator(NARROW, 2)), style, VariantText(LITE), cost_s=BRIEFLY_S)


def test_a_network_that_openvino_refuses_is_an_error(style: Path):
    (style / "model.onnx").write_bytes(b"no network")
    card = read_card(style)
    damaged = replace(card.variant(FULL), sha256=file_sha256(style / "model.onnx"))
    replace(card, variants=(damaged,)).save(style)
    with pytest.raises(BackendError, match="openvino"):
        add_variant(TrainedGenerator(generator(NARROW, 2)), style, VariantText(LITE), cost_s=BRIEFLY_S)


def test_the_full_network_is_no_variant(style: Path, student: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["variant", str(student), "-o", str(style), "--quality", FULL]) == 1
    assert "animecam-export onnx" in capsys.readouterr().err


def test_a_folder_that_is_no_style_is_refused(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["variant", str(student), "-o", str(tmp_path)]) == 1
    assert "no style" in capsys.readouterr().err
