"""Options that several commands share, each written once."""

import functools
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from animecam.backends.base import BackendChoice
from animecam.backgrounds import BACKGROUND_COLORS, BACKGROUNDS, PICTURE, TRANSPARENT, is_background
from animecam.errors import FieldError, UsageError
from animecam.file_address import path_text
from animecam.files import FILE_SETTINGS
from animecam.named_colors import HAIR_TINTS
from animecam.settings import (
    LARGEST_PX,
    MOST_THREADS,
    SMALLEST_PX,
    HeadEdge,
    Look,
    Palette,
    Quality,
    Scope,
    Settings,
    Unseen,
)
from animecam.shell import as_word
from animecam.sinks.paths import DEVICE_SCHEMES, OutputKind, output_kind
from animecam.sources.addresses import scheme_of
from animecam.wording import option_name

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULTS = Settings()
_LOOK = _DEFAULTS.look
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--style", default=_LOOK.style, show_default=True, help="Name of a style; see: animecam styles."),
    click.option("--strength", default=_LOOK.strength, show_default=True, help="0 is the camera, 1 the style alone."),
    click.option(
        "--scope",
        type=click.Choice([scope.value for scope in Scope]),
        default=_LOOK.scope.value,
        show_default=True,
        help="How much of the picture is drawn anew: heads, persons, or all of every frame; the last two take more "
        "than twice as long.",
    ),
    click.option(
        "--size",
        "size_px",
        default=_LOOK.size_px,
        show_default=True,
        metavar=f"{SMALLEST_PX}..{LARGEST_PX}",
        help="Side of a head as the network sees it, in pixels, a multiple of 8; of a whole frame the shorter one. "
        "Smaller is faster.",
    ),
    click.option(
        "--edge",
        type=click.Choice([edge.value for edge in HeadEdge]),
        default=_DEFAULTS.head_edge.value,
        show_default=True,
        help="A head fades into the background, or ends where the person ends (slower).",
    ),
    click.option("--eyes", default=_LOOK.eyes, show_default=True, help="Larger eyes: 0 as filmed, 1 the most."),
    click.option("--line", default=_LOOK.line, show_default=True, help="Lines: 0 faint, 0.5 as drawn, 1 heavy."),
    click.option(
        "--hair-tint",
        default=_LOOK.hair_tint,
        metavar="COLOR",
        help=f"Hair in another colour (slower): #rrggbb, #rgb, {', '.join(HAIR_TINTS)}, or none. [default: none]",
    ),
    click.option(
        "--palette",
        type=click.Choice([palette.value for palette in Palette]),
        default=_LOOK.palette.value,
        show_default=True,
        help="Frames in their own colours, or as a manga is printed: black ink, white paper, screens of dots.",
    ),
    click.option(
        "--background",
        default=_LOOK.background,
        show_default=True,
        metavar="keep|blur|COLOR|FILE|transparent",
        help="Behind persons what was filmed, that blurred, a colour (#rrggbb, #rgb, "
        f"{', '.join(BACKGROUND_COLORS)}), a picture, or nothing, in files that can hold that (.png, .webp, .gif). "
        "All but the first are slower.",
    ),
    click.option(
        "--mirror/--no-mirror",
        default=None,
        help="Flip the picture left to right; live, that of the window alone, where there is one beside other outputs.",
    ),
    click.option(
        "--backend",
        type=click.Choice([choice.value for choice in BackendChoice]),
        default=_DEFAULTS.backend.value,
        show_default=True,
        help="Runtime of the networks; one that is named and does not work is an error.",
    ),
    click.option(
        "--detector",
        default=_DEFAULTS.detector,
        show_default=True,
        metavar="auto|short|full|yunet:FILE|insightface:PACK",
        help="Face detector: short for near faces, full for small ones, auto for both; "
        "yunet and insightface use a model file of yours.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(0, MOST_THREADS),
        default=_DEFAULTS.threads,
        help="CPU threads of the networks. [default: the runtime's]",
    ),
    click.option("--gpu", default=_DEFAULTS.gpu, show_default=True, help="Index of the GPU, where one is used."),
)


def _quality_option(default: Quality) -> Callable[[Any], Any]:
    return click.option(
        "--quality",
        type=click.Choice([quality.value for quality in Quality]),
        default=default.value,
        show_default=True,
        help="Which of a style's networks; auto: full on a GPU, else lite, from which a live run (no server) changes "
        "to full where drawing then takes about half of a frame's time or less.",
    )


def _faces_option(default: int, of_still: int | None = None) -> Callable[[Any], Any]:
    """Most faces, as (those of a film, those of a still picture or None for as many)."""

    def with_stills(_context: click.Context, _option: click.Parameter, asked: int | None) -> tuple[int, int | None]:
        return (default, of_still) if asked is None else (asked, None)

    others = f"; in a still picture {of_still}" if of_still is not None else ""

    return click.option(
        "--max-faces",
        type=int,
        callback=with_stills,
        help=f"Most faces drawn at a time. [default: {default}{others}]",
    )


