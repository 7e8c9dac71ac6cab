"""A run of its own tells the renderer what comes, by which the network is chosen; a film is drawn with one."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from animecam.drawing import networks
from animecam.run import session
from animecam.run.live_options import LiveOptions
from animecam.run.pacing import UNTOLD_FPS
from animecam.run.session import run_live
from animecam.settings import Look, Settings
from animecam.sources.opening import open_source
from animecam.sources.options import SourceOptions


@pytest.mark.parametrize(("kind", "rates_fps"), [("frames=3", [25.0]), ("live=0&frames=3", [])])
def test_what_a_live_source_delivers_is_told(monkeypatch, kind, rates_fps):
    told = []
    monkeypatch.setattr(networks, "governed", lambda settings, rate_fps, *_: told.append(rate_fps))
    settings = Settings(Look(size_px=192), threads=1)
    run_live(
        LiveOptions(f"pattern:160x120@25?{kind}", ("null:",)), settings, lambda _: nullcontext(lambda figures: None)
    )
    assert told == rates_fps


def test_a_rate_that_ffmpeg_made_up_is_not_told(monkeypatch):
    told = []
    source = open_source("pattern:160x120@25?frames=3", SourceOptions())
    source.format = replace(source.format, is_rate_told=False)
    monkeypatch.setattr(session, "open_source", lambda *_: source)
    monkeypatch.setattr(networks, "governed", lambda settings, rate_fps, *_: told.append(rate_fps))
    settings = Settings(Look(size_px=192), threads=1)
    session.run_live(LiveOptions("http://camera", ("null:",)), settings, lambda _: nullcontext(lambda figures: None))
    assert told == [UNTOLD_FPS]
