"""What is to be made of a folder of pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from animecam_training.data.crops import CropOptions
from animecam_training.data.quality import QualityLimits
from animecam_training.target.draw import draw_target
from animecam_training.target.drawings import Drawing

Kind = Literal["photo", "pairs", "style"]


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """What is made of a folder.

    Attributes:
        kind: "photo" writes head crops with their superpixels, "pairs" head crops with the target drawn from each,
            "style" pictures with copies whose edges are smoothed; of one that is not square the middle, or the top.
        weights: Folder of other face networks (kinds "photo" and "pairs"); None takes those that come with the program.
        copies: Crops of each photo, with different margins.
        beard_copies: As many of a face with a beard, if that is more: few faces have one.
        crop: Size and margins of the crops; style pictures take its size.
        limits: What is too poor.
        draw: Draws the target of a pair.
        drawn_by: What that drawing is, by names and plain values; a folder of another is refused.
        drawn_formerly: Of `drawn_by`, what folders of earlier versions hold in other words; they go on.
        expressions: Share of the heads whose mouth is opened or whose eyes are closed, one or both, 0 … 1.
        turns: Share of the heads that are turned, many of them with eyes that look elsewhere, 0 … 1.
        beards: Share of the heads of pairs on which a beard grows, 0 … 1.
        lip_shadows: Share of the heads of pairs without a grown beard that get a shadow on the upper lip, 0 … 1.
        glasses: Share of the heads that get drawn glasses, 0 … 1; for a teacher the head without them is kept beside.
        gloss: Share of the heads whose skin shines, which neither a teacher nor the drawing of a pair sees, 0 … 1.
        even_light: How much of the shade on a face a teacher, or the drawing of a pair, is not to see, 0 … 1; for the
            teacher the evened head is kept beside.
        backgrounds: Whether what lies behind the person is kept beside each head, for walls in its place.
        workers: Processes.
        seed: Of margins, and of all that is changed at random.
    """

    kind: Kind
    weights: Path | None = None
    copies: int = 1
    beard_copies: int = 0
    crop: CropOptions = field(default_factory=CropOptions)
    limits: QualityLimits = field(default_factory=QualityLimits)
    draw: Drawing = draw_target
    drawn_by: Mapping[str, Any] = field(default_factory=dict[str, Any])
    drawn_formerly: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expressions: float = 0.0
    turns: float = 0.0
    beards: float = 0.0
    lip_shadows: float = 0.0
    glasses: float = 0.0
    gloss: float = 0.0
    even_light: float = 0.0
    backgrounds: bool = False
    workers: int = 1
    seed: int = 0

    @property
    def grows_beards(self) -> bool:
        """Whether beards are to be learned: of pairs alone, as a teacher would paint over them."""
        return self.kind == "pairs" and self.beards > 0

    @property
    def marks(self) -> dict[str, Any]:
        """What all pictures of a folder must have been made with, by the names of the command line and the recipe."""
        marks: dict[str, Any] = {"kind": self.kind, "size": self.crop.side_px}
        if self.kind == "style":  # nothing else is asked for, though folders of before were marked with copies
            return marks
        marks |= {"copies": self.copies, "seed": self.seed}
        if self.beard_copies:  # else left out: folders of before have no such mark
            marks["beard_copies"] = self.beard_copies
        changes = {"expressions": self.expressions, "turns": self.turns}
        changes |= {"glasses": self.glasses, "gloss": self.gloss, "even_light": self.even_light}
        if self.backgrounds:  # else left out: as beard_copies
            changes["backgrounds"] = True
        if self.kind == "pairs":
            changes["parts"] = True  # their maps lie beside them: not in folders of before
            changes |= {"beards": self.beards, "lip_shadows": self.lip_shadows}
        return marks | changes | dict(self.drawn_by)
