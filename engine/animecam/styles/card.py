"""The style card: what a style is, how its networks are fed, where it comes from and what it may be used for.

A style is a folder with `card.json` and the network files that it names.
"""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from animecam.errors import StyleChoiceError

CARD_FILE = "card.json"
SCHEMA = 1
"""Raised when a card's meaning changes; a card of a newer schema is refused, not guessed at."""

UNKNOWN_LICENCE = "unknown: ask its author"


class Layout(StrEnum):
    """Order of the axes of a batch: pictures, channels, height, width."""

    NCHW = "NCHW"
    NHWC = "NHWC"


class PixelType(StrEnum):
    """dtype of a batch; the names are numpy's."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    UINT8 = "uint8"

    @property
    def dtype(self) -> np.dtype[Any]:
        """As numpy has it."""
        return np.dtype(self.value)


@dataclass(frozen=True, slots=True)
class PixelCoding:
    """How a network writes RGB pixels.

    Attributes:
        layout: Order of the axes.
        pixel_type: dtype of the numbers.
        black: The number that stands for 0 of 255.
        white: The number that stands for 255 of 255.
    """

    layout: Layout = Layout.NCHW
    pixel_type: PixelType = PixelType.FLOAT32
    black: float = -1.0
    white: float = 1.0


@dataclass(frozen=True, slots=True)
class Contract:
    """What a network takes and gives; the output has the size of the input.

    Attributes:
        input: How pixels go in.
        output: How they come out.
        multiple_px: Height and width are multiples of this.
        fixed_px: (height, width) if the network takes one size only.
        min_px: Smallest height or width.
        max_px: Largest height or width, None: no limit is known.
    """

    input: PixelCoding = field(default_factory=PixelCoding)
    output: PixelCoding = field(default_factory=PixelCoding)
    multiple_px: int = 8
    fixed_px: tuple[int, int] | None = None
    min_px: int = 16
    max_px: int | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """Where a style comes from and what it may be used for.

    Attributes:
        licence: SPDX name of the weights' licence, or `UNKNOWN_LICENCE`.
        author: Who made the weights.
        origin: Where they were found: an address, a package, a file name.
        data: What they were trained on.
        data_rights: On which terms that data was used.
    """

    licence: str
    author: str
    origin: str
    data: str = ""
    data_rights: str = ""


@dataclass(frozen=True, slots=True)
class Training:
    """How the weights were made.

    Attributes:
        recipe: Name of the configuration or a sentence.
        steps: Optimiser steps.
        date: Day of the export, ISO 8601.
    """

    recipe: str
    steps: int
    date: str


@dataclass(frozen=True, slots=True)
class NetworkForm:
    """Another form of a network, in a file of its own.

    Attributes:
        file: Name of the ONNX file beside the card.
        sha256: Of that file, hexadecimal.
        psnr_db: How near it is to the fp32 network on real crops that it was not calibrated on, the worst of them.
    """

    file: str
    sha256: str
    psnr_db: float


@dataclass(frozen=True, slots=True)
class Variant:
    """One network of a style.

    Attributes:
        quality: "full", or the name of a smaller one, for instance "lite".
        file: Name of the ONNX file beside the card.
        sha256: Of that file, hexadecimal.
        parameters: Count of weights; 0: not known.
        half: Its strongly typed fp16 form, for GPUs: half [N, 3, H, W], RGB in [-1, 1], in and out. None where it has
            none: it runs in fp32 on a GPU, too.
        int8: Its form whose heavy convolutions compute in INT8, for OpenVINO; it takes and gives what the network
            does. None where it has none.
        cost: Time of one crop as a share of the reference's (`measure.networks`) in the same turns; 0: not known. Times
            differ from machine to machine, what two networks cost beside each other differs less.
        training: How its weights were made, where that is not what the card says of the style; None where it is.
        figures: Measured numbers by name, likewise.
    """

    quality: str
    file: str
    sha256: str
    parameters: int = 0
    half: NetworkForm | None = None
    int8: NetworkForm | None = None
    cost: float = 0.0
    training: Training | None = None
    figures: dict[str, float] = field(default_factory=dict[str, float])


FULL = "full"
LITE = "lite"
"""Qualities of the variants that the styles which come with animecam have."""


@dataclass(frozen=True, slots=True)
class StyleCard:
    """A style; see the classes of its fields.

    Attributes:
        name: What the user chooses it by: lower-case letters, digits, `-` and `_`.
        title: For people.
        description: One line.
        figures: Measured numbers by name, for instance {"identity_cosine": 0.89}.
        variants: The networks, the best first and the quickest last; all of one contract.
        training: None when it is not known.
    """

    name: str
    title: str
    description: str
    contract: Contract
    rights: Rights
    variants: tuple[Variant, ...]
    training: Training | None = None
    figures: dict[str, float] = field(default_factory=dict[str, float])

    def variant(self, quality: str = FULL) -> Variant:
        """The network of one quality.

        Raises:
            StyleChoiceError: The style has none of that quality.
        """
        for variant in self.variants:
            if variant.quality == quality:
                return variant
        known = ", ".join(variant.quality for variant in self.variants)
        hint = f"it has: {known}; or choose auto"
        raise StyleChoiceError(f"style {self.name} has no {quality} network", hint=hint)

    def suited(self, *, on_gpu: bool) -> Variant:
        """The network for a kind of machine: the best for a GPU, the quickest for a processor."""
        return self.variants[0] if on_gpu else self.variants[-1]

    def save(self, folder: Path) -> None:
        """Writes `card.json` into a style's folder; one that is there stays as it is until the new one is complete.

        Raises:
            OSError: The folder is missing or cannot be written.
        """
        text = json.dumps({"schema": SCHEMA} | asdict(self), indent=2, ensure_ascii=False)
        partial = folder / f".partial-{CARD_FILE}"
        try:
            partial.write_text(text + "\n", encoding="utf-8")
            partial.replace(folder / CARD_FILE)
        finally:
            partial.unlink(missing_ok=True)
