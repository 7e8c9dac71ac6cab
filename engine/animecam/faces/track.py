"""Follows faces from frame to frame: looks at the whole picture now and then, at each known face's place in between."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import cycle

from animecam.faces.align import follow_region
from animecam.faces.base import Cropper, Detector
from animecam.faces.clock import FrameClock
from animecam.faces.cuts import CutFinder
from animecam.faces.geometry import box_size, is_cut_off, upright_region
from animecam.faces.known import NOBODY, Track, has_moved_off
from animecam.faces.matching import covers, match
from animecam.faces.missing import Missing
from animecam.faces.near import same_face, seen_in
from animecam.faces.queued import awaited
from animecam.faces.sides import Sides
from animecam.faces.still import Still
from animecam.faces.tiles import TileSearch, is_group
from animecam.pauses import Pausing, at_once
from animecam.types import Detection, Face, Faces, Frame

TIME_SLACK_SECONDS = 0.005
"""A search that would be due a moment after this frame is done now: time stamps are rounded to milliseconds."""

SURE_SCORE = 0.85
"""A search this sure needs no second look."""


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """How faces are searched.

    Attributes:
        max_faces: So many are followed, the largest.
        still_faces: The same of a still picture, which holds up nothing.
        scan_px: Longer side of the copy in which the whole frame is searched.
        tile_px: Side of the tiles in which a still picture is searched by the first of `glances`, too; 0: it is not.
        scan_seconds: How often it is searched while every known face is in sight and nothing moves at the picture's
            sides; 0: in every frame.
        side_seconds: How often it is where something moves there: a screen at the side, or a camera in the hand, that
            never rests has every second frame of a camera searched, and not each.
        new_score: Confidence from which a new face is believed when it is looked at from near. In 800 pictures with
            nobody in them 0.6 found some sixty, this seven, and it missed 2 more of 600 portraits, most of them dimmed,
            blurred or cut off.
        far_score: Confidence from which it is believed whatever the look from near says.
        known_score: Confidence from which a known face is still there.
        cut_off_score: Confidence from which a face that the border cuts off is looked at from near: half a face in the
            small copy is half as sure. Of 120 portraits cut so that six tenths of the face were left 12 were found
            without it, with it 55; of seven tenths 99 and 119.
        lost_seconds: How long a lost face's last place stands in.
        away_seconds: For so long after that only a newcomer near the place is taken for the lost one, later anybody who
            came since. Until then somebody is taken to be in view whom nothing covers, a minute at the longest.
        cut_seconds: How long so after a cut when some are found, but fewer than before.
        crowd_seconds: How long somebody for whom there was no room counts after he was seen.
        sees_cuts: Where the whole picture changes, all who were known are gone at once. Not for cameras, which have no
            cuts, but hands before them and lamps that are switched: there the last places of the lost stand in no more.
    """

    max_faces: int = 4
    still_faces: int = 4
    scan_px: int = 192
    tile_px: int = 0
    scan_seconds: float = 0.2
    side_seconds: float = 1 / 15
    new_score: float = 0.7
    far_score: float = 0.75
    known_score: float = 0.5
    cut_off_score: float = 0.3
    lost_seconds: float = 0.5
    away_seconds: float = 5.0
    cut_seconds: float = 1.0
    crowd_seconds: float = 5.0
    sees_cuts: bool = False


class Tracker:
    """Finds the faces of each frame and keeps them apart. Call it with the frames in order.

    The whole frame is searched at once when nobody is known, somebody is missing or something moves at the picture's
    sides, over which people come, else every `scan_seconds`, by networks that take turns. In between each face is
    looked for near its predicted place, turned upright, which costs one small network and keeps tilted heads that a
    search of the upright frame would miss.

    Args:
        scan: Searches whole frames.
        follow: Looks at the surroundings of known faces; may be the same detector.
        crop: Samples pictures from frames.
        options: How to search.
        beside: One thread, in which whole frames are searched while the caller goes on with the frame: what is found
            counts from the next frame on. Known faces are followed without any lag, and while nobody is known or
            somebody is missing the search is waited for, so that nobody is bare for a frame. Trackers that share a
            detector share its thread. None searches at once.
        glances: Search whole frames in the place of `scan` while every known face is in sight, one after another: a
            newcomer whom only one of them sees is found a turn later, and a search costs its share. Empty: `scan` does.
    """

    def __init__(
        self,
        scan: Detector,
        follow: Detector,
        crop: Cropper,
        options: TrackerOptions | None = None,
        beside: Executor | None = None,
        glances: Sequence[Detector] = (),
    ) -> None:
        self._scan, self._follow, self._crop = scan, follow, crop
        self._glances = cycle(glances or (scan,))
        self._options = options or TrackerOptions()
        self._search_tiles = TileSearch((*glances, scan)[0], follow, crop, self._options.tile_px)
        self._beside = beside
        self._searching: Future[list[Detection]] | None = None
        self._tracks: tuple[Track, ...] = ()
        self._missing = Missing(self._options.away_seconds)
        self._left_out, self._crowd_s = 0, float("-inf")
        self._next_id = 0
        self._clock, self._now_s = FrameClock(), 0.0
        self._scanned_s = float("-inf")
        self._is_cut, self._still, self._sides = CutFinder(crop), Still(crop), Sides()
        self._before_cut, self._cut_s = 0, float("-inf")
        self._has_jumped = False

    def __call__(self, frame: Frame) -> Faces:
        """As `pausing`, in one go."""
        return at_once(self.pausing(frame))

    def pausing(self, frame: Frame) -> Pausing[Faces]:
        """The faces of one frame, largest first, those just lost among them; pauses between looks, of which a still
        picture takes many. The next frame comes when this one is done.
        """
        self._now_s = self._clock(frame)
        self._has_jumped |= (is_other := self._is_cut(frame))
        is_cut = self._options.sees_cuts and is_other
        around = [face for track in self._tracks for face in self._look_around(frame, track)]
        found = match([track.expected(self._now_s) for track in self._tracks], around)
        if is_cut:
            found = self._begin_shot(found)
        newcomers: list[Track] = []
        seen = self._search(frame, found)
        if seen:
            seen = [face for face in seen if not covers(found.values(), face) and self._is_likely(frame, face)]
            missing = [track.expected(self._now_s) for track in self._tracks if track.track_id not in found]
            again = match(missing, seen)
            others = [face for face in seen if not covers(again.values(), face)]
            for track_id, face in again.items():
                near = self._from_near(frame, face) or face
                if not covers(found.values(), near):  # or it is who stands before it, seen with his hair from afar
                    found[track_id] = near
            newcomers = yield from self._newcomers(frame, others, tuple(found.values()))
        if frame.is_still and self._options.tile_px:
            known = [*found.values(), *(track.detection for track in newcomers)]
            small = yield from self._search_tiles.pausing(frame, known)
            newcomers = [track for track in newcomers if not is_group(track.detection, small)]
            newcomers += [Track.found(face, self._now_s, is_sure=True) for face in small]
        self._count_crowd(self._update(frame, found, newcomers))
        self._still.keep(track.track_id for track in self._tracks)
        return replace(self._faces(frame), left_out=self._left_out, is_new_shot=is_cut)

    def _begin_shot(self, found: dict[int, Detection]) -> dict[int, Detection]:
        """Forgets who was known, but that a face is where one was; whoever is found from now on is somebody else.

        What was taken for a cut may be none: who is still in sight must not become one who has yet to be believed.
        """
        self._before_cut, self._cut_s = len(self._tracks), self._now_s
        self._missing.forget()
        self._searching, self._left_out = None, 0
        stay = [track for track in self._tracks if track.track_id in found]
        self._tracks = tuple(self._admit(replace(track, track_id=NOBODY, born_s=self._now_s)) for track in stay)
        return {now.track_id: found[was.track_id] for now, was in zip(self._tracks, stay, strict=True)}

    def _due_search(self, frame: Frame, found: dict[int, Detection]) -> Detector | None:
        """What is to search this frame, if anything is: all there is where somebody is missing or at a cut, else a
        glance.
        """
        is_missing = len(found) < len(self._tracks) or self._missing.is_anybody_near(self._now_s)
        if not self._tracks or is_missing or self._cut_s == self._now_s or self._is_shot_new():
            return self._scan
        since_s = self._now_s - self._scanned_s + TIME_SLACK_SECONDS
        does_move = since_s >= self._options.side_seconds and self._sides.have_changed(frame)
        return next(self._glances) if does_move or since_s >= self._options.scan_seconds else None

    def _search(self, frame: Frame, found: dict[int, Detection]) -> list[Detection]:
        """Faces anywhere in this frame, or, where searches run beside the frames, in the last one."""
        searched, self._searching = self._searching, None
        detector = self._due_search(frame, found)
        if detector is not None:
            self._sides.remember(frame)
            self._scanned_s = self._now_s
            if self._beside is None:
                return self._look_at_all(frame, detector)
            self._searching = self._beside.submit(self._look_at_all, frame, detector)
            if not self._tracks or len(found) < len(self._tracks):
                searched, self._searching = self._searching, None
        return [] if searched is None else awaited(searched)

    def _look_at_all(self, frame: Frame, detector: Detector) -> list[Detection]:
        """Faces anywhere in the frame, each once; uses nothing that changes from frame to frame."""
        region, known_score = upright_region(frame, self._options.scan_px), self._options.known_score
        least = min(self._options.cut_off_score, known_score)
        faces = seen_in(detector, self._crop(frame, region), frame, region, least)
        return [face for face in faces if face.score >= known_score or is_cut_off(face.box_px, frame)]

    def _look_around(self, frame: Frame, track: Track) -> tuple[Detection, ...]:
        """Faces near the place where a known one should be."""
        still = self._still.seen(frame, track.track_id)
        if still is not None:
            return still
        region = follow_region(frame, track.detection, *track.shift_px(self._now_s))
        picture = self._crop(frame, region)
        seen = seen_in(self._follow, picture, frame, region, self._options.known_score)
        self._still.remember(frame, track.track_id, region, picture, seen)
        return seen

    def _from_near(self, frame: Frame, face: Detection) -> Detection | None:
        """A face of the small copy as it is seen from near."""
        region = follow_region(frame, face)
        seen = seen_in(self._follow, self._crop(frame, region), frame, region, self._options.known_score)
        return same_face(face, seen)

    def _is_likely(self, frame: Frame, face: Detection) -> bool:
        """Whether a face of the small copy is likely, or, of one that the border cuts off, what is seen from near."""
        if face.score >= self._options.known_score:
            return True
        near = self._from_near(frame, face)
        return near is not None and near.score >= self._options.new_score

    def _newcomers(self, frame: Frame, faces: Sequence[Detection], known: Sequence[Detection]) -> Pausing[list[Track]]:
        """Tracks of new faces, each looked at again from near: one may turn out to be known."""
        tracks: list[Track] = []
        for face in faces:
            yield
            near = self._from_near(frame, face)
            is_confirmed = near is not None and near.score >= self._options.new_score
            if not is_confirmed and face.score < self._options.far_score:
                continue
            seen = near or face
            # From near, two views of the small copy may turn out to be of one face.
            if covers((*known, *(track.detection for track in tracks)), seen):
                continue
            is_sure = is_confirmed or face.score >= SURE_SCORE
            tracks.append(Track.found(seen, self._now_s, is_sure=is_sure))
        return tracks

    def _update(self, frame: Frame, found: dict[int, Detection], newcomers: Sequence[Track]) -> int:
        """Moves, holds, gives up and admits faces; returns how many it has no room for."""
        tracks = [
            track.moved_to(found[track.track_id], self._now_s) if track.track_id in found else track
            for track in self._tracks
        ]
        kept = [track for track in tracks if self._is_kept(track)]
        gone = [track for track in tracks if not self._is_kept(track) and track.is_sure and not track.has_left(frame)]
        ranked = sorted([*kept, *newcomers], key=lambda track: -track.importance)
        most = self._options.still_faces if frame.is_still else self._options.max_faces
        chosen, others = ranked[:most], ranked[most:]
        self._tracks = tuple(
            sorted(map(self._admit, chosen), key=lambda track: box_size(track.detection.box_px), reverse=True)
        )
        self._missing.update(gone, self._tracks, self._now_s)
        return sum(track.is_sure for track in others)

    def _is_kept(self, track: Track) -> bool:
        lost_s = self._now_s - track.seen_s
        return lost_s == 0 or (track.is_sure and lost_s < self._options.lost_seconds)

    def _admit(self, track: Track) -> Track:
        if track.track_id != NOBODY:
            return track
        self._next_id += 1
        return replace(track, track_id=self._next_id - 1)

    def _count_crowd(self, left_out: int) -> None:
        """Remembers how many there was no room for: between two searches nobody looks."""
        if left_out:
            self._left_out, self._crowd_s = left_out, self._now_s
        elif self._now_s - self._crowd_s >= self._options.crowd_seconds:
            self._left_out = 0

    def _faces(self, frame: Frame) -> Faces:
        faces = tuple(Face(track.track_id, track.detection, held=track.seen_s < self._now_s) for track in self._tracks)
        self._has_jumped &= any(face.held for face in faces)  # who is held may be anywhere in another picture
        is_uncovered = self._missing.is_anybody_bare or has_moved_off(self._tracks, frame, self._now_s)
        is_exposed = not faces or self._is_shot_new() or self._has_jumped or is_uncovered
        return Faces(faces, is_exposed=is_exposed)

    def _is_shot_new(self) -> bool:
        """Whether somebody may be in a new shot who was not found yet: fewer were than before."""
        return len(self._tracks) < self._before_cut and self._now_s - self._cut_s < self._options.cut_seconds
