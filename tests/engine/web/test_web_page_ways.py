"""Other ways through the page in a real Chromium: files, tokens, and what can be wrong with a camera."""

import av
import cv2
import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer

from animecam.web.options import MIB


def test_a_camera_that_is_refused_or_missing(visit_page, pages):
    async def refused(browser, server):
        page = await browser.open(pages.url(server), allow_camera=False)
        await page.until(pages.READY)
        await page.click("#start")
        await pages.told(page, "The camera was refused")
        assert await page.run("document.activeElement.id") == "retry"

    async def missing(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        await page.click("#start")
        await pages.told(page, "No camera was found")

    visit_page(refused)
    visit_page(missing, "--use-fake-device-for-media-stream=device-count=0", camera=None)


def test_a_browser_without_a_shared_codec_and_an_address_without_a_camera(visit_page, pages):
    mangled = """const send = fetch;
    fetch = (to, options) => send(to, to === "offer"
      ? { ...options, body: options.body.replace(/VP8|H264/g, "none") } : options);"""
    insecure = "delete Navigator.prototype.mediaDevices"

    async def test(browser, server):
        for script, words in ((mangled, "no video codec"), (insecure, "no camera to this address")):
            page = await browser.open(pages.url(server), script=script)
            await page.until(pages.READY)
            await page.click("#start")
            await pages.told(page, words)

    visit_page(test)


def test_files_are_drawn_and_saved_and_bad_ones_explained(visit_page, pages, tmp_path, make_clip, fakes):
    picture = tmp_path / "me.png"
    cv2.imwrite(str(picture), np.full((96, 128, 3), 80, np.uint8))
    text = tmp_path / "notes.txt"
    text.write_text("not a picture")
    large = tmp_path / "large.mp4"
    large.write_bytes(b"x" * (3 * MIB))
    clip = make_clip(tmp_path / "clip.mp4", frames=20, audio=True)
    downloads = tmp_path / "downloads"
    downloads.mkdir()

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.save_downloads(downloads)
        await page.until(pages.READY)
        for path, words in ((text, "no picture or clip"), (large, "larger than 2 MiB")):
            await page.choose_file("#file", path)
            await pages.told(page, words)
        await page.choose_file("#file", picture)
        # Until both pictures are there the stage has not its shape, and what stands below it moves.
        await page.until("stage.dataset.state === 'result' && [...document.images].every((one) => one.complete)")
        assert await page.run("!split.hidden")  # a picture can be compared
        await page.click("#save")
        drawn = cv2.imread(str(await pages.saved(downloads, "me-anime.png")))
        assert abs(int(drawn[48, 64].mean()) - 175) <= 3
        await page.choose_file("#file", clip)
        await page.until("stage.dataset.state === 'result' && after.videoWidth === 64")
        await page.click("#save")
        with av.open(str(await pages.saved(downloads, "clip-anime.mp4"))) as container:
            assert len(container.streams.audio) == 1
        await page.click("#stop")
        await page.until("fetch('/metrics').then((a) => a.text()).then((t) => !t.includes('animecam_uploads{'))")

    visit_page(test, upload_bytes=2 * MIB)


def test_the_token_opens_the_page_once_and_is_not_kept_in_the_address(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server))
        assert "token" in await page.run("document.body.innerText")
        await page.run("document.querySelector('[name=token]').value = 'secret'")
        await page.click("button")
        await page.until(pages.READY)
        assert await page.run("location.search") == ""
        await page.reload()
        await pages.go_live(page)

    visit_page(test, token="secret")


