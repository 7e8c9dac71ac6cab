"""Feature networks: weights found, fetched and checked; features that agree with an independent reading."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from animecam_training.errors import ConfigError, DataError
from animecam_training.perceptual.base import shift_together
from animecam_training.perceptual.registry import open_features
from animecam_training.perceptual.squeezenet import LAYER_INDEX, MEAN_FEATURE, SqueezeNet
from animecam_training.perceptual.vgg import PUBLISHED, Vgg19
from animecam_training.perceptual.weights import PublishedFile, fetch_weights


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def fire(x: torch.Tensor, state: dict[str, torch.Tensor], index: int) -> torch.Tensor:
    name = f"features.{index}."
    s = F.relu(F.conv2d(x, state[name + "squeeze.weight"], state[name + "squeeze.bias"]))
    one = F.conv2d(s, state[name + "expand1x1.weight"], state[name + "expand1x1.bias"])
    three = F.conv2d(s, state[name + "expand3x3.weight"], state[name + "expand3x3.bias"], padding=1)
    return F.relu(torch.cat([one, three], 1))


def test_squeezenet_reads_the_published_weights(shared: Path) -> None:
    path = shared / "weights/perceptual/squeezenet1_1_caffe_torchvision_layout.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    picture = torch.rand(1, 3, 64, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x = (picture + 1) * 127.5 - torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)
    x = F.relu(F.conv2d(x, state["features.0.weight"], state["features.0.bias"], stride=2))
    expected = {"conv1": x}
    x = fire(fire(F.max_pool2d(x, 3, 2, ceil_mode=True), state, 3), state, 4)
    expected["fire3"] = x
    x = fire(fire(F.max_pool2d(x, 3, 2, ceil_mode=True), state, 6), state, 7)
    expected["fire5"] = x
    for weights, tolerance in ((path, 1e-5), (None, 5e-3)):  # the bundled copy is rounded to fp16
        network = open_features(
            "squeezenet1_1", weights=weights, content_layer="fire5", style_layers=("conv1", "fire3")
        )
        maps = network(picture)
        assert list(maps) == ["conv1", "fire3", "fire5"]
        assert len(list(network.parameters())) == 2 + 4 * 6  # cut off after fire5
        for name, value in maps.items():
            error = (value * MEAN_FEATURE[name] - expected[name]).abs().max() / expected[name].abs().max()
            assert error < tolerance, name


def test_bundled_features_are_frozen_scaled_and_differentiable() -> None:
    network = SqueezeNet(content_layer="fire9", style_layers=tuple(LAYER_INDEX)[:-1]).train()
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    picture = torch.rand(2, 3, 64, 64, requires_grad=True)
    maps = network(picture)
    assert tuple(maps["fire9"].shape) == (2, 512, 3, 3)
    sum(m.mean() for m in maps.values()).backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0


def vgg_state() -> dict[str, torch.Tensor]:
    """Random weights in torchvision's layout of VGG19 up to conv2_2."""
    torch.manual_seed(0)
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
    state = {f"features.{i}.weight": torch.randn(o, c, 3, 3) / 20 for i, (o, c) in shapes.items()}
    state |= {f"features.{i}.bias": torch.randn(o) for i, (o, _) in shapes.items()}
    return state | {"classifier.6.bias": torch.zeros(1000)}


def test_vgg_features_are_before_the_relu(tmp_path: Path) -> None:
    path = tmp_path / "vgg.pth"
    state = vgg_state()
    torch.save(state, path)
    network = open_features("vgg19", weights=path, content_layer="conv2_2", style_layers=("conv1_2",))
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    x = ((picture + 1) / 2 - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)

    def conv(x: torch.Tensor, i: int) -> torch.Tensor:
        return F.conv2d(x, state[f"features.{i}.weight"], state[f"features.{i}.bias"], padding=1)

    first = conv(F.relu(conv(x, 0)), 2)
    second = conv(F.relu(conv(F.max_pool2d(F.relu(first), 2), 5)), 7)
    maps = network(picture)
    torch.testing.assert_close(maps["conv1_2"], first)
    torch.testing.assert_close(maps["conv2_2"], second)
    assert maps["conv2_2"].min() < 0


def test_vgg_default_layers_are_the_methods(tmp_path: Path) -> None:
    path = tmp_path / "vgg.pth"
    torch.save(vgg_state(), path)
    with pytest.raises(DataError, match=r"features\.10\.weight"):
        Vgg19(path)  # conv3_3 and conv4_4 are wanted, the file ends before them


def test_weights_are_fetched_once_and_checked(
    served: tuple[Path, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, address = served
    caplog.set_level("INFO")
    torch.save(vgg_state(), folder / "vgg.pth")
    digest = hashlib.sha256((folder / "vgg.pth").read_bytes()).hexdigest()
    cache = tmp_path / "cache"
    path = fetch_weights(PublishedFile(f"{address}/vgg.pth", digest[:8]), cache)
    assert path == cache / "vgg.pth"
    assert "fetching" in caplog.messages[0]
    assert "MB" in caplog.messages[0]
    assert caplog.messages[-1] == "100 %"
    assert Vgg19(path, content_layer="conv2_2", style_layers=()).layers == ("conv2_2",)
    (folder / "vgg.pth").unlink()
    assert fetch_weights(PublishedFile(f"{address}/vgg.pth", digest), cache) == path
    with pytest.raises(DataError, match="404"):
        fetch_weights(PublishedFile(f"{address}/other.pth", digest), cache)
    (folder / "bad.pth").write_bytes(b"not the file")
    with pytest.raises(DataError, match="sha256"):
        fetch_weights(PublishedFile(f"{address}/bad.pth", digest), cache)
    assert [p.name for p in cache.iterdir()] == ["vgg.pth"]


def test_published_vgg_names_its_own_digest() -> None:
    assert PUBLISHED.name == f"vgg19-{PUBLISHED.sha256}.pth"


def test_bad_weights_and_names_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="alexnet"):
        open_features("alexnet")
    with pytest.raises(ConfigError, match="fire4"):
        open_features("squeezenet1_1", style_layers=("fire4",))
    with pytest.raises(DataError, match="no weights at"):
        open_features("squeezenet1_1", weights=tmp_path / "absent.pth")
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"\x80\x02garbage")
    with pytest.raises(DataError, match="damaged"):
        open_features("squeezenet1_1", weights=damaged)


def test_shift_takes_the_same_window_of_both() -> None:
    ramp = torch.arange(16 * 16.0).view(1, 1, 16, 16)
    seen: set[float] = set()
    for seed in range(60):
        a, b = shift_together((ramp, -ramp), limit_px=2, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(a, -b)
        assert a.shape[2:] == (14, 14)
        seen.add(float(a[0, 0, 0, 0]))
    assert seen == {16.0 * dy + dx for dy in range(3) for dx in range(3)}
