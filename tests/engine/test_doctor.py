"""What the doctor says of machines that lack something; nothing of it stops a run that can do without."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from animecam import doctor
from animecam.backends import opening
from animecam.backends.status import BackendStatus
from animecam.cache import usable_cache
from animecam.cli.doctor import doctor as doctor_command
from animecam.doctor import State
from animecam.errors import BackendError
from animecam.measure.networks import usable_backends
from animecam.styles.registry import BUNDLED

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
UNLISTED = {"cuda", "bench", "dev"}  # a part of others, and what only a checkout needs
LIBRARIES = {"nvidia-cuda-nvrtc"}  # without a module
NAMES = {"PIL": "pillow", "skimage": "scikit-image"}  # of packages, where they are not those of their modules


def packages(requirements):
    """What requirements bring, through the extras that they name, too."""
    found = set()
    for requirement in requirements:
        included = re.match(r"animecam\[(.+)\]", requirement)
        if included:
            found |= packages([each for extra in included[1].split(",") for each in EXTRAS[extra]])
        else:
            found.add(re.match(r"[\w-]+", requirement)[0])
    return found


def extras(monkeypatch, missing):
    monkeypatch.setattr(doctor, "_is_installed", lambda module: module not in missing)
    return {finding.subject.removeprefix("extra "): finding for finding in doctor._extras()}


def test_a_cache_that_cannot_be_written_is_told_and_done_without(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # no folder can be made in a file
    assert usable_cache() is None
    assert "not kept" in caplog.text
    finding = next(finding for finding in doctor.examine() if finding.subject == "cache")
    assert finding.state is State.OPTIONAL
    assert "XDG_CACHE_HOME" in finding.hint


def test_a_cache_is_made_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = usable_cache()
    assert cache is not None
    assert cache.is_dir()
    assert not list(cache.iterdir())


def test_one_damaged_style_does_not_hide_the_others(tmp_path, monkeypatch):
    bundled = tmp_path / "bundled"
    for name in ("cel", "soft", "starter"):
        shutil.copytree(BUNDLED / name, bundled / name)
    (bundled / "cel" / "model.onnx").write_bytes(b"damaged")
    (bundled / "soft" / "card.json").write_text("{")
    monkeypatch.setattr("animecam.styles.registry.BUNDLED", bundled)
    states = {finding.subject: finding.state for finding in doctor.examine()}
    assert states["style cel"] is State.BROKEN
    assert states["style soft"] is State.BROKEN
    assert states["style starter"] is State.WORKS


def test_every_extra_is_looked_for():
    assert set(doctor.EXTRAS) == set(EXTRAS) - UNLISTED


@pytest.mark.parametrize("extra", doctor.EXTRAS)
def test_an_extra_is_known_by_all_that_it_brings(extra):
    modules = {NAMES.get(module, re.sub(r"[._]", "-", module)) for module in doctor.EXTRAS[extra]}
    assert modules == packages(EXTRAS[extra]) - LIBRARIES


def test_torch_alone_is_not_what_training_needs(monkeypatch):
    found = extras(monkeypatch, missing={"scipy", "tensorboard"})
    assert found["export"].state is State.WORKS
    assert found["train"].state is State.OPTIONAL
    assert found["train"].detail == "not installed: scipy, tensorboard"
    assert found["train"].hint == "pip install 'animecam[train]'"


@pytest.mark.parametrize("has_driver", [True, False])
def test_what_needs_an_nvidia_gpu_is_advised_to_those_who_have_one(monkeypatch, has_driver):
    monkeypatch.setattr(doctor, "has_nvidia_driver", lambda: has_driver)
    found = extras(monkeypatch, missing={module for modules in doctor.EXTRAS.values() for module in modules})
    for extra in ("tensorrt-rtx", "tensorrt", "torch", "pycuda"):
        assert found[extra].hint == (f"pip install 'animecam[{extra}]'" if has_driver else "")
    assert ("NVIDIA GPU" in found) is not has_driver


@pytest.mark.parametrize("has_driver", [True, False])
def test_the_runtimes_of_gpus_are_mended_after_the_driver(monkeypatch, has_driver):
    statuses = [
        BackendStatus(name, usable=False, problem="absent", hint="mend it") for name in ("openvino", "tensorrt")
    ]
    monkeypatch.setattr(opening, "probe_backends", lambda gpu: statuses)
    monkeypatch.setattr(doctor, "has_nvidia_driver", lambda: has_driver)
    assert [finding.hint for finding in doctor._backends(0)] == ["mend it", "mend it" if has_driver else ""]


def test_the_gpu_that_was_asked_for_is_looked_at(monkeypatch):
    probed, opened = [], []

    def probe(index):
        probed.append(index)
        raise BackendError("it is too old")

    def open_gpu(index):
        opened.append(index)
        raise BackendError(f"no GPU {index}")

    for choice in opening.GPU_CHOICES:
        monkeypatch.setitem(opening._GPU_PROBES, choice, probe)
    monkeypatch.setattr("animecam.cuda.gpu.open_gpu", open_gpu)
    result = CliRunner().invoke(doctor_command, ["--gpu", "1"], standalone_mode=False)
    assert result.exception is None
    assert (probed, opened) == ([1, 1], [1])
    assert [choice.value for choice in usable_backends(2)] == ["openvino", "onnxruntime"]
    assert probed == [1, 1, 2, 2]


def test_what_few_need_is_advised_where_a_part_of_it_is_there(monkeypatch):
    everything = {module for modules in doctor.EXTRAS.values() for module in modules}
    found = extras(monkeypatch, missing=everything)
    assert not any(found[extra].hint for extra in doctor.FOR_FEW)
    assert found["web"].hint == "pip install 'animecam[web]'"
    found = extras(monkeypatch, missing=everything - {"torchmetrics"})
    assert found["metrics"].hint == "pip install 'animecam[metrics]'"


@pytest.mark.parametrize(("platform", "advised"), [("linux", False), ("win32", True), ("darwin", True)])
def test_the_package_for_virtual_cameras_is_advised_where_it_is_needed(monkeypatch, platform, advised):
    monkeypatch.setattr(doctor.sys, "platform", platform)
    monkeypatch.setattr(doctor, "has_nvidia_driver", lambda: False)
    found = extras(monkeypatch, missing={"pyvirtualcam"})
    assert bool(found["virtualcam"].hint) is advised


def test_whom_an_extra_is_for_is_said_of_extras_that_there_are():
    assert set(doctor.EXTRAS) > doctor.FOR_NVIDIA | doctor.FOR_FEW
    assert not doctor.FOR_NVIDIA & doctor.FOR_FEW


def test_a_part_of_a_package_that_is_missing_is_missing():
    assert not doctor._is_installed("no_such_package.part")
    assert not doctor._is_installed("animecam.no_such_part")
    assert doctor._is_installed("animecam.doctor")


def test_what_needs_cuda_does_not_stop_a_development_install_on_a_mac():
    lines = [line for line in EXTRAS["dev"] if packages([line]) & packages(EXTRAS["tensorrt-rtx"])]
    assert lines
    assert all(line.partition(";")[2].strip() == "sys_platform != 'darwin'" for line in lines)


def test_commands_can_be_copied_however_narrow_the_terminal_is(monkeypatch):
    command = "pip install 'animecam[" + "a-very-long-name-of-an-extra," * 3 + "end]'"
    findings = [doctor.Finding("extra x", State.OPTIONAL, "not installed", command)]
    monkeypatch.setattr(doctor, "examine", lambda gpu: findings)
    result = CliRunner().invoke(doctor_command, env={"COLUMNS": "40"}, standalone_mode=False)
    assert command in [line.strip() for line in result.output.splitlines()]
