"""What a live run tells its window while the run lasts."""

from contextlib import nullcontext

import animecam.run.session as session_module
from animecam.backends.base import BackendInfo
from animecam.drawing.networks import Networks
from animecam.run.limit import Advisor
from animecam.run.live_options import LiveOptions
from animecam.run.panel import LivePanel
from animecam.run.session import run_live
from animecam.run.tally import Figures
from animecam.settings import Look, Scope, Settings
from animecam.sinks.talk import Press


def test_the_window_is_told_what_draws_after_another_backend_took_over(monkeypatch):
    infos = [BackendInfo(name, "1", device="here", precision="f32") for name in ("first", "second")]
    panels, texts = [], []

    def make_panel(*arguments, **options):
        panels.append(LivePanel(*arguments, **options))
        panels[0].take(Press("f"))
        return panels[0]

    def tell(_):
        texts.append(panels[0].text)
        infos[:] = infos[-1:]
        texts.append(panels[0].text)

    monkeypatch.setattr(session_module, "LivePanel", make_panel)
    monkeypatch.setattr(Networks, "info_of", lambda *_: infos[0])
    options = LiveOptions("pattern:160x120@30", ("null:",), seconds=1.0)
    run_live(options, Settings(Look(size_px=192), threads=1), lambda _: nullcontext(tell))
    assert "first 1 (f32) on here, lite network" in texts[0]
    assert "second 1 (f32) on here, lite network" in texts[1]


def test_advice_goes_by_the_look_as_the_keys_left_it(monkeypatch):
    given = {}

    def make_panel(controls, *arguments, **options):
        given.update(options, controls=controls)
        return LivePanel(controls, *arguments, **options)

    def tell(_):
        given["controls"].change(scope=Scope.FRAME)

    monkeypatch.setattr(session_module, "LivePanel", make_panel)
    monkeypatch.setattr(session_module, "slowness", lambda figures, settings: settings.look.scope.value)
    options = LiveOptions("pattern:160x120@30", ("null:",), seconds=0.5)
    run_live(options, Settings(Look(size_px=192), threads=1), lambda _: nullcontext(tell))
    assert given["advise"](Figures()) == "frame"


def test_the_advice_at_the_end_goes_by_the_look_as_the_keys_left_it(monkeypatch):
    noted = []

    class Noting(Advisor):
        def note(self, figures, look):
            noted.append(look.scope)

    def make_panel(controls, *arguments, **options):
        controls.change(scope=Scope.FRAME)
        return LivePanel(controls, *arguments, **options)

    monkeypatch.setattr(session_module, "LivePanel", make_panel)
    settings = Settings(Look(size_px=192), threads=1)
    options = LiveOptions("pattern:160x120@30", ("null:",), seconds=0.5)
    run_live(options, settings, lambda _: nullcontext(lambda figures: None), Noting(settings))
    assert set(noted) == {Scope.FRAME}
