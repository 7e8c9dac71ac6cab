"""Reports: what runs and an evaluation left, in one page."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam_training.cli import main
from animecam_training.data.pictures import read_picture, write_picture
from animecam_training.errors import DataError
from animecam_training.recipe.config import DataConfig, DtganWeights, ModelConfig, Recipe
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.reporting.plots import Curve, plot_curves
from animecam_training.reporting.report import ReportOptions, join_curves, read_run, write_report


def _run(folder: Path, recipe: Recipe, minutes: list[float], terms: dict[str, float]) -> Path:
    (folder / "grids").mkdir(parents=True)
    (folder / "recipe.toml").write_text(recipe_to_toml(recipe))
    lines = [
        {"step": 10 * (i + 1), "minutes": m, "steps_per_second": 1 / 6, "images": 40 * (i + 1), "losses": terms}
        for i, m in enumerate(minutes)
    ]
    (folder / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for step in (10, 20):
        write_picture(np.full((16, 16, 3), step, np.uint8), folder / f"grids/{step:07d}.jpg")
    return folder


@pytest.fixture
def first(tmp_path: Path) -> Path:
    recipe = Recipe(name="ink", steps=30, data=DataConfig(photos="secret/place/pairs", sizes_px=(128, 160)))
    return _run(tmp_path / "first", recipe, [1.0, 2.0, 1.0], {"G/pixel": 0.5})


@pytest.fixture
def second(tmp_path: Path) -> Path:
    recipe = Recipe(
        name="ink",
        method="dtgan",
        steps=200,
        pretrain_steps=5,
        model=ModelConfig("dtgan-lite-double", (8, 16, 24)),
        data=DataConfig("photos", "anime", sizes_px=(128,)),
        dtgan_weights=DtganWeights(colour=0.0, style=(1.0, 2.0, 3.0)),
    )
    return _run(tmp_path / "second", recipe, [1.0, 2.0], {"G/pixel": 0.1, "D/main": 2.0})


def _figures(path: Path) -> Path:
    by_name = {"squeeze_kid_ratio": 0.37123, "identity_cosine_mean": 0.8, "psnr_to_full_db": 28.5}
    table = {"by_name": by_name, "figures": {"pictures": 40}, "size_px": 256, "step": 50, "missing": ["no LPIPS: gone"]}
    path.write_text(json.dumps(table))
    return path


def test_a_grid_that_is_no_picture_is_refused(first: Path, tmp_path: Path) -> None:
    text = tmp_path / "grid.txt"
    text.write_text("no picture")
    with pytest.raises(DataError, match=r"grid\.txt is not a picture"):
        write_report([first], ReportOptions(tmp_path / "docs", None, text, False))
    assert not (tmp_path / "docs").exists()


def test_a_report_tells_what_was_done_and_measured(first: Path, second: Path, tmp_path: Path) -> None:
    out = tmp_path / "docs"
    words = ["report", str(first), str(second), "-o", str(out), "--figures", str(_figures(tmp_path / "f.json"))]
    assert main(words) == 0
    assert sorted(path.name for path in out.iterdir()) == ["ink-curves.png", "ink-grid.jpg", "ink.md"]
    page = (out / "ink.md").read_text()
    for text in (
        "| method | pairs | dtgan |",
        "| network | dtgan-lite | dtgan-lite-double [8, 16, 24] |",
        "| pictures | pairs | photos, anime |",
        "| batch | 4 crops of 128 to 160 px | 4 crops of 128 px |",
        "| steps | 30 of 30 | 20 of 200, 5 of them pre-training |",
        "| time | 3 minutes | 2 minutes |",
        "style 1 / 2 / 3",
        "40 portraits, head crops at 256 px, after 50 steps.",
        "share of the unstyled photos' | 0.371 |",
        "| identity cosine, mean | 0.8 |",
        "| PSNR to the teacher, dB | 28.5 |",
        "Not measured: no LPIPS: gone.",
    ):
        assert text in page, text
    assert "secret" not in page
    assert "Validation" not in page
    assert "colour 0" not in page
    assert int(read_picture(out / "ink-grid.jpg").mean()) == 20  # the last run's last grid
    assert main(words) == 1
    assert main([*words, "--replace"]) == 0


def test_the_page_has_the_name_of_the_style_where_its_recipe_has_another(first: Path, tmp_path: Path) -> None:
    words = ["report", str(first), "-o", str(tmp_path / "docs"), "--name", "my own"]
    assert main(words) == 0
    written = sorted(path.name for path in (tmp_path / "docs").iterdir())
    assert written == ["my own-curves.png", "my own-grid.jpg", "my own.md"]
    page = (tmp_path / "docs/my own.md").read_text()
    assert page.startswith('# Style "my own"')
    assert "(my%20own-grid.jpg)" in page
    assert main([*words[:-1], "../mine"]) == 1
    assert not (tmp_path / "mine.md").exists()


@pytest.mark.parametrize("minutes", [[1.0, 2.0, 1.0], [1.0, 1.0, 1.1]], ids=["one logged twice", "each logged once"])
def test_minutes_of_all_sessions_count(tmp_path: Path, minutes: list[float]) -> None:
    """A session whose only line came later than that of the one before was taken for the same."""
    assert read_run(_run(tmp_path / "run", Recipe(), minutes, {"G/pixel": 0.5})).minutes == pytest.approx(3.0)


def test_curves_follow_one_another_and_know_every_phase(first: Path, second: Path) -> None:
    lines = [json.loads(line) for line in (second / "stats.jsonl").read_text().splitlines()]
    lines[0]["losses"] = {"G/pretrain_main": 7.0}
    (second / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    curves = join_curves([read_run(first), read_run(second)])
    assert curves["G/pixel"] == [Curve(1, [10, 20, 30], [0.5] * 3), Curve(2, [50], [0.1])]
    assert curves["G/pretrain_main"] == [Curve(2, [40], [7.0])]
    assert curves["D/main"] == [Curve(2, [50], [2.0])]


def test_validation_has_its_table_and_its_dot(first: Path, second: Path, tmp_path: Path) -> None:
    """A start that was better than all of the run is no state of it; of two that are equal the first was kept."""
    lines = [json.loads(line) for line in (first / "stats.jsonl").read_text().splitlines()]
    figures = {"val/drawing_l1": [0.1, 0.2, 0.2, 0.3], "val/drawing_l1_eyes_and_mouth": [0.5, 0.7, 0.6, 0.8]}
    lines.insert(0, {"step": 0, "minutes": 0.0, "steps_per_second": 0.0, "images": 0, "losses": {}})
    for i, line in enumerate(lines):
        line["losses"] |= {name: values[i] for name, values in figures.items()}
    (first / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    curves = join_curves([read_run(second), read_run(first)])
    assert list(curves) == ["val/drawing_l1", "val/drawing_l1_eyes_and_mouth", "G/pixel", "D/main"]
    assert curves["val/drawing_l1"] == [Curve(2, [20, 30, 40, 50], [0.1, 0.2, 0.2, 0.3], 30)]
    assert all(curve.best is None for curve in curves["G/pixel"])
    page = write_report([second, first], ReportOptions(tmp_path / "docs")).read_text()
    for text in (
        "| run 2 | step 0 | best, step 10 | last, step 30 |",
        "| L1 to the drawings, 0 … 2 | 0.1000 | 0.2000 | 0.3000 |",
        "| L1 to the drawings, in eyes and mouth | 0.5000 | 0.7000 | 0.8000 |",
    ):
        assert text in page, text
    assert page.count("best, step") == 1


def test_the_best_state_has_a_dot(tmp_path: Path) -> None:
    seen: list[np.ndarray] = []
    for best in (None, 2):
        plot_curves({"a": [Curve(1, [1, 2, 3], [1.0, 2.0, 1.0], best)]}, tmp_path / "c.png")
        seen.append(read_picture(tmp_path / "c.png").astype(int))
    rows, columns = np.nonzero(np.abs(seen[0] - seen[1]).max(axis=2) > 60)
    assert len(rows) > 15
    assert np.ptp(rows) < 12
    assert np.ptp(columns) < 12


def test_curves_are_drawn_where_the_values_are(tmp_path: Path) -> None:
    plot_curves({"a": [Curve(1, [1, 2, 3], [1.0, 1.0, 1.0])], "b": [Curve(2, [1, 2], [1.0, 99.0])]}, tmp_path / "c.png")
    image = cv2.imread(str(tmp_path / "c.png"))
    assert image is not None
    left, middle, right = np.array_split(image.astype(int), 3, axis=1)
    blue = [((part[..., 0] - part[..., 2]) > 60).sum() for part in (left, middle, right)]
    orange = [((part[..., 2] - part[..., 0]) > 60).sum() for part in (left, middle, right)]
    assert blue[0] > 100 > blue[1]
    assert orange[1] > 100 > orange[0]
    assert max(blue[2], orange[2]) < 20


def test_what_cannot_be_reported_is_named(first: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"stats\.jsonl"):
        read_run(tmp_path)
    (first / "stats.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no figures"):
        read_run(first)


@pytest.mark.parametrize(
    ("content", "message"), [("{", "is not JSON"), ("[]", "holds no figures"), (None, "cannot read")]
)
def test_figures_that_are_none_are_named(content: str | None, message: str, first: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message):
        write_report([first], ReportOptions(tmp_path / "docs", figures=path))
    assert not (tmp_path / "docs").exists()
