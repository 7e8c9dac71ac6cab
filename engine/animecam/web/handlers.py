"""What the server answers, address by address."""

import time
from collections import Counter
from importlib import resources
from typing import cast
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

import animecam
from animecam.errors import StyleError
from animecam.named_colors import HAIR_TINTS
from animecam.settings import LARGEST_PX, SIZE_STEP_PX, SMALLEST_PX, Palette, Quality, Scope, Unseen
from animecam.web.gallery import Gallery
from animecam.web.jobs import Job
from animecam.web.messages import read_message
from animecam.web.metrics import CONTENT_TYPE, exposition
from animecam.web.options import Limits, Refusal
from animecam.web.orders import Menu, Order, order_json
from animecam.web.patience import PacedFile, read_soon
from animecam.web.studio import Studio
from animecam.web.switchboard import Switchboard
from animecam.web.workshop import Workshop, too_large

MOST_OFFER_BYTES = 65_536  # an honest offer has some 6 kB
CHUNK_BYTES = 262_144  # of an upload, between two looks at its size
PAGE_CHARACTERS = range(16, 65)  # of a page's name for itself: nobody guesses it
THUMBNAIL_SECONDS = 3600  # a style keeps its picture as long as the server runs

_PAGE_FILES = {
    "/": ("index.html", "text/html"),
    "/again.js": ("again.js", "text/javascript"),
    "/app.css": ("app.css", "text/css"),
    "/app.js": ("app.js", "text/javascript"),
    "/awake.js": ("awake.js", "text/javascript"),
    "/call.js": ("call.js", "text/javascript"),
    "/capture.js": ("capture.js", "text/javascript"),
    "/controls.js": ("controls.js", "text/javascript"),
    "/rtc.js": ("rtc.js", "text/javascript"),
    "/socket.js": ("socket.js", "text/javascript"),
    "/stage.js": ("stage.js", "text/javascript"),
    "/upload.js": ("upload.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

RESULT_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
}
"""By the ending of what is made of an upload; what Python knows of them differs from machine to machine."""


class Desk:
    """Answers requests; what it hands on to is open and closed by others.

    Args:
        studio: Draws.
        limits: What is allowed.
        menu: What may be ordered.
        live: What a live session begins with.
        files: What an upload is drawn with that says nothing else.
        gallery: The styles.
        switchboard: Live sessions.
        workshop: Uploads.
    """

    def __init__(
        self,
        *,
        studio: Studio,
        limits: Limits,
        menu: Menu,
        live: Order,
        files: Order,
        gallery: Gallery,
        switchboard: Switchboard,
        workshop: Workshop,
    ) -> None:
        self._studio, self._limits = studio, limits
        self._menu, self._live, self._files = menu, live, files
        self._gallery, self._switchboard, self._workshop = gallery, switchboard, workshop
        self._started_s = time.monotonic()
        self.refused: Counter[str] = Counter()
        """Reason → number of refused requests."""

    def add_routes(self, app: web.Application) -> None:
        """Puts every address under its handler."""
        for path, (name, content_type) in _PAGE_FILES.items():
            app.router.add_get(path, _page_file(name, content_type))
        app.router.add_get("/hello", self.hello)
        app.router.add_get("/styles/{name}.jpg", self.thumbnail)
        app.router.add_post("/offer", self.offer)
        app.router.add_get("/socket", self.socket)
        app.router.add_delete("/sessions/{id}", self.hang_up)
        app.router.add_post("/jobs", self.upload)
        app.router.add_get("/jobs/{id}", self.job)
        app.router.add_get("/jobs/{id}/result", self.result)
        app.router.add_delete("/jobs/{id}", self.discard)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/healthz", self.health)

    async def hello(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape of a handler
        """What the page has to know before it shows anything."""
        limits = self._limits
        return web.json_response(
            {
                "version": animecam.__version__,
                "engine": self._studio.summary,
                "look": order_json(self._live),
                "file_look": order_json(self._files),
                "still_faces": self._files.still_faces or self._files.max_faces,
                "styles": [
                    {"name": style.name, "description": style.description, "qualities": list(style.qualities)}
                    for style in self._gallery.styles
                ],
                "hair_tints": {name: "#{:02x}{:02x}{:02x}".format(*rgb) for name, rgb in HAIR_TINTS.items()},
                "scopes": [scope.value for scope in Scope],
                "palettes": [palette.value for palette in Palette],
                "unseen": [choice.value for choice in Unseen],
                "backgrounds": list(self._menu.backgrounds),
                "qualities": [quality.value for quality in Quality],
                "sizes_px": {"smallest": SMALLEST_PX, "largest": LARGEST_PX, "step": SIZE_STEP_PX},
                "limits": {
                    "upload_bytes": limits.upload_bytes,
                    "width_px": limits.width_px,
                    "height_px": limits.height_px,
                    "minutes": limits.minutes,
                    "faces": limits.faces,
                },
            }
        )

    async def thumbnail(self, request: web.Request) -> web.Response:
        """A style's picture."""
        try:
            data = await self._gallery.thumbnail(request.match_info["name"])
        except StyleError as error:
            raise Refusal(error.message, hint=error.hint, status=404, reason="style") from error
        headers = {"Cache-Control": f"private, max-age={THUMBNAIL_SECONDS}"}
        return web.Response(body=data, content_type="image/jpeg", headers=headers)

    async def offer(self, request: web.Request) -> web.Response:
        """WebRTC signalling: the browser's offer in, the answer out."""
        message = read_message(await read_soon(request), MOST_OFFER_BYTES)
        sdp = message.get("sdp")
        if not isinstance(sdp, str):
            raise Refusal("there is no offer in the request", hint="reload the page")
        order, page = self._ordered(self._live, message.get("look")), _page_name(message.get("page", ""))
        session, answer = await self._switchboard.answer(sdp, order, page)
        return web.json_response({"type": "answer", "sdp": answer, "session": session.id})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """A live session over a WebSocket, where WebRTC does not get through."""
        order = self._ordered(self._live, read_message(request.query.get("look", "{}")))
        return await self._switchboard.take_socket(request, order, _page_name(request.query.get("page", "")))

    async def hang_up(self, request: web.Request) -> web.Response:
        """Ends a live session."""
        await self._switchboard.hang_up(request.match_info["id"])
        return web.Response(status=204)

    async def upload(self, request: web.Request) -> web.Response:
        """Takes a picture or clip as the request's body."""
        if (request.content_length or 0) > self._limits.upload_bytes:
            raise too_large(self._limits)
        order = self._ordered(self._files, read_message(request.query.get("look", "{}")))
        chunks = request.content.iter_chunked(CHUNK_BYTES)
        job = await self._workshop.receive(request.query.get("name", "upload"), chunks, order)
        return web.json_response(_job_json(job), status=201)

    async def job(self, request: web.Request) -> web.Response:
        """How far an upload is."""
        return web.json_response(_job_json(self._workshop.job(request.match_info["id"])))

    async def result(self, request: web.Request) -> web.StreamResponse:
        """What was made of an upload."""
        job = self._workshop.job(request.match_info["id"])
        if not job.target.is_file():
            if job.is_over:  # it failed, or the system cleared its temporary files away
                what = "there is no result of this upload"
                raise Refusal(what, hint="send the file again", status=404, reason="job")
            raise Refusal("the result is not ready", hint="wait for it", status=409, reason="job")
        kind = "attachment" if "download" in request.query else "inline"
        headers = {
            "Content-Disposition": f"{kind}; filename*=UTF-8''{quote(job.result_name, safe='')}",
            "Content-Type": RESULT_TYPES[job.target.suffix],
        }
        return PacedFile(job.target, headers)

    async def discard(self, request: web.Request) -> web.Response:
        """Stops an upload's work and forgets it."""
        self._workshop.discard(self._workshop.job(request.match_info["id"]))
        return web.Response(status=204)

    async def metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape of a handler
        """Figures for Prometheus."""
        uptime_s = time.monotonic() - self._started_s
        text = exposition(self._studio, self._switchboard, self._workshop, self.refused, uptime_s)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def health(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape of a handler
        """200 while frames are drawn, else 503."""
        is_open = self._studio.is_open
        return web.json_response({"status": "ok" if is_open else "stopped"}, status=200 if is_open else 503)

    def _ordered(self, usual: Order, data: object) -> Order:
        return self._menu.changed(usual, cast(dict[str, object], data)) if isinstance(data, dict) else usual


def _page_name(name: object) -> str:
    """What a page calls itself, checked; empty where it has no name.

    Raises:
        Refusal: It is none, or others may guess it and end the page's session.
    """
    if not isinstance(name, str) or (name and len(name) not in PAGE_CHARACTERS):
        few, many = PAGE_CHARACTERS[0], PAGE_CHARACTERS[-1]
        raise Refusal("the page's name for itself is none", hint=f"send {few} to {many} random characters")
    return name


def page_file(name: str) -> bytes:
    """A file of the page."""
    return resources.files("animecam").joinpath("web", "page", name).read_bytes()


def _page_file(name: str, content_type: str) -> Handler:
    body = page_file(name)

    async def answer(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp's shape of a handler
        return web.Response(
            body=body, content_type=content_type, charset="utf-8", headers={"Cache-Control": "no-cache"}
        )

    return answer


def _job_json(job: Job) -> dict[str, object]:
    progress = job.progress
    return {
        "id": job.id,
        "state": progress.state.value,
        "done": progress.done,
        "fps": progress.fps,
        "message": progress.message,
        "hint": progress.hint,
        "left_out": progress.left_out,
        "max_faces": job.max_faces,
        "is_picture": job.is_picture,
        "name": job.result_name,
    }
