"""Opens a face detector by name."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from animecam.backends.base import BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.errors import UsageError
from animecam.faces.base import Cropper, Detector
from animecam.faces.blazeface import FULL_RANGE, SHORT_RANGE, BlazeFace, BlazeFaceLayout, EitherRange
from animecam.faces.track import Tracker, TrackerOptions

MODELS = Path(__file__).parent.parent / "assets" / "faces"
"""Folder of the bundled networks."""

SHORT_FILE = MODELS / "face_detection_short_range.onnx"
FULL_FILE = MODELS / "face_detection_full_range.onnx"

SCAN_PX = {"auto": 192, "short": 128, "full": 192, "yunet": 320, "insightface": 640}
"""Longer side of the copy of the frame that each detector searches: its network's input, or where its figures hold."""

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
        options: How it computes.

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


@contextmanager
def open_tracker(
    crop: Cropper,
    choice: str = "auto",
    backend: BackendChoice = BackendChoice.AUTO,
    backend_options: BackendOptions | None = None,
    options: TrackerOptions | None = None,
) -> Generator[Tracker]:
    """Opens a tracker with its detectors, and closes them at the end of the `with`.

    Args:
        crop: Samples pictures from frames.
        choice: As in `open_detector`; known faces are followed by BlazeFace whatever finds them.
        backend: As in `open_detector`.
        backend_options: As in `open_detector`.
        options: How to search; `scan_px` is set to what the detector is made for.

    Raises:
        UsageError: As `open_detector`.
        FaceError: As `open_detector`.
        BackendError: As `open_detector`.
    """
    with ExitStack() as stack:
        scan = open_detector(choice, backend, backend_options)
        stack.callback(scan.close)
        follow = open_detector("short", backend, backend_options)
        stack.callback(follow.close)
        scan_px = SCAN_PX[choice.partition(":")[0]]
        yield Tracker(scan, follow, crop, replace(options or TrackerOptions(), scan_px=scan_px))


def _open_blazeface(file: Path, layout: BlazeFaceLayout, backend: BackendChoice, options: BackendOptions) -> BlazeFace:
    # Coordinates of up to 192 px in bfloat16 come in steps of a whole pixel: the crops would tremble.
    network = open_backend(file, backend, replace(options, allow_bf16=False))
    with ExitStack() as stack:
        stack.callback(network.close)
        detector = BlazeFace(network, layout)
        stack.pop_all()
    return detector
