"""Runs that are stopped or break off: what was drawn until then plays, and it is said where it is."""

import signal
import subprocess
import sys
import time
from contextlib import closing

import av
import pytest

from animecam.cli import main
from animecam.command_line import INTERRUPTED
from animecam.sources.opening import open_source
from animecam.sources.options import SourceOptions

EMPTY_BYTES = 100  # a film without pictures has 88
START_SECONDS = 60.0  # a cold start on a busy machine
END_SECONDS = 20.0
HANG_UP = getattr(signal, "SIGHUP", None)
"""What a terminal that is closed sends: by way of the shell, and once more when that has ended."""
unix_only = pytest.mark.skipif(HANG_UP is None, reason="closing a terminal ends a Windows program otherwise")


@pytest.mark.parametrize(
    "kills", [[signal.SIGINT], [signal.SIGTERM], pytest.param([HANG_UP, HANG_UP], marks=unix_only)]
)
def test_a_live_recording_that_is_stopped_plays(tmp_path, kills, stamps_of):
    out = tmp_path / "out.mp4"
    # Tests may run under nohup, whose children are deaf to a closed terminal.
    hear = "" if HANG_UP is None else f"import signal; signal.signal({int(HANG_UP)}, signal.SIG_DFL); "
    code = hear + "import sys; from animecam.cli import main; sys.exit(main())"
    words = ["--input", "pattern:160x120@30", "--output", str(out), "--size", "192"]
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not list(tmp_path.glob("out*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.5)
        for kill in kills:
            process.send_signal(kill)
            time.sleep(0.02)
        _, message = process.communicate(timeout=END_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, message
    times = stamps_of(out)
    assert len(times) > 1
    assert times == sorted(set(times))


@unix_only
def test_a_run_under_nohup_outlives_its_terminal():
    before = signal.signal(HANG_UP, signal.SIG_IGN)
    try:
        assert main(["--version"]) == 0
        assert signal.getsignal(HANG_UP) is signal.SIG_IGN
    finally:
        signal.signal(HANG_UP, before)


@pytest.mark.parametrize(("is_conversion", "times"), [(True, 1), (False, 1), (True, 2), (False, 2)])
def test_a_file_that_is_stopped_leaves_a_part_that_plays_and_says_where(
    tmp_path, make_clip, media, is_conversion, times, stamps_of
):
    source = make_clip(tmp_path / "long.mp4", width_px=160, height_px=160, frames=600, content=media.counter)
    code = "import sys; from animecam.cli import main; sys.exit(main())"
    target = str(tmp_path / "out.mp4")
    words = ["convert", str(source), "-o", target] if is_conversion else ["--input", str(source), "--output", target]
    command = [sys.executable, "-c", code, *words, "--scope", "frame"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        # A second signal does not wait for what is under way: let there be frames.
        while not any(part.stat().st_size > EMPTY_BYTES for part in tmp_path.glob("out*.mp4")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)  # the first is at work when the second comes
        _, message = process.communicate(timeout=END_SECONDS)
    finally:
        process.kill()
    assert "Traceback" not in message
    # Whoever watches a file may stop; a conversion is not done.
    assert process.returncode == (INTERRUPTED if is_conversion or times > 1 else 0)
    assert "what is done plays" in message
    assert "out.partial.mp4" in "".join(message.split())  # the log wraps its lines
    assert not (tmp_path / "out.mp4").exists()
    (part,) = tmp_path.glob("out*.mp4")
    assert 0 < len(stamps_of(part)) < 600


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
def test_of_a_film_that_breaks_off_it_is_said_where_its_beginning_is(tmp_path, make_clip, fails, caplog, kind):
    whole, source = make_clip(tmp_path / "whole.mp4", width_px=160, height_px=120, frames=60), tmp_path / "cut.mp4"
    with av.open(whole) as film, av.open(source, "w", options={"movflags": "faststart"}) as output:
        track = output.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = track
                output.mux(packet)
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 3 // 4])
    words = ["--strength", "0", "--scope", "frame", "--size", "192"]
    assert "damaged or cut off after" in fails("--input", source, "--output", tmp_path / f"out.{kind}", *words)
    part = tmp_path / f"out.partial.{kind}"
    assert f"stopped before the end; what is done plays: {part}" in caplog.messages
    with closing(open_source(str(part), SourceOptions())) as beginning:
        assert 0 < len(list(iter(beginning.read, None))) < 60


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
def test_what_is_left_of_a_film_that_was_stopped_is_not_replaced_without_a_word(tmp_path, people, caplog, kind):
    part = tmp_path / f"out.partial.{kind}"
    words = ["--input", str(people), "--output", str(tmp_path / f"out.{kind}"), "--seconds", "0.1", "--scope", "frame"]
    told = f"{part}, left of a run that was stopped, is replaced"
    for more, is_told in (([], True), (["--overwrite"], False)):
        part.write_bytes(b"power cut")
        caplog.clear()
        assert main([*words, *more]) == 0
        assert (told in caplog.messages) is is_told
        assert not part.exists()


def test_breaking_off_while_the_program_is_imported_is_no_failure(monkeypatch, capfd):
    from animecam.__main__ import run

    class Impatient:
        def find_spec(self, name, path=None, target=None):
            if name == "animecam.cli":
                raise KeyboardInterrupt

    monkeypatch.setattr(sys, "meta_path", [Impatient(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "animecam.cli")
    monkeypatch.delattr("animecam.cli")
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == INTERRUPTED
    assert capfd.readouterr().err == "animecam: stopped\n"


def test_a_run_that_does_not_begin_says_nothing_of_a_part_that_an_earlier_one_left(tmp_path, fails, caplog):
    (tmp_path / "out.partial.mp4").write_bytes(b"x")
    assert "no.mp4 does not exist" in fails("--input", tmp_path / "no.mp4", "--output", tmp_path / "out.mp4")
    assert not caplog.messages
