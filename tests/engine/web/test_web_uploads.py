"""Files sent to the server: they come back drawn, or are refused in words; the engine is a fake."""

import asyncio
import json

import av
import cv2
import numpy as np
import pytest

from animecam.errors import SourceError
from animecam.files import FILE_SETTINGS
from animecam.run import session
from animecam.settings import STILL_FACES
from animecam.web import untrusted
from animecam.web.handlers import RESULT_TYPES
from animecam.web.options import MIB
from animecam.web.workshop import Workshop


def test_an_uploaded_picture_comes_back_drawn(visit, finished, tmp_path, fakes, picture):
    async def test(client):
        query = {"name": "my holiday.png", "look": json.dumps({"style": "invert"})}
        answer = await client.post("/jobs", params=query, data=picture(tmp_path / "in.png"))
        assert answer.status == 201
        job = await finished(client, (await answer.json())["id"])
        assert job["state"] == "done", job
        assert job["done"] == 1.0
        assert job["is_picture"]
        result = await client.get(f"/jobs/{job['id']}/result?download")
        assert "attachment" in result.headers["Content-Disposition"]
        assert "my%20holiday-anime.png" in result.headers["Content-Disposition"]
        drawn = cv2.imdecode(np.frombuffer(await result.read(), np.uint8), cv2.IMREAD_COLOR)
        rows, columns = fakes.middle(64, 48)
        assert abs(int(drawn[rows, columns].mean()) - 155) <= 3
        assert abs(int(drawn[0, 0].mean()) - 100) <= 3
        assert (await client.delete(f"/jobs/{job['id']}")).status == 204
        assert (await client.get(f"/jobs/{job['id']}/result")).status == 404

    visit(test)


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({}, "no face was found: it was not drawn"),  # as by convert
        ({"unseen": "draw"}, "no face was found: it was drawn whole"),
        ({"unseen": "blur"}, "no face was found: it was blurred"),
        ({"scope": "frame"}, ""),
    ],
)
def test_what_became_of_a_picture_of_nobody_is_said(visit, finished, studio, tmp_path, look, message, picture):
    async def test(client):
        query = {"name": "sky.png", "look": json.dumps(look)}
        answer = await client.post("/jobs", params=query, data=picture(tmp_path / "in.png"))
        job = await finished(client, (await answer.json())["id"])
        assert (job["state"], job["message"]) == ("done", message)

    studio._engine.sees_nobody = True
    visit(test)


@pytest.mark.parametrize(
    ("look", "left_out", "message"),
    [
        ({}, 0, ""),
        ({"max_faces": 8}, 2, "2 more faces in the picture are not drawn"),
        ({"max_faces": 9}, 1, "1 more face in the picture is not drawn"),
        ({"max_faces": 9, "unseen": "draw"}, 1, "1 more face in the picture, so it is drawn whole"),
        ({"max_faces": 16}, 0, ""),
    ],
)
def test_a_group_is_drawn_as_by_convert_and_who_is_left_out_is_said(
    visit, finished, studio, tmp_path, look, left_out, message, picture
):
    """Four heads were drawn, as live, and the rest coarsely; nothing said why."""
    files = FILE_SETTINGS.max_faces

    async def test(client):
        query = {"name": "team.png", "look": json.dumps(look)}
        answer = await client.post("/jobs", params=query, data=picture(tmp_path / "in.png"))
        job = await finished(client, (await answer.json())["id"])
        assert (job["state"], job["left_out"], job["message"]) == ("done", left_out, message)
        assert job["max_faces"] == look.get("max_faces", STILL_FACES)
        usual = (await (await client.get("/hello")).json())["file_look"]
        assert (usual["max_faces"], usual["quality"]) == (files, FILE_SETTINGS.quality)

    studio._engine.faces = files + 2
    visit(test)
    assert studio._engine.qualities == [FILE_SETTINGS.quality]
    assert max(studio._engine.batches) == min(look.get("max_faces", STILL_FACES), files + 2)


