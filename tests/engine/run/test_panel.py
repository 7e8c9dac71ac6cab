"""What the window's panel tells, and what its keys do."""

import time
import tomllib
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from animecam.backends.base import BackendInfo
from animecam.config import keep_look
from animecam.named_colors import HAIR_TINTS
from animecam.run.cores import CoreUse
from animecam.run.panel import ADVISE_AFTER_SECONDS, LivePanel
from animecam.run.pipeline import Figures
from animecam.settings import Controls, Look
from animecam.sinks.talk import Drag, Press
from animecam.sinks.window_keys import help_lines
from animecam.timing import Percentiles
from animecam.types import Color, Frame, PixelFormat

INFO = BackendInfo("openvino", "2026.4", device="CPU", precision="bf16")


class FakeRecorder:
    news, seconds = "", None

    def __init__(self):
        self.toggled, self.snapshots = 0, []

    def toggle(self):
        self.toggled += 1

    def snapshot(self, frame):
        self.snapshots.append(frame)


def make_panel(look=None, why_not=lambda _: None, drawn_by=lambda _: str(INFO), advise=lambda _: "", **options):
    controls, recorder = Controls(look or Look(style="ink")), FakeRecorder()
    told = why_not, recorder, drawn_by, advise
    return LivePanel(controls, ("ink", "snow"), *told, **{"keep": keep_look, **options}), controls, recorder


def make_frame(index):
    planes = (np.zeros((4, 4, 3), np.uint8),)
    return Frame(planes, PixelFormat.RGB24, Color(), 0, index, index, Fraction(1, 30), 0)


def test_figures_say_what_a_user_asks_for():
    panel, controls, _ = make_panel()
    assert panel.text == "h: help"
    latency_ms = Percentiles(p50=41.6, p95=60.2)
    panel.post(Figures(frames_out=8, idle=2, fps_in=30.1, fps_out=14.8, dropped=7, faces=2, latency_ms=latency_ms))
    panel.take(Press("f"))
    controls.change(size_px=320, strength=0.5)  # as the governor does, too
    assert panel.text.split("\n")[:7] == [
        "30 fps in, 15 fps out",
        "latency 42 ms, p95 60 ms",
        "2 faces, 7 dropped, network idle 25%",
        "ink at 320 px, strength 0.5",
        "drawn: heads, in color, unseen: draw",
        "eyes 0.00, line 0.50, hair as drawn",
        "openvino 2026.4 (bf16) on CPU",
    ]
    controls.change(unseen="keep")
    assert "unseen: keep\n" in panel.text
    panel.post(Figures(faces=1, cores=CoreUse(own=0.35, others=0.6)))
    assert "1 face, 0 dropped" in panel.text
    assert "\nprocessor: 35% here, 60% others\nopenvino" in panel.text


def test_figures_name_what_draws_the_look_now():
    infos = {"ink": INFO, "snow": replace(INFO, precision="int8")}
    panel, _, _ = make_panel(drawn_by=lambda look: str(infos[look.style]))
    panel.take(Press("f"))
    assert "openvino 2026.4 (bf16) on CPU" in panel.text
    infos["ink"] = replace(INFO, name="tensorrt", device="a GPU")  # its engine has been built
    assert "tensorrt 2026.4 (bf16) on a GPU" in panel.text
    panel.take(Press("2"))
    assert "openvino 2026.4 (int8) on CPU" in panel.text


def test_a_slow_run_is_told_once_what_to_try():
    asked = []

    def advise(figures):
        asked.append(figures.dropped)
        return "too slow: try less"

    panel, _, _ = make_panel(advise=advise)
    panel.post(Figures(seconds=ADVISE_AFTER_SECONDS - 0.1, dropped=80))
    assert "too slow" not in panel.text  # what starts may be slow
    for dropped in (90, 100):
        panel.post(Figures(seconds=ADVISE_AFTER_SECONDS, dropped=dropped))
        assert panel.text == "too slow: try less"
    assert asked == [90]
    panel.take(Press("m"))
    panel.take(Press("]"))
    assert "too slow" not in panel.text  # a newer note takes its place, and it does not come back
    assert asked == [90]


def test_where_others_look_on_the_keys_of_the_view_say_who_sees_it():
    panel, _, _ = make_panel()
    for key in "mbd":
        panel.take(Press(key))
    assert panel.text == "h: help"
    panel, _, _ = make_panel(is_view_shared=False)
    for key in "mbd":
        panel.take(Press("["))
        panel.take(Press(key))
        assert panel.text == "in this window alone"
        panel.take(Press("]"))
        panel.take(Press(key))  # off again
        assert panel.text.startswith("strength")


def test_a_look_is_kept_and_the_window_says_so(settings_file):
    panel, controls, _ = make_panel()
    controls.change(strength=0.8)
    panel.take(Press("k"))
    assert panel.text == "this look is kept for the next start"
    assert {"style": "ink", "strength": 0.8}.items() <= tomllib.loads(settings_file.read_text()).items()


def test_a_look_that_cannot_be_kept_is_told_and_the_run_goes_on(settings_file, caplog):
    settings_file.parent.mkdir(parents=True)
    settings_file.write_text("style = ")
    panel, _, _ = make_panel()
    panel.take(Press("k"))
    assert panel.text.startswith("not kept: ")
    assert str(settings_file) in panel.text
    assert "is not TOML" in caplog.text
    assert settings_file.read_text() == "style = "


def test_a_run_that_is_not_slow_gets_no_advice():
    panel, _, _ = make_panel()
    panel.post(Figures(seconds=ADVISE_AFTER_SECONDS))
    assert panel.text == "h: help"


def test_help_lists_every_key():
    panel, _, _ = make_panel()
    panel.take(Press("h"))
    assert set(help_lines()) < set(panel.text.split("\n"))
    panel.take(Press("h"))
    assert help_lines()[0] not in panel.text


