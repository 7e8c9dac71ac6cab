"""The command: it trains, resumes, measures, and fails in one line with a hint."""

import json
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import av
import numpy as np
import pytest

from animecam.styles.registry import BUNDLED
from animecam_training.cli import main
from animecam_training.data.pictures import read_picture, write_picture
from animecam_training.recipe.config import DataConfig, ModelConfig, Recipe
from animecam_training.recipe.files import recipe_to_toml
from animecam_training.run import folder as run_folder
from animecam_training.run.checkpoint import load_checkpoint


def write_clip(path: Path, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    for i in range(2):
        picture = np.random.default_rng(i).integers(0, 255, (72, 72, 3), dtype=np.uint8)
        write_picture(picture, pairs / f"{i}.in.png")
        write_picture(255 - picture, pairs / f"{i}.out.png")
    made = Recipe(
        steps=2,
        save_every=1,
        model=ModelConfig(widths=(8, 8, 8)),
        data=DataConfig(photos="elsewhere", batch=1, sizes_px=(64,)),
    )
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_to_toml(made))
    return path


def test_run_ends_on_time_and_resumes(recipe: Path, tmp_path: Path) -> None:
    run = ["run", str(recipe), "--out", str(tmp_path / "run"), "--photos", str(tmp_path / "pairs"), "--threads", "1"]
    assert main([*run, "--minutes", "0"]) == 0
    assert load_checkpoint(tmp_path / "run/last.pt").step == 1
    assert main([*run, "--resume"]) == 0
    assert load_checkpoint(tmp_path / "run/last.pt").step == 2


