"""What a slow live run is told, from synthetic figures; the parts themselves: test_capacity.py."""

from dataclasses import replace

import pytest

from animecam.run.cores import CoreUse
from animecam.run.limit import FEWEST_FRAMES, Advisor, Limit, find_limit, slowness
from animecam.run.tally import Figures
from animecam.settings import SMALLEST_PX, Look, Palette, Quality, Scope, Settings
from animecam.timing import Percentiles

SETTINGS = Settings()
RENDERING = {"track": 2.0, "crop": 1.0, "draw": 60.0, "render": 64.0}
STAGES = RENDERING | {"read": 16.0, "paste": 3.0, "write": 1.0, "emit": 5.0}


def stages(**changes):
    return {name: Percentiles(p50=ms, mean=ms, count=100) for name, ms in (STAGES | changes).items()}


SLOW = Figures(frames_in=400, frames_out=100, dropped=300, fps_in=59.9, fps_out=15.0, stage_ms=stages())


def test_the_part_that_is_slow_is_named_with_what_to_try():
    assert slowness(SLOW, SETTINGS) == (
        "75% of the frames were dropped; the limit: the network, 94% of a frame's time (60.0 ms); "
        "try --target-fps 30 or a smaller --size"
    )
    encoding = replace(SLOW, stage_ms=stages(write=80.0, emit=90.0))
    assert "the limit: writing the output, 89% of a frame's time (80.0 ms); try " in slowness(encoding, SETTINGS)


def test_other_programs_that_take_the_cores_are_told_of():
    crowded = slowness(replace(SLOW, cores=CoreUse(own=0.35, others=0.63)), SETTINGS)
    assert crowded.startswith("75% of the frames were dropped; other programs take 63% of the processor, so end some")
    assert crowded.endswith("try --target-fps 30 or a smaller --size")


@pytest.mark.parametrize("cores", [None, CoreUse(own=0.3, others=0.4), CoreUse(own=0.85, others=0.15)])
def test_cores_that_are_free_or_our_own_are_not_blamed_on_others(cores):
    assert "other programs" not in slowness(replace(SLOW, cores=cores), SETTINGS)


@pytest.mark.parametrize(
    "changes",
    [
        {"dropped": 40},  # a tenth
        {"dropped": 100, "dropped_at_start": 70},  # the first picture took long
        {"frames_in": FEWEST_FRAMES - 1, "dropped": 20},  # a late start
        {"stage_ms": stages(render=6.0, draw=3.0), "fps_out": 59.0},  # one long moment, and all is well since
        {"stage_ms": {"read": Percentiles(mean=200.0, count=9)}},  # a camera that is away
        {"fps_in": 0.0, "fps_out": 0.0},  # one that has stalled for a second
    ],
)
def test_a_run_that_is_not_slow_is_told_nothing(changes):
    assert slowness(replace(SLOW, **changes), SETTINGS) == ""


def test_a_rate_that_is_held_is_not_slow_though_the_camera_is_faster():
    governed = replace(SETTINGS, target_fps=15.0)
    assert slowness(SLOW, governed) == ""
    lost = slowness(replace(SLOW, fps_out=10.0), governed)
    assert lost.endswith("try a lower --target-fps")


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        (replace(SETTINGS, quality=Quality.FULL), "--target-fps 30, --quality lite or a smaller --size"),
        (replace(SETTINGS, look=Look(size_px=SMALLEST_PX)), "--target-fps 30"),
        (replace(SETTINGS, look=Look(size_px=SMALLEST_PX, scope=Scope.FRAME)), "--target-fps 30 or --scope head"),
    ],
)
def test_what_is_done_already_is_not_advised(settings, advice):
    assert slowness(SLOW, settings).endswith(f"try {advice}")


def test_the_end_of_a_run_advises_on_the_look_that_was_slow():
    """After a change in the window --scope head was advised to who had drawn heads alone while frames were dropped."""
    heads, frames = Look(size_px=SMALLEST_PX), Look(size_px=SMALLEST_PX, scope=Scope.FRAME)
    advisor = Advisor(replace(SETTINGS, look=frames))
    for dropped, look in ((10, frames), (200, heads), (280, heads), (300, frames)):
        advisor.note(replace(SLOW, dropped=dropped), look)
    assert advisor.advice(SLOW).endswith("try --target-fps 30")
    assert Advisor(replace(SETTINGS, look=frames)).advice(SLOW).endswith("try --target-fps 30 or --scope head")


def test_what_takes_time_beside_heads_is_named_first():
    printed = replace(SETTINGS, look=Look(palette=Palette.MANGA))
    pasting = replace(SLOW, stage_ms=stages(paste=80.0, emit=90.0))
    assert slowness(pasting, printed).endswith("try --palette color")
    keyed = replace(SETTINGS, look=Look(background="green"))
    assert slowness(pasting, keyed).endswith("try --background keep")
    assert slowness(pasting, SETTINGS).endswith("try --max-faces 1, if one person is enough")


def test_a_camera_that_films_slower_is_not_to_be_outdone():
    dim = replace(SLOW, fps_in=14.98, fps_out=5.0)
    assert "--target-fps 15 or" in slowness(dim, SETTINGS)


def test_of_a_film_no_rate_is_held():
    assert find_limit(stages(), 15.0, None, SETTINGS).advice == "a smaller --size"


def test_a_limit_without_advice_is_named_alone():
    assert str(Limit("polish", 30.0, 0.5, "")) == "polish, 50% of a frame's time (30.0 ms)"
