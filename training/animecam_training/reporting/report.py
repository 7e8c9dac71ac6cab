"""A report on a style as Markdown, from what its runs and its evaluation left behind."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from animecam_training.data.pictures import read_picture, write_picture
from animecam_training.errors import DataError
from animecam_training.recipe.config import Recipe
from animecam_training.recipe.files import load_recipe
from animecam_training.reporting.plots import Curve, plot_curves
from animecam_training.run.folder import (
    GRIDS_FOLDER,
    RECIPE_FILE,
    STATS_FILE,
    VALIDATED,
    StepFigures,
    chosen_error,
    read_stats,
)

FIGURE_WORDS = {
    "squeeze_kid_ratio": "squeeze KID to the style aimed at, share of the unstyled photos'",
    "identity_cosine_mean": "identity cosine, mean",
    "identity_cosine_worst": "identity cosine, worst",
    "squeeze_distance_to_photo": "squeeze distance to the photo",
    "psnr_to_photo_db": "PSNR to the photo, dB",
    "flicker_ratio": "flicker, times the source's",
    "wall_tint": "tint of faces before walls of vivid colours, distance in the plane of a* and b*",
    "fid": "FID to the style aimed at",
    "kid": "KID to the style aimed at",
    "inception_score": "Inception Score",
    "lpips_alex_to_photo": "LPIPS (AlexNet) to the photo",
    "squeeze_distance_to_full": "squeeze distance to the teacher",
    "psnr_to_full_db": "PSNR to the teacher, dB",
    "teacher_l1": "L1 to what the teacher draws, 0 … 2",
    "drawing_l1": "L1 to the drawings, 0 … 2",
    "drawing_l1_eyes_and_mouth": "L1 to the drawings, in eyes and mouth",
    "drawing_l1_beard": "L1 to the drawings, where a beard was grown",
    "drawing_l1_poor_webcam": "L1 to the drawings, photos smeared, blurred and compressed",
    "drawing_l1_eyes_and_mouth_poor_webcam": "L1 to the drawings of such photos, in eyes and mouth",
    "drawing_l1_beard_poor_webcam": "L1 to the drawings of such photos, where a beard was grown",
    "drawing_l1_small": "L1 to the drawings, four heads of 128 px in one picture",
    "drawing_l1_eyes_and_mouth_small": "L1 to the drawings of such heads, in eyes and mouth",
    "drawing_l1_beard_small": "L1 to the drawings of such heads, where a beard was grown",
}
"""Names as in a style's card, and how people read them."""

SECONDS_A_MINUTE = 60


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a report is made of.

    Attributes:
        folder: Where NAME.md and its pictures go; made if absent.
        figures: What `animecam-train evaluate --json` wrote; None leaves the figures out.
        grid: What `animecam-train evaluate --grid` wrote; None takes the last sample grid of the last run.
        replace: Whether an existing report may be overwritten.
        name: What the style is called; empty takes the name of the last run's recipe.
    """

    folder: Path
    figures: Path | None = None
    grid: Path | None = None
    replace: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run left.

    Attributes:
        recipe: What was trained.
        lines: Its figures by step.
        last_grid: The newest sample grid; None where it wrote none.
    """

    recipe: Recipe
    lines: Sequence[StepFigures]
    last_grid: Path | None

    @property
    def minutes(self) -> float:
        """Wall clock of all sessions, by the speed of the steps: the clock of each begins anew, perhaps unseen."""
        done = (0, *(line.step for line in self.lines))
        timed = [(line.step - before, line.steps_per_second) for before, line in zip(done, self.lines, strict=False)]
        return sum(steps / speed for steps, speed in timed if steps) / SECONDS_A_MINUTE

    @property
    def validated(self) -> list[StepFigures]:
        """The lines with figures of validation."""
        return [line for line in self.lines if chosen_error(line.losses) is not None]

    @property
    def best(self) -> StepFigures | None:
        """The line of the state that best.pt holds; None where nothing was validated."""
        # What a run starts from, step 0, is no state of it; of equal ones the first is kept.
        states = [line for line in self.validated if line.step]
        return min(states, key=lambda line: chosen_error(line.losses) or 0.0, default=None)


