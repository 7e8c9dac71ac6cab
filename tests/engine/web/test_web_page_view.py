"""What of the page is in view in a real Chromium, what it is called, and what those hear of it who see nothing."""

import cv2
import numpy as np


def test_a_transparent_picture_is_compared_on_the_paper_of_its_drawing(visit_page, pages):
    """Beside the white of the drawing the ground of the stage, nearly black, showed through."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        ground = "getComputedStyle(document.getElementById('before-picture')).backgroundColor"
        assert await page.run(ground) == "rgb(255, 255, 255)"

    visit_page(test)


def test_the_picture_stays_in_view_beside_a_long_list(visit_page, pages):
    """Who changed the last settings of the list on a laptop saw half of what they did."""

    async def test(browser, server):
        page = await browser.open(pages.url(server), size=(1366, 700))
        await pages.go_live(page)
        await page.click("summary")
        await page.run("scrollTo(0, document.documentElement.scrollHeight)")
        await page.until("scrollY > 100")
        top, bottom = await page.run("(({ top, bottom }) => [top, bottom])(stage.getBoundingClientRect())")
        assert 0 <= top < bottom <= 700

    visit_page(test)


def test_a_phone_shows_the_picture_while_a_setting_far_below_is_changed(visit_page, pages):
    """Who chose a colour of hair saw nothing of it."""
    place = "(({ top, bottom }) => [top, bottom])(document.querySelector('%s').getBoundingClientRect())"

    async def test(browser, server):
        for size in ((390, 844), (820, 1180)):
            page = await browser.open(pages.url(server), size=size, phone=True)
            await pages.go_live(page)
            await page.run("scrollTo(0, document.documentElement.scrollHeight)")
            top, bottom = await page.run(place % "#stage")
            assert 0 <= top < bottom <= size[1] / 2 + 10
            await page.run("document.querySelector('[name=hair_tint]').focus()")
            hair_top, hair_bottom = await page.run(place % "#hair")
            assert bottom <= hair_top < hair_bottom <= size[1]
            await page.close()

    visit_page(test)


def test_who_listens_hears_no_slider_twice_and_of_no_video_that_is_not_there(visit_page, pages):
    """A screen reader said a slider's "90 %" twice, and "unable to play media" at the start."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        for videos in ([], ["Drawn picture"]):
            tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
            heard = [(node["role"]["value"], node["name"]["value"]) for node in tree if not node["ignored"]]
            assert [name for role, name in heard if role == "Video"] == videos
            assert not [name for _, name in heard if name == "100 %"]
            if not videos:
                await pages.go_live(page)

    visit_page(test)


def test_a_snapshot_is_named_by_the_users_own_clock(visit_page, pages, tmp_path):
    """It had the hour of London."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.call("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")  # half past the hours of others
        await page.save_downloads(tmp_path)
        await pages.go_live(page)
        local = "new Date().toLocaleString('sv').slice(0, 13)"  # 2026-11-29 13
        before = await page.run(local)
        await page.press("s")
        name = (await pages.saved(tmp_path, "*.png")).name
        assert name[9:22] in (before, await page.run(local))

    visit_page(test)


def test_a_camera_that_pauses_is_told_until_it_goes_on(visit_page, pages):
    """A picture that stood still looked like an engine that had stopped."""
    camera = "document.getElementById('before-video').srcObject.getVideoTracks()[0]"
    said = "document.getElementById('status').textContent"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await pages.go_live(page)
        await page.run(f"{camera}.dispatchEvent(new Event('mute'))")
        assert (await page.run(said)).startswith("The camera sends no pictures: ")
        await page.run(f"{camera}.dispatchEvent(new Event('unmute'))")
        assert await page.run(said) == ""

    visit_page(test)


def test_who_leaves_while_a_file_is_drawn_is_asked_and_a_result_is_closed(visit_page, pages, engine, tmp_path):
    """A reload threw the work away without a word. And a picture that is done was to be stopped."""
    picture = tmp_path / "me.png"
    cv2.imwrite(str(picture), np.full((96, 128, 3), 80, np.uint8))
    leave = "window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    word = "document.getElementById('stop').innerText"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        engine.gate.clear()
        await page.choose_file("#file", picture)
        await page.until("stage.dataset.state === 'busy'")
        assert (await page.run(leave), await page.run(word)) == (False, "Stop")
        engine.gate.set()
        await page.until("stage.dataset.state === 'result'")
        assert (await page.run(leave), await page.run(word)) == (True, "Close")

    visit_page(test)


def test_a_picture_is_drawn_without_a_count_and_a_clip_with_one(visit_page, pages, engine, tmp_path, make_clip):
    """Of a picture it said 0 % until it was done, beside a bar that stood still."""
    picture, clip = tmp_path / "me.png", make_clip(tmp_path / "me.mp4", frames=3)
    cv2.imwrite(str(picture), np.full((96, 128, 3), 80, np.uint8))
    shown = "[document.getElementById('busy-text').textContent, document.getElementById('busy-bar').hidden].join()"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        for file, told in ((picture, "Drawing,true"), (clip, "Drawing 0 %,false")):
            engine.gate.clear()
            await page.choose_file("#file", file)
            await page.until(f"{shown} === '{told}'")
            engine.gate.set()
            await page.until("stage.dataset.state === 'result'")

    visit_page(test)


def test_the_page_that_asks_for_the_token_fits_a_small_phone_and_a_laptop(visit_page, pages):
    """On a phone its card ran from edge to edge, on a laptop it could be scrolled for nothing."""

    async def test(browser, server):
        for size in ((320, 568), (1366, 768)):
            page = await browser.open(pages.url(server), size=size, phone=size[0] < 400)
            root = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            assert await page.run(root) == list(size)
            edges = "(({ left, right }) => [left, right])(document.querySelector('%s').getBoundingClientRect())"
            left, right = await page.run(edges % "main")
            assert 8 <= left < right <= size[0] - 8
            assert (await page.run(edges % "button"))[1] <= right - 8

    visit_page(test, token="secret")


def test_keys_work_with_caps_lock_and_after_a_file_was_chosen(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        await page.press("T")
        await page.until("document.querySelector('[name=hair_tint]:checked').value === 'pink'")
        await page.run("document.getElementById('file').focus()")
        await page.press("t")
        await page.until("document.querySelector('[name=hair_tint]:checked').value === 'red'")

    visit_page(test)
