"""Who was lost inside the picture and may still be there for a while: seen from behind, lying, turned away."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from animecam.faces.geometry import box_size
from animecam.faces.known import Track, distance, is_hidden
from animecam.types import Box

FOUND_AGAIN_REACH = 3.0
"""A new face within so many sizes of a lost one's place is taken for it."""

LASTING_SECONDS = 2.0
"""Who was followed for less may have been a mistake of the detector's: nobody waits for those any longer."""

MISSED_SECONDS = 60.0
"""Who has not come back by then beside others who are seen has walked away with his back to the camera."""


@dataclass(frozen=True, slots=True)
class LostPlace:
    """Where a face vanished inside the picture.

    Attributes:
        box_px: Its last place.
        seen_s: When it was seen last, in the tracker's time.
        since_s: When it was given up.
        is_bare: No other face stood before it then.
        is_lasting: It had been followed for long enough to be somebody.
    """

    box_px: Box
    seen_s: float
    since_s: float
    is_bare: bool
    is_lasting: bool

    @classmethod
    def of(cls, lost: Track, now_s: float, *, is_bare: bool) -> "LostPlace":
        """The place of a face that is given up now."""
        is_lasting = lost.seen_s - lost.born_s >= LASTING_SECONDS
        return cls(lost.detection.box_px, lost.seen_s, now_s, is_bare, is_lasting)

    def is_near(self, newcomer: Track) -> bool:
        """Whether somebody who came may be the lost one, as far as the place goes."""
        return distance(newcomer.detection.box_px, self.box_px) <= FOUND_AGAIN_REACH * box_size(self.box_px)


class Missing:
    """The lost places of one tracker.

    A place is closed by a newcomer near it. After `away_seconds` the lost one may have come back anywhere: each
    newcomer since then closes one place. Without a newcomer the place of somebody stays open for `MISSED_SECONDS`.

    Args:
        away_seconds: How long only newcomers near a place are taken for the lost one.
    """

    def __init__(self, away_seconds: float) -> None:
        self._away_seconds = away_seconds
        self._places: tuple[LostPlace, ...] = ()
        self._taken: set[int] = set()  # newcomers who closed a place

    def forget(self) -> None:
        """Nobody is missing any more."""
        self._places = ()

    def update(self, gone: Sequence[Track], tracks: Sequence[Track], now_s: float) -> None:
        """Closes and opens places.

        Args:
            gone: Who is given up now.
            tracks: Who is known now.
            now_s: The tracker's time.
        """
        self._taken &= {track.track_id for track in tracks}
        came = [track for track in tracks if track.born_s == now_s]
        seen = [track.detection for track in tracks if track.seen_s == now_s]
        still = [place for place in self._places if not self._is_found(place, came)]
        still = [place for place in still if not self._is_over(place, tracks, now_s)]
        new = [
            LostPlace.of(lost, now_s, is_bare=not is_hidden(lost.expected(now_s).box_px, seen))
            for lost in gone
            if not self._is_found_already(lost, tracks, now_s)
        ]
        self._places = (*still, *new)

    @property
    def is_anybody_bare(self) -> bool:
        """Whether somebody may be in view whom nothing covers."""
        return any(place.is_bare for place in self._places)

    def is_anybody_near(self, now_s: float) -> bool:
        """Whether somebody was lost so recently that he should be found in the very frame in which he turns back."""
        return any(now_s - place.since_s < self._away_seconds for place in self._places)

    def _is_found(self, place: LostPlace, newcomers: Iterable[Track]) -> bool:
        near = {track.track_id for track in newcomers if place.is_near(track)}
        self._taken |= near
        return bool(near)

    def _is_found_already(self, lost: Track, tracks: Sequence[Track], now_s: float) -> bool:
        """Whether somebody who came while it was held may be the lost one, who moved too far at once to be matched."""
        place = LostPlace.of(lost, now_s, is_bare=True)
        return self._is_found(place, (track for track in tracks if track.born_s > lost.seen_s))

    def _is_over(self, place: LostPlace, tracks: Sequence[Track], now_s: float) -> bool:
        """Whether nobody waits any longer for the one who was lost at a place."""
        if now_s - place.since_s < self._away_seconds:
            return False
        if not (place.is_bare and place.is_lasting) or now_s - place.since_s >= MISSED_SECONDS:
            return True
        came = (track for track in tracks if track.born_s > place.seen_s and track.track_id not in self._taken)
        newcomer = next(came, None)
        if newcomer is not None:
            self._taken.add(newcomer.track_id)
        return newcomer is not None
