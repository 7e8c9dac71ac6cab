"""Files that hold no video, though FFmpeg may find pictures in them."""

import gzip
import io
import tarfile
import zipfile

import cv2
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions

PICTURE = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()


def comic_book() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.jpg", PICTURE)
    return memory.getvalue()


def tape() -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as archive:
        about = tarfile.TarInfo("a.jpg")
        about.size = len(PICTURE)
        archive.addfile(about, io.BytesIO(PICTURE))
    return memory.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.cbz", comic_book(), "an archive"),  # it became a film of its pages
        ("a.tar", tape(), "an archive"),
        ("a.mp4.gz", gzip.compress(PICTURE), "an archive"),
        ("a.pdf", b"%PDF-1.7\n" + PICTURE, "a document"),
        ("a.mp4", b"\n <!DOCTYPE html><html>" + PICTURE, "a web page"),
    ],
)
def test_what_is_no_video_is_called_by_its_kind(tmp_path, name, data, kind):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SourceError, match=f"{path} is {kind}") as caught:
        open_file(path, SourceOptions())
    assert caught.value.hint
