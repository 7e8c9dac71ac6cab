"""Measures the delay from a browser's camera to its screen: the camera's picture carries the time it was made.

The page's camera is replaced by a canvas whose lowest rows show a clock as black and white cells; the drawn video that
comes back is read cell by cell. What is measured is what a person would see: capture, encoding, network, decoding,
drawing, encoding, network, decoding and presentation. The camera's own exposure time (36 to 128 ms) comes on top.
"""

import base64
from dataclasses import dataclass
from pathlib import Path

from chromium import ANSWER_SECONDS, Page
from chromium_process import PageError

from animecam.measure.spread import Spread

BITS = 14  # of the clock in milliseconds: it turns over after 16 s, far beyond any delay
CELL_HEIGHT_PX = 24

_CAMERA = """
globalThis.clockCamera = async () => {
  const [width, height, rate, bits, cell] = [%(width)d, %(height)d, %(rate)d, %(bits)d, %(cell)d];
  const bytes = Uint8Array.from(atob("%(picture)s"), (letter) => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes]));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  const isClock = %(clock)s;
  const side = isClock ? height - cell : Math.max(width, height) + 30;
  setInterval(() => {
    const now = Math.round(performance.now());
    context.fillStyle = "#5a6470";
    context.fillRect(0, 0, width, height);
    context.drawImage(picture, (width - side) / 2 + 12 * Math.sin(now / 900), 0, side, side);
    for (let bit = 0; isClock && bit < bits; bit++) {
      context.fillStyle = (now >> bit) & 1 ? "#fff" : "#000";
      context.fillRect((bit * width) / bits, height - cell, width / bits, cell);
    }
  }, 1000 / rate);
  return canvas.captureStream(rate);
};
navigator.mediaDevices.getUserMedia = () => globalThis.clockCamera();
"""

_READ = """
(async () => {
  const [bits, cell, wanted] = [%(bits)d, %(cell)d, %(count)d];
  const video = document.getElementById("after");
  const canvas = Object.assign(document.createElement("canvas"), { width: bits, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const delays = [];
  const end = performance.now() + %(timeout_ms)d;
  while (delays.length < wanted && performance.now() < end) {
    const now = await new Promise((resolve) => video.requestVideoFrameCallback((shown) => resolve(shown)));
    const middle = video.videoHeight * (1 - cell / (2 * %(height)d));
    context.drawImage(video, 0, middle, video.videoWidth, 1, 0, 0, bits, 1);
    const levels = context.getImageData(0, 0, bits, 1).data;
    let stamp = 0;
    for (let bit = 0; bit < bits; bit++) stamp |= (levels[4 * bit] > 127) << bit;
    delays.push((Math.round(now) - stamp) & ((1 << bits) - 1));
  }
  return delays;
})()
"""


@dataclass(frozen=True)
class Delays:
    """Delays from canvas to screen in milliseconds."""

    p50: float
    p95: float
    max: float
    count: int


def clock_camera(
    picture: Path, width_px: int = 640, height_px: int = 480, rate: int = 30, *, clock: bool = True
) -> str:
    """Script that replaces a page's camera by a clock over a picture of a face.

    Args:
        picture: Square JPEG or PNG.
        width_px: Width of the camera's picture.
        height_px: Its height.
        rate: Frames per second.
        clock: Without it the picture fills the whole camera.
    """
    data = base64.b64encode(picture.read_bytes()).decode()
    values = {
        "clock": str(clock).lower(),
        "width": width_px,
        "height": height_px,
        "rate": rate,
        "bits": BITS,
        "cell": CELL_HEIGHT_PX,
    }
    return _CAMERA % (values | {"picture": data})


async def measure(page: Page, count: int = 150, height_px: int = 480, seconds: float = 15.0) -> Delays:
    """Reads the clock off the drawn video of a live page.

    Args:
        page: Live, with `clock_camera` as its camera.
        count: Frames to read.
        height_px: Height of the camera's picture.
        seconds: Longest time to take.

    Raises:
        PageError: No drawn frame arrived.
    """
    script = _READ % {
        "bits": BITS,
        "cell": CELL_HEIGHT_PX,
        "count": count,
        "height": height_px,
        "timeout_ms": round(seconds * 1000),
    }
    delays = await page.run(script, within_s=seconds + ANSWER_SECONDS)
    if len(delays) < 2:
        raise PageError("no drawn frame arrived")
    spread = Spread.of(delays)
    return Delays(spread.p50, spread.p95, spread.max, spread.count)
