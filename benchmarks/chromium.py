"""A real Chromium driven over its DevTools protocol, with a camera that plays a clip; for tests and benchmarks.

Only what is needed here: no Selenium, no Playwright, one WebSocket.
"""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from chromium_process import PageError, Running, started

JPEG_QUALITY = 88
ANSWER_SECONDS = 20.0
POLL_SECONDS = 0.05
MOST_MOVES = 120  # animation frames that a click waits for an element that moves
LEFT = "navigated or closed"  # what the browser says of a script that a reload overtook


class Chromium:
    """A browser that is talked to; `launch` starts and ends one."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.pages: dict[str, Page] = {}

    async def call(
        self, method: str, session: str | None = None, /, *, within_s: float = ANSWER_SECONDS, **params: Any
    ) -> dict[str, Any]:
        """Calls a method of the protocol.

        Raises:
            PageError: The browser refused, or gave no answer in time.
        """
        number = next(self._ids)
        self._answers[number] = future = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_str(json.dumps(message | ({"sessionId": session} if session else {})))
        try:
            answer = await asyncio.wait_for(future, within_s)
        except TimeoutError as error:
            raise PageError(f"{method}: no answer within {within_s:g} s") from error
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    async def open(
        self,
        url: str,
        *,
        size: tuple[int, int] = (1280, 860),
        dark: bool = False,
        phone: bool = False,
        script: str = "",
        allow_camera: bool = True,
    ) -> "Page":
        """Opens a page in a context of its own, as another user would.

        Args:
            url: Address.
            size: Width and height of the view, in CSS pixels.
            dark: The system asks for dark colours.
            phone: Touch instead of a mouse, two device pixels a CSS pixel.
            script: Runs before the page's own scripts.
            allow_camera: Whether the user lets the page use the camera.
        """
        context = (await self.call("Target.createBrowserContext", disposeOnDetach=True))["browserContextId"]
        permissions = ["wakeLockScreen", *(["videoCapture"] if allow_camera else [])]
        await self.call("Browser.grantPermissions", browserContextId=context, permissions=permissions)
        target = (await self.call("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self.pages[session] = Page(self, session, target, context)
        await page.call("Page.enable")
        await page.call("Runtime.enable")
        await page.call("Log.enable")
        await page.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        await page.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await page.call("Emulation.setEmulatedMedia", features=[scheme])
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        await page.call("Page.navigate", url=url)
        await page.until("document.readyState === 'complete'")
        return page

    async def listen(self) -> None:
        """Takes the browser's messages until it goes."""
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            content = json.loads(message.data)
            future = self._answers.pop(content.get("id", 0), None)
            if future is not None and not future.done():
                future.set_result(content)
            elif (page := self.pages.get(content.get("sessionId", ""))) is not None:
                page.hear(content)


class Page:
    """One open page."""

    def __init__(self, browser: Chromium, session: str, target: str, context: str) -> None:
        self._browser, self._session, self._target, self._context = browser, session, target, context
        self.complaints: list[str] = []
        """Errors of scripts and of the content security policy."""

    async def call(self, method: str, *, within_s: float = ANSWER_SECONDS, **params: Any) -> dict[str, Any]:
        """Calls a method of the protocol for this page."""
        return await self._browser.call(method, self._session, within_s=within_s, **params)

    async def run(self, script: str, *, within_s: float = ANSWER_SECONDS) -> Any:
        """The value of a script, waited for if it is a promise.

        Raises:
            PageError: It threw, or took longer than `within_s`.
        """
        how: dict[str, Any] = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = await self.call("Runtime.evaluate", within_s=within_s, expression=script, **how)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def until(self, condition: str, seconds: float = ANSWER_SECONDS) -> Any:
        """Waits until a script gives something true, and gives it back.

        Raises:
            PageError: It did not within `seconds`.
        """
        for _ in range(int(seconds / POLL_SECONDS)):
            try:
                if value := await self.run(condition):
                    return value
            except PageError as error:
                if LEFT not in str(error):
                    raise
            await asyncio.sleep(POLL_SECONDS)
        raise PageError(f"not within {seconds:g} s: {condition}; complaints: {self.complaints}")

    async def click(self, selector: str) -> None:
        """Clicks the middle of an element with the mouse once it stands still, as a user would.

        Raises:
            PageError: There is no such element, or another one covers it.
        """
        found = await self.run(
            f"""(async () => {{
              const wanted = document.querySelector({json.dumps(selector)});
              if (!wanted) return null;
              wanted.scrollIntoView({{ block: "center" }});
              const placed = () => new Promise((tell) =>
                requestAnimationFrame(() => tell(wanted.getBoundingClientRect())));
              let [last, box] = [await placed(), await placed()];
              for (let n = 0; n < {MOST_MOVES} && (last.x !== box.x || last.y !== box.y); n += 1)
                [last, box] = [box, await placed()];
              const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
              const hit = document.elementFromPoint(x, y);
              return [x, y, wanted.contains(hit) || hit?.contains(wanted) || hit?.closest("label")?.contains(wanted)];
            }})()"""
        )
        if not found or not found[2]:
            raise PageError(f"{selector} cannot be clicked")
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=found[0], y=found[1], button="left", clickCount=1)

    async def press(self, key: str) -> None:
        """Presses a key."""
        text: dict[str, Any] = {"text": key} if len(key) == 1 else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    async def choose_file(self, selector: str, path: Path) -> None:
        """Chooses a file in a file input."""
        root = (await self.call("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.call("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    async def save_downloads(self, folder: Path) -> None:
        """Lets downloads of this page's user go into a folder."""
        where: dict[str, Any] = {"behavior": "allow", "downloadPath": str(folder)}
        await self._browser.call("Browser.setDownloadBehavior", browserContextId=self._context, **where)

    async def screenshot(self, path: Path) -> None:
        """Saves what is in view of the page as JPEG or PNG, as the name says."""
        kind: dict[str, Any] = (
            {"format": "jpeg", "quality": JPEG_QUALITY} if path.suffix == ".jpg" else {"format": "png"}
        )
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=False, **kind)
        path.write_bytes(base64.b64decode(answer["data"]))

    async def reload(self) -> None:
        """Loads the page again."""
        await self.run("globalThis.isOldPage = true")
        await self.call("Page.reload")
        await self.until("document.readyState === 'complete' && !globalThis.isOldPage")

    async def close(self) -> None:
        """Closes the tab as a user would."""
        await self._browser.call("Target.closeTarget", targetId=self._target)

    def hear(self, message: dict[str, Any]) -> None:
        """Keeps what the browser complains about."""
        method, params = message.get("method"), message.get("params", {})  # an answer that came too late has none
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])


@asynccontextmanager
async def connected(running: Running) -> AsyncGenerator[Chromium]:
    """Talks to a running browser; the pages that were opened go with the block, and all that they kept."""
    async with ClientSession() as client, client.ws_connect(running.url, max_msg_size=0) as socket:
        browser = Chromium(socket)
        listening = asyncio.create_task(browser.listen())
        try:
            yield browser
        finally:
            await socket.close()
            await asyncio.wait({listening}, timeout=ANSWER_SECONDS)


@asynccontextmanager
async def launch(*flags: str, camera: Path | None = None) -> AsyncGenerator[Chromium]:
    """Starts a browser, talks to it and ends it with the block; `started` tells of arguments and errors."""
    with started(*flags, camera=camera) as running:
        async with connected(running) as browser:
            yield browser