def read_run(folder: Path) -> RunRecord:
    """Read a run folder.

    Raises:
        DataError: It holds no figures.
        ConfigError: Its recipe cannot be read.
    """
    lines = read_stats(folder / STATS_FILE)
    if not lines:
        raise DataError(f"{folder / STATS_FILE} holds no figures", hint="train for log_every steps at least")
    grids = sorted((folder / GRIDS_FOLDER).glob("*.jpg"))
    return RunRecord(load_recipe(folder / RECIPE_FILE), lines, grids[-1] if grids else None)


def write_report(runs: Sequence[Path], options: ReportOptions) -> Path:
    """Write NAME.md, NAME-curves.png and NAME-grid.jpg; NAME is the one given, or that of the last run's recipe.

    Args:
        runs: Run folders in the order in which the style went through them.
        options: What else goes in, and where to.

    Returns:
        The Markdown file.

    Raises:
        DataError: Nothing to report, a file that cannot be read or written, or a report that is already there.
    """
    records = [read_run(run) for run in runs]
    name = options.name or records[-1].recipe.name
    if Path(name).name != name:
        raise DataError(f"{name!r} cannot be the name of a page", hint="a plain name: --name, or name in the recipe")
    page = options.folder / f"{name}.md"
    if page.exists() and not options.replace:
        raise DataError(f"{page} exists", hint="--replace overwrites it, or name another folder")
    measured = _read_figures(options.figures) if options.figures else None
    grid = options.grid or records[-1].last_grid
    picture = read_picture(grid) if grid else None
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        if picture is not None:
            write_picture(picture, options.folder / f"{name}-grid.jpg")
        plot_curves(join_curves(records), options.folder / f"{name}-curves.png")
        page.write_text(_page(name, records, measured, has_grid=grid is not None), "utf-8")
    except OSError as error:
        raise DataError(f"cannot write the report {page}: {error}", hint="name a folder that you may write") from error
    return page


def join_curves(records: Sequence[RunRecord]) -> dict[str, list[Curve]]:
    """Curves by the name of the term, one for each run that has it; runs follow one another on the axis of steps.

    Those of validation come first.
    """
    curves: dict[str, list[Curve]] = {}
    start = 0
    for number, record in enumerate(records, start=1):
        # Phases have terms of their own: the last line does not know those of pre-training.
        for term in dict.fromkeys(term for line in record.lines for term in line.losses):
            known = [line for line in record.lines if term in line.losses]
            best = start + record.best.step if record.best and term.startswith(VALIDATED) else None
            steps, values = [start + line.step for line in known], [line.losses[term] for line in known]
            curves.setdefault(term, []).append(Curve(number, steps, values, best))
        start += record.lines[-1].step
    return dict(sorted(curves.items(), key=lambda item: not item[0].startswith(VALIDATED)))


def _read_figures(path: Path) -> Mapping[str, Any]:
    hint = "name the file that animecam-train evaluate --json wrote"
    try:
        table: Any = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON", hint=hint) from error
    if not isinstance(table, dict) or not {"by_name", "figures", "size_px", "missing"} <= table.keys():
        raise DataError(f"{path} holds no figures of a style", hint=hint)
    return cast("dict[str, Any]", table)


def _page(name: str, records: Sequence[RunRecord], measured: Mapping[str, Any] | None, *, has_grid: bool) -> str:
    parts, place = [f'# Style "{name}"'], quote(name)
    if has_grid:
        parts.append(f"![Portraits, and below each the same drawn]({place}-grid.jpg)")
    parts += ["## How it was trained", _runs_table(records), _weights_lines(records)]
    validated = [(number, record) for number, record in enumerate(records, start=1) if record.best]
    if validated:
        parts += ["## Validation", *(_validation_text(number, record) for number, record in validated)]
    parts += ["## Losses", f"![Every term by step]({place}-curves.png)"]
    if measured:
        parts += ["## Figures", _figures_text(measured)]
    return "\n\n".join(parts) + "\n"


