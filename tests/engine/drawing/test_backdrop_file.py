"""The picture that is laid behind persons is read before anything is drawn."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from animecam.drawing.backdrop_file import read_backdrop
from animecam.drawing.networks import open_networks
from animecam.errors import SourceError
from animecam.settings import Settings


def test_a_picture_is_read_as_rgb(tmp_path):
    path = tmp_path / "room.png"
    cv2.imwrite(str(path), np.full((30, 50, 3), (200, 100, 20), np.uint8))
    picture = read_backdrop(path)
    assert picture.shape == (30, 50, 3)
    assert np.abs(picture.astype(int) - (20, 100, 200)).max() <= 2


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_refused_before_anything_is_drawn(tmp_path, content):
    path = tmp_path / "room.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="the background: ") as caught, open_networks(Settings(backdrop=path)):
        pass
    assert "JPEG" in caught.value.hint


def test_a_file_whose_name_is_a_camera_s_number_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("room.png", np.zeros((30, 50, 3), np.uint8))
    Path("room.png").rename("0")
    assert read_backdrop(Path("0")).shape == (30, 50, 3)
