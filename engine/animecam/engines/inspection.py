"""What a built engine is made of, as its runtime tells: the types that its layers came out in.

The form of that JSON is told in NVIDIA's documentation ("Engine Inspector") and differs between versions; what is not
understood counts as unknown and never as right or wrong.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from animecam.engines.key import EngineTypes
from animecam.errors import EngineRefusedError

CONVOLUTION, STATISTIC, UNKNOWN = "CONVOLUTION", "STATISTIC", "UNKNOWN"
HALF = "HALF"

_TYPES = {
    "half": HALF,
    "fp16": HALF,
    "float16": HALF,
    "float": "FLOAT",
    "fp32": "FLOAT",
    "float32": "FLOAT",
    "tf32": "FLOAT",
    "bfloat16": "BF16",
    "bf16": "BF16",
    "fp8": "FP8",
    "int8": "INT8",
    "int32": "INT32",
    "int64": "INT64",
    "bool": "BOOL",
}
"""Words of the runtime, in lower case, among others as in "Channel major FP16 format where channel % 8 == 0" → ours."""

_CONVOLVES = re.compile(r"conv(?!er)|correlation", re.IGNORECASE)
"""CaskConvolution, CaskGemmConvolution, CaskJitConv, deconv, …; the compiler of fused parts says correlation."""

_TENSOR_TYPE_KEYS = ("format/datatype", "datatype", "format")  # the first before TensorRT 11, which has two for it

Layer = dict[str, Any]
"""One layer of the JSON."""


def read_types(information: str) -> EngineTypes:
    """Counts the layers of an engine by kind and type, as `count_types` does before the build.

    A convolution that multiplies half and gives float, as with a cast fused behind it, is "CONVOLUTION HALF TO FLOAT".

    Args:
        information: As of `EngineSession.layer_information`.
    """
    layers = _layers(information)
    if not layers:
        return EngineTypes({}, False, "not known: the runtime tells no more of the layers than their names, if that")
    counts = dict(sorted(Counter(_word(layer) for layer in layers).items()))
    typed, untold = sum(_typed_convolutions(counts).values()), counts.get(f"{CONVOLUTION} {UNKNOWN}", 0)
    if untold or not typed:
        note = f"not known: of {typed + untold} convolutions that the runtime names it tells the types of {typed}"
        return EngineTypes(counts, False, note)
    return EngineTypes(counts, True, f"read back from the engine, in which the runtime names {typed} convolutions")


def check_built_types(precision: str, types: EngineTypes, hint: str) -> None:
    """Refuses an fp16 engine whose convolutions came out otherwise; one of which nothing is known passes.

    Raises:
        EngineRefusedError: A convolution of a map multiplies something else than half.
    """
    convolutions = _typed_convolutions(types.layers)
    slow = {word: count for word, count in convolutions.items() if not word.startswith(f"{CONVOLUTION} {HALF}")}
    if precision != "f16" or not slow:
        return
    kinds = ", ".join(word.removeprefix(f"{CONVOLUTION} ").lower() for word in slow)
    message = (
        f"the fp16 engine came out with {sum(slow.values())} of {sum(convolutions.values())} convolutions in {kinds}"
    )
    raise EngineRefusedError(f"{message} and would be slow", hint=hint)


def _typed_convolutions(counts: dict[str, int]) -> dict[str, int]:
    """Those of maps whose type is known."""
    return {
        word: count
        for word, count in counts.items()
        if word.startswith(f"{CONVOLUTION} ") and word != f"{CONVOLUTION} {UNKNOWN}"
    }


def _layers(information: str) -> list[Layer]:
    """The layers that have more than a name; none where the runtime tells nothing, or something else."""
    try:
        told: object = json.loads(information, strict=False)  # names in it are parted by control characters
    except ValueError:
        return []
    layers: object = cast(Layer, told).get("Layers") if isinstance(told, dict) else None
    if not isinstance(layers, list):
        return []
    return [cast(Layer, layer) for layer in cast(list[object], layers) if isinstance(layer, dict)]


def _word(layer: Layer) -> str:
    """A layer's kind and type: "CONVOLUTION HALF", "KGEN FLOAT", "REFORMAT UNKNOWN"."""
    kind = str(layer.get("LayerType") or UNKNOWN)
    given = _tensors(layer, "Outputs")[:1]
    gives = next(iter(_tensor_types(given)), "")
    if not _CONVOLVES.search(f"{kind} {layer.get('ParameterType', '')}"):
        return f"{kind.upper()} {gives or UNKNOWN}"
    sides: object = given[0].get("dimensions") if given else None
    if not isinstance(sides, list):
        return f"{CONVOLUTION} {UNKNOWN}"  # of a map or of its mean, which is float and right so
    # The mean of a map has one value a picture and channel, in whatever order the axes are told.
    name = CONVOLUTION if sum(side != 1 for side in cast(list[object], sides)) > 2 else STATISTIC
    takes = _multiplied(layer)
    if not takes:  # what gives float may multiply half, with a cast fused behind it
        return f"{name} {gives if gives == HALF else UNKNOWN}"
    return f"{name} {takes} TO {gives}" if gives and takes != gives else f"{name} {takes}"


def _multiplied(layer: Layer) -> str:
    """What a convolution multiplies, empty if that is not told.

    Half where any of its operands is: the network is typed, so that a float one among them is what is added.
    """
    weights: object = layer.get("Weights")
    types = _tensor_types([*_tensors(layer, "Inputs"), *_tensors(layer, "Constants")])
    if isinstance(weights, dict):  # told even where the number of pictures is free, when types of tensors are not
        types = [_type(str(cast(Layer, weights).get("Type", ""))), *types]
    known = [one for one in types if one]
    return HALF if HALF in known else next(iter(known), "")


def _tensors(layer: Layer, key: str) -> list[Layer]:
    """A layer's tensors with their keys in lower case, as versions differ in that."""
    tensors: object = layer.get(key)
    if not isinstance(tensors, list):
        return []
    found = [cast(Layer, tensor) for tensor in cast(list[object], tensors) if isinstance(tensor, dict)]
    return [{name.lower(): value for name, value in tensor.items()} for tensor in found]


def _tensor_types(tensors: Iterable[Layer]) -> list[str]:
    """Their types, empty where it is not told."""
    return [
        next(filter(None, (_type(str(tensor.get(key, ""))) for key in _TENSOR_TYPE_KEYS)), "") for tensor in tensors
    ]


def _type(text: str) -> str:
    """The type that a description names, empty for "N/A due to dynamic shapes" and the like."""
    words = re.findall(r"[a-z]+\d*", text.lower())
    return next((_TYPES[word] for word in words if word in _TYPES), "")
