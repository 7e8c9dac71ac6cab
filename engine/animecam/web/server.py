"""The server: its parts in the right order, from the first request to the last goodbye."""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from animecam.errors import AnimecamError, PipelineError, UsageError
from animecam.files import file_settings
from animecam.settings import Settings
from animecam.web.door import Door
from animecam.web.gallery import Gallery, StyleInfo
from animecam.web.gate import Gate
from animecam.web.handlers import MOST_OFFER_BYTES, Desk, page_file
from animecam.web.options import Limits, Refusal, ServeOptions
from animecam.web.orders import Menu
from animecam.web.patience import IDLE_SECONDS
from animecam.web.request_log import RequestLog
from animecam.web.studio import Studio
from animecam.web.switchboard import Switchboard
from animecam.web.tuning import tune_webrtc
from animecam.web.workshop import Workshop
from animecam.wording import in_options

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2.0  # longest wait for requests in progress when the server ends

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer: the page loads nothing from elsewhere and nobody loads anything of it."""


@dataclass(frozen=True, slots=True)
class Site:
    """What is served, how it begins, and how much of it strangers may have.

    Attributes:
        styles: Those that may be chosen.
        settings: Of live sessions.
        limits: What is allowed.
        token: What a request must carry; empty: whoever reaches a loopback address may come.
        chosen: Names of those fields of the settings and their look that hold for files as well.
    """

    styles: Sequence[StyleInfo]
    settings: Settings
    limits: Limits
    token: str = ""
    chosen: Collection[str] = ()


def build_app(studio: Studio, site: Site) -> web.Application:
    """The application; must be called while an event loop runs.

    Args:
        studio: Open; draws for everybody.
        site: What is served.
    """
    tune_webrtc(site.limits.decoded_pixels)
    gallery = Gallery(studio, site.styles)
    qualities = {style.name: style.qualities for style in site.styles}
    menu = Menu(qualities, site.limits.faces, site.settings.backgrounds)
    switchboard = Switchboard(studio, site.limits, menu)
    workshop = Workshop(studio, site.limits)
    desk = Desk(
        studio=studio,
        limits=site.limits,
        menu=menu,
        live=menu.usual(site.settings),
        files=menu.usual(file_settings(site.settings, site.chosen)),
        gallery=gallery,
        switchboard=switchboard,
        workshop=workshop,
    )
    app = web.Application(middlewares=[_guard(Gate(site.token), desk)], client_max_size=MOST_OFFER_BYTES)
    desk.add_routes(app)

    async def background(_: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(gallery.warm_up()), asyncio.create_task(workshop.sweep())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await workshop.close()

    async def say_goodbye(_: web.Application) -> None:
        await switchboard.close(PipelineError("the server was stopped", hint="start it again, and the page goes on"))

    app.cleanup_ctx.append(background)
    app.on_shutdown.append(say_goodbye)
    return app


async def serve(
    studio: Studio,
    site: Site,
    options: ServeOptions,
    tls: ssl.SSLContext | None,
    on_ready: Callable[[int], None],
) -> None:
    """Serves until the time is over or the program is told to stop (Ctrl-C, SIGTERM, a closed terminal).

    Args:
        studio: Open; draws for everybody.
        site: What is served.
        options: Where to listen and how long.
        tls: Of an https server; None serves http.
        on_ready: Called with the port once requests are answered.

    Raises:
        UsageError: The address cannot be listened on.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _stopping_signals():
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels this task instead
            loop.add_signal_handler(number, stopping.set)
    app, door = build_app(studio, site), Door()
    app.middlewares.insert(0, door.middleware())
    runner = web.AppRunner(
        app,
        logger=RequestLog(log),
        access_log=None,
        keepalive_timeout=IDLE_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
        handler_cancellation=True,  # who left never learns the id of an upload or a session: nobody else could end it
    )
    try:
        await runner.setup()
        async with _opened(door, runner, options, tls) as port:
            on_ready(port)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), options.seconds)
    finally:
        await runner.cleanup()


