"""Pictures that name colours, or store them, in a way that FFmpeg's scaler refuses."""

from contextlib import closing

import av
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.sources.file import open_file
from animecam.sources.options import SourceOptions
from animecam.types import ColorMatrix

OPTIONS = SourceOptions(threads=1)


@pytest.mark.parametrize(("code", "matrix"), [(10, ColorMatrix.BT2020), (14, ColorMatrix.UNSPECIFIED)])
def test_a_matrix_that_cannot_be_converted_does_not_end_the_film(tmp_path, caplog, code, matrix):
    """BT.2020 with constant luminance, and ICtCp; the matrix of a damaged picture may be any number."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p10le")
        stream.codec_context.colorspace = code
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64), 128 << 8, np.uint16), "gray16le")
            container.mux(stream.encode(picture.reformat(format="yuv420p10le")))
        container.mux(stream.encode(None))
    with closing(open_file(path, OPTIONS)) as source:
        frames = list(iter(source.read, None))
    assert [frame.color.matrix for frame in frames] == [matrix] * 3
    told = f"{path}: its colours may be off: the matrix 14, of which they are made, is not known here"
    assert [message for message in caplog.messages if "may be off" in message] == ([told] if code == 14 else [])


def test_pictures_that_cannot_be_converted_at_all_are_told(tmp_path):
    path = tmp_path / "a.nut"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25, width=64, height=48, pix_fmt="rgb4")
        container.mux(stream.encode(av.VideoFrame(64, 48, "rgb4")))
    with pytest.raises(SourceError, match="stores pictures of a kind that cannot be converted: rgb4"):
        open_file(path, OPTIONS)


RGB, GREY = "gbrpf32le", "grayf32le"


@pytest.mark.parametrize(
    ("codec", "ending", "layout"),
    [("exr", "exr", RGB), ("exr", "exr", GREY), ("exr", "mov", RGB), ("hdr", "hdr", RGB), ("pfm", "pfm", GREY)],
)
def test_light_without_a_curve_is_refused(tmp_path, codec, ending, layout):
    """It was shown as if it had one: 18 % grey, which is to be half as bright as white, as 18 %."""
    path = tmp_path / f"a.{ending}"
    with av.open(str(path), "w", format=None if ending == "mov" else "image2") as container:
        stream = container.add_stream(codec, rate=25, width=64, height=48, pix_fmt=layout)
        picture = av.VideoFrame(64, 48, layout)
        for plane in picture.planes:
            plane.update(np.full(plane.buffer_size // 4, 0.18, np.float32).tobytes())
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match=f"{path} stores floating-point numbers") as caught:
        open_file(path, OPTIONS)
    assert "PNG" in caught.value.hint
