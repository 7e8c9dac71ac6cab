"""What an engine is good for: its key, and the record that lies beside it."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from animecam.engines.flavour import Capability, Flavour

ENGINE_SUFFIX = ".engine"
RECORD_SUFFIX = ".json"
JIT_SUFFIX = ".jit"
PORTABLE = "portable"
DEFAULT_SETTINGS, NO_TF32 = "default", "TF32 off"  # of a builder; records of before say nothing of them
_SHA256_DIGITS, _SHOWN_DIGITS = 64, 12  # hexadecimal, of all and of what is shown of one
TURING: Capability = (7, 5)  # not among the GPUs that an engine of tensorrt-rtx is for unless it is asked


@dataclass(frozen=True, slots=True)
class Target:
    """A GPU that an engine is for.

    Attributes:
        name: As its maker calls it.
        capability: Its compute capability.
    """

    name: str
    capability: Capability

    @property
    def architecture(self) -> str:
        """As compilers write it: "sm_89"."""
        return f"sm_{self.capability[0]}{self.capability[1]}"


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that an engine depends on: when any of it differs, it is built anew.

    Attributes:
        onnx_sha256: Of the network it is built from.
        runtime: "tensorrt-rtx" or "tensorrt".
        version: Of the runtime.
        gpu: `PORTABLE`, an architecture, or the GPU's name and architecture.
        precision: "f16" or "f32": what the network's convolutions are typed as.
        shape: Of one picture, as the network takes it: (3, H, W) or (H, W, 3).
        max_batch: Most pictures at a time; it takes any number from one.
        settings: Of the builder, where they change what is computed.
    """

    onnx_sha256: str
    runtime: str
    version: str
    gpu: str
    precision: str
    shape: tuple[int, ...]
    max_batch: int
    settings: str = DEFAULT_SETTINGS

    def differences(self, other: "EngineKey") -> str:
        """What another key has otherwise, in words; empty when they are equal."""
        named = [
            f"{field.name} {_short(getattr(other, field.name))} is not {_short(getattr(self, field.name))}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]
        return ", ".join(named)

    def file_name(self, network: str) -> str:
        """The engine's name: what may lie side by side differs in it, what replaces the other does not.

        Args:
            network: Name of the network, for instance "cel-model.fp16".
        """
        size = "x".join(map(str, self.shape))
        return f"{network}-{size}-b{self.max_batch}-{self.runtime}-{file_word(self.gpu)}{ENGINE_SUFFIX}"


def file_word(text: str) -> str:
    """A name of a GPU as a part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "_." else "-" for letter in text)


def timings_file(key: EngineKey) -> str:
    """Name of the file of measured layers: what one GPU measured is no use to another."""
    return f"{key.runtime}-{key.version}-{file_word(key.gpu)}.timing"


def compiled_file(engine: Path, gpu: str) -> Path:
    """File of what tensorrt-rtx compiled of an engine for one GPU: a portable engine is finished on each otherwise.

    Args:
        engine: Its file.
        gpu: Name of the GPU.
    """
    return engine.with_name(f"{engine.stem}-{file_word(gpu)}{JIT_SUFFIX}")


def gpu_word(flavour: Flavour, target: Target | None) -> str:
    """What the key says of the GPU.

    Engines of tensorrt-rtx run on every GPU from compute capability 8.0 that it supports; those of tensorrt on GPUs of
    the same model only.
    """
    if flavour.is_rtx:
        return target.architecture if target is not None and target.capability == TURING else PORTABLE
    assert target is not None  # choose_flavour gives tensorrt to GPUs only
    return f"{target.name} {target.architecture}"


@dataclass(frozen=True, slots=True)
class EngineParity:
    """How near an engine is to the fp32 network.

    Attributes:
        psnr_db: Of the worst picture; None: not measured.
        pictures: How many were compared.
        note: What it was compared with, or why it was not.
    """

    psnr_db: float | None
    pictures: int
    note: str


@dataclass(frozen=True, slots=True)
class EngineTypes:
    """What the layers of a built engine came out as, told by the runtime that loads it.

    Attributes:
        layers: Count of layers by kind and type, for instance {"CONVOLUTION HALF": 21}; empty: nothing is told.
        is_known: Convolutions are among them, all with their types.
        note: Where that is from, or why it is not known.
    """

    layers: dict[str, int]
    is_known: bool
    note: str


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """What is known of an engine, kept as JSON beside it.

    Attributes:
        key: What it is good for.
        sha256: Of the engine's file.
        built: Day, ISO 8601.
        seconds: How long the build took.
        layers: Count of layers by type and precision, for instance {"CONVOLUTION HALF": 21}, before the build.
        types: Those after the build.
        parity: How near it is to the fp32 network.
    """

    key: EngineKey
    sha256: str
    built: str
    seconds: float
    layers: dict[str, int]
    types: EngineTypes
    parity: EngineParity

    @property
    def is_compared(self) -> bool:
        """Whether it was compared: not where it was built without a GPU."""
        return self.parity.psnr_db is not None

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), indent=2) + "\n"


def read_record(path: Path) -> EngineRecord:
    """Reads a record.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no record of this version.
    """
    try:
        values = cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
        key = values.pop("key")
        shape = tuple(int(side) for side in key.pop("shape"))
        types, parity = EngineTypes(**values.pop("types")), EngineParity(**values.pop("parity"))
        return EngineRecord(key=EngineKey(shape=shape, **key), types=types, parity=parity, **values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path.name} is no record of an engine, or an older version's") from error


def _short(value: object) -> str:
    text = "x".join(map(str, cast(tuple[int, ...], value))) if isinstance(value, tuple) else str(value)
    return text[:_SHOWN_DIGITS] if len(text) == _SHA256_DIGITS else text
