"""The JSON of NVIDIA's engine inspector, in the forms that its versions are documented with or known to give."""

import json
from typing import Any

import pytest

from animecam.engines.inspection import check_built_types, read_types
from animecam.errors import BackendError


def told(*layers: dict[str, Any] | str, **more: Any) -> str:
    return json.dumps({"Layers": layers, **more})


def layer(
    kind: str, takes: dict[str, Any], gives: dict[str, Any], sides: tuple[int, ...] = (4, 32, 64, 48), **more: Any
):
    tensors = [{"Name": "x", "Dimensions": sides, **tensor} for tensor in (takes, gives)]
    return {"Name": "a + b", "LayerType": kind, "Inputs": tensors[:1], "Outputs": tensors[1:], **more}


def words(text: str) -> dict[str, str]:
    """A tensor's type as it is told before TensorRT 11."""
    return {"Format/Datatype": text}


FREE = words("N/A due to dynamic shapes")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Channel major FP16 format where channel % 8 == 0", "HALF"),
        ("Channel major FP16 format where channel == 4 and column stride % 32 == 0", "HALF"),
        ("Thirty-two wide channel vectorized row major FP16 format", "HALF"),
        ("Row major linear FP16 format", "HALF"),
        ("Half", "HALF"),
        ("Row major linear FP32", "FLOAT"),
        ("Thirty-two wide channel vectorized row major FP32 format.", "FLOAT"),
        ("Float", "FLOAT"),
        ("BFloat16", "BF16"),
        ("Row major linear BFloat16 format", "BF16"),
        ("Four wide channel vectorized row major Int8 format", "INT8"),
        ("N/A due to dynamic shapes", "UNKNOWN"),
        ("Unknown format", "UNKNOWN"),
        ("", "UNKNOWN"),
    ],
)
def test_types_are_read_from_the_words_of_the_runtime(text: str, kind: str):
    types = read_types(told(layer("CaskConvolution", words(text), words(text)), Bindings=["picture", "drawn"]))
    assert types.layers == {f"CONVOLUTION {kind}": 1}
    assert types.is_known == (kind != "UNKNOWN")


def test_types_are_read_from_the_form_of_tensorrt_11():
    split = {"DataType": "Half", "Format": "Channel major FP16 format where channel % 8 == 0"}
    types = read_types(
        told(layer("CaskConvolution", split, {"Datatype": "Half", "Format": "LINEAR"}), **{"I/O Tensors": []})
    )
    assert types.layers == {"CONVOLUTION HALF": 1}


@pytest.mark.parametrize(
    "kind",
    [
        "CaskConvolution",
        "CaskGemmConvolution",
        "CaskDeconvolutionV2",
        "CaskJitConv",
        "CaskConvActPool",
        "correlation",
        "deconv",
    ],
)
def test_layers_that_convolve_are_known_by_their_kind(kind: str):
    assert read_types(told(layer(kind, words("Half"), words("Half")))).layers == {"CONVOLUTION HALF": 1}


@pytest.mark.parametrize(
    "kind", ["kgen", "gemm", "Reformat", "NoOp", "CaskPooling", "PointWiseV2", "fusion", "Conversion"]
)
def test_other_layers_are_counted_and_prove_nothing(kind: str):
    types = read_types(told(layer(kind, words("Float"), words("Float"))))
    assert types.layers == {f"{kind.upper()} FLOAT": 1}
    assert not types.is_known
    check_built_types("f16", types, "")


def test_the_type_of_weights_is_told_where_that_of_tensors_is_not():
    convolution = layer("CaskConvolution", FREE, FREE, (-1, 32, 64, 48), Weights={"Type": "Float", "Count": 9408})
    types = read_types(told(convolution))
    assert types.layers == {"CONVOLUTION FLOAT": 1}
    with pytest.raises(BackendError, match="1 of 1 convolutions in float"):
        check_built_types("f16", types, "")


def test_the_mean_of_a_map_is_float_and_right_so_in_any_order_of_axes():
    means = [
        layer("CaskConvolution", words("Float"), words("Float"), sides) for sides in ((4, 32, 1, 1), (-1, 1, 1, 32))
    ]
    types = read_types(told(*means, layer("CaskConvolution", words("Half"), words("Half"))))
    assert types.layers == {"CONVOLUTION HALF": 1, "STATISTIC FLOAT": 2}
    check_built_types("f16", types, "")


def test_a_cast_fused_behind_a_convolution_makes_it_no_slower():
    types = read_types(told(layer("correlation", words("Half"), words("Float"))))
    assert types.layers == {"CONVOLUTION HALF TO FLOAT": 1}
    check_built_types("f16", types, "")


def test_a_result_in_float_alone_does_not_prove_a_slow_convolution():
    """As far as is told, a cast may be fused behind it: the engine would be refused, and remembered as refused."""
    types = read_types(told(layer("CaskConvolution", FREE, words("Float")), layer("CaskJitConv", FREE, words("Half"))))
    assert types.layers == {"CONVOLUTION HALF": 1, "CONVOLUTION UNKNOWN": 1}
    assert not types.is_known
    check_built_types("f16", types, "")


def test_one_convolution_in_fp32_is_too_many_for_fp16_and_none_for_fp32():
    half, slow = (layer("CaskConvolution", words(kind), words(kind)) for kind in ("Half", "Float"))
    types = read_types(told(half, slow, half))
    with pytest.raises(BackendError, match="1 of 3 convolutions in float and would be slow") as caught:
        check_built_types("f16", types, "report it")
    assert caught.value.hint == "report it"
    check_built_types("f32", types, "")


def test_some_types_that_are_told_do_not_make_the_engine_known():
    half, slow = (layer("CaskConvolution", words(kind), words(kind)) for kind in ("Half", "Float"))
    untold = layer("CaskConvolution", FREE, FREE)
    types = read_types(told(half, untold, half))
    assert (types.is_known, types.note.count("of 3 convolutions"), types.note[-10:]) == (False, 1, "types of 2")
    check_built_types("f16", types, "")
    with pytest.raises(BackendError, match="1 of 1 convolutions in float"):
        check_built_types("f16", read_types(told(slow, untold)), "")


def test_names_with_control_characters_are_no_obstacle():
    text = told(layer("CaskConvolution", words("Half"), words("Half"), Metadata="[ONNX Layer: a]|[ONNX Layer: b]"))
    assert read_types(text.replace("|", "\x1e")).is_known


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"Layers": null}',
        '{"Layers": [], "Bindings": ["picture", "drawn"]}',
        '{"Layers": ["a + b", "c"], "Bindings": []}',
        '{"Layers": [{}]}',
        '{"Layers": [{"Name": "a", "LayerType": "CaskConvolution", "Inputs": 3, "Outputs": [null]}]}',
        told(layer("CaskConvolution", FREE, FREE)),
        told({"LayerType": "CaskConvolution", "Outputs": [{**words("Float"), "Dimensions": 3}]}),
    ],
)
def test_what_is_not_told_is_unknown_and_no_error(text: str):
    types = read_types(text)
    assert not types.is_known
    assert types.note.startswith("not known: ")
    check_built_types("f16", types, "")
