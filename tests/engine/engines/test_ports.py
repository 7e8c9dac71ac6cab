"""What goes into a network is asked of the runtime's builder once: that of tensorrt takes seconds and gigabytes."""

import errno
import json
import weakref
from pathlib import Path

import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.tensorrt_ import TensorRtBackend
from animecam.engines.ports import PORTS_SUFFIX, read_ports
from animecam.styles.registry import find_style, verified_half

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

CEL = find_style("cel")
HALF = verified_half(CEL)


@pytest.fixture
def builders(runtime, monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref]:
    """Every builder that was started."""
    started: list[weakref.ref] = []

    def start(logger):
        builder = runtime.real.Builder(logger)
        started.append(weakref.ref(builder))
        return builder

    monkeypatch.setattr(runtime, "Builder", start, raising=False)
    return started


def test_a_builder_lives_while_there_is_to_build_and_a_later_start_needs_none(
    gpu, runtime, builders, tmp_path: Path, pictures
):
    def opened() -> TensorRtBackend:
        return TensorRtBackend(CEL.model_path(), HALF, BackendOptions(cache_dir=tmp_path, gpu=0))

    first = opened()
    first.run(pictures())  # builds
    assert len(builders) == 2
    assert [builder() is None for builder in builders] == [
        False,
        True,
    ]  # the first one keeps the second from being slow
    first.close()
    assert builders[0]() is None
    builders.clear()
    gpu.is_closed = False
    again = opened()
    again.run(pictures())
    assert (again.input, again.outputs, again.max_batch) == (first.input, first.outputs, first.max_batch)
    assert not builders
    again.close()


def test_a_note_is_good_for_one_network_and_one_version(runtime, builders, tmp_path: Path):
    ports = read_ports(runtime.flavour, HALF, tmp_path).ports
    (note,) = tmp_path.glob(f"*{PORTS_SUFFIX}")
    written = note.read_text()
    for key in ("onnx_sha256", "runtime", "version"):
        other = json.loads(written)
        other["reader"][key] = "another"
        other["ports"][0]["name"] = "of another"
        note.write_text(json.dumps(other))
        assert read_ports(runtime.flavour, HALF, tmp_path).ports == ports
        assert note.read_text() == written
    assert len(builders) == 4


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"reader": {}}', "ports"])
def test_a_damaged_note_is_written_anew(runtime, builders, tmp_path: Path, damage: str):
    ports = read_ports(runtime.flavour, HALF, tmp_path).ports
    (note,) = tmp_path.glob(f"*{PORTS_SUFFIX}")
    written = note.read_text()
    note.write_text(json.dumps(json.loads(written) | {"ports": []}) if damage == "ports" else damage)
    assert read_ports(runtime.flavour, HALF, tmp_path).ports == ports
    assert note.read_text() == written
    assert len(builders) == 2


def test_a_full_disk_costs_the_note_only(runtime, builders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("animecam.engines.ports.write_whole", refuse)
        ports = read_ports(runtime.flavour, HALF, tmp_path).ports
    assert not list(tmp_path.iterdir())
    assert read_ports(runtime.flavour, HALF, tmp_path).ports == ports
