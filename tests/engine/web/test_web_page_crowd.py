"""More faces than are drawn, and which network draws them, on the page in a real Chromium; the engine is a fake."""

import json

import cv2
import numpy as np
import pytest

from animecam.files import FILE_SETTINGS
from animecam.settings import STILL_FACES, Quality

OFFER = "(({ hidden, textContent }) => hidden ? '' : textContent)(document.getElementById('more-faces'))"
CHOSEN = """[document.getElementById('faces').value, document.getElementById('quality').value,
  document.querySelector('[name=unseen]:checked').value].join()"""
CHOOSE = """(({ id, value }) => {
  const select = document.getElementById(id);
  select.value = value;
  select.dispatchEvent(new Event("change"));
})(%s)"""


@pytest.fixture
def team(tmp_path):
    path = tmp_path / "team.png"
    cv2.imwrite(str(path), np.full((96, 128, 3), 80, np.uint8))
    return path


def choose(name, value):
    return CHOOSE % json.dumps({"id": name, "value": value})


def test_faces_that_are_not_drawn_are_told_of_and_can_be_drawn(visit_page, pages, engine):
    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await pages.go_live(page)
        await page.until(f"{pages.SAID} === '2 more faces in the picture, so it is drawn whole'")
        await page.press("u")
        await page.until(f"{pages.SAID} === '2 more faces in the picture are not drawn'")
        await page.until(f"{OFFER} === 'Draw up to 8 faces'")
        await page.click("#more-faces")
        await page.until(f"{pages.SAID} === '' && {OFFER} === ''")
        assert await page.run("document.getElementById('faces').value") == "8"
        assert max(engine.batches) == 6
        assert page.complaints == []

    engine.faces = 6
    visit_page(test)


def test_what_is_said_of_faces_before_the_first_picture_is_shown_stays(visit_page, pages, engine):
    """It was taken back when the picture came; and a desk had to be scrolled for the button."""
    slow = """const make = createImageBitmap;
    createImageBitmap = async (...what) => {
      await new Promise((go) => setTimeout(go, 1500));
      return make(...what);
    };"""

    async def test(browser, server):
        page = await browser.open(pages.url(server), size=(1280, 800), script=slow)
        await page.until(pages.READY)
        await page.run("document.getElementById('way').value = 'socket'")
        await page.click("#start")
        await page.until(pages.LIVE)
        await page.until(f"{pages.SAID} === '2 more faces in the picture, so it is drawn whole'")
        await page.until(f"{OFFER} === 'Draw up to 8 faces'")
        assert await page.run("document.documentElement.scrollHeight") <= 800

    engine.faces = 6
    visit_page(test)


def test_who_is_left_out_of_a_picture_is_drawn_at_one_press(visit_page, pages, engine, team):
    """Four of a team were drawn, the rest coarsely, and nothing said why."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        await page.run(choose("faces", str(FILE_SETTINGS.max_faces)))
        await page.choose_file("#file", team)
        await page.until(f"{pages.SAID} === '2 more faces in the picture are not drawn'")
        await page.until(f"{OFFER} === 'Draw up to 16 faces'")
        await page.run("document.getElementById('more-faces').focus()")
        await page.press(" ")
        await page.until("stage.dataset.state === 'result' && document.getElementById('faces').value === '16'")
        assert await page.run(f"[{pages.SAID}, {OFFER}].join()") == ","
        assert await page.run("document.activeElement.closest('#tools') !== null")  # the button is gone, not the focus
        assert max(engine.batches) == FILE_SETTINGS.max_faces + 2
        await page.run(choose("faces", "2"))
        assert await page.run(pages.SAID) == "Redraw shows what has changed"
        await page.click("#again")
        await page.until(f"{OFFER} === 'Draw up to 16 faces'")
        await page.click("#stop")
        assert await page.run(f"[{pages.SAID}, {OFFER}].join()") == ","
        assert page.complaints == []

    engine.faces = FILE_SETTINGS.max_faces + 2
    visit_page(test)


@pytest.mark.parametrize(("faces", "said"), [(12, ""), (70, "6 more faces in the picture are not drawn")])
def test_of_a_picture_as_many_are_drawn_as_by_convert(visit_page, pages, engine, team, faces, said):
    """The page named the number for films, and had eight of a school class drawn."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        await page.choose_file("#file", team)
        await page.until("stage.dataset.state === 'result'")
        assert await page.run(f"[{pages.SAID}, {OFFER}].join()") == f"{said},"  # more than these no page can ask for
        assert engine.batches[-1] == min(faces, STILL_FACES)
        assert await page.run("document.getElementById('again').disabled")
        await page.run(choose("faces", "2"))
        await page.click("#again")
        await page.until(f"{OFFER} !== ''")
        assert engine.batches[-1] == 2
        assert page.complaints == []

    engine.faces = faces
    visit_page(test)


