"""INT8: which nodes become bytes, how near the result is, and what the style's folder holds afterwards."""

import logging
import struct
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import onnx
import pytest
import torch

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.measure.spread import Ratio
from animecam.portrait import load_portrait
from animecam.styles.card import FULL, Contract, Rights, StyleCard, Variant
from animecam.styles.card_parser import read_card
from animecam.styles.network import open_style
from animecam.styles.registry import file_sha256, list_styles
from animecam_export import cli
from animecam_export.errors import ExportError
from animecam_export.head_crops import MADE_SUFFIXES, head_crops, list_photos, sitter
from animecam_export.int8 import Quantised, nodes_left_alone, require_likeness
from animecam_export.int8_style import Int8Options, crop_side, split_photos
from animecam_export.onnx_export import OnnxOptions, export_onnx
from animecam_export.reading import load_model
from animecam_training.data import names
from animecam_training.models.lite import LiteGenerator

NARROW = (8, 12, 16)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export_onnx(LiteGenerator(NARROW).eval(), path, OnnxOptions())
    return path


@pytest.fixture
def style(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's style of that network."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "data" / "animecam" / "styles" / "tiny"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.read_bytes())
    variants = (Variant(FULL, "model.onnx", file_sha256(model)),)
    StyleCard("tiny", "Tiny", "For tests.", Contract(), Rights("MIT", "", ""), variants).save(folder)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """The bundled portrait sixteen times, each in another light, in two folders of eight."""
    portrait = load_portrait()
    for number in range(16):
        folder = tmp_path / "photos" / ("seen" if number % 2 else "unseen")
        folder.mkdir(parents=True, exist_ok=True)
        lit = np.clip(portrait * (0.6 + 0.05 * number), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number}.jpg"), lit[..., ::-1])
    return tmp_path / "photos"


def test_what_normalises_and_what_touches_the_picture_stays_in_float(model: Path):
    graph = onnx.load(model)
    left_alone = set(nodes_left_alone(graph))
    quantised = {node.name for node in graph.graph.node if node.op_type == "Conv"} - left_alone
    assert len(quantised) == 9  # eleven 3x3 convolutions, without the first and the last
    assert not any("/norm/" in name for name in quantised)
    assert not any("stem" in name or "head" in name for name in quantised)


def test_a_network_without_inner_convolutions_is_refused(model: Path):
    graph = onnx.load(model)
    del graph.graph.node[12:]
    with pytest.raises(ExportError, match="no convolution that could be quantised"):
        nodes_left_alone(graph)


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot read"), (b"no network", "is no ONNX file"), (b"", "is no ONNX file")]
)
def test_a_file_that_is_no_network_is_told(content: bytes | None, told: str, tmp_path: Path):
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ExportError, match=told):
        load_model(tmp_path / "model.onnx")


@pytest.mark.parametrize("worst_db", [34.9, float("nan")])
def test_what_would_look_different_is_refused(worst_db: float):
    near = Quantised("openvino", 50.0, 52.0, 8, Ratio(0.5, 0.5, 0.5))
    require_likeness([near], 35.0)
    with pytest.raises(ExportError, match="too far from float32"):
        require_likeness([near, Quantised("onnxruntime", worst_db, 52.0, 8, Ratio(0.5, 0.5, 0.5))], 35.0)


def test_no_photo_is_both_used_and_held_out(photos: Path):
    seen, held_out = split_photos(Int8Options(photos))
    assert len(seen) == 12
    assert len(held_out) == 4
    assert not set(seen) & set(held_out)
    assert split_photos(Int8Options(photos)) == (seen, held_out)  # the same in every run


def test_crops_of_one_photo_stay_on_one_side(tmp_path: Path):
    """Of prepared pairs the targets were taken for photos, and one crop of a person was compared after the other."""
    for number in range(12):
        for ending in ("0.in", "0.out", "0.bare", "0.worn", "1.in", "1.out"):
            (tmp_path / f"person{number}_{ending}.png").write_bytes(b"")
    seen, held_out = split_photos(Int8Options(tmp_path))
    assert len(seen) + len(held_out) == 24
    assert len(held_out) == 6  # of three people in twelve
    assert not {sitter(photo) for photo in seen} & {sitter(photo) for photo in held_out}
    assert list(head_crops(seen, 64)) == []  # empty files are passed over


def test_what_prepare_lays_beside_a_photo_is_no_photo(tmp_path: Path):
    made = {suffix for name, suffix in vars(names).items() if name.endswith("_SUFFIX") and suffix != names.INPUT_SUFFIX}
    assert set(MADE_SUFFIXES) == made
    for suffix in (names.INPUT_SUFFIX, *made):
        (tmp_path / f"a_0{suffix}").touch()
    assert list_photos(tmp_path) == [tmp_path / f"a_0{names.INPUT_SUFFIX}"]


