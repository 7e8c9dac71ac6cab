"""What figures are taken of is read as it is, and what cannot be read is named."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from animecam_training.cli import main
from animecam_training.data.clips import read_clip
from animecam_training.data.pictures import write_picture
from animecam_training.errors import DataError
from animecam_training.faces import FaceFinder
from animecam_training.metrics.evaluate import Likeness, StyleFigures
from animecam_training.metrics.identity import IdentityNetwork
from animecam_training.reporting.evaluation import Evaluation, write_figures
from animecam_training.weights.measured import open_style

TKHD_MATRIX_AT = 44  # bytes after the name of the box, in its version 0


def test_missing_identity_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mobileface\.onnx is missing"):
        IdentityNetwork(tmp_path)


@pytest.mark.parametrize(
    ("opened", "name"),
    [(FaceFinder, "faces/face_detection_short_range.onnx"), (IdentityNetwork, "identity/mobileface.onnx")],
)
def test_weights_that_git_lfs_did_not_fetch_are_named(
    opened: Callable[[Path], object], name: str, tmp_path: Path
) -> None:
    """They ended in ONNX Runtime's traceback."""
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match=rf"{Path(name).name} is not an ONNX network") as caught:
        opened(tmp_path)
    assert "git lfs pull" in caught.value.hint


def test_one_picture_is_too_few_and_nothing_is_drawn(
    one_portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All was drawn and looked at before it said so, in numbers of styled pictures."""
    monkeypatch.setattr("animecam_training.reporting.evaluation.stylize_images", lambda *_: pytest.fail("drawn"))
    assert main(["evaluate", "cel:lite", "--photos", str(one_portrait), "--anime", str(one_portrait)]) == 1
    told = capsys.readouterr().err
    assert "1 portraits with a face and 1 pictures of the style are too few" in told
    assert "2 of either" in told


def test_what_is_no_style_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty is not a style"):
        open_style(tmp_path / "empty")
    (tmp_path / "empty/card.json").write_text("{}")
    with pytest.raises(DataError, match=r"card\.json is not a style's card"):
        open_style(tmp_path / "empty")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(DataError, match=r"text\.onnx is not an ONNX network"):
        open_style(tmp_path / "text.onnx")
    with pytest.raises(DataError, match=r"cannot read .*gone\.onnx"):
        open_style(tmp_path / "gone.onnx")


def test_clips_are_read_from_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for i in range(3):
        write_picture(np.full((52, 1030, 3), 10 * i, np.uint8), tmp_path / f"frames/{i}.png")
    frames = read_clip(tmp_path / "frames", most=2)
    assert [frame.shape for frame in frames] == [(24, 512, 3)] * 2
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 10]
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 44, "bgr0"
        for i in range(4):
            picture = np.full((44, 72, 3), 40 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    frames = read_clip(tmp_path / "clip.mkv", most=3)
    assert [(frame.shape, int(frame[9, 9, 1])) for frame in frames] == [((40, 72, 3), 40 * i) for i in range(3)]
    (tmp_path / "text.mp4").write_text("text")
    for name in ("text.mp4", "gone.mp4"):
        with pytest.raises(DataError, match=name):
            read_clip(tmp_path / name, most=3)


@pytest.mark.parametrize(
    ("matrix", "is_mirrored"), [((0, 1, 0, -1, 0, 0), False), ((0, 1, 0, 1, 0, 0), True)], ids=["turned", "selfie"]
)
def test_a_clip_of_a_phone_is_read_upright(tmp_path: Path, matrix: tuple[int, ...], is_mirrored: bool) -> None:
    """Flicker was measured on heads that lay on their side, which networks draw otherwise."""
    upright = np.zeros((96, 64, 3), np.uint8)
    upright[:48, :32], upright[:48, 32:], upright[48:, :32] = (200, 30, 30), (30, 30, 200), (30, 200, 30)
    path = tmp_path / "clip.mp4"
    _write_film(np.rot90(upright[:, ::-1] if is_mirrored else upright), path, "mpeg4")
    _turn(path, matrix)
    (frame,) = read_clip(path, most=1)
    assert frame.shape == upright.shape
    assert np.abs(frame.astype(int) - upright).mean() < 8


def test_a_film_whose_title_is_not_in_utf_8_is_read(tmp_path: Path) -> None:
    """As of many an old one: there was a traceback."""
    path = tmp_path / "old.avi"
    _write_film(np.full((64, 64, 3), 90, np.uint8), path, "mpeg4")
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"L\xe4vf"))
    assert len(read_clip(path, most=1)) == 1


def test_a_frame_of_another_size_is_named(tmp_path: Path) -> None:
    """It ended in an assertion of OpenCV's."""
    for name, width in (("0", 64), ("1", 64), ("2", 72)):
        write_picture(np.zeros((64, width, 3), np.uint8), tmp_path / f"{name}.png")
    assert len(read_clip(tmp_path, most=2)) == 2
    with pytest.raises(DataError, match=r"2\.png is not of the size of 0\.png"):
        read_clip(tmp_path, most=3)


def test_a_film_that_changes_its_size_is_named(tmp_path: Path) -> None:
    """A recorded broadcast that went from one form to another ended in an assertion of OpenCV's."""
    parts = [tmp_path / "wide.ts", tmp_path / "tall.ts"]
    for part, shape in zip(parts, [(128, 160, 3), (160, 128, 3)], strict=True):
        _write_film(np.full(shape, 90, np.uint8), part, "mpeg2video", frames=4)
    (tmp_path / "both.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert len(read_clip(tmp_path / "both.ts", most=2)) == 2
    with pytest.raises(DataError, match=r"both\.ts change their size"):
        read_clip(tmp_path / "both.ts", most=8)


def test_what_equals_its_teacher_is_written_as_json(tmp_path: Path) -> None:
    """Its PSNR is infinite, and stood in the file, and then in a card, as a word that is no JSON."""
    figures = StyleFigures(2, 0.1, 0.2, 0.3, 20.0)
    same = Evaluation("cel", 7, 128, figures, teacher=Likeness(0.0, float("inf")))
    write_figures(same, tmp_path / "figures.json")

    def refuse(word: str) -> None:
        raise AssertionError(word)

    written = json.loads((tmp_path / "figures.json").read_text(), parse_constant=refuse)
    assert written["teacher"] == {"squeeze_distance": 0.0, "psnr_db": None}
    assert written["by_name"]["squeeze_distance_to_full"] == 0.0
    assert "psnr_to_full_db" not in written["by_name"]


def _write_film(picture: np.ndarray, path: Path, codec: str, frames: int = 1) -> None:
    """A film that stands still."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], "yuv420p"
        stream.bit_rate = 4_000_000
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode(None))


def _turn(path: Path, matrix: tuple[int, ...]) -> None:
    """Writes the matrix of how it is shown, its first two rows, into the header of the track."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + TKHD_MATRIX_AT
    rows = [value << 16 for value in matrix] + [0, 0, 1 << 30]
    content[start : start + 36] = struct.pack(">9i", *rows)
    path.write_bytes(content)
