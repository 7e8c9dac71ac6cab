"""Fixtures of the tests of `animecam serve`; skips them where the extra [web] is not installed."""

import asyncio
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

# Without the extra [web] the modules cannot even be imported; test_extra_web.py then says why they are missing.
collect_ignore_glob = (
    [] if importlib.util.find_spec("aiohttp") and importlib.util.find_spec("aiortc") else ["test_web_*.py"]
)
POLL_S = 0.05  # pause before an upload is looked at again
BROWSER_SECONDS = 90  # longest time for one test in a browser on a busy machine


@pytest.fixture(scope="session")
def fakes(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """tests/engine/web/fakes.py: FakeEngine, make_frame, styles."""
    return load_module("engine/web/fakes.py")


@pytest.fixture(scope="session")
def peer(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """tests/engine/web/peer.py: Browser and GreyCamera on aiortc."""
    return load_module("engine/web/peer.py")


@pytest.fixture(scope="session")
def pages(load_module: Callable[[str], ModuleType]) -> ModuleType:
    """tests/engine/web/pages.py: what a user does with the page in Chromium."""
    return load_module("engine/web/pages.py")


def _load_benchmark(name: str) -> ModuleType:
    """A module of benchmarks/, which is no package; its scripts import each other by bare name."""
    folder = str(Path(__file__).parents[3] / "benchmarks")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


@pytest.fixture(scope="session")
def chromium() -> ModuleType:
    """benchmarks/chromium.py, where a Chromium is installed."""
    if _load_benchmark("chromium_process").find_chromium() is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return _load_benchmark("chromium")


@pytest.fixture(scope="session")
def roundtrip() -> ModuleType:
    """benchmarks/roundtrip.py: measures the delay from camera to screen."""
    return _load_benchmark("roundtrip")


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory, media: ModuleType) -> Path:
    """What Chromium's camera plays: the bundled portrait, swaying, 320 x 240 at 15 frames a second."""
    path = tmp_path_factory.mktemp("camera") / "portrait.mjpeg"
    return media.make_clip(
        path,
        width_px=320,
        height_px=240,
        frames=30,
        rate=15,
        codec="mjpeg",
        pixel_format="yuvj420p",
        content=media.portrait,
    )


@pytest.fixture(scope="session")
def running_browser(chromium: ModuleType) -> Iterator[Callable[..., Any]]:
    """A running Chromium with these flags and this camera; one for all tests that want the same.

    A start takes more of the processor than most tests do. Pages share nothing: each is another user's, with cookies,
    leave and downloads of its own, and goes with the connection that opened it.
    """
    process = _load_benchmark("chromium_process")
    with ExitStack() as stack:
        running = {}

        def find(*flags: str, camera: Path | None) -> Any:
            key = (flags, camera)
            if key not in running or not running[key].is_alive:
                running[key] = stack.enter_context(process.started(*flags, camera=camera))
            return running[key]

        yield find


@pytest.fixture
def engine(fakes: ModuleType) -> Any:
    """A fake engine."""
    return fakes.FakeEngine()


@pytest.fixture
def studio(fakes: ModuleType) -> Iterator[Any]:
    """A studio whose engine is a fake."""
    from animecam.web.studio import Studio

    with Studio(fakes.FakeEngine().open) as opened:
        yield opened


@pytest.fixture
def visit(studio: Any, fakes: ModuleType) -> Callable[..., Any]:
    """Runs `async def test(client)` against a server with these limits."""
    from aiohttp.test_utils import TestClient, TestServer

    from animecam.settings import Look, Settings
    from animecam.web.options import Limits
    from animecam.web.server import Site, build_app

    def run(test, *, token="", **limits):
        @asynccontextmanager
        async def client():
            site = Site(fakes.styles(), Settings(Look("invert")), Limits(**limits), token)
            async with TestClient(TestServer(build_app(studio, site))) as opened:
                yield opened

        async def main():
            async with client() as opened:
                return await test(opened)

        return asyncio.run(asyncio.wait_for(main(), 30))

    return run


@pytest.fixture
def call(engine: Any, fakes: ModuleType) -> Callable[..., None]:
    """Runs `async def test(client)` with the engine that the test has, and sees that every session's place is free."""
    from aiohttp.test_utils import TestClient, TestServer

    from animecam.settings import Look, Settings
    from animecam.web.options import Limits
    from animecam.web.server import Site, build_app
    from animecam.web.studio import Studio

    def run(test, **limits):
        async def main():
            site = Site(fakes.styles(), Settings(Look("invert")), Limits(**limits))
            async with TestClient(TestServer(build_app(studio, site))) as client:
                await test(client)
            assert studio.seats() == ()  # a session that ends frees everything, whatever ended it

        with Studio(engine.open) as studio:
            asyncio.run(asyncio.wait_for(main(), 40))

    return run


@pytest.fixture
def finished() -> Callable[..., Any]:
    """Awaits the end of an upload; gives what the server then says of it."""

    async def wait(client, job_id):
        while True:
            job = await (await client.get(f"/jobs/{job_id}")).json()
            if job["state"] in ("done", "failed"):
                return job
            await asyncio.sleep(POLL_S)

    return wait


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """`picture(path, width_px=64, height_px=48, level=100)`: the bytes of a grey picture, which lies there, too."""
    return _picture


def _picture(path: Path, width_px: int = 64, height_px: int = 48, level: int = 100) -> bytes:
    cv2.imwrite(str(path), np.full((height_px, width_px, 3), level, np.uint8))
    return path.read_bytes()


@pytest.fixture
def visit_page(
    engine: Any,
    fakes: ModuleType,
    pages: ModuleType,
    chromium: ModuleType,
    running_browser: Callable[..., Any],
    camera_clip: Path,
) -> Callable[..., None]:
    """Runs `async def test(browser, server)`: a Chromium with a camera, and a server with these limits."""
    from animecam.settings import Look, Settings
    from animecam.web.options import Limits
    from animecam.web.server import Site, build_app
    from animecam.web.studio import Studio

    def run(test, *flags, token="", camera=camera_clip, **limits):
        async def main():
            site = Site(fakes.styles(), Settings(Look("invert")), Limits(**limits), token)
            running = running_browser(*flags, camera=camera)
            async with pages.Server(lambda: build_app(studio, site)) as server, chromium.connected(running) as browser:
                await test(browser, server)

        with Studio(engine.open) as studio:
            asyncio.run(asyncio.wait_for(main(), BROWSER_SECONDS))
        assert studio.seats() == ()  # whatever happened, everybody's place is free again

    return run
