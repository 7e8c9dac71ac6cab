"""Bring your own network: an ONNX file that somebody else made becomes a style."""

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.errors import BackendError, StyleError
from animecam.portrait import load_portrait
from animecam.styles.card import FULL, UNKNOWN_LICENCE, Contract, PixelCoding, Rights, StyleCard, Variant
from animecam.styles.own import copy_style, free_name, new_style, read_style
from animecam.styles.probe import Probed, probe_network
from animecam.styles.registry import file_sha256, user_styles
from animecam.styles.whole import whole_network

MODEL_FILE = "model.onnx"

_NO_NAME = re.compile(r"[^a-z0-9_-]+")
_LONGEST_NAME = 40
_FACE = (slice(0, 320), slice(80, 400))  # of the bundled portrait: what a head's crop looks like


@dataclass(frozen=True, slots=True)
class AddReport:
    """A style that was added.

    Attributes:
        card: Its card.
        folder: Where it lies.
        findings: What was found out, a line each.
    """

    card: StyleCard
    folder: Path
    findings: tuple[str, ...]


def add_style(file: Path, name: str | None = None, *, overwrite: bool = False) -> AddReport:
    """Makes a style of any picture-to-picture ONNX file; what cannot be known of it is found by running it.

    A folder that `animecam-export` wrote is a style already: it is copied with its card and all of its networks.

    The file is copied as it is, but for weights that lie in files beside it: those are written into the copy. Its
    layout (NCHW or NHWC), its numbers (-1..1, 0..1, 0..255; float or uint8) and its sizes go into the card, and
    pictures are converted to them when the style draws.

    Args:
        file: The network, or a style's folder.
        name: To choose it by; None takes the file's name, or the one in the card.
        overwrite: Replace a style of that name that was added before.

    Raises:
        UsageError: The name is no name, or that of a style that comes with animecam.
        StyleError: There is a style of that name, the file or one that holds its weights is missing, it is no network,
            the network does not turn an RGB picture into one of the same size, a folder holds no whole style, or the
            user's folder cannot be written.
    """
    if not file.exists():
        raise StyleError(f"{file} does not exist", hint="check the name and the folder")
    own = read_style(file) if file.is_dir() else None
    name = free_name(name or (own.name if own else _name_of(file)), overwrite=overwrite)
    with new_style(name, file, overwrite=overwrite) as folder:
        if own:
            card = replace(own, name=name)
            copy_style(file, card, folder)
            findings: list[str] = []
        else:
            card, findings = _probed_style(name, file, folder)
    place = user_styles() / name
    findings += [f"licence {card.rights.licence}, before you pass on what it draws", f"copied to {place}"]
    return AddReport(card, place, tuple(findings))


def _probed_style(name: str, file: Path, folder: Path) -> tuple[StyleCard, list[str]]:
    """Makes a style of a network, in an empty folder; its card and what was found out."""
    _copy(file, folder / MODEL_FILE)
    probed = _probed(folder / MODEL_FILE, file)
    card = _card(name, file, folder / MODEL_FILE, probed)
    card.save(folder)
    return card, _findings(probed)


def _name_of(file: Path) -> str:
    return _NO_NAME.sub("-", file.stem.lower()).strip("-_")[:_LONGEST_NAME]


def _copy(file: Path, model: Path) -> None:
    """Copies a network as one file, whose checksum then stands for all of it."""
    whole = whole_network(file)
    if whole is None:
        shutil.copyfile(file, model)
    else:
        model.write_bytes(whole)


def _probed(model: Path, file: Path) -> Probed:
    """Runs the copied network, so that what cannot be run is refused here and not when it is used."""
    try:
        backend = open_backend(model, BackendChoice.ONNXRUNTIME, BackendOptions())
    except BackendError as error:
        hint = "it must be an ONNX file of standard operators with one input"
        reason = _of_the_user(error.message, model, file)
        raise StyleError(f"{file} is no network that can be run: {reason}", hint=hint) from error
    try:
        return probe_network(backend, load_portrait()[_FACE])
    except StyleError as error:
        raise StyleError(f"{file}: {_of_the_user(error.message, model, file)}", hint=error.hint) from error
    finally:
        backend.close()


def _of_the_user(message: str, model: Path, file: Path) -> str:
    """What a runtime says of our copy, said of the user's file: nobody else knows of the copy."""
    return re.sub(rf"{re.escape(str(model))}|\b{re.escape(model.name)}", lambda _: file.name, message)


def _card(name: str, file: Path, model: Path, probed: Probed) -> StyleCard:
    return StyleCard(
        name=name,
        title=file.stem,
        description=f"added from {file.name}",
        contract=probed.contract,
        rights=Rights(UNKNOWN_LICENCE, author="unknown", origin=file.name),
        variants=(Variant(FULL, MODEL_FILE, file_sha256(model)),),
        figures={"likeness_to_portrait": round(probed.likeness, 3)},
    )


def _findings(probed: Probed) -> list[str]:
    contract = probed.contract
    findings = [
        f"takes {_coding(contract.input)}, gives {_coding(contract.output)}",
        f"takes pictures of {_sizes(contract)}",
        f"its drawing of the bundled portrait resembles it by {probed.likeness:.2f} (1 is the portrait itself)",
    ]
    if probed.as_good:
        others = " or ".join(f"{black:g}..{white:g}" for black, white in probed.as_good)
        findings.append(f"it draws as well from {others}: if its author says so, correct its card")
    return findings


def _coding(coding: PixelCoding) -> str:
    return f"{coding.layout} {coding.pixel_type} in {coding.black:g}..{coding.white:g}"


def _sizes(contract: Contract) -> str:
    if contract.fixed_px is not None:
        height, width = contract.fixed_px
        return f"{width}x{height} px only; others are scaled to it"
    if contract.multiple_px == 1:
        return f"any size from {contract.min_px} px"
    return f"sides in multiples of {contract.multiple_px} px, from {contract.min_px} px"
