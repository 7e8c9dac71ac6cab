"""A page in a real Chromium that lost its server: it comes back by itself, but never against a word said."""

import pytest

ONLINE = "dispatchEvent(new Event('online'))"  # the browser's network is back: the next try is now
CHOSEN = "document.querySelector('[name=style]:checked').value"
HURRY = """const wait = setTimeout;
globalThis.times = 1;
setTimeout = (act, time, ...more) => wait(act, time / times, ...more);
globalThis.said = [];
addEventListener("load", () => new MutationObserver(() => said.push(document.getElementById("status").textContent))
  .observe(document.getElementById("status"), { childList: true }));"""
ANSWER = """const send = fetch;
globalThis.answer = null;
fetch = (to, options) => to === "hello" && answer ? answer() : send(to, options);"""


async def go_live(page, pages, way):
    await page.until(pages.READY)
    await page.run(f"document.getElementById('way').value = '{way}'")
    await page.click("#start")
    await page.until(pages.LIVE)


@pytest.mark.parametrize("way", ["rtc", "socket"])
def test_a_restarted_server_finds_the_session_as_it_was(visit_page, pages, fakes, way):
    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await go_live(page, pages, way)
        await page.press("2")
        await pages.middle_turns(page, lambda camera: fakes.FLAT_LEVEL)
        await page.click("#compare")
        await server.close()
        await page.until(pages.COMES_BACK)
        assert await page.run("document.getElementById('figures').hidden")
        await page.press("[")  # nobody hears of it yet
        await server.restart()
        await page.run(ONLINE)
        await page.until(pages.LIVE)
        wanted = 0.9 * fakes.FLAT_LEVEL
        await pages.middle_turns(page, lambda camera: wanted + 0.1 * camera)
        assert await page.run(CHOSEN) == "flat"
        assert await page.run(f"[{pages.SAID}, split.hidden]") == ["", False]
        assert await pages.metric(page, "animecam_sessions") == 1
        assert [each for each in page.complaints if "ERR_" not in each] == []  # the browser notes what nobody answered

    visit_page(test)


def test_a_network_that_failed_costs_no_second_place(visit_page, pages):
    """The server hears nothing of it for 15 s: the page that came again was told that all places are taken."""

    async def test(browser, server):
        async with pages.Wire(server) as wire:
            page = await browser.open(pages.url(wire))
            await go_live(page, pages, "socket")
            wire.cut()
            await page.until(pages.COMES_BACK)
            wire.mend()
            await page.run(ONLINE)
            await page.until(pages.LIVE)
            assert await pages.metric(page, "animecam_sessions") == 1
            assert await pages.metric(page, "animecam_sessions_opened_total") == 2

    visit_page(test, sessions=1)


