"""From an ONNX network to straight-line PyTorch: one call after another, which can be run, recorded and compiled."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch and onnx are typed in part only.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import NodeProto, helper, numpy_helper
from torch import Tensor, fx, nn
from torch.fx.proxy import GraphAppendingTracer

from animecam.backends.torch_ops import NUMBERS, OLDEST_OPSET, OPERATORS, WITHOUT_EFFECT
from animecam.errors import BackendError

_LIKE = "example_value"
"""What PyTorch's compiler calls an example of a result; without one it does not keep what it compiles."""

_FOR_OTHERS = 'for networks of others use `backend="tensorrt"`, `backend="openvino"` or `backend="onnxruntime"`'

_HOST, _NOWHERE = torch.device("cpu"), torch.device("meta")  # tensors of the second have shapes and no numbers


@dataclass(frozen=True, slots=True)
class Code:
    """A network for pictures of one shape.

    Attributes:
        module: Its calls in order; takes the pictures, then the weights, and gives all outputs. What was known
            beforehand (shapes, axes, what depends on weights alone) is written into it as numbers.
        weights: On the device of the pictures; shared with the code for other shapes.
    """

    module: fx.GraphModule
    weights: tuple[Tensor, ...]

    def __call__(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Computes the outputs. Nothing in it waits for a GPU, so that it can be recorded."""
        return self.module(pictures, *self.weights)


class OnnxCode:
    """A network's weights on a device, and its code for any shape.

    Args:
        model: Only with operators that this package's export writes.
        device: Where the pictures are.

    Raises:
        BackendError: An operator is not known, or not in this form.
    """

    def __init__(self, model: onnx.ModelProto, device: torch.device) -> None:
        graph = model.graph
        strangers = sorted({node.op_type for node in graph.node} - OPERATORS.keys())
        if strangers:
            raise BackendError(f"the torch backend does not know {', '.join(strangers)}", hint=_FOR_OTHERS)
        opset = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=OLDEST_OPSET)
        if opset < OLDEST_OPSET:
            message = f"the torch backend knows opsets from {OLDEST_OPSET} on, and this network has {opset}"
            raise BackendError(message, hint=_FOR_OTHERS)
        self._input = graph.input[0].name
        self._outputs = tuple(value.name for value in graph.output)
        self._steps = [_Step(node) for node in graph.node]
        numbers = {name for step in self._steps for name in step.numbers}
        self._known: dict[str, Tensor] = {}
        for initializer in graph.initializer:
            place = _HOST if initializer.name in numbers else device
            self._known[initializer.name] = _constant(numpy_helper.to_array(initializer), place)
        for step in self._steps:  # once, and not with every picture
            if step.is_known(self._known):
                self._known[step.output] = step.compute([self._known[name] if name else None for name in step.inputs])

    def write(self, shape: tuple[int, ...], kind: torch.dtype) -> Code:
        """The network for pictures of a shape; nothing is computed on the device but what shapes are needed for.

        Args:
            shape: Of all pictures together.
            kind: Their type, which is the network's.
        """
        writer = _Writer(self._input, torch.empty(shape, dtype=kind, device=_NOWHERE), self._known)
        for step in self._steps:
            if step.output not in self._known:
                writer.write(step)
        return writer.finish(self._outputs)


class _Step:
    """A node: its operator and what that is applied to."""

    def __init__(self, node: NodeProto) -> None:
        self.inputs, self.output = tuple(node.input), node.output[0]
        self.numbers = tuple(node.input[index] for index in NUMBERS.get(node.op_type, ()) if index < len(node.input))
        self._name, self._operator = node.op_type, OPERATORS[node.op_type]
        self._attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        for name, values in WITHOUT_EFFECT.get(node.op_type, {}).items():
            if name in self._attributes and self._attributes[name] not in values:
                raise BackendError(f"the torch backend does not know {self._name} with {name}", hint=_FOR_OTHERS)

    def is_known(self, known: Mapping[str, Tensor]) -> bool:
        """Whether it depends on nothing else than what is known."""
        return all(name in known for name in self.inputs if name)

    def compute(self, inputs: Sequence[Tensor | None]) -> Tensor:
        try:
            return self._operator(inputs, self._attributes)
        except (AssertionError, LookupError, TypeError, ValueError) as error:  # what the export writes is not there
            message = f"the torch backend does not know this form of {self._name}"
            raise BackendError(message, hint=_FOR_OTHERS) from error


class _Map(fx.Proxy):
    """Stands for a tensor while calls are written down; its shape is known."""

    @property
    def shape(self) -> torch.Size:
        return self.node.meta[_LIKE].shape

    @property
    def ndim(self) -> int:
        return self.node.meta[_LIKE].ndim


class _Tracer(GraphAppendingTracer):
    """Writes down calls, and notes of what shape and type each result is."""

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Map(node, self)

    def create_proxy(self, kind: str, target: Any, *rest: Any, **more: Any) -> fx.Proxy:
        written = super().create_proxy(kind, target, *rest, **more)
        node = written.node
        operands, named = fx.map_arg((node.args, node.kwargs), lambda one: one.meta[_LIKE])
        call = getattr(torch.Tensor, target) if kind == "call_method" else target
        node.meta[_LIKE] = call(*operands, **named)
        return written


class _Writer:
    """Writes down steps.

    Args:
        name: Of the input.
        pictures: Its shape and type.
        known: What depends on no picture.
    """

    def __init__(self, name: str, pictures: Tensor, known: Mapping[str, Tensor]) -> None:
        self._graph = fx.Graph()
        self._tracer = _Tracer(self._graph)
        self._known = dict(known)
        self._maps = {name: self._argument("pictures", pictures)}
        self._weights: dict[str, fx.Proxy] = {}
        self._last_argument = self._maps[name].node

    def write(self, step: _Step) -> None:
        """Adds the calls of a step, or computes it, where it gives numbers."""
        if step.is_known(self._known):
            self._known[step.output] = step.compute([self._known[name] if name else None for name in step.inputs])
            return
        operands = cast(list[Tensor | None], [self._operand(name, step) for name in step.inputs])
        result = step.compute(operands)
        if isinstance(result, fx.Proxy):
            self._maps[step.output] = result
        else:
            self._known[step.output] = result  # of shapes, which are numbers

    def finish(self, outputs: Sequence[str]) -> Code:
        """The code, when all is written."""
        drawn = [self._maps[name] if name in self._maps else self._weight(name) for name in outputs]
        self._graph.output(tuple(one.node for one in drawn))
        self._graph.lint()
        return Code(fx.GraphModule(nn.Module(), self._graph), tuple(self._known[name] for name in self._weights))

    def _operand(self, name: str, step: _Step) -> fx.Proxy | Tensor | None:
        if not name:
            return None
        if name in self._maps:
            return self._maps[name]
        is_number = name in step.numbers or not self._known[name].is_floating_point()
        return self._known[name] if is_number else self._weight(name)

    def _weight(self, name: str) -> fx.Proxy:
        if name not in self._weights:
            like = torch.empty_like(self._known[name], device=_NOWHERE)
            with self._graph.inserting_after(self._last_argument):
                self._weights[name] = self._argument(f"weight_{len(self._weights)}", like)
            self._last_argument = self._weights[name].node
        return self._weights[name]

    def _argument(self, name: str, like: Tensor) -> fx.Proxy:
        argument = self._tracer.proxy(self._graph.placeholder(name))
        argument.node.meta[_LIKE] = like
        return argument


def _constant(value: np.ndarray[Any, Any], device: torch.device) -> Tensor:
    tensor = torch.from_numpy(np.array(value))  # a copy: the file's bytes cannot be written
    if not tensor.is_floating_point():
        return tensor
    is_map = tensor.ndim == 4 and device.type == "cuda"  # there half convolutions are made for channels last
    return tensor.to(device, memory_format=torch.channels_last if is_map else torch.preserve_format)