def test_a_file_is_drawn_with_the_defaults_of_files_until_something_is_chosen(visit_page, pages, engine, team):
    usual = f"{STILL_FACES},{FILE_SETTINGS.quality},{FILE_SETTINGS.look.unseen}"

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        assert await page.run(CHOSEN) == "4,auto,draw"
        await page.choose_file("#file", team)
        await page.until("stage.dataset.state === 'result'")
        assert await page.run(CHOSEN) == usual
        await page.click("#stop")
        assert await page.run(CHOSEN) == "4,auto,draw"
        await pages.go_live(page)
        assert await page.run(CHOSEN) == "4,auto,draw"
        await page.run(choose("quality", "full"))
        await page.run(choose("faces", "2"))
        await page.press("u")
        await page.until("Number(document.getElementById('f-fps').textContent) > 0")
        await page.choose_file("#file", team)
        await page.until("stage.dataset.state === 'result'")
        assert await page.run(CHOSEN) == "2,full,keep"
        assert engine.qualities[-1] is Quality.FULL
        assert page.complaints == []

    visit_page(test)


def test_the_number_of_faces_is_that_of_what_is_drawn(visit_page, pages, engine, team, tmp_path, make_clip):
    """It said up to 8 while 64 faces of a picture were drawn, and no choice led back to those."""
    clip = make_clip(tmp_path / "film.mp4", frames=3)
    shown = "document.getElementById('faces').selectedOptions[0].textContent"
    unknown = tmp_path / "team"  # its name tells the browser nothing: the server says what it is
    unknown.write_bytes(team.read_bytes())

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        assert await page.run(shown) == "Up to 4"
        for file, words in ((team, "Up to 64"), (clip, "Up to 8"), (unknown, "Up to 64")):
            await page.choose_file("#file", file)
            await page.until("stage.dataset.state === 'result'")
            assert await page.run(shown) == words
        assert engine.batches[-1] == 20
        await page.run(choose("faces", "2"))
        await page.click("#again")
        await page.until("stage.dataset.state === 'result'")
        assert (await page.run(shown), engine.batches[-1]) == ("Up to 2", 2)
        await page.run(choose("faces", "64"))
        await page.click("#again")
        await page.until("stage.dataset.state === 'result'")
        assert (await page.run(shown), engine.batches[-1]) == ("Up to 64", 20)
        await page.click("#stop")
        assert await page.run(shown) == "Up to 4"
        assert await page.run("[...document.getElementById('faces').options].map((one) => one.value).at(-1)") == "32"
        assert page.complaints == []

    engine.faces = 20
    visit_page(test)


def test_a_style_without_the_chosen_network_is_drawn_with_what_it_has(visit_page, pages, fakes, monkeypatch):
    own = (fakes.FakeStyle("invert", "has both"), fakes.FakeStyle("flat", "has one", ("full",)))
    monkeypatch.setattr(fakes, "styles", lambda: own)

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await pages.go_live(page)
        await page.run(choose("quality", "lite"))
        await page.press("2")
        await pages.middle_turns(page, lambda camera: fakes.FLAT_LEVEL)
        assert await page.run("document.getElementById('quality').value") == "auto"
        offered = (
            "[...document.getElementById('quality').options].filter((one) => !one.disabled).map((one) => one.value)"
        )
        assert await page.run(offered) == ["auto", "full"]

    visit_page(test)
