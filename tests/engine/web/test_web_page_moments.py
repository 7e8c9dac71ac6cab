"""What users do at odd moments, in a real Chromium: before the page is ready, while it waits, when a thing is gone."""

CHOSEN = "document.querySelector('[name=style]:checked').value"
ASK = """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wishes) =>
  new Promise((say) => { globalThis.sayYes = () => say(ask(wishes)); });"""


def test_a_style_that_is_chosen_while_the_camera_is_asked_for_is_drawn(visit_page, pages, fakes):
    """The session began with the style of before, and the page turned back to it."""

    async def test(browser, server):
        for way in ("rtc", "socket"):
            page = await browser.open(pages.url(server), script=ASK)
            await page.until(pages.READY)
            await page.run(f"document.getElementById('way').value = '{way}'")
            await page.click("#start")
            await page.until("typeof sayYes === 'function'")
            await page.press("2")
            await page.run("sayYes()")
            await page.until(pages.LIVE)
            await pages.middle_turns(page, lambda camera: fakes.FLAT_LEVEL)
            assert await page.run(CHOSEN) == "flat"
            await page.press("1")
            await pages.middle_turns(page, lambda camera: 255 - camera)
            await page.close()

    visit_page(test)


def test_a_style_that_is_chosen_while_the_page_connects_is_drawn(visit_page, pages, fakes):
    late = """const send = fetch;
    fetch = (to, options) => to !== "offer" ? send(to, options) : send(to, options).then((answer) =>
      new Promise((go) => { globalThis.goOn = () => go(answer); }));"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=late)
        await page.until(pages.READY)
        await page.click("#start")
        await page.until("typeof goOn === 'function'")
        await page.press("2")
        await page.run("goOn()")
        await page.until(pages.LIVE)
        await pages.middle_turns(page, lambda camera: fakes.FLAT_LEVEL)
        assert await page.run(CHOSEN) == "flat"

    visit_page(test)


def test_who_is_faster_than_the_servers_first_answer_gets_the_camera(visit_page, pages):
    late = """const send = fetch;
    fetch = (to, options) => to !== "hello" ? send(to, options) : new Promise((go) => {
      globalThis.goOn = () => go(send(to, options)); });"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=late)
        await page.click("#start")
        await page.click("#mirror")
        await page.run("goOn()")
        await page.until(pages.LIVE)
        assert await page.run("stage.classList.contains('mirrored')")
        assert page.complaints == []

    visit_page(test)


def test_a_page_without_an_answer_is_loaded_again_whatever_is_pressed(visit_page, pages):
    no_answer = """const send = fetch;
    fetch = (to, options) => to === "hello" ? Promise.reject(new TypeError("gone")) : send(to, options);"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=no_answer)
        for button in ("#retry", "#back"):
            await pages.told(page, "The server does not answer")
            await page.run("globalThis.isOldPage = true")
            await page.click(button)
            await page.until("document.readyState === 'complete' && !globalThis.isOldPage")
        assert page.complaints == []

    visit_page(test)


def test_a_slider_that_has_the_focus_follows_the_keys(visit_page, pages):
    """Its percentage did, and its handle did not: the next arrow key sprang back. And - and + act as in the window."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        await page.run("document.getElementById('slider-strength').focus()")
        shown = "document.getElementById('slider-strength').value"
        for key, value in (("[", "0.9"), ("-", "0.8"), ("+", "0.9"), ("ArrowLeft", "0.85"), ("]", "0.95")):
            await page.press(key)
            assert await page.run(shown) == value, key

    visit_page(test)


def test_a_camera_that_was_unplugged_is_told_and_another_one_can_be_chosen(visit_page, pages):
    """It was said not to have the resolution, and one that was plugged in since could not be chosen."""
    list_cameras = """globalThis.cameras = [];
    const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
    navigator.mediaDevices.enumerateDevices = async () => [...await list(), ...cameras];
    globalThis.plug = (...names) => {
      cameras = names.map((name) => ({ kind: "videoinput", deviceId: name, label: name }));
      navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    };"""
    listed = "[...document.getElementById('camera').options].map((one) => one.label).join()"

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=list_cameras)
        await pages.go_live(page)
        first = await page.run(listed)
        await page.run("plug('second')")
        await page.until(f"{listed} === '{first},second'")
        await page.run("document.getElementById('camera').value = 'second'; plug('third')")
        await page.until(f"{listed} === 'second,{first},third'")
        assert await page.run("document.getElementById('camera').value") == "second"  # it may come back
        await page.click("#stop")
        await page.click("#start")
        await pages.told(page, "not there any more")
        await page.run("document.getElementById('camera').selectedIndex = 1")
        await page.click("#retry")
        await page.until(pages.LIVE)
        assert await page.run(listed) == f"{first},third"
        assert page.complaints == []

    visit_page(test)


