"""The page's benchmark, as far as no browser is needed: how long it waits, and what it says where nothing comes."""

import asyncio

import pytest
from click.testing import CliRunner


class Socket:
    """A browser that takes every message and answers none."""

    async def send_str(self, message):
        pass


class Page:
    """Gives the delays that it was made with, and keeps how long they were waited for."""

    def __init__(self, delays_ms):
        self._delays_ms = delays_ms
        self.within_s = None

    async def run(self, script, *, within_s):
        self.within_s = within_s
        return self._delays_ms


def test_delays_may_be_read_for_longer_than_an_answer_takes(bench):
    page = Page([40, 60, 50])
    delays = asyncio.run(bench("roundtrip").measure(page, seconds=90.0))
    assert page.within_s > 90.0
    assert (delays.p50, delays.p95, delays.max, delays.count) == (50, 60, 60, 3)


def test_a_page_that_draws_nothing_is_an_error_of_the_page(bench):
    with pytest.raises(bench("chromium").PageError, match="no drawn frame"):
        asyncio.run(bench("roundtrip").measure(Page([])))


def test_a_browser_that_does_not_answer_is_an_error_of_the_page(bench):
    chromium = bench("chromium")
    with pytest.raises(chromium.PageError, match=r"Page\.enable: no answer"):
        asyncio.run(chromium.Chromium(Socket()).call("Page.enable", within_s=0.0))


def test_what_goes_wrong_in_the_page_is_told_in_a_line(bench, monkeypatch):
    browser = bench("browser")

    def refuse():
        raise bench("chromium").PageError("Chromium did not start")

    monkeypatch.setattr(browser, "find_chromium", lambda: "chromium")
    monkeypatch.setattr(browser, "launch", refuse)
    result = CliRunner().invoke(browser.main, ["--style", "negative", "--size", "192"])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "Error: Chromium did not start"
