"""What is written in a clip beside its pictures, in the letters of many years and countries."""


def test_a_title_that_is_not_in_utf_8_does_no_harm(visit, finished, tmp_path, make_clip):
    """As in many an old AVI, which `convert` takes: the page was told that the server made a mistake."""
    data = make_clip(tmp_path / "in.avi", frames=3, codec="mjpeg", pixel_format="yuvj420p").read_bytes()
    assert b"Lavf" in data  # the program that wrote it

    async def test(client):
        answer = await client.post("/jobs", data=data.replace(b"Lavf", b"L\xe4vf"))
        assert answer.status == 201, await answer.text()
        assert (await finished(client, (await answer.json())["id"]))["state"] == "done"

    visit(test)
