"""`animecam build`: the engines of styles, or their compiled networks, before they are needed."""

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from animecam.cli.console import messages, results
from animecam.cli.options import told_as_options
from animecam.settings import LARGEST_PX, SMALLEST_PX, Look, Quality

if TYPE_CHECKING:
    from animecam.engines.ahead import Networks, Place
    from animecam.engines.store import Engine
    from animecam.styles.registry import Style

TENSORRT, TORCH = "tensorrt", "torch"


@click.command()
@click.option("--style", "styles", multiple=True, help="Name of a style; may be repeated. [default: all on offer]")
@click.option(
    "--size",
    "sizes_px",
    multiple=True,
    type=click.IntRange(SMALLEST_PX, LARGEST_PX),
    default=(Look().size_px,),
    show_default=True,
    help="Side of a head as the network sees it; may be repeated.",
)
@click.option(
    "--quality",
    type=click.Choice([quality.value for quality in Quality]),
    default=Quality.AUTO.value,
    show_default=True,
    help="Which of a style's networks; auto: the one that a GPU draws with.",
)
@click.option("--gpu", type=click.IntRange(min=0), help="Index of the GPU. [default: the first, or none]")
@click.option(
    "--backend",
    type=click.Choice([TENSORRT, TORCH]),
    default=TENSORRT,
    show_default=True,
    help="What will run them; for torch they are compiled, for one face in the picture.",
)
def build(*, styles: tuple[str, ...], sizes_px: tuple[int, ...], quality: str, gpu: int | None, backend: str) -> None:
    """Builds the TensorRT engines of styles, so that no start has to wait for it, or compiles them for PyTorch.

    Without a GPU tensorrt-rtx builds what any GPU of its list can run: copy it to that machine's cache.
    """
    from animecam.cache import model_cache
    from animecam.engines.ahead import open_place
    from animecam.styles.registry import find_style, offered_styles

    for size_px in sizes_px:
        with told_as_options():
            Look(size_px=size_px)  # refuses what no network takes
    chosen = [find_style(name) for name in styles] or offered_styles()
    networks = [_networks(style, Quality(quality)) for style in chosen]
    if backend == TORCH:
        compile_and_show(gpu or 0, model_cache(), networks, sizes_px)
        return
    with ExitStack() as stack:
        build_and_show(open_place(gpu, model_cache(), stack), networks, sizes_px)


def _networks(style: "Style", quality: Quality) -> "Networks":
    from animecam.engines.ahead import Networks
    from animecam.styles.registry import verified_half, verified_model

    its = style.card.suited(on_gpu=True).quality if quality is Quality.AUTO else quality.value
    return Networks(style.name, verified_model(style, its), verified_half(style, its))


def build_and_show(place: "Place", networks: Iterable["Networks"], sizes_px: tuple[int, ...]) -> None:
    """Builds engines with a bar each, and lists them.

    Raises:
        BackendError: One cannot be built, or does not draw what its network draws.
        CacheError: The folder cannot be written.
    """
    from animecam.engines.ahead import build_ahead
    from animecam.engines.aside import aside

    table = Table("style", title=f"{place.flavour.name} {place.flavour.version}")
    for column in ("engine", "built", "parity"):
        table.add_column(column, overflow="fold")  # a name that is cut short cannot be copied
    is_stopped = threading.Event()

    def build_all() -> None:
        for one in networks:
            with _bar(f"{one.name} for {place.name}", is_stopped) as progress:
                for engine in build_ahead(place, one, sizes_px, progress):
                    table.add_row(one.name, escape(engine.path.name), _built(engine), escape(_parity(engine)))

    aside(build_all, is_stopped.set)
    table.caption = escape(str(place.folder))
    results.print(table)


def compile_and_show(index: int, folder: Path, networks: Iterable["Networks"], sizes_px: tuple[int, ...]) -> None:
    """Compiles networks for PyTorch, and lists them.

    Raises:
        BackendError: PyTorch sees no such GPU, nothing can be compiled here, or what is compiled draws something else.
        CacheError: The folder cannot be written.
    """
    from animecam.backends.opening import INSTALL_TORCH, importing
    from animecam.engines.aside import aside

    with importing("torch", INSTALL_TORCH):
        from animecam.backends.torch_ import cuda_device
        from animecam.backends.torch_ahead import compile_ahead
    device = cuda_device(index)
    table = Table("style", "network", "compiled", "parity", title="PyTorch")
    is_stopped = threading.Event()

    def compile_all() -> None:
        for one in networks:
            with messages.status(f"{one.name} for {device}"):
                for compiled in compile_ahead(one.model, one.half, sizes_px, device, folder, is_stopped.is_set):
                    how = f"in {compiled.seconds:.1f} s" if compiled.seconds else "kept"
                    table.add_row(one.name, escape(compiled.path.name), how, f"{compiled.psnr_db:.1f} dB")

    aside(compile_all, is_stopped.set)
    table.caption = escape(str(folder))
    results.print(table)


def _built(engine: "Engine") -> str:
    return f"in {engine.record.seconds:.1f} s" if engine.is_new else f"{engine.record.built}, kept"


def _parity(engine: "Engine") -> str:
    parity = engine.record.parity
    return parity.note if parity.psnr_db is None else f"{parity.psnr_db:.1f} dB {parity.note}"


@contextmanager
def _bar(label: str, is_stopped: threading.Event) -> Generator[Callable[[float], bool]]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bars:
        task = bars.add_task(label, total=1.0)

        def progress(share: float) -> bool:
            bars.update(task, completed=share)
            return not is_stopped.is_set()

        yield progress
