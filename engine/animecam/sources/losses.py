"""How many frames a decoder failed to deliver."""


class Losses:
    """Counts the frames that went into a decoder and never came out.

    One damaged packet can cost many frames, as all that lean on it are lost with it; and many a packet has no picture
    of its own although nothing is wrong. So packets without a picture count as lost only once the decoder complained.
    """

    def __init__(self) -> None:
        self._under_way: set[int] = set()
        self._is_timed = False
        self._has_failed = False
        self._missing: set[int] = set()
        self._untimed = 0

    @property
    def count(self) -> int:
        """Frames lost so far."""
        return len(self._missing) + self._untimed

    def sent(self, pts: int | None) -> None:
        """A packet with a picture of this presentation time goes into the decoder."""
        self._is_timed = pts is not None
        if pts is not None:
            self._under_way.add(pts)

    def failed(self) -> None:
        """The decoder complained, about the newest packet or one shortly before."""
        self._has_failed = True
        if not self._is_timed:  # no way to see later which frames are missing
            self._untimed += 1

    def shown(self, pts: int | None) -> None:
        """A frame of this presentation time came out: frames come in order, so earlier ones hardly will."""
        if pts is not None:
            self._settle({sent for sent in self._under_way if sent < pts})
            self._under_way.discard(pts)
            self._missing.discard(pts)  # after damage a decoder may get the order wrong

    def ended(self) -> None:
        """Nothing more will come out."""
        self._settle(set(self._under_way))

    def _settle(self, missing: set[int]) -> None:
        self._under_way -= missing
        if self._has_failed:
            self._missing |= missing
