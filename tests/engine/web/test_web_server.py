"""The server's answers: who comes in, what it says, how faults are told; the engine is a fake."""

import asyncio

import cv2
import numpy as np
import pytest
from aiohttp import ClientSession
from yarl import URL

from animecam.web.gate import cookie_name
from animecam.web.metrics import exposition
from animecam.web.options import MIB, Limits
from animecam.web.switchboard import Switchboard
from animecam.web.workshop import Workshop

TOKEN = "secret"


def test_the_page_and_its_files_come_with_a_strict_policy(visit):
    async def test(client):
        for path in ("/", "/app.js", "/call.js", "/capture.js", "/controls.js", "/stage.js", "/upload.js", "/app.css"):
            answer = await client.get(path)
            assert answer.status == 200, path
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy  # no outside host
        html = await (await client.get("/")).text()
        assert "<style" not in html
        assert "style=" not in html  # the policy would ignore both
        assert "//" not in html.replace("http://www.w3.org", "")

    visit(test)


def test_hello_tells_the_page_what_there_is(visit, fakes):
    async def test(client):
        hello = await (await client.get("/hello")).json()
        assert [style["name"] for style in hello["styles"]] == list(fakes.STYLES)
        assert hello["look"]["style"] == "invert"
        assert hello["engine"] == "a fake engine"
        assert (hello["look"]["eyes"], hello["look"]["line"], hello["look"]["hair_tint"]) == (0.0, 0.5, "")
        assert hello["hair_tints"]["blue"] == "#466ee6"
        assert (hello["look"]["unseen"], hello["unseen"]) == ("draw", ["draw", "keep", "blur"])
        assert (hello["look"]["palette"], hello["palettes"]) == ("color", ["color", "manga"])
        assert hello["backgrounds"] == ["keep", "blur", "green", "blue", "white", "gray", "black"]
        assert hello["limits"]["upload_bytes"] == 3 * MIB

    visit(test, upload_bytes=3 * MIB)


def test_a_thumbnail_shows_the_portrait_in_its_style(visit, fakes):
    async def test(client):
        data = await (await client.get("/styles/flat.jpg")).read()
        shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert abs(shown.mean() - fakes.FLAT_LEVEL) < 2
        missing = await client.get("/styles/none.jpg")
        assert missing.status == 404
        assert "no style" in (await missing.json())["message"]

    visit(test)


