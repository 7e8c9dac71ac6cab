"""What goes into a network is asked of the runtime's builder once: that of tensorrt takes seconds and gigabytes."""

import errno
import json
import threading
import weakref
from pathlib import Path

import pytest

from animecam.backends.base import BackendOptions
from animecam.backends.tensorrt_ import TensorRtBackend
from animecam.cuda.turns import gpu_turn, has_gpu_turn
from animecam.engines import ports as ports_module
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


def test_whatever_uses_the_gpu_is_made_in_a_turn(gpu, runtime, tmp_path: Path, pictures, monkeypatch):
    """Builders that read and those that build, and what runs engines; the fixture looks at every other test, too."""
    made = []
    monkeypatch.setattr(runtime, "_note", lambda what: made.append((what, has_gpu_turn())))
    backend = TensorRtBackend(CEL.model_path(), HALF, BackendOptions(cache_dir=tmp_path, gpu=0))
    backend.run(pictures())
    backend.close()
    assert made == [("builder", True), ("builder", True), ("runtime", True), ("runtime", True)]


def test_a_network_is_read_while_another_one_is_built(runtime, tmp_path: Path, monkeypatch):
    """That may take minutes, and whoever chose a style waits for this one."""
    monkeypatch.setattr(ports_module, "TURN_SECONDS", 0.1)
    may_end, has_turn = threading.Event(), threading.Event()

    def hold() -> None:
        with gpu_turn(lambda: False):
            has_turn.set()
            may_end.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert has_turn.wait(10)
    assert read_ports(runtime.flavour, HALF, tmp_path).ports
    assert holder.is_alive()
    may_end.set()
    holder.join(10)
    assert runtime.beside == ["builder"]
    runtime.beside.clear()