def _unseen_option(default: Unseen) -> Callable[[Any], Any]:
    return click.option(
        "--unseen",
        type=click.Choice([choice.value for choice in Unseen]),
        default=default.value,
        show_default=True,
        help="While no face is seen, or not everybody's: draw whole frames, keep them as filmed, or blur them beyond "
        "recognition. Scopes person and frame draw every frame, unless it is to be blurred.",
    )


def _target_option(*, hidden: bool) -> Callable[[Any], Any]:
    what = "Hold this rate live by choosing size and network. [default: off]"
    return click.option("--target-fps", type=float, hidden=hidden, help=what)


_LIVE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    *_OPTIONS,
    _quality_option(_DEFAULTS.quality),
    _faces_option(_DEFAULTS.max_faces),
    _unseen_option(_LOOK.unseen),
    click.option("--max-fps", type=float, help="Most frames a second, live: spares the machine. [default: all]"),
)


class OutputPath(click.Path):
    """A path that is named: an empty word, such as a variable that is not set, would be the current folder.

    Outputs that are no files are refused, too: `window:` would be a folder of that name, and so would `-`.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As `click.Path.convert`."""
        value = path_text(value)
        if value == "":
            self.fail("it has no name; . is the current folder", param, ctx)
        if value == "-":
            raise UsageError("nothing is written to standard output", hint="name a file, or a folder for several")
        scheme = scheme_of(value)
        if scheme in DEVICE_SCHEMES or (scheme and "://" in value):
            shown = _shown_output(value)
            raise UsageError(f"{shown} is no file", hint=f"animecam --input FILE --output {as_word(shown)}")
        return super().convert(value, param, ctx)


def _shown_output(uri: str) -> str:
    """An output that is no file, without a password or the key of a stream.

    Raises:
        UsageError: It is none at all.
    """
    if output_kind(uri) is not OutputKind.STREAM:
        return uri
    from animecam.sinks.stream import public_address

    return public_address(uri)


@contextmanager
def told_as_options() -> Generator[None]:
    """Names the option where something is wrong with a field of the look or the settings."""
    try:
        yield
    except FieldError as error:
        raise UsageError(f"{option_name(error.field)} {error.problem}", hint=error.hint) from error


def look_options(command: Command) -> Command:
    """Gives a command the options of `Settings` and hands them over as one argument, `settings`."""
    return _with_settings(command, (*_LIVE_OPTIONS, _target_option(hidden=False)))


def shared_look_options(command: Command) -> Command:
    """As `look_options`, without offering a rate to hold: a command that has several live streams refuses it."""
    return _with_settings(command, (*_LIVE_OPTIONS, _target_option(hidden=True)))


def file_look_options(command: Command) -> Command:
    """As `look_options`, without those that mean nothing where every frame of a file is waited for.

    Frames without a face stay as filmed unless something else is asked for: who converts a film has seen it, and sees
    the result before anybody else does. More faces are drawn than live, where each costs frames: a group has none bare.
    The best network draws, as nothing waits but the file.
    """
    defaults = (
        _quality_option(FILE_SETTINGS.quality),
        _faces_option(FILE_SETTINGS.max_faces, FILE_SETTINGS.still_faces),
        _unseen_option(FILE_SETTINGS.look.unseen),
    )
    return _with_settings(command, (*_OPTIONS, *defaults))


def _with_settings(command: Command, options: tuple[Callable[[Any], Any], ...]) -> Command:
    @functools.wraps(command)
    @told_as_options()
    def with_settings(
        *arguments: Any,
        scope: str,
        unseen: str,
        palette: str,
        backend: str,
        edge: str,
        mirror: bool | None,
        quality: str,
        **others: Any,
    ) -> Any:
        background, backdrop = _background(others.pop("background"))
        look = Look(
            scope=Scope(scope),
            unseen=Unseen(unseen),
            palette=Palette(palette),
            mirror=bool(mirror),
            background=background,
            **_taken(others, "style", "strength", "size_px", "eyes", "line", "hair_tint"),
        )
        machinery = _taken(others, "detector", "threads", "gpu")
        machinery["max_faces"], machinery["still_faces"] = others.pop("max_faces")
        machinery |= _taken(others, *({"target_fps", "max_fps"} & others.keys()))
        machinery |= {"quality": Quality(quality), "head_edge": HeadEdge(edge)}
        settings = Settings(look, backend=BackendChoice(backend), backdrop=backdrop, **machinery)
        return command(*arguments, settings=settings, **others)

    decorated: Any = with_settings
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _background(text: str) -> tuple[str, Path | None]:
    """A background as a look names it, and the picture that it shows.

    Raises:
        UsageError: It is neither a word nor a colour, and there is no such file.
    """
    if text != PICTURE and is_background(text):
        return text, None
    path = os.path.expanduser(path_text(text))  # noqa: PTH111 - neither this nor the next raises, whatever the text is
    if os.path.isfile(path):  # noqa: PTH113
        return PICTURE, Path(path)
    hint = f"give a picture's path, #rrggbb, or one of {', '.join((*BACKGROUNDS, TRANSPARENT))}"
    raise UsageError(f"--background {text[:80]!r} is no colour and no file", hint=hint)


def _taken(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: options.pop(name) for name in names}


overwrite_option = click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