def test_where_webrtc_does_not_get_through_a_websocket_does(visit_page, pages, fakes):
    no_network = """RTCPeerConnection.prototype.setRemoteDescription = () => Promise.resolve();
      Object.defineProperty(RTCPeerConnection.prototype, "localDescription", { get: () => ({ sdp: "" }) });"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=no_network)
        await pages.go_live(page)
        levels = await pages.middle_turns(page, lambda camera: 255 - camera)
        assert abs(levels["corner"][0] - levels["corner"][1]) < 12
        await page.press("2")
        await pages.middle_turns(page, lambda camera: fakes.FLAT_LEVEL)
        await page.until("Number(document.getElementById('f-fps').textContent) >= 3")
        await page.until("document.getElementById('f-delay').textContent.endsWith(' ms')")
        assert page.complaints == []

    visit_page(test)


def test_a_file_can_be_dropped_beside_the_picture_too(visit_page, pages):
    """The browser left the page for the file, and ended the session."""
    drop = """(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["not a picture"], "notes.txt"));
      const options = { bubbles: true, cancelable: true, dataTransfer };
      const aside = document.querySelector("aside");
      return ["dragover", "drop"].map((kind) => !aside.dispatchEvent(new DragEvent(kind, options)));
    })()"""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        assert await page.run(drop) == [True, True]  # the page takes it, not the browser
        await pages.told(page, "no picture or clip")

    visit_page(test)


def test_a_clip_that_the_browser_cannot_play_can_be_saved_and_the_page_says_so(visit_page, pages, tmp_path, make_clip):
    """The stage stayed black, without a word."""
    clip = make_clip(tmp_path / "clip.avi", frames=10)
    downloads = tmp_path / "downloads"
    downloads.mkdir()

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.save_downloads(downloads)
        await page.until(pages.READY)
        await page.choose_file("#file", clip)
        await page.until("document.getElementById('status').textContent.includes('cannot play the clip')")
        await page.click("#save")
        with av.open(str(await pages.saved(downloads, "clip-anime.avi"))) as container:
            assert sum(1 for _ in container.decode(video=0)) == 10
        await page.click("#stop")
        assert await page.run("document.getElementById('status').textContent") == ""

    visit_page(test)


def test_a_mirrored_drawing_is_compared_with_the_mirrored_picture(visit_page, pages, tmp_path):
    """The two halves did not fit: only the drawing was mirrored."""
    picture = tmp_path / "me.png"
    cv2.imwrite(str(picture), np.full((96, 128, 3), 80, np.uint8))
    turned = "new DOMMatrix(getComputedStyle(document.getElementById('before-picture')).transform).a"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        for wanted in (-1, 1):
            await page.click("#mirror")
            await page.choose_file("#file", picture)
            await page.until("stage.dataset.state === 'result'")
            await page.press("m")  # of the next drawing: this one stays as it is
            assert await page.run(turned) == wanted
            await page.press("m")

    visit_page(test)


def test_a_link_in_another_sites_page_opens_the_page_with_its_token(visit_page, pages):
    """The token was asked for: after a redirect that another site began, a browser keeps the new cookie back."""

    async def test(browser, server):
        link = f"<a href='{pages.url(server, '/?token=secret')}'>look at this</a>"

        async def chat(_):
            return web.Response(text=link, content_type="text/html")

        app = web.Application()
        app.router.add_get("/", chat)
        async with TestServer(app) as other:
            page = await browser.open(f"http://localhost:{other.port}/")
            await page.click("a")
            await page.until(f"location.port === '{server.port}' && {pages.READY}")
        assert await page.run("location.pathname + location.search") == "/"
        assert await page.run("history.length") <= 3  # and the address with the token is not what Back leads to

    visit_page(test, token="secret")


def test_a_clip_outlives_a_network_that_fails_for_a_moment(visit_page, pages, tmp_path, make_clip, engine):
    """One question without an answer, and the page gave up and had the server throw the work away."""
    clip = make_clip(tmp_path / "clip.mp4", frames=60)
    engine.draw_s = 0.05
    lost = """const send = fetch;
    globalThis.asked = 0;
    fetch = (to, options) => !/^jobs.[^/]+$/.test(to) || options?.method || (asked += 1) !== 2 ? send(to, options)
      : Promise.reject(new TypeError("no network"));"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=lost)
        await page.until(pages.READY)
        await page.choose_file("#file", clip)
        await page.until("document.getElementById('busy-text').textContent.includes('asking again')")
        await page.until("stage.dataset.state === 'result'")
        assert await page.run("asked") > 2

    visit_page(test)


def test_a_question_that_nobody_answers_is_asked_again(visit_page, pages, tmp_path, make_clip, engine):
    """By a connection that broke without a word it waited for ever, with the part that was drawn until then."""
    clip = make_clip(tmp_path / "clip.mp4", frames=60)
    engine.draw_s = 0.05
    silent = """const [send, limit] = [fetch, AbortSignal.timeout.bind(AbortSignal)];
    globalThis.asked = 0;
    AbortSignal.timeout = (time) => limit(time / 10);
    fetch = (to, options) => !/^jobs.[^/]+$/.test(to) || options?.method || (asked += 1) !== 2 ? send(to, options)
      : new Promise((_, fail) => options?.signal?.addEventListener("abort", () => fail(options.signal.reason)));"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=silent)
        await page.until(pages.READY)
        await page.choose_file("#file", clip)
        await page.until("document.getElementById('busy-text').textContent.includes('asking again')")
        await page.until("stage.dataset.state === 'result'")

    visit_page(test)


def test_a_server_that_is_gone_is_given_up(visit_page, pages, tmp_path, make_clip, engine):
    clip = make_clip(tmp_path / "clip.mp4", frames=60)
    engine.draw_s = 0.05
    gone = """const [send, wait] = [fetch, setTimeout];
    setTimeout = (act, time, ...more) => wait(act, time / 10, ...more);
    fetch = (to, options) => /^jobs.[^/]+$/.test(to) && !options?.method ? Promise.reject(new TypeError("gone"))
      : send(to, options);"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=gone)
        await page.until(pages.READY)
        await page.choose_file("#file", clip)
        await pages.told(page, "The server does not answer")

    visit_page(test)


def test_a_result_can_be_drawn_again_with_another_look(visit_page, pages, tmp_path, fakes):
    """Whoever chose another style saw no change, and had to look for the file once more."""
    picture = tmp_path / "me.png"
    cv2.imwrite(str(picture), np.full((96, 128, 3), 80, np.uint8))
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    again = "document.getElementById('again')"
    drawn = "stage.dataset.state === 'result' && document.getElementById('after-picture').complete"
    said = "document.getElementById('status').textContent"
    focused = "document.activeElement.id"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.save_downloads(downloads)
        await page.until(pages.READY)
        assert await page.run(f"{again}.hidden")
        await page.choose_file("#file", picture)
        await page.until(drawn)
        assert await page.run(f"{again}.disabled")
        await page.press("2")
        assert await page.run(said) == "Redraw shows what has changed"
        await page.press("1")  # as it was drawn
        assert (await page.run(said), await page.run(f"{again}.disabled")) == ("", True)
        await page.press("2")
        await page.run(f"stage.dataset.state = 'before', {again}.focus(), {again}.click()")
        await page.until(drawn)
        assert await page.run(focused) == "full"  # and not lost with the button that was hidden meanwhile
        await page.click("#save")
        shown = cv2.imread(str(await pages.saved(downloads, "me-anime.png")))
        assert abs(int(shown[48, 64].mean()) - fakes.FLAT_LEVEL) <= 3
        await page.run("document.getElementById('stop').focus(), document.getElementById('stop').click()")
        await page.until(f"{focused} === 'start'")
        assert await page.run(f"{again}.hidden")
        assert page.complaints == []

    visit_page(test)
