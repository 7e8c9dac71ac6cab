"""The screen of whoever is live stays bright in a real Chromium, and that of nobody else."""

COUNT = """globalThis.locks = [];
const request = navigator.wakeLock.request.bind(navigator.wakeLock);
navigator.wakeLock.request = (kind) => request(kind).then((lock) => (locks.push(lock), lock));"""
HELD = "locks.filter((lock) => !lock.released).length"
HIDE = """globalThis.shown = "visible";
Object.defineProperty(document, "visibilityState", { get: () => shown });
globalThis.turn = (state) => { shown = state; document.dispatchEvent(new Event("visibilitychange")); };"""


def test_the_screen_stays_bright_while_somebody_is_live_and_comes_back(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server), script=COUNT)
        await page.until(pages.READY)
        assert await page.run("locks.length") == 0
        await pages.go_live(page)
        await page.until(f"{HELD} === 1")
        await server.close()
        await page.until(pages.COMES_BACK)
        await server.restart()
        await page.run("dispatchEvent(new Event('online'))")
        await page.until(pages.LIVE)
        assert await page.run("[locks.length, locks[0].released]") == [1, False]
        await page.click("#stop")
        await page.until(f"{HELD} === 0")

    visit_page(test)


def test_a_session_that_ends_by_itself_lets_the_screen_go_dark(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server), script=COUNT)
        await pages.go_live(page)
        await pages.told(page, "limit")
        await page.until(f"locks.length === 1 && {HELD} === 0")

    visit_page(test, minutes=1 / 20)


def test_a_page_that_was_hidden_asks_again_when_it_is_seen(visit_page, pages):
    """The browser takes the lock from a page that is hidden, and does not give it back."""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=HIDE + COUNT)
        await pages.go_live(page)
        await page.until(f"{HELD} === 1")
        await page.run("turn('hidden'), locks[0].release()")
        assert await page.run("locks.length") == 1
        await page.run("turn('visible'), turn('visible')")
        await page.until("locks.length >= 2")
        await page.until(f"{HELD} === 1")
        await page.click("#stop")
        await page.until(f"{HELD} === 0")
        asked = await page.run("locks.length")
        await page.run("turn('visible')")
        assert await page.run("locks.length") == asked

    visit_page(test)


def test_who_hangs_up_before_the_browser_has_answered_keeps_no_lock(visit_page, pages):
    late = """const ask = navigator.wakeLock.request;
    navigator.wakeLock.request = (kind) => new Promise((go) => { globalThis.goOn = () => go(ask(kind)); });"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=COUNT + late)
        await pages.go_live(page)
        await page.click("#stop")
        await page.run("goOn()")
        await page.until(f"locks.length === 1 && {HELD} === 0")

    visit_page(test)


def test_a_browser_without_locks_or_that_refuses_them_goes_live_all_the_same(visit_page, pages):
    without = "delete Navigator.prototype.wakeLock"
    refusing = "navigator.wakeLock.request = () => Promise.reject(new DOMException('low battery', 'NotAllowedError'))"

    async def test(browser, server):
        for script in (without, refusing):
            page = await browser.open(pages.url(server), script=script)
            await pages.go_live(page)
            await page.click("#stop")
            await page.until("stage.dataset.state === 'idle'")
            assert page.complaints == []
            await page.close()

    visit_page(test)
