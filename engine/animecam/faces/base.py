"""The seam between the tracker and the face detectors."""

from typing import Protocol

from animecam.types import Detection, Frame, Image, Region


class Detector(Protocol):
    """Finds faces in a picture; whoever opened it closes it.

    Attributes:
        name: "blazeface", "yunet", "insightface".
    """

    name: str

    def detect(self, picture: Image, min_score: float) -> tuple[Detection, ...]:
        """Finds the faces of an upright picture.

        Args:
            picture: RGB, uint8 [H, W, 3], any size; a face should fill at least a twelfth of the longer side.
            min_score: Detections below this confidence are left out, in [0, 1].

        Returns:
            The faces in pixels of `picture`, best first, overlapping ones merged.
        """
        ...

    def close(self) -> None:
        """Frees the network; may be called twice."""
        ...


class Cropper(Protocol):
    """What the tracker needs of the frame's pixels: a small upright RGB picture of a region."""

    def __call__(self, frame: Frame, region: Region) -> Image:
        """RGB crop of one region, uint8 [region.height_px, region.width_px, 3]."""
        ...