def test_nobody_is_silenced_but_the_quantiser(
    style: Path, photos: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """Pytest listens to its logger with what it listens with to all: tests of warnings failed after those of INT8."""
    pytest.importorskip("nncf", reason="needs the extra int8")
    monkeypatch.setattr(logging.getLogger("nncf"), "handlers", [caplog.handler])
    words = ["int8", str(style), "--photos", str(photos / "seen"), "--held-out", str(photos / "unseen")]
    assert cli.main([*words, "--least-db", "25"]) == 0
    logging.getLogger("animecam").warning("still heard")
    assert "still heard" in caplog.text


def test_the_command_gives_a_style_its_int8_form(style: Path, photos: Path, capsys: pytest.CaptureFixture):
    pytest.importorskip("nncf", reason="needs the extra int8")
    words = ["int8", str(style), "--photos", str(photos / "seen"), "--held-out", str(photos / "unseen")]
    assert cli.main([*words, "--least-db", "25"]) == 0
    shown = capsys.readouterr().out
    assert "openvino" in shown
    assert "8 unseen heads" in shown
    form = read_card(style).variant().int8
    assert form.sha256 == file_sha256(style / form.file)
    assert form.psnr_db > 25
    operators = [node.op_type for node in onnx.load(style / form.file).graph.node]
    assert operators.count("QuantizeLinear") >= 9
    picture = load_portrait()[:192, :192]
    drawn = {}
    for allow_int8, precision in ((True, "int8"), (False, "f32")):
        options = BackendOptions(threads=1, allow_bf16=False, allow_int8=allow_int8)
        with open_style("tiny", BackendChoice.OPENVINO, options, FULL) as net:
            assert net.info.precision == precision
            drawn[precision] = net((picture,))[0].astype(int)
    difference = np.abs(drawn["int8"] - drawn["f32"])
    assert 0 < difference.mean() < 15
    with open_style("tiny", BackendChoice.ONNXRUNTIME, BackendOptions(threads=1), FULL) as net:
        assert net.info.precision == "f32"  # it is slower in INT8


def test_nodes_need_no_names_and_constants_no_initializers(style: Path, photos: Path):
    """As networks of others come: NNCF and the rules go by names."""
    pytest.importorskip("nncf", reason="needs the extra int8")
    network = onnx.load(style / "model.onnx")
    constants = [onnx.helper.make_node("Constant", [], [one.name], value=one) for one in network.graph.initializer]
    nodes = [*constants, *network.graph.node]
    for node in nodes:
        node.name = ""
    del network.graph.node[:], network.graph.initializer[:]
    network.graph.node.extend(nodes)
    onnx.save(network, style / "model.onnx")
    card = read_card(style)
    replace(card, variants=(replace(card.variant(), sha256=file_sha256(style / "model.onnx")),)).save(style)
    words = ["int8", str(style), "--photos", str(photos / "seen"), "--held-out", str(photos / "unseen")]
    assert cli.main([*words, "--least-db", "25"]) == 0
    operators = [node.op_type for node in onnx.load(style / read_card(style).variant().int8.file).graph.node]
    assert operators.count("QuantizeLinear") >= 9


def test_what_cannot_be_quantised_is_told_in_a_line(style: Path, photos: Path, capsys: pytest.CaptureFixture):
    pytest.importorskip("nncf", reason="needs the extra int8")
    network = onnx.load(style / "model.onnx")
    network.graph.node.append(onnx.helper.make_node("Cast", ["drawn"], ["again"], to=onnx.TensorProto.FLOAT))
    network.graph.output[0].name = "again"  # NNCF looks for the node that gives it, and has taken it out
    onnx.save(network, style / "model.onnx")
    card = read_card(style)
    replace(card, variants=(replace(card.variant(), sha256=file_sha256(style / "model.onnx")),)).save(style)
    words = ["int8", str(style), "--photos", str(photos / "seen"), "--held-out", str(photos / "unseen")]
    assert cli.main([*words, "--least-db", "25"]) == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert "NNCF cannot quantise this network" in shown
    assert "hint:" in shown


def test_crops_are_of_a_size_that_the_network_takes():
    assert crop_side(Contract(), 256) == 256
    assert crop_side(Contract(multiple_px=24), 256) == 264
    assert crop_side(Contract(min_px=300), 256) == 304
    assert crop_side(Contract(max_px=130), 256) == 128
    assert crop_side(Contract(fixed_px=(512, 512)), 256) == 512
    with pytest.raises(ExportError, match="takes 320x256 pixels only"):
        crop_side(Contract(fixed_px=(256, 320)), 256)


def test_photos_that_cannot_be_read_are_passed_over(tmp_path: Path):
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "album.jpg").mkdir()
    vast = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    vast[16:24] = struct.pack(">II", 60_000, 60_000)  # the sides, in the first chunk; OpenCV raises for so many pixels
    vast[29:33] = struct.pack(">I", crc32(vast[12:29]))
    (tmp_path / "vast.png").write_bytes(vast)
    assert list(head_crops([tmp_path / name for name in ("gone.jpg", "album.jpg", "vast.png")], 64)) == []