def _runs_table(records: Sequence[RunRecord]) -> str:
    columns = [_facts(record) for record in records]
    heads = [f"run {number}" if len(records) > 1 else "" for number in range(1, len(records) + 1)]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(records) + 1) + "|"]
    lines += [f"| {fact} | " + " | ".join(column[fact] for column in columns) + " |" for fact in columns[0]]
    return "\n".join(lines)


def _facts(record: RunRecord) -> dict[str, str]:
    """What a reader asks of a run, in words; folders without the path, which says nothing to others."""
    recipe, data, last = record.recipe, record.recipe.data, record.lines[-1]
    folders = [Path(folder).name for folder in (data.photos, data.styles) if folder]
    low, high = min(data.sizes_px), max(data.sizes_px)
    before = f", {recipe.pretrain_steps:,} of them pre-training" if recipe.pretrain_steps else ""
    return {
        "method": recipe.method,
        "network": recipe.model.generator + (f" {list(recipe.model.widths)}" if recipe.model.widths else ""),
        "pictures": ", ".join(folders),
        "batch": f"{data.batch} crops of {low}" + (f" to {high}" if high > low else "") + " px",
        "steps": f"{last.step:,} of {recipe.steps:,}{before}",
        "pictures seen": f"{last.images:,}",
        "time": f"{record.minutes:.0f} minutes",
        "Adam": f"{recipe.optim.learning_rate:g}, betas {recipe.optim.betas[0]:g} and {recipe.optim.betas[1]:g}",
        "precision": recipe.precision,
        "features": recipe.features,
    }


def _validation_text(number: int, record: RunRecord) -> str:
    """What validation found at the start, where that was measured, at the best state and at the last."""
    lines = {f"step {line.step:,}": line for line in record.validated[:1] if not line.step}
    if record.best:
        lines[f"best, step {record.best.step:,}"] = record.best
    lines[f"last, step {record.validated[-1].step:,}"] = record.validated[-1]
    names = dict.fromkeys(name for line in lines.values() for name in line.losses if name.startswith(VALIDATED))
    table = ["| " + " | ".join((f"run {number}", *lines)) + " |", "|---" * (len(lines) + 1) + "|"]
    for name in names:
        short = name.removeprefix(VALIDATED)
        values = (f"{line.losses[name]:.4f}" for line in lines.values())
        table.append("| " + " | ".join((FIGURE_WORDS.get(short, short), *values)) + " |")
    data = record.recipe.data
    folder = f' in "{Path(data.validation).name}"' if data.validation else ""
    text = f"On people{folder} who were not trained on, {data.validation_pictures} pictures at most:"
    return "\n\n".join([text, "\n".join(table)])


def _weights_lines(records: Sequence[RunRecord]) -> str:
    lines: list[str] = []
    for number, record in enumerate(records, start=1):
        recipe = record.recipe
        weights = asdict(recipe.dtgan_weights if recipe.method == "dtgan" else recipe.pair_weights)
        shown = [f"{term} {_weight(weight)}" for term, weight in weights.items() if weight]
        lines.append((f"Weights of run {number}: " if len(records) > 1 else "Weights: ") + ", ".join(shown) + ".")
    return "\n\n".join(lines)


def _weight(weight: float | tuple[float, ...]) -> str:
    return " / ".join(f"{part:g}" for part in weight) if isinstance(weight, tuple) else f"{weight:g}"


def _figures_text(measured: Mapping[str, Any]) -> str:
    figures = cast("Mapping[str, float]", measured["by_name"])
    lines = ["| figure | value |", "|---|---|"]
    lines += [f"| {FIGURE_WORDS.get(name, name)} | {value:.3g} |" for name, value in figures.items()]
    steps = f", after {measured['step']:,} steps" if measured.get("step") else ""
    portraits = f"{measured['figures']['pictures']} portraits, head crops at {measured['size_px']} px{steps}."
    return "\n\n".join([portraits, "\n".join(lines), *(f"Not measured: {reason}." for reason in measured["missing"])])