def test_a_group_that_was_too_large_for_a_moment_of_a_clip_is_said(visit, finished, studio, tmp_path, make_clip):
    clip = make_clip(tmp_path / "in.mp4", frames=3)

    async def test(client):
        job = await (await client.post("/jobs", params={"name": "in.mp4"}, data=clip.read_bytes())).json()
        job = await finished(client, job["id"])
        assert job["message"] == "at times 3 more faces in the picture are not drawn"
        assert job["max_faces"] == FILE_SETTINGS.max_faces

    renderer = studio._engine.renderer

    def crowded_at_first(*arguments, **options):
        drawing = renderer(*arguments, **options)
        planning, drawing._left_out = drawing.planning, 3

        def plan_once(frame):
            planned, drawing._left_out = (yield from planning(frame)), 0
            return planned

        drawing.planning = plan_once
        return drawing

    studio._engine.renderer = crowded_at_first
    visit(test)


def test_a_picture_may_take_long_beside_live_users(visit, finished, picture, tmp_path, studio, monkeypatch):
    """It was given up after a minute, which the heads of a group may take where others come first."""
    monkeypatch.setattr("animecam.run.pipeline.STALL_SECONDS", 0.2)
    monkeypatch.setattr("animecam.web.studio.STALL_SECONDS", 0.2)
    studio._engine.looks, studio._engine.look_s = 40, 0.02
    data = picture(tmp_path / "group.png")

    async def test(client):
        job = await (await client.post("/jobs", params={"name": "group.png"}, data=data)).json()
        job = await finished(client, job["id"])
        assert (job["state"], job["message"]) == ("done", "")

    visit(test)


def test_an_uploaded_avif_photo_comes_back_as_a_picture(visit, finished, tmp_path, make_clip):
    photo = make_clip(tmp_path / "in.avif", codec="libsvtav1", frames=1)

    async def test(client):
        answer = await client.post("/jobs", params={"name": "in.avif"}, data=photo.read_bytes())
        job = await finished(client, (await answer.json())["id"])
        assert (job["state"], job["is_picture"]) == ("done", True), job
        result = await client.get(f"/jobs/{job['id']}/result?download")
        assert "in-anime.png" in result.headers["Content-Disposition"]
        assert cv2.imdecode(np.frombuffer(await result.read(), np.uint8), cv2.IMREAD_COLOR).shape == (48, 64, 3)

    visit(test)


def test_an_uploaded_clip_comes_back_with_every_frame_and_its_sound(visit, finished, tmp_path, make_clip, media):
    clip = make_clip(tmp_path / "in.mp4", frames=12, audio=True)

    async def test(client):
        answer = await client.post("/jobs", params={"name": "in.mp4"}, data=clip.read_bytes())
        job = await finished(client, (await answer.json())["id"])
        assert job["state"] == "done", job
        result = tmp_path / "out.mp4"
        result.write_bytes(await (await client.get(f"/jobs/{job['id']}/result")).read())
        return result

    with av.open(str(visit(test))) as container:
        assert len(container.streams.audio) == 1
        assert sum(1 for _ in container.decode(video=0)) == 12


def test_uploads_that_are_no_media_or_too_large_are_refused_and_removed(visit, tmp_path, make_clip, media, picture):
    bomb = picture(tmp_path / "bomb.png", 9000, 9000)
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"
    cases = [
        (b"", 415, "empty"),
        (b"just text", 415, "no picture"),
        (playlist, 415, "no picture"),
        (bomb, 413, "50 million"),
        (
            make_clip(tmp_path / "a.webp", codec="libwebp_anim").read_bytes(),
            415,
            "animated WebP and PNG files are not drawn here",
        ),
        (media.make_tiled_photo(tmp_path / "a.heic").read_bytes(), 415, "tiles"),
        (b"x" * (2 * MIB), 413, "larger than 1 MiB"),
    ]

    async def test(client):
        for data, status, words in cases:
            answer = await client.post("/jobs", params={"name": "a.png"}, data=data)
            problem = await answer.json()
            assert answer.status == status, problem
            assert words in problem["message"]

        async def endless():
            for _ in range(40):
                yield b"x" * 65_536

        answer = await client.post("/jobs", data=endless())  # says no length, so it must be counted
        assert answer.status == 413
        metrics = await (await client.get("/metrics")).text()
        assert 'animecam_requests_refused_total{reason="media"} 5' in metrics
        assert "animecam_uploads{" not in metrics

    visit(test, upload_bytes=1 * MIB)


