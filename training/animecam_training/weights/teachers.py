"""What a teacher is. Without torch: who opens none does not wait seconds for it."""

from hashlib import sha256
from pathlib import Path

from animecam.errors import StyleError
from animecam.styles.whole import whole_network
from animecam_training.errors import DataError

CARD_FILE = "card.json"
OWN_NETWORK = "model.onnx"  # in the folder of a style
ONNX_SUFFIX = ".onnx"
DIGEST_DIGITS = 16
OF_A_STYLE = "name last.pt of a run, or a style as animecam styles lists it; NAME:lite is its lite network"
"""What to do where weights cannot be read."""


def network_of(path: Path) -> Path:
    """A style's folder stands for its own network."""
    return path / OWN_NETWORK if (path / OWN_NETWORK).is_file() else path


def describe_teacher(teacher: str) -> str:
    """What a teacher is, wherever it lies: a run that goes on writes other weights to the same file.

    Of a style's folder it is the network that teaches: its card may change without it, as another variant is exported.

    Args:
        teacher: As `measured.open_style` takes it; empty for none.

    Raises:
        DataError: It cannot be read.
    """
    return _digest(network_of(Path(teacher)), "the teacher ") if teacher else "none"


def name_and_digest(weights: Path) -> str:
    """What weights are, for people and beyond doubt: the name of their file or folder, and what is in it.

    Raises:
        DataError: They cannot be read.
    """
    return f"{weights.name} ({_digest(network_of(weights))})"


def describe_teacher_formerly(teacher: str) -> str:
    """The same as earlier versions told it: of a style's folder they looked at the card."""
    if not (Path(teacher) / CARD_FILE).is_file():
        return describe_teacher(teacher)
    return _digest(Path(teacher) / CARD_FILE, "the teacher ")


def _digest(path: Path, what: str = "") -> str:
    """Of a file, with the weights that lie beside it; of a folder, its card's, which holds those of its networks."""
    file = path / CARD_FILE if path.is_dir() else path
    try:
        whole = whole_network(file) if file.suffix.lower() == ONNX_SUFFIX else None
        return f"sha256 {sha256(whole or file.read_bytes()).hexdigest()[:DIGEST_DIGITS]}"
    except StyleError as error:
        raise DataError(error.message, hint=error.hint) from error
    except OSError as error:
        raise DataError(f"cannot read {what}{file}: {error.strerror}", hint=OF_A_STYLE) from error
