"""Uploads whose sender stops them or leaves: no work goes on, nobody behind them waits, no fault is told."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from aiohttp import ClientSession

from animecam.settings import Look, Settings
from animecam.web import jobs, untrusted, workshop
from animecam.web.options import Limits, ServeOptions
from animecam.web.server import Site, serve
from animecam.web.workshop import Workshop


def test_a_job_can_be_stopped_and_those_behind_it_go_on(visit, finished, studio, tmp_path, make_clip, fakes):
    clip = make_clip(tmp_path / "in.mp4", frames=60).read_bytes()

    async def test(client):
        ids = [(await (await client.post("/jobs", data=clip)).json())["id"] for _ in range(2)]
        assert (await client.delete(f"/jobs/{ids[0]}")).status == 204
        assert (await client.get(f"/jobs/{ids[0]}")).status == 404
        assert (await finished(client, ids[1]))["state"] == "done"

    visit(test)


@pytest.fixture
def left_behind(studio, visit, finished, monkeypatch, tmp_path, make_clip):
    """`left_behind(others, is_asked)`: what is told of a running upload in the end that nobody asked for, or somebody,
    while so many others waited, and of those.
    """
    monkeypatch.setattr(workshop, "SWEEP_SECONDS", 0.01)
    clip = make_clip(tmp_path / "in.mp4", frames=10).read_bytes()
    clock = [1000.0]
    for module in (jobs, workshop):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    gate, sweeps, end_forsaken = studio._engine.gate, [], Workshop._end_forsaken

    def noted(self):
        end_forsaken(self)
        sweeps.append(self)

    monkeypatch.setattr(Workshop, "_end_forsaken", noted)

    def run(others, *, is_asked):
        told = []

        async def test(client):
            async def send():
                return (await (await client.post("/jobs", data=clip)).json())["id"]

            gate.clear()  # for five seconds at most
            first = await send()
            while (await (await client.get(f"/jobs/{first}")).json())["state"] != "running":
                await asyncio.sleep(0.01)
            clock[0] += jobs.UNASKED_SECONDS + 1
            if is_asked:
                await client.get(f"/jobs/{first}")
            rest = [await send() for _ in range(others)]
            before = len(sweeps)
            while len(sweeps) < before + 2:
                await asyncio.sleep(0.01)
            gate.set()
            told.extend([await finished(client, each) for each in (first, *rest)])

        visit(test)
        return told

    return run


def test_an_upload_that_nobody_asks_for_makes_room_for_who_waits(left_behind):
    """Its browser was gone, and it held the only worker for as long as it took: two hours at most."""
    first, second = left_behind(1, is_asked=False)
    assert (first["state"], second["state"]) == ("failed", "done")
    assert first["message"] == "nobody asked for it for 5 minutes, and others were waiting"


@pytest.mark.parametrize(("others", "is_asked"), [(0, False), (1, True)])
def test_an_upload_goes_on_that_somebody_asks_for_or_nobody_waits_behind(left_behind, others, is_asked):
    assert [told["state"] for told in left_behind(others, is_asked=is_asked)] == ["done"] * (1 + others)


def test_a_picture_that_is_stopped_is_drawn_no_further(visit, finished, studio, tmp_path, picture):
    """A group was searched and drawn to its end, whoever waited: another upload, or a server's end."""
    data = picture(tmp_path / "group.png")
    studio._engine.looks, studio._engine.look_s = 2000, 0.01

    async def test(client):
        first = await (await client.post("/jobs", params={"name": "group.png"}, data=data)).json()
        while not studio._engine.drawings:
            await asyncio.sleep(0.01)
        assert (await client.delete(f"/jobs/{first['id']}")).status == 204
        studio._engine.looks = 1
        began_s = time.monotonic()
        second = await (await client.post("/jobs", params={"name": "group.png"}, data=data)).json()
        assert (await finished(client, second["id"]))["state"] == "done"
        assert time.monotonic() - began_s < 10  # of the twenty that the first one would take

    visit(test)


def test_who_leaves_amid_an_upload_is_no_fault_of_the_server(visit, monkeypatch, caplog):
    left = asyncio.Event()
    receive = Workshop.receive

    async def noted(self, name, chunks, look):
        try:
            return await receive(self, name, chunks, look)
        finally:
            left.set()

    monkeypatch.setattr(Workshop, "receive", noted)

    async def test(client):
        _, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
        head = f"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1:{client.server.port}\r\nContent-Length: 1000\r\n\r\n"
        writer.write(head.encode() + b"a few bytes")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await asyncio.wait_for(left.wait(), 10)
        await asyncio.sleep(0.1)  # what follows in the same turn of the loop

    visit(test)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_who_leaves_before_the_answer_leaves_no_work_behind(studio, fakes, tmp_path, monkeypatch, picture):
    """Nobody knew the upload's id, so nobody could stop it: the others waited until it was drawn to its end."""
    data = picture(tmp_path / "in.png")
    is_looked_at, may_go_on, kept = threading.Event(), threading.Event(), []

    def slowly(path):
        is_looked_at.set()
        assert may_go_on.wait(10)
        return untrusted.inspect(path)

    monkeypatch.setattr(workshop, "inspect", slowly)

    async def leave(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        assert await asyncio.to_thread(is_looked_at.wait, 10)
        writer.close()
        await asyncio.sleep(0.2)
        may_go_on.set()
        await asyncio.sleep(0.5)
        async with ClientSession() as client, client.get(f"http://127.0.0.1:{port}/metrics") as answer:
            kept.append("animecam_uploads{" in await answer.text())

    async def main():
        ready = asyncio.get_running_loop().create_future()
        site = Site(fakes.styles(), Settings(Look("invert")), Limits())
        # The real server: aiohttp's one for tests cancels what nobody waits for of itself.
        serving = asyncio.create_task(serve(studio, site, ServeOptions(port=0), None, ready.set_result))
        await leave(await ready)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(asyncio.wait_for(main(), 30))
    assert kept == [False]
