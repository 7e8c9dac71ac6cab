"""What a frame carries beside its pixels, by FFmpeg's names."""

import av
from av.sidedata.sidedata import Type


def side_data(frame: av.VideoFrame, kind: str) -> bytes | None:
    """The side data of a frame of one kind, as FFmpeg keeps it in memory; None if there is none.

    Where a frame also has what PyAV (18.1) has no name for, such as the EXIF data of a photo, PyAV fails on all of it.
    """
    try:
        data = frame.side_data.get(kind)
    except ValueError:
        Type._missing_ = classmethod(_nameless)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
        data = frame.side_data.get(kind)
    return None if data is None else bytes(data)


def _nameless(kinds: type[Type], value: object) -> Type:
    """A kind of side data that has no name among PyAV's."""
    kind = object.__new__(kinds)
    kind._name_, kind._value_ = f"KIND_{value}", value
    return kind
