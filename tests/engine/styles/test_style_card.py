"""The card as JSON, and the styles of a machine."""

import errno
import json
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from animecam.errors import StyleError, UsageError
from animecam.styles.card import (
    CARD_FILE,
    FULL,
    LITE,
    Contract,
    Layout,
    NetworkForm,
    PixelCoding,
    PixelType,
    Rights,
    StyleCard,
    Training,
    Variant,
)
from animecam.styles.card_parser import read_card
from animecam.styles.registry import (
    BUNDLED,
    Style,
    file_sha256,
    find_style,
    list_styles,
    offered_styles,
    user_styles,
    verified_model,
    verify_style,
)

CARD = StyleCard(
    name="ink",
    title="Tusche, 墨",
    description="lines only",
    contract=Contract(
        input=PixelCoding(Layout.NHWC, PixelType.UINT8, 0.0, 255.0),
        multiple_px=32,
        fixed_px=(256, 192),
        max_px=512,
    ),
    rights=Rights("MIT", "somebody", "a workshop", "own drawings", "own"),
    variants=(
        Variant("full", "model.onnx", "0" * 64, 7),
        Variant(
            "lite",
            "lite.onnx",
            "f" * 64,
            cost=0.08,
            training=Training("distilled", 9, "2026-11-26"),
            figures={"squeeze_distance_to_full": 0.1},
        ),
    ),
    training=Training("by hand", 12, "2026-11-21"),
    figures={"identity_cosine": 0.5},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    CARD.save(tmp_path)
    return tmp_path


def edit(folder: Path, key: str, value: Any) -> None:
    """Sets a key by its path, "contract.input.layout" or "variants.0.file"; ... removes it."""
    card = json.loads((folder / CARD_FILE).read_text("utf-8"))
    *parents, last = key.split(".")
    place = card
    for parent in parents:
        place = place[int(parent)] if parent.isdigit() else place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    (folder / CARD_FILE).write_text(json.dumps(card), "utf-8")


@pytest.mark.parametrize("card", [CARD, replace(CARD, training=None, figures={}, contract=Contract())])
def test_a_card_comes_back_as_it_was(tmp_path: Path, card: StyleCard):
    card.save(tmp_path)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", ..., "name is missing"),
        ("name", "../up", "name must be a string like"),
        ("title", 3, "title must be a string"),
        ("extra", 1, "extra is unknown"),
        ("contract", [], "contract must be an object"),
        ("contract.input.layout", "NHCW", "contract.input.layout must be NCHW or NHWC"),
        ("contract.input.layout", ["NCHW"], "contract.input.layout must be NCHW or NHWC"),
        ("contract.output.pixel_type", "int8", "contract.output.pixel_type must be float32 or float16 or uint8"),
        ("contract.output.black", "0", "contract.output.black must be a number"),
        ("contract.output.black", 1.0, "contract.output.white must be another number than black"),
        ("contract.input.white", 1.0, "contract.input.white must be 255, and black 0, where pixels are uint8"),
        ("contract.multiple_px", 0, "contract.multiple_px must be a whole number from 1"),
        ("contract.multiple_px", True, "contract.multiple_px must be a whole number from 1"),
        ("contract.fixed_px", [256], "contract.fixed_px must be null or [height, width]"),
        ("contract.max_px", 1.5, "contract.max_px must be null or a whole number from 1"),
        ("contract.odd", 1, "contract.odd is unknown"),
        ("rights.licence", None, "rights.licence must be a string"),
        ("variants", {}, "variants must be a list"),
        ("variants", [], "variants must be a list of at least one network"),
        ("variants.1.sha256", "abc", "variants[1].sha256 must be a string like"),
        ("variants.0.file", "../model.onnx", "variants[0].file must be the name of a file beside the card"),
        ("variants.1.cost", -0.1, "variants[1].cost must be a number from 0"),
        ("variants.1.training.steps", -1, "variants[1].training.steps must be a whole number from 0"),
        ("variants.1.figures.distance", "near", "variants[1].figures.distance must be a number"),
        ("training.steps", -1, "training.steps must be a whole number from 0"),
        ("figures.psnr", "high", "figures.psnr must be a number"),
        ("schema", 2, "schema 2 is newer than this program"),
    ],
)
def test_a_wrong_key_is_named(folder: Path, key: str, value: Any, message: str):
    edit(folder, key, value)
    with pytest.raises(StyleError) as caught:
        read_card(folder)
    assert message in caught.value.message
    assert str(folder) in caught.value.message
    assert caught.value.hint


def test_a_card_of_before_the_costs_is_read(folder: Path):
    for key in ("cost", "training", "figures"):
        edit(folder, f"variants.1.{key}", ...)
    lite = read_card(folder).variant("lite")
    assert (lite.cost, lite.training, lite.figures) == (0.0, None, {})


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"'])
def test_what_is_no_card_is_refused(folder: Path, content: bytes):
    (folder / CARD_FILE).write_bytes(content)
    with pytest.raises(StyleError, match=r"card\.json"):
        read_card(folder)


def test_a_folder_without_a_card_is_no_style(tmp_path: Path):
    with pytest.raises(StyleError, match="no style"):
        read_card(tmp_path)


def test_networks_are_found_by_quality():
    assert CARD.variant().file == "model.onnx"
    assert CARD.variant("lite").file == "lite.onnx"
    with pytest.raises(StyleError, match="no tiny network") as caught:
        CARD.variant("tiny")
    assert caught.value.hint == "it has: full, lite; or choose auto"


