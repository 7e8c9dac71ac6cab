"""What dim light, and light from behind, do to drawings: how far they are from those made in good light.

    python benchmarks/light.py PORTRAITS --style cel --json benchmarks/results/light.json

Each portrait's head is drawn as it is, with a share of its light, and with that share before a background that is
brighter than it was, as before a window; where the person is says MediaPipe's selfie segmentation. Reported is the mean
difference between such a drawing, multiplied up again, and the one in good light, in levels of that one and over the
person alone; beside it the same for a network that is fed heads as they come. Without PORTRAITS it is the bundled one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from crop_sides import crop_side
from inputs import picture_frame
from machine import Watch
from measuring import BenchmarkCommand, json_option, save, say, show
from numpy.typing import NDArray

from animecam.backends.base import Backend, BackendChoice, BackendOptions
from animecam.backends.opening import open_backend
from animecam.faces.align import head_pose
from animecam.faces.opening import open_detector
from animecam.portrait import load_portrait
from animecam.render.cpu import CpuImageOps
from animecam.render.person import MODEL, PersonMasker
from animecam.settings import DEFAULT_STYLE
from animecam.sources.image import load_picture
from animecam.styles.network import StyleNet
from animecam.styles.pixels import batch_shape, decode, encode
from animecam.styles.registry import find_style, verified_model
from animecam.types import WHOLE_FRAME, Image, Region

SHARES = (0.5, 0.3, 0.18)  # of a head's light
WINDOW = 0.35  # so much is left of what a background lacks to white
SURELY = 0.97  # of the mask: the person, and nothing of the background
PICTURES = (".jpg", ".jpeg", ".png")

Plane = NDArray[np.float32]
Draw = Callable[[Image], Image]


@dataclass(frozen=True, slots=True)
class Row:
    """All portraits in one light.

    Attributes:
        light: What was done to it.
        share: What is left of the person's light.
        lit: Mean distance of the drawings from those in good light, in levels of these.
        as_it_comes: The same for a network that sees the heads as they are.
    """

    light: str
    share: float
    lit: float
    as_it_comes: float


@dataclass(frozen=True, slots=True)
class Head:
    """A portrait's head: RGB uint8 [S, S, 3], and the person in it, float32 [S, S, 1], 0 … 1."""

    picture: Image
    person: Plane

    def dim(self, share: float) -> Image:
        """The same with a share of its light."""
        return (self.picture * share).astype(np.uint8)

    def before_a_window(self, share: float) -> Image:
        """The person with a share of the light, before a brighter background."""
        bright = 255 - (255 - self.picture.astype(np.float32)) * WINDOW
        mixed = self.picture * self.person * share + bright * (1 - self.person)
        return np.clip(mixed, 0, 255).astype(np.uint8)


@click.command(cls=BenchmarkCommand)
@click.argument("portraits", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--style", default=DEFAULT_STYLE, show_default=True)
@click.option("--quality", type=click.Choice(["full", "lite"]), default="full", show_default=True)
@click.option("--size", "size_px", type=int, default=256, show_default=True, callback=crop_side)
@json_option
def main(portraits: Path | None, style: str, quality: str, size_px: int, report: Path | None) -> None:
    """Measures drawings of heads in dim light and before a window."""
    watch, card = Watch(), find_style(style).card
    heads = tuple(find_heads(portraits, size_px))
    if not heads:
        raise click.UsageError(f"no picture of a face in {portraits}: name a folder of portraits (JPEG, PNG)")
    network = open_backend(verified_model(find_style(style), quality), BackendChoice.AUTO, BackendOptions())
    with closing(StyleNet(card, network)) as net:
        contract = card.contract

        def as_it_comes(picture: Image) -> Image:
            batch = np.zeros(batch_shape(contract.input, 1, size_px, size_px), contract.input.pixel_type.dtype)
            encode(picture, contract.input, batch[0])
            return decode(network.run(batch)[0][0], contract.output)

        rows = measure(heads, lambda picture: net((picture,))[0], as_it_comes)
    cells = [(row.light, f"{row.share:.2f}", f"{row.lit:.1f}", f"{row.as_it_comes:.1f}") for row in rows]
    title = f"{style} {quality}, {len(heads)} heads at {size_px} px"
    show(title, ("light", "share", "levels off", "fed as it comes"), cells)
    say("levels of the drawing in good light, of 255, over the person")
    content = {"style": style, "quality": quality, "size_px": size_px, "heads": len(heads)}
    save(report, watch, content | {"rows": [asdict(row) for row in rows]})


def find_heads(portraits: Path | None, size_px: int) -> Iterator[Head]:
    """The heads of a folder's pictures that show a face, or that of the bundled portrait."""
    files = sorted(path for path in portraits.iterdir() if path.suffix.lower() in PICTURES) if portraits else ()
    pictures = (load_picture(path).rgb for path in files) if portraits else iter((load_portrait(),))
    with closing(open_detector()) as detector, closing(_person_network()) as network:
        persons = PersonMasker(lambda: network)
        for picture in pictures:
            faces = detector.detect(picture, 0.5)
            if not faces:
                continue
            region = head_pose(faces[0]).region(WHOLE_FRAME, size_px)
            yield _head(CpuImageOps().crop(picture_frame(picture), region), region, persons)


def _head(crop: Image, region: Region, persons: PersonMasker) -> Head:
    persons.forget()
    return Head(crop, persons((region,), (crop,))[0][..., None])


def _person_network() -> Backend:
    return open_backend(MODEL, BackendChoice.AUTO, BackendOptions())


def measure(heads: Sequence[Head], draw: Draw, as_it_comes: Draw) -> list[Row]:
    """How far drawings in poor light are from those in good light."""
    good = [draw(head.picture) for head in heads]
    rows: list[Row] = []
    for light, darken in (("dim", Head.dim), ("before a window", Head.before_a_window)):
        for share in SHARES:
            off: list[list[float]] = []
            for head, drawing in zip(heads, good, strict=True):
                dark = darken(head, share)
                off.append([_distance(function(dark), drawing, share, head.person) for function in (draw, as_it_comes)])
            lit, unlit = np.mean(off, axis=0)
            rows.append(Row(light, share, float(lit), float(unlit)))
    return rows


def _distance(drawing: Image, good: Image, share: float, person: Plane) -> float:
    here = person[..., 0] > SURELY
    return float(np.abs(drawing[here] / share - good[here]).mean())


if __name__ == "__main__":
    main()
