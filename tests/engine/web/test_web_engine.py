"""The page over the real networks: the face comes back drawn, the rest of the picture as it was."""

import asyncio

import pytest
from aiohttp.test_utils import TestServer

from animecam.drawing.networks import open_networks
from animecam.settings import DEFAULT_STYLE, Look, Settings
from animecam.styles.registry import offered_styles
from animecam.web.options import Limits
from animecam.web.server import Site, build_app
from animecam.web.studio import Studio

TEST_SECONDS = 100
LIVE = "stage.dataset.state === 'live' && after.videoWidth > 0"
FACE = (0.5, 0.22)  # where the clip's face is, as parts of the picture
CORNER = (0.03, 0.9)

DIFFERENCE = f"""(() => {{
  const pixels = (video, [x, y]) => {{
    const canvas = Object.assign(document.createElement("canvas"), {{ width: 24, height: 24 }});
    const context = canvas.getContext("2d");
    const [w, h] = [video.videoWidth, video.videoHeight];
    context.drawImage(video, x * w - 12, y * h - 12, 24, 24, 0, 0, 24, 24);
    return context.getImageData(0, 0, 24, 24).data;
  }};
  const mean = (place) => {{
    const [one, two] = [document.getElementById("before-video"), after].map((video) => pixels(video, place));
    return one.reduce((sum, value, index) => sum + Math.abs(value - two[index]), 0) / one.length;
  }};
  return [mean({list(FACE)}), mean({list(CORNER)})];
}})()"""


@pytest.mark.timeout(TEST_SECONDS)
def test_a_face_comes_back_drawn(chromium, running_browser, camera_clip):
    if DEFAULT_STYLE not in {style.name for style in offered_styles()}:
        pytest.skip("needs the bundled style")
    settings = Settings(Look(size_px=192), threads=1)

    async def main():
        site = Site(offered_styles(), settings, Limits())
        running = running_browser(camera=camera_clip)
        async with TestServer(build_app(studio, site)) as server, chromium.connected(running) as browser:
            page = await browser.open(f"http://127.0.0.1:{server.port}/")
            await page.until("document.querySelectorAll('.style').length > 0")
            await page.click("#start")
            await page.until(LIVE, 30)
            await page.until("document.getElementById('f-faces').textContent === '1'", 30)
            face = corner = 0.0
            for _ in range(100):
                face, corner = await page.run(DIFFERENCE)
                if face > 8 and corner < 4:  # the clip stands still at times: then only the drawing differs
                    break
                await asyncio.sleep(0.1)
            assert face > 8, "the face came back as it was"
            assert corner < 4, "more than the head was drawn"
            await page.until(
                "[...document.querySelectorAll('.picture')].every((p) => p.complete && p.naturalWidth)", 60
            )
            assert page.complaints == []

    with Studio(lambda: open_networks(settings)) as studio:
        asyncio.run(asyncio.wait_for(main(), TEST_SECONDS))