def test_a_style_that_comes_too_far_from_float_stays_as_it_was(
    style: Path, photos: Path, capsys: pytest.CaptureFixture
):
    pytest.importorskip("nncf", reason="needs the extra int8")
    before = (style / "card.json").read_bytes()
    words = ["int8", str(style), "--photos", str(photos / "seen"), "--held-out", str(photos / "unseen")]
    assert cli.main([*words, "--least-db", "150"]) == 1
    assert "too far from float32" in capsys.readouterr().err
    assert (style / "card.json").read_bytes() == before
    assert sorted(path.name for path in style.iterdir()) == ["card.json", "model.onnx"]


def test_a_network_that_a_style_has_not_is_refused(style: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    pytest.importorskip("nncf", reason="needs the extra int8")
    assert cli.main(["int8", str(style), "--photos", str(tmp_path), "--quality", "lite"]) == 1
    told = capsys.readouterr().err
    assert "style tiny has no lite network" in told
    assert "it has: full; without --quality all get one" in told


def test_folders_without_faces_are_refused(style: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    pytest.importorskip("nncf", reason="needs the extra int8")
    (tmp_path / "walls").mkdir()
    assert cli.main(["int8", str(style), "--photos", str(tmp_path / "walls")]) == 1
    assert "no photos are in" in capsys.readouterr().err
    for number in range(4):
        cv2.imwrite(str(tmp_path / "walls" / f"{number}.png"), np.full((128, 128, 3), 90, np.uint8))
    (tmp_path / "walls" / "broken.jpg").write_bytes(b"no picture")
    assert cli.main(["int8", str(style), "--photos", str(tmp_path / "walls")]) == 1
    assert "0 faces were found" in capsys.readouterr().err


def test_the_fourth_that_is_too_small_is_told_of_as_that(style: Path, photos: Path, capsys: pytest.CaptureFixture):
    """Whoever gave enough portraits for the ranges was told that all of them held too few faces."""
    pytest.importorskip("nncf", reason="needs the extra int8")
    assert cli.main(["int8", str(style), "--photos", str(photos)]) == 1
    shown = capsys.readouterr().err
    assert "for the comparison, 8 are wanted" in shown
    assert "--held-out names another one" in shown


def test_a_place_that_cannot_be_looked_at_is_named(style: Path, capsys: pytest.CaptureFixture):
    endless = "x" * 300  # longer than a name may be, as hard to look at for root as a folder without rights for others
    assert cli.main(["int8", str(style), "--photos", endless]) == 1
    shown = capsys.readouterr().err
    assert endless in shown
    assert "hint:" in shown


@pytest.mark.parametrize("crops", ["-1", "0", "7"])
def test_fewer_crops_than_say_anything_are_refused(
    style: Path, photos: Path, capsys: pytest.CaptureFixture, crops: str
):
    assert cli.main(["int8", str(style), "--photos", str(photos), "--crops", crops]) == 2
    shown = capsys.readouterr().err
    assert f"{crops} crops are too few" in shown
    assert "hint:" in shown


def test_missing_nncf_is_said_with_what_to_install(
    style: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setitem(__import__("sys").modules, "nncf", None)
    assert cli.main(["int8", str(style), "--photos", str(photos)]) == 1
    assert "pip install 'animecam[int8]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cel", "starter"])
def test_the_bundled_int8_networks_are_near_to_float_on_a_head(name: str):
    style = next(style for style in list_styles() if style.name == name)
    assert style.card.variant().int8.psnr_db >= 35
    picture = load_portrait()[:256, 100:356]
    drawn = []
    for allow_int8 in (True, False):
        options = BackendOptions(allow_bf16=False, allow_int8=allow_int8)
        with open_style(name, BackendChoice.OPENVINO, options, style.card.variants[-1].quality) as net:
            drawn.append(net((picture,))[0].astype(float))
    error = np.mean((drawn[0] - drawn[1]) ** 2)
    assert 10 * np.log10(255**2 / error) > 40
