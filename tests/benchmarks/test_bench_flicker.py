"""How much flicker is measured of films whose flicker is known."""

from dataclasses import replace

import numpy as np
import pytest

from animecam.render.person import PersonMasker
from animecam.settings import Look, Settings

BLINK = 8  # levels up and down


class BlinkingNetworks:
    """Draws what it gets with a grid that changes its sign from picture to picture."""

    def __init__(self):
        self.sign = 1

    def draw(self, style):
        return self._blink

    def persons(self):
        return PersonMasker(lambda: pytest.fail("a head with a soft edge needs no outline"))

    def _blink(self, pictures):
        self.sign = -self.sign
        grid = np.where(np.indices(pictures[0].shape).sum(axis=0) // 16 % 2, BLINK, -BLINK)
        return [np.clip(picture.astype(int) + self.sign * grid, 0, 255).astype(np.uint8) for picture in pictures]


def test_flicker_of_every_variant_is_compared_with_no_smoothing(written):
    rows = {row["variant"]: row for row in written("flicker")["rows"]}
    assert list(rows) == ["neither", "One-Euro", "calm", "both"]
    assert rows["neither"]["change"] == rows["neither"]["difference"] == 0.0
    assert rows["both"]["difference"] > 0.0
    assert all(row["source"] == rows["neither"]["source"] > 0.0 for row in rows.values())


def test_a_blinking_style_flickers_and_calming_shows(bench, monkeypatch):
    """A film that stands still, drawn lighter and darker in turn."""
    flicker, inputs = bench("flicker"), bench("inputs")
    found = flicker.face_windows  # they are on whole pixels: one that lies between two may go from one to the other
    monkeypatch.setattr(flicker, "face_windows", lambda *given: (dict.fromkeys(range(6), found(*given)[0][5]), ()))
    _, (frame,) = inputs.read_frames("pattern:160x120@30?live=0", 1)
    film = [replace(frame, index=n, pts=n) for n in range(6)]
    settings = Settings(Look(size_px=192))
    with flicker._opened(settings) as detectors:
        rows = flicker.measure("still", film, BlinkingNetworks(), detectors, settings)
    change = {row.variant: row.change for row in rows}
    assert rows[0].source < 0.2  # the flow is not exactly none
    assert rows[0].styled == pytest.approx(2 * BLINK, rel=0.25)  # less at the window's corners, which fade out
    assert change["One-Euro"] == pytest.approx(0.0, abs=0.02)
    assert change["calm"] < -0.3


def test_what_lies_over_a_cut_is_left_out_and_each_shot_has_its_face(bench):
    """The film, and after it mirrored, as is nothing in a film that goes on."""
    flicker, inputs = bench("flicker"), bench("inputs")
    _, film = inputs.read_frames("pattern:160x120@30?live=0", 3)
    aside = [tuple(np.ascontiguousarray(plane[:, ::-1]) for plane in frame.planes) for frame in film]
    cut = [*film, *(replace(film[n], index=n + 3, pts=n + 3, planes=aside[n], packed=None) for n in range(3))]
    settings = Settings(Look(size_px=192))
    with flicker._opened(settings) as detectors:
        windows, cuts = flicker.face_windows(cut, detectors.tracker())
        rows = flicker.measure("cut", cut, BlinkingNetworks(), detectors, settings)
    assert (list(windows), cuts) == (list(range(6)), {3})
    middles = [columns.start + columns.stop for _, columns in windows.values()]
    assert middles[3:] == pytest.approx([2 * 160 - middle for middle in middles[:3]], abs=6)
    assert {(row.frames, row.cuts) for row in rows} == {(4, 1)}


def test_a_shot_without_a_face_is_left_out(bench):
    flicker, inputs = bench("flicker"), bench("inputs")
    _, film = inputs.read_frames("pattern:160x120@30?live=0", 2)
    upside_down = [tuple(np.ascontiguousarray(plane[::-1]) for plane in frame.planes) for frame in film]
    wall = [replace(film[n], index=n + 2, pts=n + 2, planes=upside_down[n], packed=None) for n in range(2)]
    again = [replace(film[n], index=n + 4, pts=n + 4) for n in range(2)]
    with flicker._opened(Settings()) as detectors:
        windows, cuts = flicker.face_windows([*film, *wall, *again], detectors.tracker())
    assert (list(windows), cuts) == ([0, 1, 4, 5], {2})


def test_contrast_is_that_of_neighbouring_pixels(bench):
    flicker = bench("flicker")
    soft = np.zeros((8, 8, 3), np.uint8)
    soft[:, 1::2] = 10
    assert flicker._contrast([soft * 3, soft * 3]) == pytest.approx(3 * flicker._contrast([soft]))
    assert flicker._contrast([np.full((8, 8, 3), 200, np.uint8)]) == 0.0


def test_face_windows_are_of_one_size_and_inside_the_frame(bench):
    flicker, inputs = bench("flicker"), bench("inputs")
    settings = Settings()
    _, frames = inputs.read_frames("pattern:160x120@30?live=0", 6)
    with flicker._opened(settings) as detectors:
        found, cuts = flicker.face_windows(frames, detectors.tracker())
    windows = list(found.values())
    assert (list(found), cuts) == (list(range(6)), frozenset())
    assert {(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in windows} == {
        (windows[0][0].stop - windows[0][0].start,) * 2
    }
    assert all(rows.start >= 0 and columns.start >= 0 for rows, columns in windows)
    assert all(rows.stop <= 120 and columns.stop <= 160 for rows, columns in windows)