def test_a_try_that_fails_leaves_no_connection_open(visit_page, pages):
    """Each offer that nobody answered left one with its sockets, until the page was closed."""
    unanswered = """globalThis.peers = [];
    const [Peer, send] = [RTCPeerConnection, fetch];
    RTCPeerConnection = class extends Peer { constructor() { super(); peers.push(this); } };
    globalThis.isGone = false;
    fetch = (to, options) => to === "offer" && isGone ? Promise.reject(new TypeError("gone")) : send(to, options);"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=unanswered)
        await go_live(page, pages, "rtc")
        await page.run("isGone = true")
        await server.close()
        await page.until(pages.COMES_BACK)
        await server.restart()
        await page.run(ONLINE)
        await page.until("peers.length === 2 && peers.every((peer) => peer.signalingState === 'closed')")
        await page.run("isGone = false")
        await page.run(ONLINE)
        await page.until(pages.LIVE)

    visit_page(test)


def test_who_hangs_up_meanwhile_stays_away(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server), script=HURRY)
        await pages.go_live(page)
        await page.run("times = 100")
        await server.close()
        await page.until(pages.COMES_BACK)
        await page.click("#cancel")
        await page.until("stage.dataset.state === 'idle'")
        await server.restart()
        said = await page.run("said.length")
        await page.run("new Promise((tell) => wait(tell, 1000))")  # more than all the pauses that were left
        assert await page.run(f"[stage.dataset.state, said.length, {pages.SAID}]") == ["idle", said, ""]
        assert await pages.metric(page, "animecam_sessions_opened_total") == 0
        assert not await page.run("document.getElementById('before-video').srcObject")

    visit_page(test)


def test_a_limit_is_told_and_is_the_end(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server), script=HURRY)
        await pages.go_live(page)
        await pages.told(page, "limit")
        await page.run("new Promise((tell) => wait(tell, 1500))")  # more than the first pause
        await pages.told(page, "limit")
        assert await page.run("said.some((text) => text.startsWith('Trying'))") is False
        assert await pages.metric(page, "animecam_sessions_opened_total") == 1

    visit_page(test, minutes=1 / 20)


@pytest.mark.parametrize("way", ["rtc", "socket"])
def test_who_comes_back_when_all_places_are_taken_is_told_so(visit_page, pages, way):
    async def test(browser, server):
        first = await browser.open(pages.url(server), script=ANSWER)
        other = await browser.open(pages.url(server))
        await go_live(first, pages, way)
        await other.until(pages.READY)
        await first.run("answer = () => Promise.reject(new TypeError('no network'))")
        await server.close()
        await first.until(pages.COMES_BACK)
        await server.restart()
        await pages.go_live(other)
        await first.run(f"answer = null, {ONLINE}")
        await pages.told(first, "places are taken")
        assert await pages.metric(first, "animecam_sessions") == 1
        await other.click("#stop")
        await first.click("#retry")
        await first.until(pages.LIVE)

    visit_page(test, sessions=1)


def test_a_server_that_stays_away_is_asked_more_and_more_seldom_and_given_up(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server), script=HURRY)
        await pages.go_live(page)
        await page.run("times = 100")
        await server.close()
        await pages.told(page, "connection to the engine was lost")
        pauses = await page.run("said.filter((text) => text.endsWith(' s')).map((text) => Number(text.match(/\\d+/)))")
        assert pauses[:6] == [1, 2, 4, 8, 15, 15]
        assert sum(pauses) == 300
        assert "five minutes" in await page.run("document.getElementById('problem-hint').textContent")
        await server.restart()
        await page.run("times = 1")
        await page.click("#retry")
        await page.until(pages.LIVE)

    visit_page(test)


def test_what_the_server_says_of_the_page_is_told_and_what_a_proxy_says_is_waited_out(visit_page, pages):
    """A server that was restarted has another token; while it starts the proxy before it answers in its place."""
    proxy = "() => Promise.resolve(new Response('<h1>Bad gateway</h1>', { status: 502 }))"
    token = "() => Promise.resolve(Response.json({ message: 'this server asks for a token' }, { status: 401 }))"

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=HURRY + ANSWER)
        await pages.go_live(page)
        await page.run(f"answer = {proxy}")
        await page.run("times = 100")
        await server.close()
        await page.until("said.filter((text) => text === 'Trying again').length > 3")
        await page.until(pages.COMES_BACK)
        await page.run(f"answer = {token}")
        await pages.told(page, "asks for a token")

    visit_page(test)


def test_a_camera_that_went_with_the_link_is_opened_again(visit_page, pages):
    """A laptop that slept may have switched its camera off."""
    camera = "document.getElementById('before-video').srcObject"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await pages.go_live(page)
        await server.close()
        await page.until(pages.COMES_BACK)
        await page.run(f"{camera}.getTracks().forEach((track) => {{ track.stop(); track.onended(); }})")
        await server.restart()
        await page.run(ONLINE)
        await page.until(pages.LIVE)
        await pages.middle_turns(page, lambda level: 255 - level)
        assert await page.run(f"{camera}.active")

    visit_page(test)


def test_a_camera_that_is_unplugged_while_the_laptop_is_awake_is_the_end(visit_page, pages):
    unplug = "document.getElementById('before-video').srcObject.getTracks().forEach((track) => track.onended())"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await pages.go_live(page)
        await page.run(unplug)
        await pages.told(page, "unplugged")

    visit_page(test)


def test_a_camera_that_is_gone_after_a_sleep_is_opened_again(visit_page, pages):
    """The clock on the wall went on, and the page did nothing meanwhile."""
    sleep = """const late = Date.now() + 60_000;
    Date.now = () => late;
    const [track] = document.getElementById('before-video').srcObject.getTracks();
    track.stop();
    track.onended();"""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await pages.go_live(page)
        await page.run(sleep)
        await page.until(pages.COMES_BACK)
        await page.run(ONLINE)
        await page.until(pages.LIVE)
        assert await pages.metric(page, "animecam_sessions") == 1

    visit_page(test)
