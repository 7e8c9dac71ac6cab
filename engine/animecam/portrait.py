"""The bundled portrait: NASA's public-domain picture of the astronaut Eileen Collins."""

from importlib import resources

import cv2
import numpy as np

from animecam.types import Image


def load_portrait() -> Image:
    """The portrait as RGB uint8 [512, 512, 3]: one face, looking at the camera, in the upper middle."""
    data = resources.files("animecam").joinpath("assets", "astronaut.jpg").read_bytes()
    bgr = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise RuntimeError("the bundled portrait is damaged; reinstall animecam")
    return np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8, copy=False)
