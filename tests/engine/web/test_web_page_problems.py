"""What the page says where something does not work, and what it offers to do, in a real Chromium."""

import cv2
import numpy as np

SHOWN = """[...document.querySelectorAll('#problem button')].filter((one) => !one.hidden).map((one) => one.id)"""
HINT = "document.getElementById('problem-hint').textContent"
FOCUS = "document.activeElement.id"
PICKED = """globalThis.picked = 0;
addEventListener("click", (event) => {
  if (event.target.id !== "file") return;
  picked += 1;
  event.preventDefault();
}, true);"""
NO_CAMERA = """navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("none", "NotFoundError"));"""


def test_a_file_that_would_be_refused_again_is_not_offered_again(visit_page, pages, tmp_path):
    """`Try again` was all there was, and led to the same answer for ever."""
    text, large = tmp_path / "notes.png", tmp_path / "film.mp4"
    text.write_text("no picture")
    large.write_bytes(bytes(3 * 1024 * 1024))
    picture = tmp_path / "me.png"
    cv2.imwrite(str(picture), np.full((96, 128, 3), 80, np.uint8))

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=PICKED)
        await page.until(pages.READY)
        for file, words in ((text, "The file is no picture or clip"), (large, "The file is larger than 1 MiB")):
            await page.choose_file("#file", file)
            await pages.told(page, words)
            assert await page.run(SHOWN) == ["another", "back"]
            assert await page.run(FOCUS) == "another"
            assert (await page.run(HINT))[0].isupper()
        await page.click("#another")
        await page.until("picked === 1")
        await page.choose_file("#file", picture)
        await page.until("stage.dataset.state === 'result'")

    visit_page(test, upload_bytes=1024 * 1024)


def test_who_has_no_camera_can_draw_a_picture(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server), script=PICKED + NO_CAMERA)
        await page.until(pages.READY)
        await page.click("#start")
        await pages.told(page, "No camera was found")
        assert await page.run(SHOWN) == ["retry", "another", "back"]
        assert await page.run(FOCUS) == "retry"
        await page.click("#another")
        await page.until("picked === 1")
        assert page.complaints == []

    visit_page(test)


def test_the_buttons_of_a_problem_are_in_view_on_a_small_phone(visit_page, pages):
    outside = """[...document.querySelectorAll("#problem button, #problem p")].filter((one) => {
      const [box, stage] = [one.getBoundingClientRect(), document.getElementById("stage").getBoundingClientRect()];
      return box.top < stage.top || box.bottom > stage.bottom || box.left < stage.left || box.right > stage.right;
    }).map((one) => one.textContent)"""

    async def test(browser, server):
        for size in ((320, 568), (360, 740), (667, 375)):
            page = await browser.open(pages.url(server), size=size, phone=True, script=NO_CAMERA)
            await page.until(pages.READY)
            await page.click("#start")
            await pages.told(page, "No camera was found")
            assert await page.run(outside) == [], size
            assert await page.run("document.documentElement.scrollWidth") <= size[0]
            await page.close()

    visit_page(test)


def test_a_picture_of_nobody_says_what_to_do(visit_page, pages, engine, tmp_path):
    sky = tmp_path / "sky.png"
    cv2.imwrite(str(sky), np.full((96, 128, 3), 80, np.uint8))

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        await page.choose_file("#file", sky)
        await page.until("stage.dataset.state === 'result'")
        assert await page.run(pages.SAID) == "No face was found: it was not drawn; choose Everything to draw all of it"

    engine.sees_nobody = True
    visit_page(test)
