"""What comes with the program: networks that find faces, recipes and styles by name."""

import json
from pathlib import Path

import pytest

from animecam_training import named
from animecam_training.cli import main
from animecam_training.data.names import list_pairs
from animecam_training.data.pictures import read_picture, write_picture
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder
from animecam_training.recipe.files import load_recipe
from animecam_training.weights import bundled
from animecam_training.weights.bundled import RECIPES, find_network, find_recipe, weights_file

ENGINE = Path(bundled.animecam.__file__).parent


def test_nothing_else_is_needed_to_prepare_and_to_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the four networks two had no source that a user could know of. No file of ../shared is read here."""
    people = tmp_path / "people"
    people.mkdir()
    portrait = read_picture(ENGINE / "assets/astronaut.jpg")
    write_picture(portrait, people / "a.png")
    write_picture(portrait[:, ::-1], people / "b.png")
    prepared = ["prepare", str(people), str(tmp_path / "pairs"), "--recipe", "cel", "--size", "192"]
    assert main([*prepared, "--workers", "1"]) == 0  # which is quicker for two pictures
    assert len(list_pairs(tmp_path / "pairs")) == 2
    figures = tmp_path / "figures.json"
    compared = ["--photos", str(people), "--anime", str(people), "--size", "192", "--json", str(figures)]
    assert main(["evaluate", "cel", *compared, "--pairs", str(tmp_path / "pairs"), "--teacher", "cel:lite"]) == 0
    result = json.loads(figures.read_text())
    assert result["style"] == "cel"
    assert result["figures"]["identity"]["faces"] == 2
    missing = ["--pairs", str(people), "--clip", str(tmp_path / "gone.mp4")]
    assert main(["evaluate", "cel", *compared, *missing]) == 1
    assert "gone.mp4" in capsys.readouterr().err  # told before the pairs are drawn, which takes minutes
    # The person is not one of those it was trained on: what it draws is near to the drawing, and a photo is not.
    drawn = result["by_name"]["drawing_l1"]
    assert main(["evaluate", "starter", *compared, "--pairs", str(tmp_path / "pairs")]) == 0
    assert 0 < drawn < json.loads(figures.read_text())["by_name"]["drawing_l1"]


def test_a_folder_of_other_weights_is_asked_for_all_of_them(tmp_path: Path) -> None:
    assert weights_file(bundled.MESH, None).is_file()
    with pytest.raises(DataError, match=r"short_range\.onnx is missing"):
        FaceFinder(tmp_path)


def test_recipes_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in RECIPES.glob("*.toml"):
        assert find_recipe(Path(path.stem)) == find_recipe(Path(path.name)) == path
    assert load_recipe(find_recipe(Path("anime"))).name == "anime"
    (tmp_path / "cel.toml").write_text('name = "mine"\n')
    assert find_recipe(Path("cel.toml")) == Path("cel.toml")  # what lies here comes first
    (tmp_path / "anime").mkdir()
    assert find_recipe(Path("anime")) == RECIPES / "anime.toml"  # pictures that were prepared for it
    for words in ("gone.toml", "there/cel.toml"):
        assert find_recipe(Path(words)) == Path(words)  # told of as missing, by that name


def test_styles_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert find_network("cel") == ENGINE / "styles/cel"
    assert find_network("cel:lite") == ENGINE / "styles/cel/lite.onnx"
    (tmp_path / "cel").mkdir()
    assert find_network("cel") == ENGINE / "styles/cel"  # the folder holds pictures, or a run
    (tmp_path / "cel/model.onnx").touch()
    assert find_network("cel") == Path("cel")
    assert find_network("runs/anime") == Path("runs/anime")
    assert find_network("nobody") == Path("nobody")
    assert named.teacher(None, "cel") == str(find_network("cel"))  # as in television.toml
    assert (named.teacher(Path("b"), "a"), named.teacher(None, "")) == ("b", "")


def test_who_has_no_lite_network_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "animecam/styles/mine"
    folder.mkdir(parents=True)
    card = json.loads((ENGINE / "styles/cel/card.json").read_text())
    card |= {"name": "mine", "variants": card["variants"][:1]}
    (folder / "card.json").write_text(json.dumps(card))
    assert find_network("mine") == folder
    with pytest.raises(DataError, match="mine"):
        find_network("mine:lite")
