"""Which parts of the product know which: what lies at the bottom knows nothing of what stands on it."""

import ast
from pathlib import Path

import animecam

ROOT = Path(animecam.__file__).parent
BELOW = {  # all that a part may import of the package, besides itself, wherever in its files
    "errors": set(),
    "cache": {"errors"},
    "cuda": {"errors", "cache"},
    "bars": set(),
    "types": {"bars", "cuda"},  # where a frame's pixels may lie
    "affine": {"types"},
    "color": {"types"},
}


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


def test_what_lies_at_the_bottom_knows_nothing_of_what_stands_on_it():
    assert {part: imported(part) - below for part, below in BELOW.items()} == {part: set() for part in BELOW}


def test_the_product_knows_neither_export_nor_training():
    for file in ROOT.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for package in ("animecam_export", "animecam_training"):
            assert f"import {package}" not in text, file
            assert f"from {package}" not in text, file
