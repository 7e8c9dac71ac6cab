"""The command `animecam-export`."""

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from animecam.backends.untold import untold
from animecam.command_line import run_command_line
from animecam.styles.card import FULL, LITE, UNKNOWN_LICENCE, Rights, StyleCard
from animecam.styles.card_parser import read_card
from animecam_export.arguments import Figures, check_name, check_steps, parse_size, read_figures
from animecam_export.errors import ExportError

if TYPE_CHECKING:
    from animecam_export.checkpoints import TrainedGenerator
    from animecam_export.parity import Parity

_console = Console(highlight=False, emoji=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Turns checkpoints into networks that animecam runs."""


@app.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="The style's folder.")
@click.option("--name", help="What the user chooses it by. [default: the folder's name]")
@click.option("--title", help="Name for people. [default: the name]")
@click.option("--description", default="", help="One line.")
@click.option("--licence", default=UNKNOWN_LICENCE, show_default=True, help="SPDX name of the weights' licence.")
@click.option("--author", default="unknown", show_default=True, help="Who made the weights.")
@click.option("--origin", default="", help="Where they come from. [default: the checkpoint's file name]")
@click.option("--data", default="", help="What they were trained on.")
@click.option("--data-rights", default="", help="On which terms that data was used.")
@click.option("--recipe", default="", help="How they were trained. [default: as the checkpoint says]")
@click.option("--steps", type=click.IntRange(min=0), default=0, help="For how long. [default: as the checkpoint says]")
@click.option("--figure", "figures", multiple=True, metavar="NAME=NUMBER", help="A measured number; may be repeated.")
@click.option("--figures", "figures_file", type=click.Path(path_type=Path), help="What animecam-train evaluate wrote.")
@click.option("--generator", default="dtgan", show_default=True, help="Which network a bare state dict belongs to.")
@click.option("--size", metavar="WIDTHxHEIGHT", help="The only size it takes. [default: any]")
@click.option("--fp16", is_flag=True, help="Write the fp16 network for GPUs, too.")
def onnx(
    *,
    checkpoint: Path,
    folder: Path,
    name: str | None,
    title: str | None,
    description: str,
    licence: str,
    author: str,
    origin: str,
    data: str,
    data_rights: str,
    recipe: str,
    steps: int,
    figures: tuple[str, ...],
    figures_file: Path | None,
    generator: str,
    size: str | None,
    fp16: bool,
) -> None:
    """Writes CHECKPOINT as a style: model.onnx and card.json, once both runtimes compute what PyTorch computes."""
    with _export_packages():
        from animecam_export.checkpoints import load_trained
        from animecam_export.half_export import add_half
        from animecam_export.onnx_export import OnnxOptions
        from animecam_export.style_export import StyleText, export_style

    name = check_name(name or folder.resolve().name, "style", "--name NAME")
    rights = Rights(licence, author, origin or checkpoint.name, data, data_rights)
    measured = read_figures(figures, figures_file)
    text = StyleText(name, title or name, description, rights, recipe, steps, measured.by_name)
    options = OnnxOptions(fixed_px=parse_size(size))
    trained = load_trained(checkpoint, generator)
    _check_figures(measured, checkpoint, trained)
    check_steps(steps, recipe or trained.recipe, checkpoint)
    card, parities, removed = export_style(trained, folder, text, options)
    _tell_parities(parities)
    _tell_removed(removed)
    variant = card.variant()
    _console.print(f"{escape(str(folder / variant.file))}: {variant.parameters:,} parameters", soft_wrap=True)
    if fp16:
        _tell_half(folder, *add_half(folder, trained.module), FULL, "PyTorch")


@app.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), required=True, help="The style's folder.")
@click.option("--quality", default=LITE, show_default=True, help="What the user chooses it by.")
@click.option("--recipe", default="", help="How it was trained. [default: as the checkpoint says]")
@click.option("--steps", type=click.IntRange(min=0), default=0, help="For how long. [default: as the checkpoint says]")
@click.option("--figure", "figures", multiple=True, metavar="NAME=NUMBER", help="A measured number; may be repeated.")
@click.option("--figures", "figures_file", type=click.Path(path_type=Path), help="What animecam-train evaluate wrote.")
@click.option("--fp16", is_flag=True, help="Write its fp16 form for GPUs, too.")
def variant(
    *,
    checkpoint: Path,
    folder: Path,
    quality: str,
    recipe: str,
    steps: int,
    figures: tuple[str, ...],
    figures_file: Path | None,
    fp16: bool,
) -> None:
    """Gives the style in FOLDER a further, smaller network: CHECKPOINT, distilled from it (--quality lite)."""
    with _export_packages():
        from animecam_export.checkpoints import load_trained
        from animecam_export.half_export import add_half
        from animecam_export.variant_export import VariantText, add_variant

    quality = check_name(quality, "network", "--quality NAME")
    measured = read_figures(figures, figures_file)
    text = VariantText(quality, recipe, steps, measured.by_name)
    trained = load_trained(checkpoint, "dtgan-lite")
    _check_figures(measured, checkpoint, trained)
    check_steps(steps, recipe or trained.recipe, checkpoint)
    card, parities, removed = add_variant(trained, folder, text)
    _tell_parities(parities)
    _tell_removed(removed)
    for one in card.variants:
        about = f"{one.parameters:,} parameters, {one.cost} of the reference's time in OpenVINO"
        _console.print(f"{escape(str(folder / one.file))}: {about}", soft_wrap=True)
    if fp16:
        _tell_half(folder, *add_half(folder, trained.module, quality), quality, "PyTorch")


@app.command()
@click.argument("folder", type=click.Path(path_type=Path))
def fp16(*, folder: Path) -> None:
    """Writes the fp16 networks for GPUs beside the fp32 ones of the style in FOLDER; no checkpoint is needed."""
    with _export_packages():
        from animecam_export.half_export import add_half

    for one in read_card(folder).variants:
        _tell_half(folder, *add_half(folder, quality=one.quality), one.quality, "the fp32 network")


@app.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder. [default: where animecam looks]")
@click.option("--size", "sizes_px", multiple=True, type=int, default=(256,), show_default=True, help="May be repeated.")
@click.option("--gpu", type=click.IntRange(min=0), help="Index of the GPU. [default: the first, or none]")
def engine(*, folder: Path, output: Path | None, sizes_px: tuple[int, ...], gpu: int | None) -> None:
    """Builds the TensorRT engines of the style in FOLDER, which need not be installed."""
    from animecam.cache import model_cache
    from animecam.cli.build import build_and_show
    from animecam.cli.options import told_as_options
    from animecam.engines.ahead import Networks, open_place
    from animecam.settings import Look

    for size_px in sizes_px:
        with told_as_options():
            Look(size_px=size_px)  # refuses what no network takes
    card = read_card(folder)
    variant = card.variant()
    networks = Networks(card.name, folder / variant.file, folder / variant.half.file if variant.half else None)
    kept_in = output or model_cache()
    try:
        kept_in.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(
            f"cannot make {kept_in}: {error.strerror}", hint="name a folder that you may write"
        ) from error
    with ExitStack() as stack:
        build_and_show(open_place(gpu, kept_in, stack), [networks], sizes_px)


@app.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--photos", type=click.Path(path_type=Path), required=True, help="Folder of portraits for the ranges.")
@click.option("--held-out", type=click.Path(path_type=Path), help="For the comparison. [default: a fourth of --photos]")
@click.option("--crops", default=120, show_default=True, help="Heads to take, at most.")
@click.option("--least-db", default=35.0, show_default=True, help="PSNR to float32 that the worst head must have.")
@click.option("--quality", help="Which of the style's networks. [default: all]")
def int8(
    *, folder: Path, photos: Path, held_out: Path | None, crops: int, least_db: float, quality: str | None
) -> None:
    """Writes the INT8 networks for processors beside the fp32 ones of the style in FOLDER, if they are near enough.

    Ranges come from heads in --photos; PSNR is told for heads that were not used. OpenVINO runs it.
    """
    os.environ.setdefault("NNCF_CI", "1")  # else it tells its makers that it was used
    with _export_packages("int8"), untold():
        import nncf  # noqa: F401 # pyright: ignore[reportUnusedImport]

        from animecam_export.int8_style import Int8Options, add_int8

    options = Int8Options(photos, held_out, most_crops=crops, least_db=least_db, quality=quality)
    for name, forms in add_int8(folder, options)[1].items():
        for one in forms:
            _console.print(
                f"{name} in {one.runtime}: {one.worst_db:.1f} dB to float32 on the worst of {one.crops} "
                f"unseen heads, {one.mean_db:.1f} dB on average; {one.ratio} of its time here",
                soft_wrap=True,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Words after the program's name; None takes them from `sys.argv`.

    Returns:
        Exit status: 0 done, 1 run-time error, 2 usage.
    """
    return run_command_line(app, "animecam-export", arguments)


def _check_figures(measured: Figures, checkpoint: Path, trained: "TrainedGenerator") -> None:
    """Refuses the figures of another network, and says of which nobody can tell."""
    measured.check_network(checkpoint, trained.weights_sha256)
    if measured.are_of_unknown:
        told = f"{measured.file} does not say which network it measured: its figures are taken as they are"
        _console.print(escape(told), soft_wrap=True)


def _tell_parities(parities: Sequence["Parity"]) -> None:
    for parity in parities:
        pictures = f"{parity.pictures} crops, fp32"
        _console.print(f"{parity.runtime}: {parity.psnr_db:.1f} dB against PyTorch on the worst of {pictures}")


def _tell_removed(files: Sequence[str]) -> None:
    if files:
        _console.print(f"removed, as they were of the older network: {escape(', '.join(files))}", soft_wrap=True)


def _tell_half(folder: Path, card: StyleCard, parity: "Parity", quality: str, against: str) -> None:
    half = card.variant(quality).half
    if half is not None:
        _console.print(
            f"{escape(str(folder / half.file))}: {parity.psnr_db:.1f} dB against {against} on the worst of "
            f"{parity.pictures} crops",
            soft_wrap=True,
        )


@contextmanager
def _export_packages(extra: str = "export") -> Generator[None]:
    """Turns a missing package into an error that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        hint = f"pip install 'animecam[{extra}]'"
        raise ExportError(f"exporting needs the package {error.name}", hint=hint) from error


if __name__ == "__main__":
    sys.exit(main())
