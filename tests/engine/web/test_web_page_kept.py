"""What the page finds again of the choices of an earlier visit, in a real Chromium."""

import json

import pytest

LOOK = """(() => {
  const of = (name) => document.querySelector(`aside [name=${name}]:checked`).value;
  const at = (id) => document.getElementById(id).value;
  return { style: of("style"), scope: of("scope"), palette: of("palette"), unseen: of("unseen"), hair: of("hair_tint"),
    strength: at("slider-strength"), eyes: at("slider-eyes"), line: at("slider-line"),
    quality: at("quality"), background: at("background"), faces: at("faces"), detail: at("detail"),
    mirror: mirror.ariaPressed };
})()"""


async def visit(page, pages):
    await page.reload()
    await page.until(pages.READY)
    return await page.run(LOOK)


def test_what_was_chosen_is_there_after_a_reload(visit_page, pages, fakes):
    """All of it was forgotten, by a phone whenever another page needed its memory."""

    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        usual = await page.run(LOOK)
        assert await visit(page, pages) == usual
        for key in ("2", "[", "e", "o", "p", "u", "t", "m", "d"):
            await page.press(key)
        for name, value in (("quality", "lite"), ("background", "white"), ("faces", "8"), ("detail", "384")):
            await page.run(
                f"Object.assign(document.getElementById('{name}'), {{ value: '{value}' }})"
                ".dispatchEvent(new Event('change'))"
            )
        chosen = await page.run(LOOK)
        assert {name for name in usual if chosen[name] == usual[name]} == {"line"}
        assert await visit(page, pages) == chosen
        await pages.go_live(page)
        await pages.middle_turns(page, lambda camera: 0.9 * fakes.FLAT_LEVEL + 0.1 * camera)
        assert await page.run(LOOK) == chosen
        assert "shows_boxes" not in await page.run("localStorage.look")
        assert page.complaints == []

    visit_page(test)


@pytest.mark.parametrize(
    "kept",
    [
        "no JSON",
        "null",
        "[1, 2]",
        '"flat"',
        json.dumps({"style": "gone", "scope": "sky", "palette": 3, "unseen": None, "hair_tint": "plaid"}),
        json.dumps({"background": "#123456"}),
        json.dumps({"strength": "0.5", "eyes": 2, "line": -1, "size_px": 1, "max_faces": 1000, "mirror": "yes"}),
        json.dumps({"quality": "perfect", "shows_boxes": True, "__proto__": {"style": "flat"}, "constructor": 1}),
    ],
)
def test_what_is_kept_and_not_offered_is_left_alone(visit_page, pages, kept):
    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        usual = await page.run(LOOK)
        await page.run(f"localStorage.look = {json.dumps(kept)}")
        assert await visit(page, pages) == usual
        await pages.go_live(page)
        assert page.complaints == []

    visit_page(test)


def test_a_style_that_came_back_has_the_rest_of_what_was_chosen(visit_page, pages):
    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        usual = await page.run(LOOK)
        await page.run("""localStorage.look = '{"style": "gone", "strength": 0.5}'""")
        assert await visit(page, pages) == usual | {"strength": "0.5"}

    visit_page(test)


def test_the_look_is_reset_here_and_for_the_next_visit(visit_page, pages, fakes):
    async def test(browser, server):
        page = await browser.open(pages.url(server))
        await page.until(pages.READY)
        usual = await page.run(LOOK)
        for key in ("2", "[", "e", "o", "p", "u", "t", "m"):
            await page.press(key)
        await pages.go_live(page)
        assert await page.run(LOOK) != usual
        await page.run("document.getElementById('reset').click()")
        assert await page.run(LOOK) == usual
        await pages.middle_turns(page, lambda camera: 255 - camera)
        assert await visit(page, pages) == usual
        assert page.complaints == []

    visit_page(test)