def test_a_camera_without_pictures_is_told(visit_page, pages):
    """The page said for ever that it connects to the engine."""
    blind = """navigator.mediaDevices.getUserMedia = async () => {
      const canvas = document.createElement("canvas");
      canvas.getContext("2d");
      return canvas.captureStream(0);
    }"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=blind)
        await page.until(pages.READY)
        await page.run("document.getElementById('way').value = 'socket'")
        await page.click("#start")
        await pages.told(page, "The camera sends no pictures")
        assert page.complaints == []

    visit_page(test)


def test_a_browser_that_keeps_nothing_shows_the_page(visit_page, pages):
    """Told to keep no site's data, it throws where the page looks for its colours: no button did anything."""
    keeps_nothing = """Object.defineProperty(window, "localStorage", {
      get() { throw new DOMException("denied", "SecurityError"); } });"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), script=keeps_nothing)
        await page.until(pages.READY)
        assert await page.run("document.documentElement.dataset.theme") == "light"
        await page.click("#theme")
        assert await page.run("document.documentElement.dataset.theme") == "dark"
        await page.click("summary")
        await page.click("#keys")
        await page.press("2")
        assert await page.run(CHOSEN) == "invert"
        assert page.complaints == []

    visit_page(test)


def test_long_names_and_a_page_four_times_as_large_fit(visit_page, pages):
    """A file's name ran out of the picture; at 400 % the button to start was cut in half."""
    outside = """[...document.querySelectorAll("#idle button, #idle label, #idle p")].filter((one) => {
      const [box, edge] = [one.getBoundingClientRect(), stage.getBoundingClientRect()];
      return box.top < edge.top || box.bottom > edge.bottom || box.left < edge.left || box.right > edge.right;
    }).map((one) => one.textContent)"""
    long_name = """import("./stage.js").then(({ Stage }) =>
      new Stage().showProblem({ message: `${"y".repeat(80)}.mp4 is damaged`, hint: "z".repeat(80) }))"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), size=(320, 256))  # 1280 x 1024 at 400 %
        await page.until(pages.READY)
        assert await page.run(outside) == []
        await page.run(long_name)
        assert await page.run("problem.scrollWidth <= problem.clientWidth")
        assert await page.run("document.documentElement.scrollWidth") <= 320

    visit_page(test)


def test_what_is_said_amid_a_recording_stays(visit_page, pages):
    """The recording's clock took it away within a second."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await pages.go_live(page)
        await page.click("#record")
        await page.press("s")
        await page.until("document.getElementById('record-text').textContent >= '0:02'")
        assert await page.run("document.getElementById('status').textContent") == "Snapshot saved"
        tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
        assert "Record" in [node["name"]["value"] for node in tree if node["role"]["value"] == "button"]
        await page.click("#record")
        await page.until("document.getElementById('status').textContent === 'Recording saved'")

    visit_page(test)


def test_who_drops_several_files_is_told_that_one_is_drawn(visit_page, pages):
    """The others were left out without a word."""
    drop = """(async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
      canvas.getContext("2d").fillRect(0, 0, 64, 48);
      const blob = await new Promise((tell) => canvas.toBlob(tell));
      const dataTransfer = new DataTransfer();
      for (const name of ["a.png", "b.png", "c.png"]) dataTransfer.items.add(new File([blob], name));
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
    })()"""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        await page.run(drop)
        await page.until("stage.dataset.state === 'result'")
        assert await page.run("save.download") == "a-anime.png"
        said = await page.run("document.getElementById('status').textContent")
        assert said.startswith("Only the first of 3 files is drawn.")

    visit_page(test)


def test_a_slow_engine_is_not_said_to_draw_nothing(visit_page, pages):
    """Two frames in five seconds were shown as 0 fps."""
    show = """import("./stage.js").then(({ Stage }) => {
      new Stage().showFigures({ fps_out: FPS, latency_p50_ms: 1, latency_p95_ms: 1, faces: 1, crowd: "", dropped: 0 });
      return document.getElementById("f-fps").textContent;
    })"""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        assert await page.run(show.replace("FPS", "0.42")) == "0.4"
        assert await page.run(show.replace("FPS", "29.6")) == "30"

    visit_page(test)


def test_the_delay_tells_of_now_and_not_of_the_whole_session(visit_page, pages):
    """It was put together from means since the start: after an hour a network that broke down did not show."""
    measure = """import("./rtc.js").then(async ({ RtcLink }) => {
      const link = new RtcLink();
      const seen = { type: "inbound-rtp", jitterBufferDelay: 0, jitterBufferEmittedCount: 0, framesDecoded: 0 };
      link.peer = { getStats: async () => new Map([[1, { ...seen }]]) };
      const told = [];
      for (const [frames, secondsEach] of [[9000, 0.01], [10, 0.5], [0, 0], [10, 0.01]]) {
        seen.jitterBufferDelay += frames * secondsEach;
        seen.jitterBufferEmittedCount += frames;
        seen.framesDecoded += frames;
        await link.measure();
        told.push(Math.round(link.delayMs(100)));
      }
      return told.join();
    })"""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        assert await page.run(measure) == "110,600,600,110"

    visit_page(test)
