"""Classes of the bindings that cannot be made, by a runtime that makes none."""

from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest

from animecam.engines.flavour import CLASSIC, Flavour
from animecam.engines.network import parse_network
from animecam.engines.session import EngineSession
from animecam.errors import BackendError


class Builder:
    def create_network(self, _flags):
        return object()


class Bindings:
    """The module of a runtime whose constructors fail as pybind11's do, but those named."""

    NetworkDefinitionCreationFlag = object

    def __init__(self, messages, **works):
        self._messages, self._works = messages, works

    def __getattr__(self, name):
        if name in self._works:
            return self._works[name]

        def refuse(*_):
            self._messages.append(f"Error Code 6: no {name} on this GPU")
            raise TypeError("pybind11::init(): factory function returned nullptr")

        return refuse


def flavour(**works) -> Flavour:
    messages = deque(maxlen=3)
    return Flavour(CLASSIC, "10.13.2", Bindings(messages, **works), None, messages)


@pytest.mark.parametrize(
    ("works", "failure"),
    [
        ({}, r"cannot start its builder \(Error Code 6: no Builder on this GPU\)"),
        ({"Builder": lambda _logger: Builder()}, r"cannot start its parser \(Error Code 6: no OnnxParser"),
    ],
)
def test_a_runtime_that_cannot_read_networks_says_why(works, failure):
    with pytest.raises(BackendError, match=failure) as caught:
        parse_network(flavour(**works), Path("model.onnx"))
    assert isinstance(caught.value.__cause__, TypeError)


def test_a_runtime_that_cannot_run_engines_says_why():
    with pytest.raises(BackendError, match=r"cannot start its runtime \(Error Code 6: no Runtime on this GPU\)"):
        EngineSession(flavour(), SimpleNamespace(shared_as=(2, 0)), b"", max_batch=1, shape=(3, 8, 8))
