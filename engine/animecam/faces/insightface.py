"""SCRFD, run by the package insightface, with a model pack that the user has.

Guo, Deng, Lattas, Zafeiriou: "Sample and Computation Redistribution for Efficient Face Detection", ICLR 2022. The code
of the package is MIT; its published models are for non-commercial research only, so none is shipped or fetched here.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from animecam.errors import FaceError
from animecam.faces.yunet import five_points
from animecam.types import Box, Detection, Image

PACKS = Path("~/.insightface/models")
"""Where the package keeps its packs."""

INPUT_PX = 640
"""Side of the network's square input, the one its published figures are for; a multiple of 32."""

CPU = -1
"""The package's number for "no GPU"."""


class _Network(Protocol):
    """What we use of insightface's SCRFD."""

    def prepare(self, ctx_id: int, *, input_size: tuple[int, int], det_thresh: float) -> None: ...

    def detect(self, img: Image) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]: ...

    det_thresh: float


class InsightFace:
    """`Detector` over the detection network of an insightface pack.

    Args:
        pack: A pack's name, such as buffalo_l, or its folder, or a detection network's .onnx file.

    Raises:
        FaceError: The package or the pack is missing, or the pack has no detector with landmarks.
    """

    name = "insightface"

    def __init__(self, pack: str) -> None:
        model = find_detector(pack)
        self._model = model
        self._network = _open_network(model)

    def detect(self, picture: Image, min_score: float) -> tuple[Detection, ...]:
        """As `Detector.detect`.

        Raises:
            FaceError: The network gives no landmarks.
        """
        self._network.det_thresh = min_score
        boxes, points = self._network.detect(cast(Image, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)))
        if points is None:
            raise FaceError(f"{self._model} finds faces but not their eyes", hint="take a pack such as buffalo_l")
        order = np.argsort(-boxes[:, 4], kind="stable")
        return tuple(
            Detection(
                Box(*(float(edge) for edge in boxes[index, :4])), five_points(points[index]), float(boxes[index, 4])
            )
            for index in order
        )

    def close(self) -> None:
        """As `Detector.close`; the runtime frees the network with the object."""


def find_detector(pack: str, packs: Path = PACKS) -> Path:
    """The detection network of a pack.

    Args:
        pack: A pack's name, its folder, or an .onnx file.
        packs: Folder of the packs.

    Raises:
        FaceError: There is none.
    """
    hint = "get a pack from insightface's model zoo (mind its licence), unpack it, and say insightface:FOLDER"
    direct = Path(pack).expanduser()
    if direct.is_file():
        return direct
    folders = [direct, packs.expanduser() / pack]
    for folder in folders:
        files = sorted(folder.glob("det_*.onnx")) + sorted(folder.glob("scrfd_*.onnx"))
        if files:
            return files[0]
    looked = " or ".join(str(folder) for folder in folders)
    raise FaceError(f"there is no insightface detector in {looked}", hint=hint)


def _open_network(model: Path) -> _Network:
    try:
        # By name: the package is optional, untyped, and takes a second to import.
        zoo: Any = import_module("insightface.model_zoo")
        runtime: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    except ImportError as error:
        hint = "pip install 'animecam[insightface]'"
        raise FaceError(f"the package insightface is not usable: {error}", hint=hint) from error
    hint = "name the pack's det_*.onnx file, or get the pack again"
    try:
        network: Any = zoo.get_model(str(model), providers=["CPUExecutionProvider"])
    except (runtime.InvalidProtobuf, runtime.InvalidGraph, runtime.Fail) as error:
        raise FaceError(f"{model} is damaged: {error}", hint=hint) from error
    if not hasattr(network, "detect"):
        raise FaceError(f"{model} is not a detection network", hint=hint)
    network.prepare(CPU, input_size=(INPUT_PX, INPUT_PX), det_thresh=0.5)
    return cast(_Network, network)
