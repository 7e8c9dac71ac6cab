"""The ONNX operators that the export writes, in PyTorch."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch and onnx are typed in part only.

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor
from torch.nn import functional as F

from animecam.errors import BackendError

Attributes = dict[str, Any]
Operator = Callable[[Sequence[Tensor | None], Attributes], Tensor]

_TYPES = {
    onnx.TensorProto.FLOAT: torch.float32,
    onnx.TensorProto.FLOAT16: torch.float16,
    onnx.TensorProto.INT64: torch.int64,
}
_LAST = np.iinfo(np.int32).max  # ONNX writes "to the end" as any larger number
_DAMAGED = "the file may be damaged: fetch or export it again"


def read_model(path: Path) -> onnx.ModelProto:
    """Reads an ONNX file.

    Raises:
        BackendError: It is none.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (OSError, DecodeError, onnx.checker.ValidationError) as error:
        reason = str(error).split("\n", 1)[0]
        raise BackendError(
            f"torch cannot load {path}: it is not a whole ONNX network ({reason})", hint=_DAMAGED
        ) from error
    return model


def _numbers(tensor: Tensor | None) -> list[int]:
    return [] if tensor is None else [int(number) for number in tensor.tolist()]


def _given(tensor: Tensor | None) -> Tensor:
    assert tensor is not None  # the checker has seen to it
    return tensor


def _cast(inputs: Sequence[Tensor | None], attributes: Attributes) -> Tensor:
    return _given(inputs[0]).to(_TYPES[attributes["to"]])


def _concat(inputs: Sequence[Tensor | None], attributes: Attributes) -> Tensor:
    return torch.cat([_given(tensor) for tensor in inputs], dim=attributes["axis"])


def _conv(inputs: Sequence[Tensor | None], attributes: Attributes) -> Tensor:
    x, weight = _given(inputs[0]), _given(inputs[1])
    bias = inputs[2] if len(inputs) > 2 else None
    pads = attributes.get("pads", [0, 0, 0, 0])
    if any(pads):
        x = F.pad(x, (pads[1], pads[3], pads[0], pads[2]))
    stride, dilation = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
    return F.conv2d(x, weight, bias, stride=stride, dilation=dilation, groups=attributes.get("group", 1))


def _depth_to_space(inputs: Sequence[Tensor | None], attributes: Attributes) -> Tensor:
    x, block = _given(inputs[0]), attributes["blocksize"]
    if attributes.get("mode", b"DCR") == b"CRD":
        return F.pixel_shuffle(x, block)
    pictures, channels, height, width = x.shape
    blocks = x.view(pictures, block, block, channels // block**2, height, width)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(pictures, -1, height * block, width * block)


def _pad(inputs: Sequence[Tensor | None], attributes: Attributes) -> Tensor:
    pads = _numbers(inputs[1])
    if pads[0] or pads[1] or pads[4] or pads[5]:
        raise BackendError("the torch backend pads rows and columns only")
    if len(inputs) > 3 and inputs[3] is not None:
        raise BackendError("the torch backend pads by all axes in their order only")
    mode = attributes.get("mode", b"constant").decode()
    value = float(_given(inputs[2])) if len(inputs) > 2 and inputs[2] is not None and mode == "constant" else None
    return F.pad(_given(inputs[0]), (pads[3], pads[7], pads[2], pads[6]), mode=mode, value=value)


def _reduce(function: Callable[..., Tensor]) -> Operator:
    def reduce(inputs: Sequence[Tensor | None], attributes: Attributes) -> Tensor:
        axes = attributes.get("axes") or _numbers(inputs[1])
        return function(_given(inputs[0]), dim=tuple(axes), keepdim=bool(attributes.get("keepdims", 1)))

    return reduce


def _reshape(inputs: Sequence[Tensor | None], _: Attributes) -> Tensor:
    x = _given(inputs[0])
    sizes = [size or x.shape[index] for index, size in enumerate(_numbers(inputs[1]))]
    return x.reshape(sizes)


def _resize(inputs: Sequence[Tensor | None], attributes: Attributes) -> Tensor:
    is_bilinear = attributes.get("mode") == b"linear"
    if not is_bilinear or attributes.get("coordinate_transformation_mode", b"half_pixel") != b"half_pixel":
        raise BackendError("the torch backend resizes bilinearly, with half-pixel centres, only")
    scales = _given(inputs[2]).tolist()[2:]
    return F.interpolate(_given(inputs[0]), scale_factor=scales, mode="bilinear", align_corners=False)


def _slice(inputs: Sequence[Tensor | None], _: Attributes) -> Tensor:
    x, starts, ends = _given(inputs[0]), _numbers(inputs[1]), _numbers(inputs[2])
    axes = _numbers(inputs[3]) if len(inputs) > 3 else list(range(len(starts)))
    steps = _numbers(inputs[4]) if len(inputs) > 4 else [1] * len(starts)
    window = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        window[axis] = slice(start, None if end > _LAST else end, step)
    return x[tuple(window)]


def _squeeze(inputs: Sequence[Tensor | None], _: Attributes) -> Tensor:
    return _given(inputs[0]).squeeze(tuple(_numbers(inputs[1])))


def _unsqueeze(inputs: Sequence[Tensor | None], _: Attributes) -> Tensor:
    x = _given(inputs[0])
    for axis in sorted(_numbers(inputs[1])):
        x = x.unsqueeze(axis)
    return x


def _one(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda inputs, _: function(_given(inputs[0]))


def _two(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda inputs, _: function(_given(inputs[0]), _given(inputs[1]))


OPERATORS: dict[str, Operator] = {
    "Add": _two(torch.add),
    "Cast": _cast,
    "Concat": _concat,
    "Conv": _conv,
    "DepthToSpace": _depth_to_space,
    "Div": _two(torch.div),
    "Exp": _one(torch.exp),
    "LeakyRelu": lambda inputs, attributes: F.leaky_relu(_given(inputs[0]), attributes.get("alpha", 0.01)),
    "MatMul": _two(torch.matmul),
    "Mul": _two(torch.mul),
    "Pad": _pad,
    "ReduceMax": _reduce(torch.amax),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Relu": _one(torch.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _one(lambda x: torch.tensor(x.shape)),
    "Slice": _slice,
    "Softmax": lambda inputs, attributes: torch.softmax(_given(inputs[0]), attributes.get("axis", -1)),
    "Sqrt": _one(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _two(torch.sub),
    "Tanh": _one(torch.tanh),
    "Transpose": lambda inputs, attributes: _given(inputs[0]).permute(attributes["perm"]),
    "Unsqueeze": _unsqueeze,
}
"""The operators of the fp32 and the fp16 export."""

NUMBERS = {"Pad": (2,), "Resize": (1, 2)}
"""Inputs that are read as numbers though they are floats; all whole numbers are read so, too."""

OLDEST_OPSET = 13
"""Before it some operators have other forms, and Softmax another meaning."""

WITHOUT_EFFECT: dict[str, dict[str, tuple[Any, ...]]] = {
    "Conv": {"auto_pad": (b"NOTSET", b"VALID")},
    "Resize": {"antialias": (0,), "axes": (), "exclude_outside": (0,)},
    "Shape": {"start": (0,), "end": ()},
}
"""Attributes that are not read: their values that mean nothing else than what is computed."""