def _stopping_signals() -> Iterator[int]:
    """What ends the server; under nohup a closed terminal does not."""
    yield from (signal.SIGINT, signal.SIGTERM)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield signal.SIGHUP


@contextlib.asynccontextmanager
async def _opened(
    door: Door, runner: web.AppRunner, options: ServeOptions, tls: ssl.SSLContext | None
) -> AsyncGenerator[int]:
    """The door of a runner that has been set up, open for the block, which gets the port."""
    assert runner.server is not None
    async with contextlib.AsyncExitStack() as stack:
        try:
            opened = door.open(runner.server, options.host, options.port, tls)
            port = await stack.enter_async_context(opened)
        except OSError as error:
            where = f"{options.host}:{options.port}"
            if error.errno == errno.EADDRINUSE:
                raise UsageError(f"{where} is in use by another program", hint="--port 0 takes a free one") from error
            number = error.errno or 0  # below 0 where a name was not found, which is no number of the system's
            reason = os.strerror(number) if number > 0 else error.strerror or str(error)
            raise UsageError(f"cannot listen on {where}: {reason}", hint="--host 127.0.0.1 --port 8000") from error
        yield port


def _guard(gate: Gate, desk: Desk) -> Middleware:
    """Stands before every handler: lets in or refuses, turns errors into answers, adds the headers.

    Paths are logged as they were sent, with %0A for a line's end: nobody writes lines, or to the terminal, by them.
    """
    denied = page_file("denied.html")

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = _take_token(request, gate)
            if response is None:
                gate.check(request)
                response = await handler(request)
        except Refusal as refusal:
            desk.refused[refusal.reason] += 1
            response = _as_page(request, refusal, denied) or _problem(refusal, refusal.status)
        except UsageError as error:
            desk.refused["request"] += 1
            response = _problem(error, 400)
        except AnimecamError as error:
            log.warning("%s %s: %s", request.method, request.rel_url.raw_path, error.message)
            response = _problem(error, 500)
        except web.HTTPException as error:
            response = _problem(UsageError(error.reason.lower()), error.status)
        except ConnectionError as error:  # the other side has left: nobody reads the answer, and nothing is wrong here
            log.info("%s %s: %s", request.method, request.rel_url.raw_path, error)
            response = _problem(UsageError("the connection was lost"), 400)
        except Exception:  # a fault of ours: the page is told in its own words, and the log has the rest
            log.exception("%s %s", request.method, request.rel_url.raw_path)
            response = _problem(PipelineError("the server made a mistake", hint="its log tells which"), 500)
        if not response.prepared:  # a WebSocket has sent its head long ago
            response.headers.update(HEADERS)
        return response

    return guard


def _take_token(request: web.Request, gate: Gate) -> web.Response | None:
    """The printed address carries the token; it is put into a cookie and taken out of the address.

    The page sends the browser on, and not a status: after a link in another site's page, such as a chat, browsers count
    the whole chain of redirects as that site's, and keep back the cookie that they have just been given.
    """
    if request.path != "/" or not gate.is_token(request.query.get("token", "")):
        return None
    onward = '<!doctype html><meta http-equiv="refresh" content="0; url=/"><title>animecam</title><a href="/">Go on</a>'
    response = web.Response(text=onward, content_type="text/html", headers={"Cache-Control": "no-store"})
    gate.admit(response, is_secure=request.secure)
    return response


def _as_page(request: web.Request, refusal: Refusal, denied: bytes) -> web.Response | None:
    """A person who comes without the token gets a page to type it in, a program gets JSON."""
    if refusal.status != 401 or "text/html" not in request.headers.get("Accept", ""):
        return None
    return web.Response(status=401, body=denied, content_type="text/html", charset="utf-8")


def _problem(error: AnimecamError, status: int) -> web.Response:
    return web.json_response({"message": in_options(error.message), "hint": in_options(error.hint)}, status=status)
