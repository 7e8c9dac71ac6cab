"""What comes with the program and is chosen by name: face networks, recipes, styles."""

from pathlib import Path

import animecam
from animecam.errors import AnimecamError
from animecam.styles.card import LITE
from animecam.styles.registry import list_styles
from animecam_training.errors import DataError

RECIPES = Path(__file__).parents[1] / "configs"
DETECTOR, MESH, PERSON = "faces/face_detection_short_range.onnx", "faces/facemesh.onnx", "masks/selfie.onnx"
IDENTITY = "identity/mobileface.onnx"

# The detector and the person mask are the product's own, the others are needed by training alone.
_ASSETS = (Path(__file__).parents[1] / "assets", Path(animecam.__file__).parent / "assets")
_LITE_SUFFIX = ":lite"


def weights_file(name: str, folder: Path | None) -> Path:
    """Where a network lies that faces are found or compared with.

    Args:
        name: One of the names above.
        folder: Of other weights under the same names; None takes those that come with the program.
    """
    if folder is not None:
        return folder / name
    return next((root / name for root in _ASSETS if (root / name).is_file()), _ASSETS[0] / name)


def find_recipe(words: Path) -> Path:
    """A recipe's file: the one of that path, else the one that comes with the program under that name.

    A folder of that name, of pictures or a run, is not meant.
    """
    own = RECIPES / f"{words.name.removesuffix('.toml')}.toml"
    is_there = words.exists() and not words.is_dir()
    return words if is_there or len(words.parts) > 1 or not own.is_file() else own


def find_network(words: str) -> Path:
    """A style or a checkpoint: what lies at that path, else the style of that name.

    A folder without networks, of pictures or a run, is not meant where there is a style of its name.

    Args:
        words: A path; or NAME, a style's folder; or NAME:lite, the file of its lite network.

    Returns:
        The path as it was given where there is no such style: whoever opens it says what is missing.

    Raises:
        DataError: The style has no lite network.
    """
    path = Path(words)
    name = words.removesuffix(_LITE_SUFFIX)
    holds_networks = path.is_dir() and any(path.glob("*.onnx"))
    if holds_networks or (path.exists() and not path.is_dir()) or len(path.parts) > 1:
        return path
    for style in list_styles():
        if style.name == name:
            try:
                return style.folder if words == name else style.model_path(LITE)
            except AnimecamError as error:
                raise DataError(error.message, hint=error.hint) from error
    return path
