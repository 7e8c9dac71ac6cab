"""A network whose numbers overflow on one picture of several is the worst there is, whatever the others say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from animecam.backends.base import BackendChoice
from animecam.styles.card import Contract
from animecam_export import int8
from animecam_export.errors import ExportError
from animecam_export.int8 import compare, require_likeness
from animecam_export.parity import compare_networks, measure_parity, require_parity

WHITE = np.ones((3, 16, 16), np.float32)
OVERFLOWS = {"Sqrt": "NaN", "Reciprocal": "infinity"}
"""What white goes through as it is, by what comes of the other picture."""

OTHER = {"Sqrt": -WHITE, "Reciprocal": 0 * WHITE}


@pytest.fixture
def network(tmp_path: Path) -> Callable[[str], Path]:
    """`network(operator)`: of that operator alone."""

    def written(operator: str) -> Path:
        ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, "H", "W"]) for name in "xy"]
        graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "g", ports[:1], ports[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, tmp_path / f"{operator}.onnx")
        return tmp_path / f"{operator}.onnx"

    return written


@pytest.mark.parametrize("operator", OVERFLOWS)
def test_what_overflows_on_a_later_picture_is_refused(network: Callable[[str], Path], operator: str):
    pictures = [WHITE, OTHER[operator]]
    assert compare_networks(network("Identity"), network(operator), pictures[:1]).psnr_db == np.inf
    same = torch.nn.Identity()
    for parity in (
        compare_networks(network("Identity"), network(operator), pictures),
        measure_parity(same, network(operator), pictures, BackendChoice.ONNXRUNTIME),
    ):
        with pytest.raises(ExportError, match="another network"):
            require_parity(parity)


def test_int8_that_overflows_on_a_later_crop_is_refused(network: Callable[[str], Path], monkeypatch):
    monkeypatch.setattr(int8, "TIMED_ROUNDS", 1)
    crops = [np.full((16, 16, 3), level, np.uint8) for level in (255, 0)]
    with pytest.raises(ExportError, match="too far from float32"):
        require_likeness(compare(network("Sqrt"), network("Identity"), crops, Contract()), 35.0)