def test_without_the_token_nobody_comes_in(visit):
    async def test(client):
        for path in ("/", "/hello", "/metrics", "/app.js", "/jobs/x"):
            assert (await client.get(path)).status == 401, path
        assert (await client.get("/healthz")).status == 200
        assert (await client.post("/offer", json={})).status == 401
        wrong = await client.get("/?token=wrong", headers={"Accept": "text/html"})
        assert wrong.status == 401
        assert "Token" in await wrong.text()
        assert (await client.get("/metrics", headers={"Authorization": "Bearer wrong"})).status == 401
        assert (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status == 200

    visit(test, token=TOKEN)


@pytest.mark.parametrize(
    "header", [b"Authorization: Bearer \xff", b"Cookie: " + cookie_name(TOKEN).encode() + b"=\xff"]
)
def test_a_token_that_is_no_text_is_refused_and_counted(visit, caplog, header):
    async def test(client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
        writer.write(b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + header + b"\xff\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"401"
        writer.close()
        metrics = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert 'animecam_requests_refused_total{reason="token"} 1' in await metrics.text()

    visit(test, token=TOKEN)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_printed_address_gives_a_cookie_and_hides_the_token(visit):
    async def test(client):
        first = await client.get(f"/?token={TOKEN}", allow_redirects=False)
        assert first.status == 200
        assert 'http-equiv="refresh" content="0; url=/"' in await first.text()
        assert first.headers["Cache-Control"] == "no-store"
        cookie = first.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        name = cookie.partition("=")[0]
        async with ClientSession(cookies={name: TOKEN}) as browser:
            assert (await browser.get(client.make_url("/"))).status == 200
        # Browsers keep one cookie of a name for all ports of a host: that of another server must not take its place.
        assert name != cookie_name("of-another-server")

    visit(test, token=TOKEN)


def test_other_sites_are_kept_out_of_a_local_server(visit):
    async def test(client):
        rebound = await client.get("/hello", headers={"Host": "evil.example"})
        assert rebound.status == 421
        foreign = await client.post("/jobs", data=b"x", headers={"Origin": "https://evil.example"})
        assert foreign.status == 403
        assert (await client.get("/hello", headers={"Host": "localhost:1"})).status == 200

    visit(test)


def test_bad_requests_are_told_what_is_wrong(visit):
    async def test(client):
        cases = [
            (client.post("/offer", data=b"nonsense"), 400),
            (client.post("/offer", json={"type": "offer"}), 400),
            (client.post("/offer", json={"sdp": "no sdp"}), 400),
            (client.post("/offer", json={"sdp": "v=0\r\n" + "m=video 9 x 1\r\n" * 50}), 400),
            (client.post("/offer", data=b"x" * 100_000), 413),
            (client.post("/offer", json={"sdp": "v=0", "look": {"style": "none"}}), 400),
            (client.post("/offer", json={"sdp": "v=0", "look": {"strength": 7}}), 400),
            (client.get("/nothing"), 404),
            (client.get("/jobs/none"), 404),
            (client.get("/../../etc/passwd"), 404),
            (client.put("/offer"), 405),
        ]
        for request, status in cases:
            answer = await request
            assert answer.status == status, await answer.text()
            assert (await answer.json())["message"]
            assert "Content-Security-Policy" in answer.headers
        assert (await client.get("/hello")).status == 200

    visit(test)


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/jobs", {"Origin": "http://["}, b"x", 403),
        ("/offer", {}, b"\xff\xfe", 400),
        ("/offer", {"Content-Type": "text/plain; charset=nope"}, b"{}", 400),
    ],
)
def test_odd_requests_are_answered_in_words(visit, path, headers, body, status):
    async def test(client):
        answer = await client.post(path, headers=headers, data=body)
        assert answer.status == status
        assert (await answer.json())["message"]
        assert "Content-Security-Policy" in answer.headers

    visit(test)


def test_a_fault_of_the_server_is_logged_and_told(visit, monkeypatch, caplog):
    async def fail(*_):
        raise RuntimeError("of ours")

    monkeypatch.setattr(Workshop, "receive", fail)

    async def test(client):
        answer = await client.post("/jobs", data=b"x")
        assert answer.status == 500
        assert "of ours" not in await answer.text()
        assert "Content-Security-Policy" in answer.headers

    visit(test)
    assert "of ours" in caplog.text


def test_a_path_writes_no_lines_into_the_log(visit, monkeypatch, caplog):
    """Whoever asked for /jobs/%0aERROR wrote a line of his own, or to the terminal."""

    async def break_down(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Switchboard, "hang_up", break_down)

    async def test(client):
        assert (await client.delete(URL("/sessions/%0aERROR%1b[31m", encoded=True))).status == 500

    visit(test)
    told = [record.getMessage() for record in caplog.records if "/sessions/" in record.getMessage()]
    assert [one for one in told if one.isprintable()] == told
    assert "%0AERROR" in told[0].upper()


def test_metrics_are_in_prometheus_form(visit):
    async def test(client):
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await answer.text()
        for line in text.splitlines():
            assert line.startswith("# ") or float(line.rsplit(" ", 1)[1]) >= 0, line
        assert "\nanimecam_sessions 0\n" in text
        for kind in ("in", "out", "dropped", "capped"):  # the last three add up to the first, but for what is under way
            assert f'animecam_frames_total{{kind="{kind}"}} 0\n' in text
        assert "animecam_up 1\n" in text

    visit(test)


def test_metrics_have_all_their_digits(studio):
    """A counter that was rounded to six digits moved in steps of 10 after nine hours of a camera."""
    workshop = Workshop(studio, Limits())
    switchboard = Switchboard(studio, Limits(), ())
    switchboard.frames_in = 1_234_567
    text = exposition(studio, switchboard, workshop, {"token": 12_345_678}, 1_234_567.25)
    asyncio.run(workshop.close())
    assert '\nanimecam_frames_total{kind="in"} 1234567\n' in text
    assert '\nanimecam_requests_refused_total{reason="token"} 12345678\n' in text
    assert "\nanimecam_uptime_seconds 1234567.25\n" in text
    assert "\nanimecam_up 1\n" in text


def test_health_says_when_nothing_is_drawn_any_more(visit, studio):
    async def test(client):
        assert (await client.get("/healthz")).status == 200
        await asyncio.to_thread(studio.__exit__)
        assert (await client.get("/healthz")).status == 503

    visit(test)
