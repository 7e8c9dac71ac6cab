"""Live sessions over WebRTC, with aiortc in the place of the browser: what comes back, and who gets a place."""

import asyncio
import json

import pytest
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection


def test_the_camera_comes_back_drawn_and_follows_the_look(call, peer, fakes):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            assert (await browser.message("look"))["style"] == "invert"
            await browser.until_middle(255 - peer.LEVEL)
            assert abs((await browser.next_picture())[1] - peer.LEVEL) < 6  # outside of the face nothing changes
            browser.channel.send(json.dumps({"style": "flat"}))
            await browser.until_middle(fakes.FLAT_LEVEL)
            browser.channel.send(json.dumps({"strength": 0}))
            await browser.until_middle(peer.LEVEL)
            figures = await browser.message("figures")
            while figures["fps_out"] < 5:
                figures = await browser.message("figures")
            assert figures["faces"] == 1
            assert 0 < figures["latency_p50_ms"] < 1000
            assert figures["backend"] == "fake 1.0 (f32) on this test"
            assert await peer.metric(client, "animecam_sessions") == 1

    call(test)


def test_wrong_messages_are_answered_and_change_nothing(call, peer):
    async def test(client):
        async with peer.Browser(client) as browser:
            await browser.connect()
            await browser.message("look")
            for text in (
                "no json",
                "[1]",
                '{"style": "none"}',
                '{"strength": 9}',
                '{"eyes_of": 1}',
                '{"size_px": 1.5}',
                '{"mirror": 1}',
                "[" * 2000,
                "x" * 5000,
            ):
                browser.channel.send(text)
                problem = await browser.message("problem")
                assert problem["message"]
                assert not problem["final"]
                assert (await browser.message("look"))["strength"] == 1.0
            await browser.until_middle(255 - peer.LEVEL)

    call(test)


def test_two_users_have_looks_of_their_own_and_one_leaves_unnoticed(call, peer, fakes):
    async def test(client):
        async with peer.Browser(client) as first, peer.Browser(client) as second:
            await first.connect()
            await second.connect(look={"style": "flat"})
            await first.until_middle(255 - peer.LEVEL)
            await second.until_middle(fakes.FLAT_LEVEL)
            await client.delete(f"/sessions/{first.session}")
            assert await peer.metric(client, "animecam_sessions") == 1
            while not second.drawn.empty():
                second.drawn.get_nowait()
            await second.until_middle(fakes.FLAT_LEVEL)

    call(test)


def test_more_users_than_places_are_refused_and_the_others_unharmed(call, peer, fakes):
    async def test(client):
        async with peer.Browser(client) as happy:
            await happy.connect()
            await happy.until_middle(255 - peer.LEVEL)
            sdp = happy.peer.localDescription.sdp
            answers = await asyncio.gather(*(client.post("/offer", json={"sdp": sdp}) for _ in range(100)))
            assert {answer.status for answer in answers} == {503}
            assert "places are taken" in (await answers[0].json())["message"]
            while not happy.drawn.empty():
                happy.drawn.get_nowait()
            await happy.until_middle(255 - peer.LEVEL)
            assert await peer.metric(client, 'animecam_requests_refused_total{reason="sessions"}') == 100

    call(test, sessions=1)


def test_a_page_that_comes_again_has_the_place_that_it_had(call, peer):
    """Its network failed for some seconds, of which the server had not heard yet: all places were taken."""

    async def test(client):
        name = "the page's own name"
        async with peer.Browser(client, page=name) as lost, peer.Browser(client, page=name) as again:
            await lost.connect()
            await lost.until_middle(255 - peer.LEVEL)
            await again.connect()
            await again.until_middle(255 - peer.LEVEL)
            assert await peer.metric(client, "animecam_sessions") == 1
            async with peer.Browser(client, page="a name of another page") as other:
                assert (await other.offer()).status == 503

    call(test, sessions=1)


@pytest.mark.parametrize("name", [7, None, "short", "x" * 65])
def test_a_name_that_others_may_guess_or_that_is_none_is_refused(call, peer, name):
    async def test(client):
        async with peer.Browser(client, page=name) as browser:
            answer = await browser.offer()
            assert answer.status == 400
            assert "16 to 64" in (await answer.json())["hint"]

    call(test)


def test_no_shared_codec_is_said_clearly_and_takes_no_place(call, peer):
    async def test(client):
        async with peer.Browser(client) as browser:
            answer = await browser.offer(lambda sdp: sdp.replace("VP8", "AV1").replace("H264", "H266"))
            problem = await answer.json()
            assert answer.status == 422, problem
            assert "codec" in problem["message"]
            assert await peer.metric(client, "animecam_sessions") == 0

    call(test)


def test_an_offer_without_video_is_refused(call, peer):
    async def test(client):
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.createDataChannel("x")
        await peer.setLocalDescription(await peer.createOffer())
        answer = await client.post("/offer", json={"sdp": peer.localDescription.sdp})
        await peer.close()
        assert answer.status == 400
        assert "no video" in (await answer.json())["message"]

    call(test)


def test_an_offer_that_tells_of_a_codec_it_has_not_is_refused(call, peer):
    """It was taken for a mistake of the server's, with a traceback in the log."""

    async def test(client):
        async with peer.Browser(client) as browser:
            answer = await browser.offer(lambda sdp: sdp.replace("a=rtpmap:97", "a=fmtp:55 apt=97\r\na=rtpmap:97"))
            assert answer.status == 400
            assert "cannot be read" in (await answer.json())["message"]
            assert await peer.metric(client, 'animecam_requests_refused_total{reason="request"}') == 1

    call(test)


def test_sound_that_is_offered_is_not_taken(call, peer):
    """Nobody reads it: 50 times a second it was decoded and kept, 200 kB a second for as long as the session lasted."""

    async def test(client):
        async with peer.Browser(client) as browser:
            sound = browser.peer.addTransceiver(AudioStreamTrack())
            await browser.connect()
            assert sound.currentDirection == "inactive"
            await browser.until_middle(255 - peer.LEVEL)

    call(test)


def test_a_slow_engine_drops_frames_instead_of_falling_behind(call, peer, engine):
    engine.draw_s = 0.25  # four frames a second where fifteen come

    async def test(client):
        async with peer.Browser(client, peer.GreyCamera(flicker=60)) as browser:
            await browser.connect()
            figures = await browser.message("figures")
            while figures["frames_out"] < 8:
                figures = await browser.message("figures")
            assert figures["dropped"] >= 8
            assert figures["latency_p95_ms"] < 3 * 1000 * engine.draw_s

    call(test)