def test_a_run_keeps_its_changes(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stand in the run's recipe.toml, and a run that goes on must be given them again."""
    monkeypatch.setenv("COLUMNS", "200")
    run = ["run", str(recipe), "--out", str(tmp_path / "run"), "--set", f"data.photos={tmp_path / 'pairs'}"]
    rate = ["--set", "optim.learning_rate=1e-5"]
    assert main([*run, *rate, "--set", "steps=3", "--minutes", "0"]) == 0
    kept = tomllib.loads((tmp_path / "run/recipe.toml").read_text())
    assert kept["steps"] == 3
    assert kept["optim"]["learning_rate"] == 1e-5
    assert main([*run, "--set", "steps=3", "--resume"]) == 1
    assert "optim.learning_rate: 1e-05 -> " in capsys.readouterr().err
    assert main([*run, *rate, "--set", "steps=3", "--resume"]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is held there")
@pytest.mark.parametrize("words", [[], ["--resume"]])
def test_a_second_run_in_the_folder_is_refused_while_one_goes_on(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Both wrote into stats.jsonl and last.pt in turn, and both ended well."""
    run = ["run", str(recipe), "--out", str(tmp_path / "run"), "--photos", str(tmp_path / "pairs"), "--threads", "1"]
    second = [sys.executable, "-m", "animecam_training.cli", *run, *words]
    write = run_folder.RunFolder.log
    others: list[subprocess.CompletedProcess[str]] = []

    def log(folder: run_folder.RunFolder, figures: run_folder.StepFigures) -> None:
        if not others and (not words or (tmp_path / "run/last.pt").exists()):
            others.append(subprocess.run(second, capture_output=True, text=True, timeout=120, check=False))
        write(folder, figures)

    monkeypatch.setattr(run_folder.RunFolder, "log", log)
    assert main([*run, "--minutes", "0"]) == 0
    assert main([*run, "--resume"]) == 0
    assert others
    assert others[0].returncode == 1
    assert "is being trained into by another run" in others[0].stderr
    assert len(run_folder.read_stats(tmp_path / "run/stats.jsonl")) == 2


def test_a_run_that_cannot_begin_leaves_no_folder(recipe: Path, tmp_path: Path) -> None:
    run = ["run", str(recipe), "--out", str(tmp_path / "run"), "--photos", str(tmp_path / "pairs")]
    for words in (["--from", str(tmp_path / "absent.pt")], ["--set", f"data.samples={tmp_path / 'absent'}"]):
        assert main([*run, *words]) == 1
        assert not (tmp_path / "run").exists()


def test_a_name_that_no_file_can_have_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name = 300 * "x"
    assert main(["prepare", name, str(tmp_path / "out"), "--kind", "style"]) == 1
    message = capsys.readouterr().err
    assert f"animecam-train: {name}: File name too long" in message
    assert "hint: check its name" in message


def test_wrong_words_point_to_the_help_of_their_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--foo"]) == 2
    assert "hint: animecam-train run --help" in capsys.readouterr().err


def test_errors_are_one_line_and_a_hint(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(recipe), "--out", str(tmp_path / "run")]) == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert "animecam-train: no folder elsewhere" in shown
    assert "hint:" in shown
    recipe.write_text("stepz = 1")
    assert main(["run", str(recipe), "--out", str(tmp_path / "run")]) == 2
    assert "unknown key stepz" in " ".join(capsys.readouterr().err.split())


def test_names_that_are_mistyped_are_answered_with_those_there_are(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, photos = ["--out", str(tmp_path / "run")], ["--photos", str(tmp_path / "pairs")]
    assert main(["run", "fivty", *out]) == 2
    assert "comes with the program: anime, calm, cel, colours, fifty," in " ".join(capsys.readouterr().err.split())
    for words in (
        ["run", str(recipe), *out, *photos, "--from", "sell"],
        ["run", str(recipe), *out, *photos, "--set", "method=distill", "--teacher", "sell"],
        ["evaluate", "sell", *photos, "--anime", str(tmp_path)],
    ):
        assert main(words) == 1
        shown = " ".join(capsys.readouterr().err.split())
        assert "cannot read" in shown
        assert "a style as animecam styles lists it" in shown


def test_usage_is_status_two_and_an_interruption_130(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "a"]) == 2
    assert "FOLDER" in capsys.readouterr().err
    assert main(["prepare", "a", "b", "--kind", "sketch"]) == 2
    assert "sketch" in capsys.readouterr().err
    assert main(["prepare", "a", "b", "--seed", "-1"]) == 2
    assert "seed" in capsys.readouterr().err
    assert main(["prepare", "a", "b", "--teacher", "model.onnx"]) == 2
    assert "painted over a teacher" in " ".join(capsys.readouterr().err.split())
    for option, words in (("--recipe", "cel"), ("--copies", "2"), ("--beard-copies", "6"), ("--seed", "0")):
        assert main(["prepare", "a", "b", "--kind", "style", option, words]) == 2
        assert f"leave {option} out" in " ".join(capsys.readouterr().err.split())
    assert main(["run", str(recipe)]) == 2
    for useless in ("--styles", "--teacher"):
        assert main(["run", str(recipe), "--out", "r", useless, "there"]) == 2
        assert f"leave {useless} out" in " ".join(capsys.readouterr().err.split())
    assert main(["run", str(recipe), "--out", "r", "--resume", "--from", "cel"]) == 2  # --from was passed over
    assert "leave --resume or --from out" in " ".join(capsys.readouterr().err.split())
    assert main(["run", str(recipe), "--out", "r", "--estimate", "--minutes", "5"]) == 2
    assert "leave --minutes out" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "gone.pt"), "--photos", "p", "--anime", "a"]) == 1
    assert "gone.pt" in capsys.readouterr().err
    places = (["--grid", "no/g.png"], ["--grid", "g.xyz"], ["--grid", "g"], ["--json", "no/f.json"])
    for place in places:  # before the style, which is missing: nothing is measured in vain
        assert main(["evaluate", str(tmp_path / "gone.pt"), "--photos", "p", "--anime", "a", *place]) == 1
        assert place[1] in capsys.readouterr().err

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("animecam_training.run.loop.train", interrupt)
    assert main(["run", str(recipe), "--out", str(tmp_path / "run")]) == 130
    assert "--resume" in capsys.readouterr().err
    monkeypatch.setattr("animecam_training.reporting.evaluation.evaluate", interrupt)
    assert main(["evaluate", "cel", "--photos", "p", "--anime", "a"]) == 130
    assert capsys.readouterr().err.strip() == "animecam-train: interrupted"  # nothing is kept, and it said that it was


def test_help_needs_no_torch() -> None:
    """Nor does `prepare`, which starts a process for each core."""
    code = (
        "import sys; from animecam_training.cli import app; "
        "assert not {'torch', 'cv2', 'onnxruntime'} & {*sys.modules}; "
        "from animecam_training.data import prepare; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, a disk that is always full, on this system")
@pytest.mark.parametrize(
    ("program", "module"),
    [("animecam-train", "animecam_training.cli"), ("animecam-export", "animecam_export.cli")],
)
def test_help_that_does_not_fit_on_a_disk_is_one_clear_line(program: str, module: str) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", module, "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"{program}: cannot write the output: no space is left on the device"


def test_prepare_and_evaluate_a_portrait(recipe: Path, shared: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    with tarfile.open(shared / "data/photo.tar") as archive:
        for number in (9, 16):
            member = archive.extractfile(f"photo/train/faker_f_{number:03d}.jpg")
            assert member is not None
            (photos / f"{number}.jpg").write_bytes(member.read())
    weights = ["--weights", str(shared / "weights")]
    assert main(["prepare", str(photos), str(tmp_path / "made"), *weights, "--size", "128"]) == 0
    assert len(list((tmp_path / "made").glob("*.out.png"))) == 2
    (tmp_path / "plain.toml").write_text("[target]\nline_ink = 0.0\noutline = 0.0\n")
    plain = ["--recipe", str(tmp_path / "plain.toml"), "--workers", "1"]  # which is quicker for two pictures
    assert main(["prepare", str(photos), str(tmp_path / "plain"), *weights, *plain, "--size", "128"]) == 0
    lined, without = (read_picture(next((tmp_path / kind).glob("9_*.out.png"))) for kind in ("made", "plain"))
    ink = without.astype(int).mean(axis=2) - lined.mean(axis=2)
    assert np.mean(ink > 40) > 0.01  # where a line was drawn it is darker than without; nothing else changed much
    assert np.mean(ink < -40) < 0.002
    run = ["run", str(recipe), "--out", str(tmp_path / "run"), "--photos", str(tmp_path / "made"), "--minutes", "0"]
    assert main(run) == 0
    clip = tmp_path / "clip.mp4"
    write_clip(clip, [read_picture(photos / "9.jpg")] * 4)
    measured = ["--photos", str(photos), "--anime", str(tmp_path / "made"), *weights, "--size", "128"]
    measured += ["--clip", str(clip), "--frames", "3", "--published", "--teacher", str(BUNDLED / "cel")]
    measured += ["--pairs", str(tmp_path / "made")]
    figures, grid = tmp_path / "figures.json", tmp_path / "grid.jpg"
    written = ["--json", str(figures), "--grid", str(grid)]
    assert main(["evaluate", str(tmp_path / "run/last.pt"), *measured, *written]) == 0
    result = json.loads(figures.read_text())
    assert result["step"] == 1
    assert result["flicker"]["frames"] == 2
    assert result["figures"]["identity"]["faces"] == 2
    assert result["by_name"]["identity_cosine_mean"] == result["figures"]["identity"]["mean"]
    assert result["by_name"]["squeeze_distance_to_full"] > 0.05  # after one step it is nothing like that
    assert result["by_name"]["drawing_l1_eyes_and_mouth"] == result["drawings"]["clear"]["parts"] > 0.05
    assert result["drawings"]["clear"]["beard"] is None
    # Nothing that could not be measured has a figure, and each says why.
    absent = [result["inception"] is None, result["lpips"] is None]
    assert len(result["missing"]) == sum(absent)
    assert ("fid" in result["by_name"]) != absent[0]
    assert read_picture(grid).shape == (2 * 192, 8 * 192, 3)
