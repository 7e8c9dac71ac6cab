"""Puts drawn pictures back into their frame: masks them, matches their colours, shares overlaps, pastes."""

from collections.abc import Callable, Sequence

import numpy as np

from animecam.pauses import Pausing, at_once
from animecam.render.base import FindPersons, Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import Mask, face_mask, full_mask, head_mask, head_ring
from animecam.render.match import ColorMatch
from animecam.render.overlap import share_below, sharing_pixels, to_other
from animecam.render.resample import Samples, resample
from animecam.settings import HeadEdge, Look, Scope
from animecam.types import WHOLE_FRAME, Frame, Image, Region

Retouch = Callable[[Sequence[Image]], Pausing[Sequence[Image]]]
"""Changes the drawings of one frame."""


class Compositor:
    """Draws the faces of one stream into its frames, in order: masks and colours are steadied from frame to frame.

    Args:
        ops: What touches the pixels.
        persons: Finds persons; asked only for scope `person` and head edge `person`.
        head_edge: `soft` lets the head fade into whatever is behind it; `person` leaves the background as filmed, for
            a network more a face. Scope `person` leaves it so, too, with one network for all.
    """

    def __init__(self, ops: CpuImageOps, persons: FindPersons, head_edge: HeadEdge = HeadEdge.SOFT) -> None:
        self._ops, self._persons, self._head_edge = ops, persons, head_edge
        self._match = ColorMatch()
        self._style = ""

    def __call__(
        self,
        frame: Frame,
        regions: Sequence[Region],
        pictures: Sequence[Image],
        drawn: Sequence[Image],
        look: Look,
        retouch: Retouch | None = None,
    ) -> Frame:
        """Puts the drawn pictures of one frame back.

        Args:
            frame: What was filmed; not touched.
            regions: Where the pictures lie in it; a whole frame comes before the heads that go on top of it.
            pictures: What was filmed there, RGB, uint8 [region.height_px, region.width_px, 3].
            drawn: What was drawn of it, of the same sizes.
            look: Its style, strength and scope.
            retouch: What else to do to the drawings once their colours match: a tint must not be matched away.

        Returns:
            A new frame, in which pixels that no mask reaches are bit-identical; the frame itself if nothing is to show.
        """
        return at_once(self.pausing(frame, regions, pictures, drawn, look, retouch))

    def pausing(
        self,
        frame: Frame,
        regions: Sequence[Region],
        pictures: Sequence[Image],
        drawn: Sequence[Image],
        look: Look,
        retouch: Retouch | None = None,
    ) -> Pausing[Frame]:
        """As a call, with pauses: the heads of a large group take as long as many frames of a live user."""
        if look.strength == 0.0 or not regions:
            return frame
        shapes = [_shape(region) for region in regions]
        masks = self._masks(regions, pictures, shapes, look.scope)
        yield
        # Colours are compared where a shape fades out; the outline of a person is an edge anyway.
        rings = [_ring(region, mask, shape) for region, mask, shape in zip(regions, masks, shapes, strict=True)]
        around = _seen_around(regions, pictures, drawn)
        yield
        if look.style != self._style:
            self._style = look.style
            self._match.forget()  # what was asked of the colours of another style is none of this one's
        matched = self._match(frame.time_s, regions, around, drawn, rings)
        yield
        if retouch is not None:
            matched = yield from retouch(matched)
        heads = [index for index, region in enumerate(regions) if region.track_id != WHOLE_FRAME]
        on_top = [regions[i] for i in heads], [masks[i] for i in heads]
        shares = yield from sharing_pixels(*on_top, look.strength)
        below = (i for i in range(len(regions)) if i not in heads)
        pasted = {i: share_below(regions[i], masks[i], *on_top, look.strength) for i in below}
        pasted |= zip(heads, shares, strict=True)
        # Masks have edges where heads share pixels, a person is cut out or the frame ends. That of a head alone has
        # none, faint or in full.
        is_soft = [pasted[i] is shape or (masks[i] is shape and heads == [i]) for i, shape in enumerate(shapes)]
        patches = [Patch(region, matched[i], pasted[i], is_soft[i]) for i, region in enumerate(regions)]
        return (yield from self._ops.pasting(frame, patches))

    def forget(self) -> None:
        """Takes the next faces for new ones."""
        self._match.forget()
        self._persons.forget()

    def _masks(
        self, regions: Sequence[Region], pictures: Sequence[Image], shapes: Sequence[Mask], scope: Scope
    ) -> list[Mask]:
        """What shows of each region at full strength: its shape, less what is no person where that is asked for."""
        asked = [i for i, region in enumerate(regions) if self._is_looked_for(region, scope)]
        persons: dict[int, Mask] = {}
        if asked:
            found = self._persons([regions[i] for i in asked], [pictures[i] for i in asked])
            persons = dict(zip(asked, found, strict=True))
        if scope is Scope.PERSON and regions[0].track_id == WHOLE_FRAME:
            others = (i for i in range(len(regions)) if i not in persons)
            persons |= {i: _on_whole(persons[0], regions[0], regions[i]) for i in others}
        return [shape * _with_face(persons[i], regions[i]) if i in persons else shape for i, shape in enumerate(shapes)]

    def _is_looked_for(self, region: Region, scope: Scope) -> bool:
        """Whether the network is asked for the person in a region."""
        if region.track_id == WHOLE_FRAME:
            return scope is Scope.PERSON
        return self._head_edge is HeadEdge.PERSON


def _on_whole(samples: Samples, whole: Region, head: Region) -> Samples:
    """What of a whole frame's picture or mask lies where a head is, in the head's pixels."""
    return resample(samples, to_other(head, whole), head.width_px, head.height_px)


def _seen_around(regions: Sequence[Region], pictures: Sequence[Image], drawn: Sequence[Image]) -> Sequence[Image]:
    """What each drawing is seen beside: what was filmed, or of a head on a whole frame, how that is drawn there."""
    if regions[0].track_id != WHOLE_FRAME:
        return pictures
    whole, *heads = regions
    return [pictures[0], *(_on_whole(drawn[0], whole, head) for head in heads)]


def _shape(region: Region) -> Mask:
    mask = full_mask if region.track_id == WHOLE_FRAME else head_mask
    return mask(region.width_px, region.height_px)


def _ring(region: Region, mask: Mask, shape: Mask) -> Mask:
    if mask is shape and region.track_id != WHOLE_FRAME:
        return head_ring(region.width_px, region.height_px)
    return (mask * (1.0 - shape)).astype(np.float32, copy=False)


def _with_face(person: Mask, region: Region) -> Mask:
    """A person, and the face that was found: of heads that the frame's border cuts off the network may see none."""
    if region.track_id == WHOLE_FRAME:
        return person
    return np.maximum(person, face_mask(region.width_px, region.height_px))