@pytest.fixture
def ink(user_folder: Path) -> Path:
    """A style of the user's."""
    folder = user_folder / "ink"
    folder.mkdir(parents=True)
    variants = []
    for variant in CARD.variants:
        (folder / variant.file).write_bytes(variant.quality.encode() * 100)
        variants.append(replace(variant, sha256=file_sha256(folder / variant.file)))
    replace(CARD, variants=tuple(variants)).save(folder)
    return folder


def test_the_reference_is_offered_to_whoever_chose_it(user_folder: Path):
    names = [style.name for style in offered_styles()]
    assert "cel" in names
    assert "starter" not in names
    assert sorted([*names, "starter"]) == [style.name for style in offered_styles("starter")]
    assert find_style("starter").is_bundled


def test_bundled_styles_are_whole_and_say_their_licence(user_folder: Path):
    styles = list_styles()
    assert "starter" in [style.name for style in styles]
    for style in styles:
        assert style.is_bundled
        assert style.licence
        assert style.description
        assert style.card.training is not None
        assert style.card.training.steps > 0
        assert style.card.figures
        verify_style(style)
        assert max(file.stat().st_size for file in style.folder.iterdir()) < 5e6


@pytest.mark.parametrize("style", [style for style in list_styles() if style.is_bundled], ids=lambda style: style.name)
def test_every_bundled_style_has_a_lite_network_that_is_near_to_its_own_and_quick(style: Style):
    lite = style.card.variant(LITE)
    assert style.card.suited(on_gpu=False) is lite
    assert lite.training is not None
    assert lite.figures["squeeze_distance_to_full"] <= 0.12
    assert 0.0 < lite.cost <= 0.08  # of the reference, when it was exported
    assert style.card.variant(FULL).cost > 2 * lite.cost


def test_the_users_folder_follows_xdg(user_folder: Path):
    assert user_styles() == user_folder


def test_the_users_styles_come_after_the_bundled_ones(ink: Path):
    assert list_styles()[-1].name == "ink"
    style = find_style("ink")
    assert (style.folder, style.is_bundled, style.author) == (ink, False, "somebody")
    assert verified_model(style, "lite") == ink / "lite.onnx"


def test_an_unknown_style_lists_near_names(ink: Path):
    with pytest.raises(StyleError, match="no style 'starer'") as caught:
        find_style("starer")
    assert caught.value.exit_status == UsageError.exit_status
    assert "starter" in caught.value.hint
    assert "ink" not in caught.value.hint


@pytest.mark.usefixtures("user_folder")
@pytest.mark.parametrize("name", ["", "..", "../starter", "__pycache__", "card.py"])
def test_only_styles_are_found(name: str):
    with pytest.raises(StyleError, match="no style"):
        find_style(name)


def test_a_damaged_network_is_refused_with_a_hint(ink: Path):
    (ink / "lite.onnx").write_bytes(b"lite" * 99 + b"lit!")
    with pytest.raises(StyleError, match="is damaged") as caught:
        verify_style(find_style("ink"))
    assert str(ink) in caught.value.hint
    assert verified_model(find_style("ink"))  # the other network is whole


def test_a_missing_network_is_refused(ink: Path):
    (ink / "model.onnx").unlink()
    with pytest.raises(StyleError, match=r"model\.onnx cannot be read"):
        verified_model(find_style("ink"))


@pytest.mark.parametrize("unseen", [f"ink/{CARD_FILE}", ""])
def test_a_folder_that_cannot_be_looked_into_hides_no_other_style(
    ink: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, unseen: str
):
    def refuse(look: Callable[[Path], bool]) -> Callable[[Path], bool]:
        def looked(path: Path) -> bool:
            if path == ink.parent / unseen:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return look(path)

        return looked

    monkeypatch.setattr(Path, "is_file", refuse(Path.is_file))
    monkeypatch.setattr(Path, "is_dir", refuse(Path.is_dir))
    with caplog.at_level(logging.WARNING):
        assert find_style("starter").is_bundled
        assert "ink" not in [style.name for style in list_styles()]
    assert "cannot be searched for styles: Permission denied" in caplog.text


def test_a_broken_card_is_left_out_of_the_list_and_said(ink: Path, caplog: pytest.LogCaptureFixture):
    edit(ink, "title", 3)
    with caplog.at_level(logging.WARNING):
        assert "ink" not in [style.name for style in list_styles()]
    assert "title must be a string" in caplog.text
    find_style("starter")
    with pytest.raises(StyleError, match="title"):
        find_style("ink")


def test_a_copied_folder_must_have_the_name_of_its_card(ink: Path):
    shutil.copytree(ink, ink.with_name("pen"))
    with pytest.raises(StyleError, match="that of a style ink") as caught:
        find_style("pen")
    assert "rename" in caught.value.hint


def test_a_users_style_cannot_hide_a_bundled_one(ink: Path):
    shutil.copytree(ink, ink.with_name("starter"))
    assert find_style("starter").folder == BUNDLED / "starter"
    assert [style.name for style in list_styles()].count("starter") == 1


def test_a_card_names_the_fp16_network(ink: Path):
    half = NetworkForm("model.fp16.onnx", "a" * 64, 82.5)
    variants = tuple(replace(variant, half=half) for variant in read_card(ink).variants)
    replace(read_card(ink), variants=variants).save(ink)
    assert read_card(ink).variant().half == half
    outside = replace(half, file="../model.fp16.onnx")
    replace(read_card(ink), variants=tuple(replace(variant, half=outside) for variant in variants)).save(ink)
    with pytest.raises(StyleError, match=r"half\.file must be the name of a file beside the card"):
        read_card(ink)
