"""The commands of `animecam-train` that compute weights of weights, without training."""

from pathlib import Path

import click
from rich.markup import escape

from animecam_training import named
from animecam_training.console import results
from animecam_training.errors import CheckpointError, needed_packages

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("first", type=_FILE)
@click.argument("second", type=named.style)
@click.option("--share", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of FIRST in the mean.")
@click.option("--out", "-o", type=_FILE, required=True, help="Where the new checkpoint goes.")
def mean(*, first: Path, second: Path, share: float, out: Path) -> None:
    """Mixes two trainings of one network: FIRST a checkpoint, SECOND one, too, or a style."""
    with needed_packages():
        from animecam_training.run.checkpoint import save_checkpoint
        from animecam_training.weights.soup import mix_weights

    _refuse_existing(out)
    save_checkpoint(mix_weights(first, second, share), out)
    results.print(escape(str(out)), soft_wrap=True)


@click.command("pass-on")
@click.argument("learned", type=_FILE)
@click.option("--before", type=named.style, required=True, help="What LEARNED began with.")
@click.option("--to", "style", type=named.style, required=True, help="Who learns it, a sibling of that.")
@click.option("--share", type=click.FloatRange(0, 2), default=1.0, show_default=True, help="Of what was learned.")
@click.option("--out", "-o", type=_FILE, required=True, help="Where the new checkpoint goes.")
def pass_on_learned(*, learned: Path, before: Path, style: Path, share: float, out: Path) -> None:
    """Adds what the checkpoint LEARNED learned to another style of the same network, without training that."""
    with needed_packages():
        from animecam_training.run.checkpoint import save_checkpoint
        from animecam_training.weights.soup import pass_on

    _refuse_existing(out)
    save_checkpoint(pass_on(learned, before, style, share), out)
    results.print(escape(str(out)), soft_wrap=True)


@click.command()
@click.argument("weights", type=named.style)
def show(*, weights: Path) -> None:
    """Prints how WEIGHTS were trained, a checkpoint, an exported network or a style: its recipe, to run it again."""
    with needed_packages():
        from animecam_training.weights.provenance import show_weights

    results.print(escape(show_weights(weights)), soft_wrap=True)


def _refuse_existing(out: Path) -> None:
    """A checkpoint is never written over another."""
    if out.exists():
        raise CheckpointError(f"{out} exists", hint="name a new file: what a run needs to go on would be lost")
