"""Every Python example of the README runs as it stands there, and is short."""

import ast
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam.portrait import load_portrait

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
MOST_LINES = 5


def run_as_a_cell(code, names):
    """Runs code as a notebook does: gives the value of a last line that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "README.md", "exec"), names)
    return eval(compile(ast.Expression(last.value), "README.md", "eval"), names) if last is not None else None


def test_there_is_one_for_each_way():
    words = " ".join(EXAMPLES)
    assert all(name in words for name in ("cv2", "av.open", "PIL.Image", "from animecam import Stylizer"))


@pytest.mark.parametrize("code", EXAMPLES, ids=lambda code: code.split("\n")[0])
def test_an_example_runs_and_is_short(code, tmp_path, monkeypatch, make_clip, media):
    assert len([line for line in code.splitlines() if line.strip()]) <= MOST_LINES
    make_clip(tmp_path / "clip.mp4", width_px=320, height_px=240, frames=4, content=media.portrait)
    portrait = load_portrait()
    cv2.imwrite(str(tmp_path / "me.jpg"), portrait[..., ::-1])
    monkeypatch.chdir(tmp_path)
    names = {"picture": portrait}
    shown = run_as_a_cell(code, names)
    if "PIL.Image" in code:
        drawn = np.asarray(shown)
        names["stylize"].close()
    elif "cv2" in code:
        drawn = cv2.imread("anime.png")
    else:
        drawn = names["drawn"]
    assert drawn.dtype == np.uint8
    assert drawn.shape in (portrait.shape, (240, 320, 3))
    assert drawn.std() > 20
