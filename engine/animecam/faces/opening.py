"""Opens a face detector by name."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.errors import UsageError
from animecam.faces.base import Detector
from animecam.faces.blazeface import FULL_RANGE, SHORT_RANGE, BlazeFace, BlazeFaceLayout, EitherRange

MODELS = Path(__file__).parent.parent / "assets" / "faces"
"""Folder of the bundled networks."""

SHORT_FILE = MODELS / "face_detection_short_range.onnx"
FULL_FILE = MODELS / "face_detection_full_range.onnx"

SCAN_PX = {"auto": 192, "short": 128, "full": 192, "yunet": 320, "insightface": 640}
"""Longer side of the copy of the frame that each detector searches: its network's input, or where its figures hold."""

TILE_PX = {"auto": 192, "short": 0, "full": 192, "yunet": 320, "insightface": 640}
"""Side of the tiles in which each searches a still picture for small faces; 0: `short` is for near ones, and what it
finds in tiles no other network confirms: 42 places of 153 pictures with nobody in them were faces to it."""

CHOICES = "auto, short, full, yunet:FILE, insightface:PACK"


def open_detector(
    choice: str = "auto",
    backend: BackendChoice = BackendChoice.AUTO,
    options: BackendOptions | None = None,
) -> Detector:
    """Opens a detector; whoever opens it closes it.

    Args:
        choice: `auto` (both BlazeFace networks), `short` or `full` (one of them), `yunet:FILE`, `insightface:PACK`.
        backend: What computes the BlazeFace networks; the others bring their own runtime.
        options: How it computes. In bfloat16 coordinates come in steps of up to a pixel of the network's input: where
            crops hang on them they would tremble.

    Raises:
        UsageError: The choice is none of these.
        FaceError: A file or package that the choice needs is missing or damaged.
        BackendError: The runtime does not work here.
    """
    options = options or BackendOptions()
    kind, _, argument = choice.partition(":")
    match kind, argument:
        case "short", "":
            return _open_blazeface(SHORT_FILE, SHORT_RANGE, backend, options)
        case "full", "":
            return _open_blazeface(FULL_FILE, FULL_RANGE, backend, options)
        case "auto", "":
            with ExitStack() as stack:
                far = _open_blazeface(FULL_FILE, FULL_RANGE, backend, options)
                stack.callback(far.close)
                both = EitherRange(far, _open_blazeface(SHORT_FILE, SHORT_RANGE, backend, options))
                stack.pop_all()
                return both
        case "yunet", file if file:
            from animecam.faces.yunet import YuNet

            return YuNet(Path(file).expanduser())
        case "insightface", pack if pack:
            from animecam.faces.insightface import InsightFace

            return InsightFace(pack)
        case _:
            raise UsageError(f"there is no face detector {choice!r}", hint=f"one of {CHOICES}")


def open_follower(backend: BackendChoice = BackendChoice.AUTO, options: BackendOptions | None = None) -> Detector:
    """Opens what looks at the surroundings of known faces, in float32, as crops hang on where it sees them.

    Args:
        backend: As of `open_detector`.
        options: How else it computes.

    Raises:
        BackendError: The runtime does not work here.
    """
    return open_detector("short", backend, replace(options or BackendOptions(), allow_bf16=False))


def glances_of(detector: Detector) -> tuple[Detector, ...]:
    """Detectors that may take turns in searching, each for a share of what `detector` costs: its parts, or itself."""
    return detector.parts if isinstance(detector, EitherRange) else (detector,)


def _open_blazeface(file: Path, layout: BlazeFaceLayout, backend: BackendChoice, options: BackendOptions) -> BlazeFace:
    network = open_backend(file, backend, options)
    with ExitStack() as stack:
        stack.callback(network.close)
        detector = BlazeFace(network, layout)
        stack.pop_all()
    return detector
