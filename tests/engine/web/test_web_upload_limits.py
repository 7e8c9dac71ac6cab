"""Uploads that ask for more than the server gives: memory, room on its disk; the engine is a fake."""

import errno
import shutil
import tempfile
from contextlib import ExitStack

import av
import cv2
import numpy as np
import pytest

from animecam.web import options, untrusted
from animecam.web.jobs import Job
from animecam.web.workshop import Workshop


@pytest.fixture
def small_limits(monkeypatch):
    """Clips of no more than 640 x 480: the real limit would make a test slow."""
    monkeypatch.setattr(untrusted, "MOST_CLIP_PIXELS", 640 * 480)


def test_the_limit_of_pixels_holds_for_the_track_that_is_drawn(visit, tmp_path, make_clip, small_limits):
    tracks = [make_clip(tmp_path / f"{side}.mkv", width_px=side, height_px=side, frames=2) for side in (64, 1024)]
    both = tmp_path / "both.mkv"
    with ExitStack() as stack:
        output = stack.enter_context(av.open(str(both), "w"))
        inputs = [stack.enter_context(av.open(str(track))) for track in tracks]
        copies = [output.add_stream_from_template(each.streams.video[0]) for each in inputs]
        for each, copy in zip(inputs, copies, strict=True):
            for packet in each.demux(video=0):
                if packet.size:
                    packet.stream = copy
                    output.mux(packet)

    async def test(client):
        answer = await client.post("/jobs", params={"name": "both.mkv"}, data=both.read_bytes())
        assert answer.status == 413, await answer.text()

    visit(test)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video"])
def test_a_clip_that_grows_on_its_way_fails_in_one_line(
    visit, finished, tmp_path, make_clip, small_limits, caplog, codec
):
    sizes = ((64, 64), (1024, 1024))
    parts = [
        make_clip(tmp_path / f"{width_px}.ts", codec=codec, width_px=width_px, height_px=height_px, frames=12)
        for width_px, height_px in sizes
    ]
    data = b"".join(part.read_bytes() for part in parts)

    async def test(client):
        answer = await client.post("/jobs", params={"name": "in.ts"}, data=data)
        assert answer.status == 201, await answer.text()
        failed = await finished(client, (await answer.json())["id"])
        assert failed["state"] == "failed", failed
        assert failed["message"] == "in.ts has pictures of more than 0.3 million pixels"

    visit(test)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(("width_px", "height_px"), [(640, 480), (480, 640), (498, 616)])
def test_a_clip_just_within_the_limit_is_drawn(visit, finished, tmp_path, make_clip, small_limits, width_px, height_px):
    """Decoders fill up the sides to whole blocks, and count those."""
    clip = make_clip(tmp_path / "in.mp4", width_px=width_px, height_px=height_px, frames=2)

    async def test(client):
        answer = await client.post("/jobs", params={"name": "in.mp4"}, data=clip.read_bytes())
        assert answer.status == 201, await answer.text()
        job = await finished(client, (await answer.json())["id"])
        assert job["state"] == "done", job

    visit(test)


async def refused_for_the_disk(client):
    answer = await client.post("/jobs", params={"name": "a.png"}, data=b"some bytes")
    assert answer.status == 507
    assert await answer.json() == {
        "message": "the server has no room for the file",
        "hint": "try a smaller one, or later",
    }
    metrics = await (await client.get("/metrics")).text()
    assert 'animecam_requests_refused_total{reason="disk"} 1' in metrics
    assert "animecam_uploads{" not in metrics


def test_an_upload_that_fills_the_disk_is_refused_and_removed(visit, tmp_path, monkeypatch, caplog):
    kept = []

    class FullFile:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    class FullJob(Job):
        def __init__(self, name, folder, look):
            super().__init__(name, folder, look)
            kept.append(folder)
            self.source = type("FullPath", (), {"open": lambda *_: FullFile()})()

    monkeypatch.setattr("animecam.web.workshop.Job", FullJob)
    visit(refused_for_the_disk)
    assert len(kept) == 1
    assert not kept[0].exists()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_an_upload_that_finds_no_folder_is_refused(visit, monkeypatch, caplog):
    begin = Workshop.__init__

    def without_folder(self, *arguments):
        begin(self, *arguments)
        shutil.rmtree(self._folder)
        monkeypatch.setattr(tempfile, "tempdir", str(self._folder))  # nor is there a place for another one

    monkeypatch.setattr(Workshop, "__init__", without_folder)
    visit(refused_for_the_disk)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_server_whose_temporary_files_were_cleared_away_takes_uploads_still(visit, finished, monkeypatch, tmp_path):
    """It refused each one until its end, with the advice to try a smaller one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    photo = tmp_path / "in.png"
    cv2.imwrite(str(photo), np.full((48, 64, 3), 100, np.uint8))

    async def draw(client):
        answer = await client.post("/jobs", params={"name": "in.png"}, data=photo.read_bytes())
        assert answer.status == 201, await answer.text()
        return await finished(client, (await answer.json())["id"])

    async def test(client):
        before = await draw(client)
        for folder in tmp_path.glob("animecam-*"):
            shutil.rmtree(folder)
        lost = await client.get(f"/jobs/{before['id']}/result")
        assert (lost.status, await lost.json()) == (
            404,
            {"message": "there is no result of this upload", "hint": "send the file again"},
        )
        after = await draw(client)
        assert (await client.get(f"/jobs/{after['id']}/result")).status == 200

    visit(test)
    assert not list(tmp_path.glob("animecam-*"))  # the second folder goes with the server, too


def test_a_result_that_would_fill_the_disk_ends_in_one_line(visit, finished, studio, tmp_path, make_clip, monkeypatch):
    """A film that is packed well grows; how much was not looked at."""
    monkeypatch.setattr(options, "RESULT_TIMES", 0)
    studio._engine.draw_s = 0.1
    clip = make_clip(tmp_path / "in.mp4", frames=20)

    async def test(client):
        job = await (await client.post("/jobs", params={"name": "in.mp4"}, data=clip.read_bytes())).json()
        failed = await finished(client, job["id"])
        assert failed["message"] == "what was drawn grew beyond the limit of 0 MiB"
        assert failed["hint"] == "send a part"
        assert (await client.get(f"/jobs/{job['id']}/result")).status == 404

    visit(test)
