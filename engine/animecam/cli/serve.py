"""`animecam serve`: the page for a camera that is elsewhere, or for people who want to install nothing."""

import secrets
from collections.abc import Collection, Generator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from animecam.backgrounds import TRANSPARENT
from animecam.cli.config import ConfiguredCommand, no_config_option
from animecam.cli.console import messages, results, show_note
from animecam.cli.live import parse_resolution
from animecam.cli.options import shared_look_options
from animecam.errors import UsageError
from animecam.settings import Settings
from animecam.types import Color, PixelFormat, StreamFormat
from animecam.web.options import LEAST_TOKEN, MIB, Limits, ServeOptions, is_loopback

if TYPE_CHECKING:
    from animecam.drawing.networks import Networks

_LIMITS = Limits()
_DEFAULTS = ServeOptions()
_LIVE_ALONE = frozenset({"unseen"})  # in the settings file: who uploads a film sees the result before others do
TOKEN_BYTES = 16  # nobody guesses 128 bits
USUAL_CAMERA = StreamFormat(
    640, 480, PixelFormat.YUV420P, Color(), 0, time_base=Fraction(1, 90_000), rate=Fraction(30), is_live=True
)


@click.command(cls=ConfiguredCommand)
@click.option("--host", default=_DEFAULTS.host, show_default=True, help="Address to listen on; 0.0.0.0 is all of them.")
@click.option("--port", default=_DEFAULTS.port, show_default=True, help="0 takes a free one.")
@click.option(
    "--token",
    default="",
    envvar="ANIMECAM_TOKEN",
    show_envvar=True,
    help=f"Password of the page; elsewhere than on 127.0.0.1 {LEAST_TOKEN} characters or more. "
    "[default: none on 127.0.0.1, elsewhere a new one]",
)
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file. [default: self-signed where needed]")
@click.option("--key", type=click.Path(path_type=Path), help="PEM file of the certificate's key.")
@click.option("--plain", is_flag=True, help="http even on another address: a proxy in front of it does TLS.")
@click.option("--open", "opens_browser", is_flag=True, help="Open the page in this machine's browser.")
@click.option("--seconds", type=float, help="Stop after this time.")
@click.option("--max-sessions", default=_LIMITS.sessions, show_default=True, help="Live sessions at a time.")
@click.option("--max-upload", default=_LIMITS.upload_bytes // MIB, show_default=True, metavar="MIB", type=int)
@click.option(
    "--max-resolution",
    default=f"{_LIMITS.width_px}x{_LIMITS.height_px}",
    show_default=True,
    metavar="WxH",
    help="Largest camera picture.",
)
@click.option(
    "--max-minutes", default=_LIMITS.minutes, show_default=True, help="Longest session, and longest work on an upload."
)
@no_config_option
@shared_look_options
def serve(
    *,
    settings: Settings,
    host: str,
    port: int,
    token: str,
    certificate: Path | None,
    key: Path | None,
    plain: bool,
    opens_browser: bool,
    seconds: float | None,
    max_sessions: int,
    max_upload: int,
    max_resolution: str,
    max_minutes: float,
) -> None:
    """Serves a page that sends a browser's camera here and shows it drawn; also takes pictures and clips.

    On 127.0.0.1 it is for this machine. On another address it speaks https and asks for a token; both are in the
    address that it prints. Uploads are drawn as by convert, but for the options that are given here.
    """
    from animecam.run.live_options import check_seconds

    check_seconds(seconds)
    _refuse_target_fps(settings)
    if settings.look.background == TRANSPARENT:
        raise UsageError("the page shows no transparent background", hint="--background green can be keyed out")
    width_px, height_px = parse_resolution(max_resolution) or (_LIMITS.width_px, _LIMITS.height_px)
    most_faces = max(_LIMITS.faces, settings.max_faces)
    limits = Limits(max_sessions, max_upload * MIB, width_px, height_px, max_minutes, most_faces)
    options = ServeOptions(host, port, token, certificate, key, plain, seconds, limits)
    _serve(options, settings, chosen=_chosen(click.get_current_context()), opens_browser=opens_browser)


def _serve(options: ServeOptions, settings: Settings, *, chosen: Collection[str], opens_browser: bool) -> None:
    import asyncio

    try:
        from animecam.web.server import Site, serve
    except ModuleNotFoundError as error:
        raise UsageError(f"the page needs the package {error.name}", hint="pip install 'animecam[web]'") from error
    from animecam.styles.registry import offered_styles
    from animecam.web.addresses import reachable_hosts, url
    from animecam.web.certificate import own_tls, tls_context
    from animecam.web.studio import Studio

    is_local = is_loopback(options.host)
    hosts = reachable_hosts(options.host)
    token = options.token or ("" if is_local else secrets.token_urlsafe(TOKEN_BYTES))
    tls = None
    if options.certificate is not None:
        tls = tls_context(options.certificate, options.key)
    elif not (is_local or options.plain):
        own = own_tls(hosts)
        tls = own.context
        show_note(f"the browser will warn of a self-signed certificate; its SHA-256 is {own.fingerprint}")
        if own.obstacle:
            show_note(f"the certificate is for this run only, it cannot be kept: {own.obstacle}")

    def tell(port: int) -> None:
        for host in hosts:
            results.print(url("https" if tls else "http", host, port, token), soft_wrap=True, markup=False)
        messages.print("Ctrl-C stops the server")
        if opens_browser:
            click.launch(url("https" if tls else "http", hosts[0], port, token))

    with ExitStack() as stack:
        with messages.status("opening the networks"):
            studio = stack.enter_context(Studio(lambda: _opened(settings), max_fps=settings.max_fps))
        show_note(studio.summary)
        site = Site(offered_styles(settings.look.style), settings, options.limits, token, chosen)
        asyncio.run(serve(studio, site, options, tls, tell))


@contextmanager
def _opened(settings: Settings) -> Generator["Networks"]:
    """The networks, warm for the picture of a usual camera, so that no first user waits for a compiler."""
    from animecam.drawing.networks import open_networks

    with open_networks(settings) as networks:
        networks.warm_up(USUAL_CAMERA)
        yield networks


def _chosen(context: click.Context) -> frozenset[str]:
    """The options that were asked for, by the command line or the settings file: they hold for uploads, too."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    from_file = {name for name, source in sources.items() if source is ParameterSource.DEFAULT_MAP}
    asked = {name for name, source in sources.items() if source is not ParameterSource.DEFAULT}
    return frozenset(asked - (from_file & _LIVE_ALONE))


def _refuse_target_fps(settings: Settings) -> None:
    """A governor chooses for one run, and here all users share one thread: refused, not dropped.

    Raises:
        UsageError: A frame rate is to be held.
    """
    if settings.target_fps is not None:
        hint = "a smaller --size or --quality lite draws faster; --max-fps limits the work for each camera"
        raise UsageError("the page cannot hold a frame rate: serve takes no --target-fps", hint=hint)
