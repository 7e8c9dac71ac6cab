"""The sound of a microphone in whole live runs."""

from contextlib import nullcontext

import animecam.run.session as session_module
from animecam.run.live_options import LiveOptions
from animecam.run.panel import LivePanel
from animecam.run.session import run_live
from animecam.settings import Look, Settings
from animecam.sinks.null import NullSink
from animecam.sinks.talk import Press


def test_sound_is_moved_in_outputs_and_in_recordings_begun_by_a_key(monkeypatch, tmp_path):
    opened = []

    def open_sink(uri, _format, options):
        opened.append((options.microphone.name, options.audio_delay_ms))
        return NullSink(uri)

    def make_panel(*arguments, **options):
        panel = LivePanel(*arguments, **options)
        panel.take(Press("r"))
        return panel

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session_module, "open_sink", open_sink)
    monkeypatch.setattr(session_module, "LivePanel", make_panel)
    options = LiveOptions("pattern:160x120@30", ("me.mp4",), seconds=1.0, microphone="tone:440", audio_delay_ms=-120)
    run_live(options, Settings(Look(size_px=192), threads=1), lambda _: nullcontext(lambda figures: None))
    assert opened == [("microphone tone:440", -120)] * 2
