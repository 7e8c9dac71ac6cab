"""The page in a real Chromium: delay from camera to screen, frames per second, time to the first drawn frame.

    python benchmarks/browser.py --seconds 10 --json benchmarks/results/browser.json --screenshots docs

The browser's camera is a canvas with a clock in it (see roundtrip.py), browser and engine share this machine. Both ways
to the engine are measured, WebRTC and WebSocket, and several pages at once.
"""

import asyncio
import time
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import click
from aiohttp.test_utils import TestServer
from chromium import Chromium, Page, launch
from chromium_process import NAMES, PageError, find_chromium
from machine import Watch
from measuring import COUNT, LENGTH, BenchmarkCommand, json_option, save
from rich.console import Console
from rich.table import Table
from roundtrip import clock_camera, measure

from animecam.cli.live import parse_resolution
from animecam.cli.options import look_options
from animecam.drawing.networks import open_networks
from animecam.settings import Settings
from animecam.styles.registry import offered_styles
from animecam.web.options import Limits
from animecam.web.server import Site, build_app
from animecam.web.studio import Studio

PORTRAIT = Path(str(resources.files("animecam").joinpath("assets", "astronaut.jpg")))
LIVE = "stage.dataset.state === 'live' && after.videoWidth > 0"
READY = "document.querySelectorAll('.style').length > 0"
SETTLE_SECONDS = 4.0  # WebRTC finds its bit rate in the first seconds
RATE_SECONDS = 2.5  # a page tells the rate of the last second, once a second
SHOWN_FPS = 10  # a picture of the page waits until the machine has time to hold this,
SHOW_SECONDS = 60.0  # at most so long
SPLIT = "43%"  # through the middle of the portrait's face
PHONE_PX = (390, 844)
DESK_PX = (1280, 800)


@click.command(cls=BenchmarkCommand)
@click.option("--seconds", type=LENGTH, default=10.0, help="How long to read the delay of each case.")
@click.option("--resolution", default="640x480", help="Picture of the camera.")
@click.option("--users", type=COUNT, default=2, help="Pages at once in the last case.")
@json_option
@click.option(
    "--screenshots",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Folder to keep pictures of the page in.",
)
@look_options
def main(
    *, settings: Settings, seconds: float, resolution: str, users: int, report: Path | None, screenshots: Path | None
) -> None:
    """Measures the page and prints a table."""
    size = parse_resolution(resolution)
    assert size is not None, "there is a default"
    if find_chromium() is None:
        raise click.ClickException(f"the page is shown by a browser, and none of {', '.join(NAMES)} is installed")
    watch, (width_px, height_px) = Watch(), size
    script = clock_camera(PORTRAIT, width_px, height_px)
    with Studio(lambda: open_networks(settings)) as studio:
        site = Site(offered_styles(settings.look.style), settings, Limits(sessions=users + 1))
        try:
            rows = asyncio.run(run(studio, site, script, height_px, seconds, users, screenshots))
        except PageError as error:
            raise click.ClickException(str(error)) from error
        engine = studio.summary
    Console().print(table(rows, f"{resolution} · {engine}"))
    save(report, watch, {"engine": engine, "resolution": resolution, "rows": rows})


async def run(
    studio: Studio, site: Site, script: str, height_px: int, seconds: float, users: int, screenshots: Path | None
) -> list[dict[str, Any]]:
    """All cases, one row each."""
    rows: list[dict[str, Any]] = []
    async with TestServer(build_app(studio, site)) as server, launch() as browser:
        address = str(server.make_url("/"))
        for case, ways in (("WebRTC", ["rtc"]), ("WebSocket", ["socket"]), (f"WebRTC, {users} users", ["rtc"] * users)):
            pages = [await browser.open(address, size=DESK_PX, script=script) for _ in ways]
            connect_ms = [await go_live(page, way) for page, way in zip(pages, ways, strict=True)]
            await asyncio.sleep(SETTLE_SECONDS)
            delays = await measure(pages[0], round(30 * seconds), height_px, seconds)
            rows.append(
                {"case": case, "connect_ms": connect_ms[0], "delay_ms": asdict(delays)} | await figures(pages[0])
            )
            for page in pages:
                await page.close()
        if screenshots is not None:
            await take_screenshots(browser, address, screenshots)
    return rows


async def go_live(page: Page, way: str) -> float:
    """Starts a page's camera; milliseconds from the click to the first drawn picture."""
    await page.until(READY)
    await page.run(f"document.getElementById('way').value = '{way}'")
    begun_s = time.perf_counter()
    await page.click("#start")
    await page.until(LIVE)
    return round((time.perf_counter() - begun_s) * 1000)


async def figures(page: Page) -> dict[str, Any]:
    """What the page shows under its picture."""
    text = {name: await page.run(f"document.getElementById('f-{name}').textContent") for name in ("fps", "engine")}
    return {"fps": int(text["fps"]), "engine_ms": text["engine"]}


async def take_screenshots(browser: Chromium, address: str, folder: Path) -> None:
    """Keeps pictures of the page: on a desk by day and night, and on a phone."""
    script = clock_camera(PORTRAIT, clock=False)
    for name, size, dark, phone in (
        ("serve-light", DESK_PX, False, False),
        ("serve-dark", DESK_PX, True, False),
        ("serve-phone", PHONE_PX, False, True),
    ):
        page = await browser.open(address, size=size, dark=dark, phone=phone, script=script)
        await go_live(page, "socket")
        await page.press("b")
        await page.run(f"stage.style.setProperty('--split', '{SPLIT}'); document.activeElement.blur(); scrollTo(0, 0)")
        await asyncio.sleep(RATE_SECONDS)
        await page.until(f"Number(document.getElementById('f-fps').textContent) >= {SHOWN_FPS}", SHOW_SECONDS)
        await page.until("[...document.querySelectorAll('.picture')].every((picture) => picture.complete)")
        await page.screenshot(folder / f"{name}.jpg")
        await page.close()


def table(rows: list[dict[str, Any]], title: str) -> Table:
    """The rows; delays in milliseconds from the canvas that stands for the camera to the screen."""
    result = Table("case", "delay p50", "p95", "max", "fps", "engine p50 / p95", "first picture", title=title)
    for row in rows:
        delay = row["delay_ms"]
        result.add_row(
            row["case"],
            *(f"{delay[name]:.0f}" for name in ("p50", "p95", "max")),
            str(row["fps"]),
            row["engine_ms"],
            f"{row['connect_ms']:.0f} ms",
        )
    return result


if __name__ == "__main__":
    main()