@pytest.mark.parametrize(("name", "kind"), [("a.webp", "image/webp"), ("a.mkv", "video/x-matroska")])
def test_a_result_says_what_it_is(visit, finished, tmp_path, make_clip, name, kind, picture):
    path = tmp_path / name
    data = picture(path) if name == "a.webp" else make_clip(path, frames=2).read_bytes()

    async def test(client):
        job = await (await client.post("/jobs", params={"name": name}, data=data)).json()
        assert (await finished(client, job["id"]))["state"] == "done"
        assert (await client.get(f"/jobs/{job['id']}/result")).headers["Content-Type"] == kind

    visit(test)


def test_every_kind_of_result_has_a_type():
    assert RESULT_TYPES.keys() == {*untrusted._PICTURES.values(), *untrusted._CLIPS.values()}


def test_a_damaged_clip_fails_with_a_message(visit, tmp_path, make_clip):
    clip = make_clip(tmp_path / "in.mp4", frames=30).read_bytes()

    async def test(client):
        answer = await client.post("/jobs", params={"name": "in.mp4"}, data=clip[: len(clip) // 3])
        assert (answer.status, (await answer.json())["message"]) == (415, "the file is damaged or cut off")

    visit(test)


def test_an_upload_that_meets_a_defect_fails_alone_and_the_page_is_told(
    visit, finished, tmp_path, monkeypatch, caplog, picture
):
    data = picture(tmp_path / "in.png")
    opened = session.opened_source

    def broken(*_):
        monkeypatch.setattr(session, "opened_source", opened)
        raise ZeroDivisionError("bug")

    monkeypatch.setattr(session, "opened_source", broken)

    async def test(client):
        ids = [(await (await client.post("/jobs", data=data)).json())["id"] for _ in range(2)]
        failed = await finished(client, ids[0])
        assert (failed["state"], failed["message"]) == ("failed", "the file could not be drawn")
        assert (await finished(client, ids[1]))["state"] == "done"

    visit(test)
    assert "ZeroDivisionError: bug" in caplog.text  # for whoever runs the server, who alone can mend it


def test_a_fault_is_told_of_the_file_that_was_sent_and_not_of_the_servers_own(
    visit, finished, tmp_path, monkeypatch, picture
):
    def torn(uri, _options):
        raise SourceError(f"{uri} is damaged or cut off", hint=f"look at {uri}")

    monkeypatch.setattr(session, "opened_source", torn)

    async def test(client):
        answer = await client.post("/jobs", params={"name": "my holiday.png"}, data=picture(tmp_path / "in.png"))
        failed = await finished(client, (await answer.json())["id"])
        assert failed["message"] == "my holiday.png is damaged or cut off"
        assert failed["hint"] == "look at my holiday.png"

    visit(test)


def test_too_many_uploads_are_refused_not_queued_for_ever(visit, tmp_path, monkeypatch, picture):
    data = picture(tmp_path / "in.png")

    async def wait(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr(Workshop, "_run", wait)

    async def test(client):
        answers = [await client.post("/jobs", data=data) for _ in range(10)]
        assert [a.status for a in answers] == [201] * 8 + [503] * 2

    visit(test)


def test_the_oldest_result_makes_room_for_an_upload(visit, finished, tmp_path, picture):
    """It was refused for a quarter of an hour, with the advice to come again in a minute."""
    data = picture(tmp_path / "in.png")

    async def test(client):
        kept = []
        for _ in range(9):
            answer = await client.post("/jobs", data=data)
            assert answer.status == 201
            kept.append((await answer.json())["id"])
            await finished(client, kept[-1])
        answers = [await client.get(f"/jobs/{job}/result") for job in kept]
        assert [a.status for a in answers] == [404] + [200] * 8
        for _ in range(3):  # what is refused drives nothing out
            assert (await client.post("/jobs", data=b"no picture")).status == 415
        answers = [await client.get(f"/jobs/{job}/result") for job in kept]
        assert [a.status for a in answers] == [404] + [200] * 8

    visit(test)
