"""The bindings ship no type information: what of them is used is looked for in the ones that are installed."""

import ast
from pathlib import Path

import pytest

from animecam.engines import flavour as flavours
from animecam.engines.flavour import RTX, Flavour, load_flavour

pytest.importorskip("tensorrt_rtx", reason="pip install 'animecam[tensorrt-rtx]'")

ENGINE_SOURCES = Path(flavours.__file__).parent


@pytest.fixture(scope="module")
def rtx() -> Flavour:
    return load_flavour(RTX)


def attributes_of_api() -> set[tuple[str, ...]]:
    """Chains like api.Builder or api.BuilderFlag.REQUIRE_USER_ALLOCATION in the sources of this package."""
    chains: set[tuple[str, ...]] = set()
    for path in ENGINE_SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            while isinstance(node, ast.Attribute):
                names.insert(0, node.attr)
                node = node.value
            if isinstance(node, ast.Name) and node.id == "api" and names:
                chains.add(tuple(names))
            elif "api" in names:  # flavour.api.…
                chains.add(tuple(names[names.index("api") + 1 :]))
    return {chain for chain in chains if chain}


def test_every_class_of_the_bindings_that_is_used_exists(rtx: Flavour):
    chains = attributes_of_api()
    assert ("BuilderFlag", "REQUIRE_USER_ALLOCATION") in chains
    assert len(chains) > 10
    for chain in chains:
        thing = rtx.api
        for name in chain:
            assert hasattr(thing, name), f"tensorrt_rtx has no {'.'.join(chain)}"
            thing = getattr(thing, name)


OWNERS = {
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "config": "IBuilderConfig IRuntimeConfig",
    "profile": "IOptimizationProfile",
    "tensor": "ITensor",
    "output": "ITensor",
    "layer": "ILayer",
    "cache": "IRuntimeCache ITimingCache",
    "_jit_cache": "IRuntimeCache",
    "_runtime": "Runtime",
    "_engine": "ICudaEngine",
    "engine": "ICudaEngine",
    "_context": "IExecutionContext",
    "context": "IExecutionContext",
    "inspector": "EngineInspector",
}
"""Names of variables in network, build and session → the classes they are of."""


def test_every_method_of_the_bindings_that_is_used_exists(rtx: Flavour):
    seen = 0
    for name in ("network", "build", "session"):
        for node in ast.walk(ast.parse((ENGINE_SOURCES / f"{name}.py").read_text())):
            if not isinstance(node, ast.Attribute):
                continue
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if owner not in OWNERS:
                continue
            classes = [getattr(rtx.api, one) for one in OWNERS[owner].split()]
            assert any(hasattr(one, node.attr) for one in classes), f"{owner}.{node.attr} in {name}.py"
            seen += 1
    assert seen > 40
