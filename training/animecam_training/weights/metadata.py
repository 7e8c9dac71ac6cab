"""Where an exported network tells of its weights; apart from what it tells, of which an export needs nothing."""

# pyright: reportUnknownMemberType=false
# onnx is typed in part only.

from collections.abc import Mapping

import onnx

PREFIX = "animecam.training."
"""Begins the names of what an exported network tells, among its ONNX metadata."""


def write_provenance(model: onnx.ModelProto, provenance: Mapping[str, str]) -> None:
    """Puts into a network what is told of its weights, see `provenance.provenance_of`."""
    onnx.helper.set_model_props(model, {PREFIX + name: words for name, words in provenance.items()})
