"""Which parts of the product know which: none knows what stands on it, so that there are no circles."""

import ast
from pathlib import Path

import animecam

ROOT = Path(animecam.__file__).parent
LAYERS = (  # from the bottom up: a part may import what stands on lines above its own
    {"errors", "bars", "once", "file_address", "file_lock", "shell", "sound", "timing"},
    {"cache", "channel", "pauses"},
    {"cuda"},
    {"types"},  # where a frame's pixels may lie
    {"affine", "color", "named_colors", "portrait"},
    {"backgrounds"},
    {"backends", "engines"},  # one runtime's files and how it runs them: these two may know each other
    {"faces", "settings"},
    {"render", "config", "look_changes", "wording"},
    {"styles", "sources", "command_line"},
    {"sinks"},
    {"drawing"},
    {"run"},
    {"api", "doctor", "files", "measure"},
    {"web"},
    {"cli"},
)
KNOW_EACH_OTHER = {"backends", "engines"}


def imported(part: str) -> set[str]:
    """First names below `animecam` of all that a part imports, itself left out."""
    folder = ROOT / part
    files = list(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    modules: set[str] = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "animecam":
            modules |= {f"animecam.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return {module.split(".")[1] for module in modules if module.startswith("animecam.")} - {part}


def test_every_part_has_its_layer():
    found = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    found |= {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"}
    assert found == set().union(*LAYERS)


def test_no_part_knows_what_stands_beside_or_above_it():
    below: set[str] = set()
    for layer in LAYERS:
        allowed = below | (layer & KNOW_EACH_OTHER)
        assert {part: imported(part) - allowed for part in layer} == {part: set() for part in layer}
        below |= layer


def test_the_bottom_of_a_gpu_knows_little():
    assert imported("cuda") <= {"errors", "cache"}


def test_the_product_knows_neither_export_nor_training():
    for file in ROOT.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for package in ("animecam_export", "animecam_training"):
            assert f"import {package}" not in text, file
            assert f"from {package}" not in text, file
