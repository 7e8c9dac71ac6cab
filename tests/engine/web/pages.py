"""What a user does with the page in Chromium, for the tests that drive it."""

import asyncio
import contextlib
import json

from aiohttp.test_utils import TestServer

LIVE = "stage.dataset.state === 'live' && after.videoWidth > 0"
PROBLEM = "problem.hidden ? '' : document.getElementById('problem-message').textContent"
READY = "document.querySelectorAll('.style').length === 2"

COMPARE = """(() => {
  const read = (video, x, y) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 16, height: 16 });
    const context = canvas.getContext("2d");
    const [w, h] = [video.videoWidth, video.videoHeight];
    context.drawImage(video, x * w - w / 32, y * h - h / 32, w / 16, h / 16, 0, 0, 16, 16);
    const data = context.getImageData(0, 0, 16, 16).data;
    return data.reduce((sum, value, index) => (index % 4 === 3 ? sum : sum + value), 0) / (16 * 16 * 3);
  };
  const before = document.getElementById("before-video");
  const both = (x, y) => [read(before, x, y), read(after, x, y)];
  return { middle: both(0.5, 0.5), corner: both(0.05, 0.1) };
})()"""


SAID = "document.getElementById('status').textContent"
COMES_BACK = f"stage.dataset.state === 'busy' && {SAID}.startsWith('Trying again')"


class Server(TestServer):
    """A server that can be started anew at its address, as by somebody who stopped it."""

    def __init__(self, make_app):
        super().__init__(make_app())
        self._make_app = make_app
        self._first_port = 0
        self.next = None

    async def start_server(self, **options):
        await super().start_server(**options)
        self._first_port = self.port  # a server that was closed has none

    async def restart(self):
        self.next = TestServer(self._make_app(), port=self._first_port)
        await self.next.start_server()

    async def __aexit__(self, *error):
        if self.next is not None:
            await self.next.close()
        await super().__aexit__(*error)


class Wire:
    """The network between page and server: a relay that can be cut, so that nobody hears from the other any more."""

    def __init__(self, server):
        self._to = server.port
        self._tasks, self._writers = set(), set()
        self._whole = asyncio.Event()
        self._whole.set()
        self._cuts = 0
        self.port = 0

    def cut(self):
        """Nobody gets through; the server hears nothing more of who is connected, not even of their end."""
        self._cuts += 1
        self._whole.clear()

    def mend(self):
        """Whoever comes gets through, and whoever goes on as if nothing had been is told that nobody knows him."""
        self._whole.set()

    async def _pass_on(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        await self._whole.wait()
        onward, there = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers.add(there)
        await asyncio.gather(self._copy(reader, there, writer), self._copy(onward, writer))

    async def _copy(self, reader, writer, sender=None):
        cuts = self._cuts
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if cuts == self._cuts:
                    writer.write(data)
                    await writer.drain()
                elif sender is not None:
                    await self._whole.wait()
                    sender.transport.abort()
        if cuts == self._cuts:
            writer.close()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self._whole.set()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.wait(self._tasks, timeout=5)


async def metric(page, name):
    """A number of the server's, asked for by the page."""
    rows = await page.run("fetch('metrics').then((answer) => answer.text())")
    return next(float(row.split()[-1]) for row in rows.splitlines() if row.startswith(f"{name} "))


def url(server, path="/"):
    return f"http://127.0.0.1:{server.port}{path}"


async def go_live(page):
    await page.until(READY)
    await page.click("#start")
    await page.until(LIVE)


async def middle_turns(page, wanted):
    """Waits until the level of the drawn middle is what a style makes of the camera's."""
    for _ in range(100):
        levels = await page.run(COMPARE)
        if abs(levels["middle"][1] - wanted(levels["middle"][0])) < 20:
            return levels
        await asyncio.sleep(0.1)
    raise AssertionError(f"the middle never became what was expected: {levels}")


async def saved(folder, pattern):
    """The first complete download of this name."""
    for _ in range(100):
        found = [path for path in folder.glob(pattern) if path.stat().st_size > 0]
        if found and not list(folder.glob("*.crdownload")):
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"nothing was saved: {list(folder.iterdir())}")


async def told(page, words):
    """Waits until the page shows a problem with these words."""
    await page.until(f"({PROBLEM}).includes({json.dumps(words)})")


# Texts outside of the picture whose colour is less than 4.5 times as light or dark as their ground (WCAG 2, AA).
FAINT = """(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = parts(color).map((level) => linear(level / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    const color = getComputedStyle(one).backgroundColor;
    return (parts(color)[3] ?? 1) === 0 ? ground(one.parentElement) : color;
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) =>
    one.offsetParent && !one.closest("#stage, option, :disabled, .unseen") &&
    [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
  return texts.map((one) => {
    const levels = [light(getComputedStyle(one).color), light(ground(one))];
    return [one.textContent.trim(), (Math.max(...levels) + 0.05) / (Math.min(...levels) + 0.05)];
  }).filter(([, ratio]) => ratio < 4.5);
})()"""
