"""The networks of every shipped style in PyTorch: on the processor against ONNX Runtime; on a GPU with `-m gpu`."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend, probe_backends
from animecam.backends.torch_ import DEVICE_BATCH, TorchBackend, TorchDevice
from animecam.backends.torch_code import OnnxCode
from animecam.backends.torch_network import KEPT_SHAPES
from animecam.backends.torch_ops import OPERATORS, read_model
from animecam.errors import BackendError
from animecam.portrait import load_portrait
from animecam.styles.registry import find_style, list_styles, verified_half

STYLES = [style.name for style in list_styles() if style.is_bundled]
OPTIONS = BackendOptions(threads=1, gpu=0)
FACE = (slice(60, 140), slice(180, 276))  # of the bundled portrait


pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    face = load_portrait()[FACE].transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
    return np.stack([face, face[..., ::-1]])


def reference(model: Path, batch: np.ndarray) -> np.ndarray:
    backend = open_backend(model, BackendChoice.ONNXRUNTIME, BackendOptions(threads=1))
    try:
        return np.concatenate([backend.run(picture[None])[0] for picture in batch])
    finally:
        backend.close()


@pytest.mark.parametrize("name", STYLES)
def test_fp32_is_what_onnx_runtime_computes(name: str, batch: np.ndarray):
    model = find_style(name).model_path()
    backend = TorchBackend(model, None, OPTIONS, device="cpu")
    np.testing.assert_allclose(backend.run(batch)[0], reference(model, batch), atol=1e-4)
    assert (backend.info.precision, backend.input.dtype, backend.outputs[0].dtype) == ("f32", np.float32, np.float32)
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.run(batch)


def test_the_fp16_network_is_float32_outside(batch: np.ndarray):
    style = find_style("cel")
    backend = TorchBackend(style.model_path(), verified_half(style), OPTIONS, device="cpu")
    drawn = backend.run(batch[:1])[0]
    assert (backend.info.precision, backend.input.dtype, drawn.dtype) == ("f16", np.float32, np.float32)
    error = drawn - reference(style.model_path(), batch[:1])
    assert 10 * np.log10(4 / np.mean(error.astype(np.float64) ** 2)) > 60
    backend.close()


def test_a_network_that_is_half_by_itself_is_half_outside(batch: np.ndarray):
    """As on the processor, and as the card of a style says that the user added."""
    half = verified_half(find_style("cel"))
    backend = TorchBackend(half, None, OPTIONS, device="cpu")
    drawn = backend.run(batch[:1].astype(np.float16))[0]
    assert [port.dtype for port in (backend.input, *backend.outputs)] == [np.float16, np.float16]
    assert drawn.dtype == np.float16
    np.testing.assert_allclose(drawn, reference(half, batch[:1].astype(np.float16)), atol=2e-2)
    backend.close()


def device_of(name: str) -> TorchDevice:
    half = verified_half(find_style(name))
    assert half is not None
    return TorchDevice(half, OPTIONS, device="cpu")


def test_between_two_steps_it_reads_and_writes_memory_of_others(batch: np.ndarray):
    network = device_of("cel")
    side_px = batch.shape[-2]
    given = np.ascontiguousarray(batch[..., :side_px], np.float16)
    drawn = np.full_like(given, np.nan)
    address = drawn.ctypes.data
    for count, start in ((2, 0), (1, 0), (1, 1)):  # another number of pictures, and another place in the same memory
        drawn[:] = np.nan
        skipped = start * given[0].nbytes
        network.bind(given.ctypes.data + skipped, address + skipped, batch=count, size_px=side_px)
        network.enqueue(0)
        expected = reference(find_style("cel").model_path(), given[start : start + count].astype(np.float32))
        error = drawn[start : start + count] - expected
        assert 10 * np.log10(4 / np.mean(error.astype(np.float64) ** 2)) > 60
        assert np.isnan(np.delete(drawn, range(start, start + count), axis=0)).all()
    assert (network.info.precision, network.max_batch, network.is_recordable) == ("f16", DEVICE_BATCH, False)
    network.close()
    network.close()


def test_between_two_steps_what_was_bound_once_stays_where_it_is():
    """Whoever has recorded it launches it again, however many others were bound meanwhile."""
    network = device_of("cel")
    room = np.zeros((DEVICE_BATCH, 3, 96, 96), np.float16)
    shapes = [(batch, size_px) for size_px in (64, 80, 96) for batch in range(1, DEVICE_BATCH + 1)]
    assert len(shapes) > KEPT_SHAPES
    kept = []
    for _ in range(2):
        for batch, size_px in shapes:
            network.bind(room.ctypes.data, room.ctypes.data, batch=batch, size_px=size_px)
            kept.append(network._network.run((batch, 3, size_px, size_px)))
    assert all(first is second for first, second in zip(kept[: len(shapes)], kept[len(shapes) :], strict=True))
    network.close()


def test_between_two_steps_it_says_what_is_missing():
    network = device_of("cel")
    with pytest.raises(BackendError, match="nothing is bound"):
        network.enqueue(0)
    network.close()
    with pytest.raises(BackendError, match="closed"):
        network.bind(0, 0, batch=1, size_px=64)
    with pytest.raises(BackendError, match="in half"):
        TorchDevice(find_style("cel").model_path(), OPTIONS, device="cpu")


def one_node(operator: str, inputs: dict[str, list[int]], constants: dict[str, np.ndarray], **attributes: object):
    value = helper.make_tensor_value_info
    node = helper.make_node(operator, [*inputs, *constants], ["y"], **attributes)
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(
        [node],
        "one",
        [value(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [value("y", {"Cast": TensorProto.INT32, "Shape": TensorProto.INT64}.get(operator, TensorProto.FLOAT), None)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return onnx.shape_inference.infer_shapes(model)  # the output wants a shape


def int64(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


CASES = [
    ("Slice", {"starts": int64(1, -2), "ends": int64(2**31, 2**63 - 1), "axes": int64(2, 3)}, {}),
    ("Slice", {"starts": int64(0), "ends": int64(9), "axes": int64(2), "steps": int64(2)}, {}),
    ("Pad", {"pads": int64(0, 0, 2, 1, 0, 0, 1, 3)}, {"mode": "reflect"}),
    ("Pad", {"pads": int64(0, 0, 2, 1, 0, 0, 1, 3), "value": np.array(0.5, np.float32)}, {}),
    ("Conv", {"w": np.ones((5, 3, 3, 3), np.float32)}, {"auto_pad": "VALID"}),
    ("Conv", {"w": np.ones((5, 3, 3, 3), np.float32), "b": np.arange(5, dtype=np.float32)}, {"pads": [1, 0, 2, 1]}),
    ("Conv", {"w": np.ones((5, 3, 1, 1), np.float32)}, {"strides": [2, 2]}),
    ("ReduceMean", {}, {"axes": [2, 3], "keepdims": 0}),
    ("ReduceSum", {"axes": int64(1)}, {"keepdims": 1}),
    ("Unsqueeze", {"axes": int64(0, 3)}, {}),
    ("Reshape", {"shape": int64(0, -1)}, {}),
    ("Transpose", {}, {"perm": [0, 2, 3, 1]}),
    ("LeakyRelu", {}, {"alpha": 0.3}),
    ("Softmax", {}, {"axis": 2}),
    ("Resize", {"roi": np.zeros(0, np.float32), "scales": np.array([1, 1, 2, 2], np.float32)}, {"mode": "linear"}),
]


@pytest.mark.parametrize(("operator", "constants", "attributes"), CASES)
def test_an_operator_is_what_onnx_runtime_computes(tmp_path: Path, operator: str, constants, attributes):
    model = one_node(operator, {"x": [1, 3, 6, 8]}, constants, **attributes)
    onnx.save(model, tmp_path / "one.onnx")
    x = np.random.default_rng(2).normal(size=(1, 3, 6, 8)).astype(np.float32)
    backend = TorchBackend(tmp_path / "one.onnx", None, OPTIONS, device="cpu")
    given, expected = backend.run(x)[0], reference(tmp_path / "one.onnx", x)
    assert given.shape == expected.shape
    np.testing.assert_allclose(given, expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_has_both_orders(tmp_path: Path, mode: str):
    model = one_node("DepthToSpace", {"x": [1, 8, 2, 3]}, {}, blocksize=2, mode=mode)
    onnx.save(model, tmp_path / "one.onnx")
    x = np.arange(48, dtype=np.float32).reshape(1, 8, 2, 3)
    backend = TorchBackend(tmp_path / "one.onnx", None, OPTIONS, device="cpu")
    np.testing.assert_array_equal(backend.run(x)[0], reference(tmp_path / "one.onnx", x))


def test_an_operator_of_others_is_named(tmp_path: Path):
    onnx.save(one_node("Erf", {"x": [1, 3, 8, 8]}, {}), tmp_path / "one.onnx")
    assert "Erf" not in OPERATORS
    with pytest.raises(BackendError, match="does not know Erf") as caught:
        TorchBackend(tmp_path / "one.onnx", None, OPTIONS, device="cpu")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("operator", "constants", "attributes"),
    [
        ("Conv", {"w": np.ones((5, 3, 3, 3), np.float32)}, {"auto_pad": "SAME_UPPER"}),
        ("Cast", {}, {"to": TensorProto.INT32}),
        ("ReduceMean", {}, {}),
        ("Transpose", {}, {}),
        ("Shape", {}, {"start": 2}),
        ("Slice", {"starts": int64(-1), "ends": int64(-9), "axes": int64(3), "steps": int64(-1)}, {}),
    ],
)
def test_a_form_of_an_operator_that_is_not_known_is_refused(tmp_path: Path, operator: str, constants, attributes):
    """Not drawn as something else, and no error that only its author understands."""
    onnx.save(one_node(operator, {"x": [1, 3, 6, 8]}, constants, **attributes), tmp_path / "one.onnx")
    with pytest.raises(BackendError, match=f"does not know (this form of )?{operator}") as caught:
        TorchBackend(tmp_path / "one.onnx", None, OPTIONS, device="cpu").run(np.ones((1, 3, 6, 8), np.float32))
    assert caught.value.hint


def test_a_network_of_an_old_opset_is_refused(tmp_path: Path):
    model = one_node("Softmax", {"x": [1, 3, 6, 8]}, {})
    model.opset_import[0].version = 11  # in which it sums over all axes from the second on
    onnx.save(model, tmp_path / "one.onnx")
    with pytest.raises(BackendError, match="knows opsets from 13 on, and this network has 11"):
        TorchBackend(tmp_path / "one.onnx", None, OPTIONS, device="cpu")


@pytest.mark.parametrize("content", [b"", b"no network at all"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "damaged.onnx").write_bytes(content)
    with pytest.raises(BackendError, match=r"damaged\.onnx: it is not a whole ONNX network"):
        TorchBackend(tmp_path / "damaged.onnx", None, OPTIONS, device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here: -m gpu tests it")
def test_without_a_gpu_it_says_why():
    model = find_style("cel").model_path()
    with pytest.raises(BackendError, match=r"PyTorch .* (was built without CUDA|sees no NVIDIA GPU)") as caught:
        open_backend(model, BackendChoice.TORCH, OPTIONS)
    assert caught.value.hint
    status = next(status for status in probe_backends() if status.name == "torch")
    assert not status.usable


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_read_back_while_it_computes(style: str):
    """A graph cannot record it. Tensors of the device "meta" have no numbers that could be read."""
    meta = torch.device("meta")
    shape = (1, 3, 64, 64)
    code = OnnxCode(read_model(verified_half(find_style(style))), meta).write(shape, torch.float16)
    (drawn,) = code(torch.empty(shape, dtype=torch.float16, device=meta))
    assert drawn.shape == shape
    # Else PyTorch compiles it and does not keep it.
    assert all("example_value" in node.meta for node in code.module.graph.nodes if node.op != "output")