def test_messages_go_away(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    panel, _, recorder = make_panel()
    recorder.news = "saved x.mp4"
    assert panel.text == "saved x.mp4"
    now[0] += 10
    assert panel.text == ""


def test_a_style_that_is_not_ready_is_not_chosen():
    panel, controls, _ = make_panel(why_not={"snow": "is still being loaded"}.get)
    panel.take(Press("2"))
    assert controls.look.style == "ink"
    assert panel.text == "snow is still being loaded"
    panel.take(Press("3"))
    assert panel.text == "there is no style 3"


@pytest.mark.parametrize(
    ("key", "start", "end"), [("[", 0.0, 0.0), ("]", 1.0, 1.0), ("[", 0.05, 0.0), ("]", 0.95, 1.0)]
)
def test_strength_stays_in_its_range(key, start, end):
    panel, controls, _ = make_panel(Look(style="ink", strength=start))
    panel.take(Press(key))
    assert controls.look.strength == end


def test_a_drag_moves_the_line_that_is_there_and_makes_none():
    panel, controls, _ = make_panel()
    panel.take(Drag(0.3))
    assert controls.look.split is None
    panel.take(Press("b"))
    panel.take(Drag(0.3))
    assert controls.look.split == 0.3


def test_a_frozen_window_keeps_its_picture_and_saves_that():
    panel, _, recorder = make_panel()
    panel.take(Press("s"))  # before the first frame
    first, second = make_frame(0), make_frame(1)
    assert panel.shown(first) is first
    panel.take(Press(" "))
    assert panel.shown(second) is first
    assert "frozen" in panel.text
    panel.take(Press("s"))
    panel.take(Press(" "))
    assert panel.shown(second) is second
    assert recorder.snapshots == [first]


def test_recording_is_the_recorders():
    panel, _, recorder = make_panel()
    panel.take(Press("r"))
    assert recorder.toggled == 1
    recorder.seconds = 75.3
    assert panel.text.startswith("REC 1:15")


def test_eyes_lines_and_hair_go_round_step_by_step():
    panel, controls, _ = make_panel()
    eyes, lines, hairs = [], [], []
    for _ in range(5):
        panel.take(Press("e"))
        panel.take(Press("l"))
        eyes.append(controls.look.eyes)
        lines.append(controls.look.line)
    assert eyes == [0.25, 0.5, 0.75, 1.0, 0.0]
    assert lines == [0.75, 1.0, 0.0, 0.25, 0.5]
    assert "line 0.50" in panel.text
    for _ in range(len(HAIR_TINTS) + 1):
        panel.take(Press("t"))
        hairs.append(controls.look.hair_tint)
    assert hairs == [*HAIR_TINTS, ""]
    assert "hair as drawn" in panel.text
    panel.take(Press("f"))
    assert "eyes 0.00, line 0.50, hair as drawn" in panel.text


def test_what_is_drawn_goes_round():
    panel, controls, _ = make_panel()
    seen = []
    for _ in range(3):
        panel.take(Press("o"))
        seen.append((controls.look.scope, panel.text))
    assert seen == [
        ("person", "what is drawn: persons"),
        ("frame", "what is drawn: everything"),
        ("head", "what is drawn: heads"),
    ]


def test_the_palette_goes_round():
    panel, controls, _ = make_panel()
    seen = []
    for _ in range(2):
        panel.take(Press("p"))
        seen.append((controls.look.palette, panel.text))
    assert seen == [("manga", "palette manga"), ("color", "palette color")]


def test_the_background_goes_round_from_wherever_it_is():
    panel, controls, _ = make_panel(backgrounds=("keep", "blur", "picture"))
    seen = []
    for _ in range(3):
        panel.take(Press("g"))
        seen.append((controls.look.background, panel.text))
    assert seen == [(name, f"background {name}") for name in ("blur", "picture")] + [("keep", "background as filmed")]
    controls.change(background="#123456")
    panel.take(Press("f"))
    assert "unseen: draw, background: #123456" in panel.text
    panel.take(Press("g"))
    assert controls.look.background == "keep"


def test_what_is_shown_where_no_face_is_seen_goes_round():
    panel, controls, _ = make_panel()
    seen = []
    for _ in range(3):
        panel.take(Press("u"))
        seen.append((controls.look.unseen, panel.text))
    assert seen == [
        ("keep", "while no face is seen: frames as filmed"),
        ("blur", "while no face is seen: frames are blurred"),
        ("draw", "while no face is seen: frames are drawn whole"),
    ]


def test_faces_that_are_not_drawn_are_told_of_when_they_come():
    panel, _, _ = make_panel()
    panel.post(Figures(faces=4))
    assert panel.text == "h: help"
    panel.post(Figures(faces=4, left_out=2))
    assert panel.text == "2 more faces in the picture, so it is drawn whole: --max-faces 6 draws all"
    panel.take(Press("m"))
    panel.take(Press("u"))
    assert panel.text == "while no face is seen: frames as filmed"  # told once: something else may be said
    panel.post(Figures(faces=4))
    panel.take(Press("f"))
    assert "4 faces, 0 dropped" in panel.text
    panel.post(Figures(faces=4, left_out=1))
    assert "4 faces, 1 more, 0 dropped" in panel.text
    assert "1 more face in the picture is not drawn: --max-faces 5 draws all" in panel.text


def test_steps_from_a_value_between_them_and_from_a_colour_without_a_name():
    panel, controls, _ = make_panel(Look(style="ink", eyes=0.3, hair_tint="#102030"))
    panel.take(Press("e"))
    panel.take(Press("t"))
    assert (controls.look.eyes, controls.look.hair_tint) == (0.5, "")
