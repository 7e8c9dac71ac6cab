"""Recipes: everything that decides what a training run learns, as frozen values."""

from dataclasses import dataclass, field
from typing import Any, Literal

from animecam_training.target.anime.options import AnimeOptions
from animecam_training.target.options import DrawingName, FlatOptions, TargetOptions

GeneratorName = Literal["dtgan", "dtgan-double", "dtgan-lite", "dtgan-lite-double"]
FeatureName = Literal["squeezenet1_1", "vgg19"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which generator is trained.

    Attributes:
        generator: A name of `models.registry`: "dtgan", "dtgan-lite", and for the method "dtgan" their forms with a
            support tail, "dtgan-double" and "dtgan-lite-double".
        widths: Channels of the lite ones at 1/2, 1/4, 1/8 of the side; empty takes their own default.
        norm: Where the lite ones have LADE: "lade", "coarse" (not at 1/2 of the side) or "none".
        separable: Whether the lite ones have separable convolutions.
        context: So many blocks let the lite ones see farther, each twice as far as the one before.
        discriminator_channels: Width of the discriminators' stem or heads, where the method has any; a stem of 16
            takes a third of the time of the paper's 32.
        discriminator: What judges in the method "dtgan", and where `pair_weights.adversarial` is not 0: "patch" the
            paper's discriminator of pixels, "features" heads on the maps of the feature network, which learn far
            sooner.
    """

    generator: GeneratorName = "dtgan-lite"
    widths: tuple[int, ...] = ()
    norm: Literal["lade", "coarse", "none"] = "lade"
    separable: bool = False
    context: int = 0
    discriminator_channels: int = 32
    discriminator: Literal["patch", "features"] = "patch"

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments for `build_generator`."""
        usual = {"widths": (), "norm": "lade", "separable": False, "context": 0}
        chosen = {name: getattr(self, name) for name in usual}
        return {name: value for name, value in chosen.items() if value != usual[name]}  # the full ones have none


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Pictures and how they are cut.

    Attributes:
        photos: Folder of pairs (method "pairs") or of photos ("dtgan", "distill"), as `animecam-train prepare` writes.
        styles: Folder of style pictures with edge-smoothed copies (method "dtgan").
        samples: Folder of pictures for the sample grids, the first few of it; empty takes them from `photos`.
        validation: Folder like `photos`, of people who are not in it, to validate on (methods "pairs" and "distill");
            empty does not validate.
        validation_pictures: How many of it at most, taken at even distances.
        batch: Pictures a step and process.
        sizes_px: Sides of the training crops; each step draws one.
        zooms: Side of the region a crop shows, in crop sides; each picture draws one. 1 cuts without scaling,
            larger ones shrink more of the portrait into the crop, so that strokes are learned at every width.
        workers: Processes that read pictures; 0 reads in the training process.
    """

    photos: str = "pairs"
    styles: str = ""
    samples: str = ""
    validation: str = ""
    validation_pictures: int = 64
    batch: int = 4
    sizes_px: tuple[int, ...] = (128, 160, 192)
    zooms: tuple[float, ...] = (1.0, 1.25, 1.6, 2.0, 2.5)
    workers: int = 0


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """Changes of the picture; those of colour reach the target too, those of quality only the input.

    Attributes:
        colour: Share of the pictures whose light and white balance change.
        exposure: Largest relative change of brightness.
        white_balance: Largest relative change of a channel.
        gamma: Smallest exponent; the largest is its inverse.
        blur: Share of the inputs that are blurred as by a poor lens.
        blur_px: Smallest and largest standard deviation of that blur, pixels of the crop. What is small in the frame or
            filmed in little light is blurred by two and more.
        noise: Share of the inputs that get sensor noise.
        jpeg: Share of the inputs that are compressed.
        haze: Share of the inputs that lose contrast around one place, as behind glasses that mirror a window.
        motion: Share of the inputs that are smeared along a line, as a head is that turns while a webcam exposes.
        motion_px: Shortest and longest way of that, pixels of the crop.
        mirror: Share of the crops whose left and right are exchanged, targets alike.
        mosaic: Share of the crops that are four of half the size, side by side, inputs and targets alike: heads as
            small as they are in a whole frame. Methods "pairs" and "distill".
        walls: Share of the inputs whose background becomes a wall of a vivid colour; the teacher sees a gray one, and
            what it draws gets the colour where the wall is. Method "distill" alone; `animecam-train prepare --recipe`
            reads it, too, and keeps what is background.
    """

    colour: float = 0.6
    exposure: float = 0.15
    white_balance: float = 0.07
    gamma: float = 0.8
    blur: float = 0.25
    blur_px: tuple[float, float] = (0.4, 0.9)
    noise: float = 0.4
    jpeg: float = 0.2
    haze: float = 0.0
    motion: float = 0.0
    motion_px: tuple[float, float] = (2.0, 10.0)
    mirror: float = 0.5
    mosaic: float = 0.0
    walls: float = 0.0


@dataclass(frozen=True, slots=True)
class OptimConfig:
    """How weights move.

    Attributes:
        learning_rate: Of the generator, Adam. The paper of the method "dtgan" has 1e-4.
        pretrain_rate: Of the generator in the pre-training of the method "dtgan", where the paper has 2e-4; 0 takes
            learning_rate.
        discriminator_rate: Of the discriminators, Adam.
        betas: Of both.
        warmup_steps: Linear rise of the rate from nothing.
        decay_from: Share of the run after which the rate falls linearly.
        final_share: Of the rate, at the end.
        clip_norm: Largest norm of the generator's gradient; 0 does not clip, as in the paper.
        ema_decay: Of the moving average that is evaluated and exported; it warms up over the first steps.
    """

    learning_rate: float = 1e-3
    pretrain_rate: float = 0.0
    discriminator_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    warmup_steps: int = 100
    decay_from: float = 0.5
    final_share: float = 0.08
    clip_norm: float = 1.0
    ema_decay: float = 0.999


@dataclass(frozen=True, slots=True)
class PairWeights:
    """Weights against a known target (methods "pairs" and "distill"); 0 leaves a term out.

    Attributes:
        pixel: L1.
        gradient: L1 of the differences of neighbours.
        detail: L1 weighted by how much a pixel of the target stands out: lines and highlights.
        tone: L1 of the means of squares of 8 px: what is meant to be flat stays of one colour.
        feature: L1 of perceptual features.
        adversarial: Least squares against a discriminator that sees targets as real.
        worn: L1 where glasses are to be drawn: thin lines that would hardly count else.
        parts: L1 of pixels and of the differences of neighbours in the eyes and the mouth, method "pairs" alone.
        stability: L1 of what is drawn of the photos a moment later, a little moved and with other noise; the generator
            runs twice a step.
    """

    pixel: float = 2.0
    gradient: float = 2.0
    detail: float = 0.0
    tone: float = 0.0
    feature: float = 0.15
    adversarial: float = 0.0
    worn: float = 0.0
    parts: float = 0.0
    stability: float = 0.0


@dataclass(frozen=True, slots=True)
class DtganWeights:
    """Weights of the double-tail method, named as the rows of its table (Liu, Chen, Gao, 2024); "Hayao" values.

    The paper's hold for its features, VGG19 in Caffe's scale of levels. `vgg19` here is torchvision's, which sees
    normalised pictures: with it they have not been tried. On `squeezenet1_1`, whose maps are scaled to a mean of one,
    the rows of `style` are a few hundredths of the whole with them: `configs/television.toml` raises them.
    """

    pretrain_support: float = 1.0
    pretrain_main: float = 1.0
    adversarial_support: float = 1.0
    content: float = 0.5
    style: tuple[float, ...] = (0.1, 5.0, 25.0)
    region_own: float = 0.2
    region_photo: float = 0.2
    colour: float = 10.0
    variation_support: float = 1e-3
    adversarial_main: float = 0.02
    refine_pixels: float = 50.0
    refine_features: float = 0.5
    variation_main: float = 1e-3
    smoothed_edges: float = 2.0


Method = Literal["pairs", "dtgan", "distill"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One style, reproducibly.

    Attributes:
        name: The style's name.
        method: "pairs" (towards drawn targets), "dtgan" (adversarial, unpaired) or "distill" (from a teacher).
        steps: Length of the run.
        pretrain_steps: Of them, at the start, with the content term alone (method "dtgan").
        seed: Of weights, crops and augmentation.
        precision: "bf16" runs convolutions under autocast.
        features: Perceptual network, a name of `perceptual.registry`: "squeezenet1_1" (bundled), "vgg19" (the paper's).
        features_weights: File of its weights in torchvision's layout; empty takes the bundled or the published one.
        adversarial_from: Share of the run after which `pair_weights.adversarial` counts; until then a step takes half
            the time.
        teacher: Checkpoint or .onnx file of the teacher: whose drawings are learned (method "distill"), or what
            content, regions and colour are held to instead of the photo (method "dtgan"; may be absent there), or what
            the drawing "flat" is painted over instead of the photo.
        calm_teacher: Passes of a bilateral filter over what the teacher draws (method "distill"): the grain that
            adversarial training leaves goes, edges stay.
        spin_teacher: Whether a teacher draws four copies moved by a pixel, of which the mean is learned (method
            "distill"): the stripes of two pixels that adversarial training may leave go, lines stay.
        save_every: Steps between checkpoints.
        grid_every: Steps between sample grids.
        log_every: Steps between lines of stats.jsonl.
        validate_every: Steps between validations, where there is `data.validation`.
        drawing: Which drawing the pairs are made of; `animecam-train prepare --recipe` reads it and all
            that stands below, the loop does not.
        expressions: Share of the heads whose eyes are closed, one or both, or strained, and mouths opened, 0 … 1.
        turns: Share of the heads that are turned aside, up or down, many of them with eyes that look elsewhere, 0 … 1.
        beards: Share of the heads on which a beard grows before they are drawn, 0 … 1 (`prepare --kind pairs`).
        lip_shadows: Share of the others that get a shadow on the upper lip, of which nothing is drawn, 0 … 1
            (likewise): what has learned moustaches would draw the smudge of one there.
        glasses: Share of the heads that get drawn glasses, 0 … 1. With the method "distill" students see them and
            teachers do not: they are laid on what a teacher draws.
        gloss: Share of the heads whose skin gets gloss, 0 … 1, half of those with dark skin made darker before; a
            teacher (method "distill") or a drawing sees none of it.
        even_light: How much of the shade on a face a teacher, or a drawing, does not see either, 0 … 1; gloss is
            bounded.
        target: How the drawing "portrait" looks.
        anime: How the drawing "anime" looks.
        flat: How the drawing "flat" looks.
    """

    name: str = "cel"
    method: Method = "pairs"
    steps: int = 8000
    pretrain_steps: int = 0
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    features: FeatureName = "squeezenet1_1"
    features_weights: str = ""
    adversarial_from: float = 0.0
    teacher: str = ""
    calm_teacher: int = 0
    spin_teacher: bool = False
    save_every: int = 250
    grid_every: int = 1000
    log_every: int = 50
    validate_every: int = 250
    drawing: DrawingName = "portrait"
    expressions: float = 0.0
    turns: float = 0.0
    beards: float = 0.0
    lip_shadows: float = 0.0
    glasses: float = 0.0
    gloss: float = 0.0
    even_light: float = 0.0
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    pair_weights: PairWeights = field(default_factory=PairWeights)
    dtgan_weights: DtganWeights = field(default_factory=DtganWeights)
    target: TargetOptions = field(default_factory=TargetOptions)
    anime: AnimeOptions = field(default_factory=AnimeOptions)
    flat: FlatOptions = field(default_factory=FlatOptions)
