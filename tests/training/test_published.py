"""Figures of published networks: by their definitions, with the weights that define them and no others."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn

from animecam_training.cli import main
from animecam_training.data.pictures import write_picture
from animecam_training.errors import ConfigError, DataError, MissingNetworkError
from animecam_training.metrics import published
from animecam_training.metrics.choice import parse_network
from animecam_training.metrics.networks import open_published
from animecam_training.metrics.pictures import to_batch
from animecam_training.metrics.published import ALEXNET, INCEPTION, InceptionFigures, InceptionMeter
from animecam_training.perceptual.weights import PublishedFile

RNG = np.random.default_rng(0)


def pictures(count: int, side: int, cells: int) -> list[np.ndarray]:
    """Of so many cells a side, each of a colour of its own."""
    tile = np.ones((side // cells, side // cells, 1), np.uint8)
    return [np.kron(RNG.integers(0, 256, (cells, cells, 3), dtype=np.uint8), tile) for _ in range(count)]


class Colours(nn.Module):
    """Three features that can be reckoned by hand, the mean of each channel of uint8 pictures, 0 … 1; guesses alike."""

    num_features = 3
    loudness = 1

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        means = pictures.double().mean(dim=(2, 3)) / 255
        return means, self.loudness * means


class LoudColours(Colours):
    """The same with guesses that leave no doubt."""

    loudness = 50


def measure_inception(ours: torch.Tensor, theirs: torch.Tensor, network: nn.Module) -> InceptionFigures:
    meter = InceptionMeter(network, pictures=min(len(ours), len(theirs)))
    for part in theirs.split(5):
        meter.add_aim(part)
    for part in ours.split(5):
        meter.add_ours(part)
    return meter.figures()


def test_inception_figures_follow_their_definitions_on_another_network() -> None:
    pytest.importorskip("torchmetrics", reason="needs torchmetrics")
    ours, theirs = to_batch(pictures(12, 32, 1), 32), to_batch(pictures(9, 32, 1), 32)
    found = measure_inception(ours, theirs, Colours())
    x, y = (((t + 1) * 127.5).round().double().mean(dim=(2, 3)).numpy() / 255 for t in (ours, theirs))
    between = linalg.sqrtm(np.cov(x.T) @ np.cov(y.T)).real
    fid = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(np.cov(x.T) + np.cov(y.T) - 2 * between)
    assert found.fid == pytest.approx(fid, rel=1e-3)
    alike = measure_inception(ours[:1].repeat(4, 1, 1, 1), theirs, Colours())
    assert alike.inception_score == pytest.approx(1, abs=1e-5)  # one guess for all: no variety
    assert found.inception_score > 1


def test_inception_figures_repeat_and_a_score_counts_every_picture() -> None:
    """Of ten splits each had too few pictures to score what all do, and KID was of other subsets each time."""
    pytest.importorskip("torchmetrics", reason="needs torchmetrics")
    levels = torch.full((12, 3, 8, 8), -1.0)
    for number in range(12):
        levels[number, number % 3] = 1.0  # red, green, blue
    theirs = to_batch(pictures(70, 8, 8), 8)
    ours = levels.repeat(6, 1, 1, 1)
    found = measure_inception(ours, theirs, LoudColours())
    assert found.inception_score == pytest.approx(3, rel=1e-3)  # as sure as it can be, of three classes
    before = torch.random.get_rng_state()
    assert measure_inception(ours, theirs, LoudColours()) == found
    assert torch.equal(torch.random.get_rng_state(), before)  # and nobody else's numbers are touched


@pytest.mark.parametrize(
    ("network", "module", "figures"),
    [("inception", "torchmetrics.image", "FID, KID, Inception Score"), ("alexnet", "lpips", "LPIPS")],
)
def test_a_published_network_needs_its_library(
    monkeypatch: pytest.MonkeyPatch, network: str, module: str, figures: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingNetworkError, match=f"no {figures}: ") as caught:
        open_published(dict([parse_network(network)]))
    assert caught.value.hint == "pip install 'animecam[metrics]'"


@pytest.mark.parametrize("network", ["inception", "alexnet"])
def test_a_library_of_another_torch_is_named(monkeypatch: pytest.MonkeyPatch, network: str) -> None:
    """torchvision for a GPU beside torch for processors ended in a traceback."""

    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name in {"torchmetrics", "lpips"}:
                raise RuntimeError("operator torchvision::nms does not exist")

    for name in [name for name in sys.modules if name.split(".")[0] in {"torchmetrics", "lpips"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(MissingNetworkError, match="torchvision::nms") as caught:
        open_published(dict([parse_network(network)]))
    assert f"belongs to torch {torch.__version__}" in caught.value.hint


def test_what_is_only_wished_for_is_told_of_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in ("torchmetrics.image", "lpips"):
        monkeypatch.setitem(sys.modules, module, None)
    opened = open_published({"squeezenet1_1": None}, is_wish=True)
    assert opened.inception is opened.alexnet is None
    assert [message.split(":")[0] for message in opened.missing] == ["no FID, KID, Inception Score", "no LPIPS"]
    assert all("the squeeze figures stand in under their own names" in message for message in caplog.messages)
    assert open_published({"squeezenet1_1": None}).missing == ()
    with pytest.raises(MissingNetworkError, match="no LPIPS"):
        open_published({"alexnet": None}, is_wish=True)


def test_figures_of_other_weights_are_not_called_fid(tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({}, other)
    for network, file in (("inception", INCEPTION), ("alexnet", ALEXNET)):
        with pytest.raises(DataError, match=rf"other\.pth has sha256 .*{file.sha256} as {file.name} has") as caught:
            open_published(dict([parse_network(f"{network}={other}")]))
        assert file.url in caught.value.hint
        with pytest.raises(DataError, match=r"cannot read .*absent\.pth"):
            open_published(dict([parse_network(f"{network}={tmp_path / 'absent.pth'}")]))


def test_published_weights_name_their_own_digest() -> None:
    for file in (INCEPTION, ALEXNET):
        assert file.name.endswith(f"-{file.sha256[:8]}.pth")


def test_networks_are_named_with_or_without_a_file() -> None:
    assert parse_network("inception") == ("inception", None)
    assert parse_network("alexnet=a=b.pth") == ("alexnet", Path("a=b.pth"))
    for words, message in {
        "vgg": "no figure is taken on a network 'vgg'",
        "inception=": "names no file",
        "squeezenet1_1=x": "takes no file",
    }.items():
        with pytest.raises(ConfigError, match=message):
            parse_network(words)


def test_a_network_that_cannot_be_had_ends_the_command_before_it_measures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.image", None)
    (tmp_path / "x.png").write_bytes(b"no picture")  # and would be told of, were it read
    measured = ["evaluate", "cel:lite", "--photos", str(tmp_path), "--anime", str(tmp_path)]
    assert main([*measured, "--features", "inception"]) == 1
    assert capsys.readouterr().err.startswith("animecam-train: no FID, KID, Inception Score: ")
    assert main([*measured, "--features", "other"]) == 2
    assert "known: squeezenet1_1, inception, alexnet" in capsys.readouterr().err


def test_the_command_takes_figures_on_local_weights(
    monkeypatch: pytest.MonkeyPatch, portrait: tuple[np.ndarray, object, object], tmp_path: Path
) -> None:
    """The libraries' own networks, of weights that mean nothing, stand for the published ones."""
    for module in ("torchmetrics", "lpips"):
        pytest.importorskip(module, reason="needs the extra metrics", exc_type=Exception)
    files = {"INCEPTION": tmp_path / "i.pth", "ALEXNET": tmp_path / "a.pth"}
    _save_random_weights(files["INCEPTION"], files["ALEXNET"])
    for name, file in files.items():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        monkeypatch.setattr(published, name, PublishedFile("https://example.org/x", digest))
    (tmp_path / "photos").mkdir()
    for name, picture in (("a", portrait[0]), ("b", portrait[0][:, ::-1])):
        write_picture(np.ascontiguousarray(picture), tmp_path / f"photos/{name}.png")
    given = [word for name, file in files.items() for word in ("--features", f"{name.lower()}={file}")]
    places = ["--photos", str(tmp_path / "photos"), "--anime", str(tmp_path / "photos"), "--size", "128"]
    figures = tmp_path / "figures.json"
    assert main(["evaluate", "cel:lite", *places, *given, "--json", str(figures)]) == 0
    by_name = json.loads(figures.read_text())["by_name"]
    assert {"fid", "kid", "inception_score", "lpips_alex_to_photo", "squeeze_kid_ratio"} <= by_name.keys()
    assert by_name["lpips_alex_to_photo"] > 0
    assert by_name["inception_score"] >= 1


def _save_random_weights(inception: Path, alexnet: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torchvision.models import alexnet as new_alexnet

    torch.manual_seed(0)
    torch.save({}, inception)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(inception))
    torch.save(network.state_dict(), inception)
    torch.save(new_alexnet().state_dict(), alexnet)
