"""The pictures of a film that an earlier run has drawn: they are read, and passed by."""

from collections.abc import Callable
from dataclasses import replace

from animecam.errors import SourceError
from animecam.run.tally import Figures
from animecam.sources.base import Source

TOLD_EVERY = 8
"""Frames: several times a second in the largest films, and not so often in small ones that telling takes time."""


def pass_by(source: Source, frames: int, tell: Callable[[Figures], None]) -> Figures:
    """Reads the frames that need not be drawn again.

    Args:
        source: At its beginning; is at the first frame to draw afterwards.
        frames: How many there are.
        tell: Is told how far it is.

    Returns:
        How far it came; `is_interrupted` where Ctrl-C ended it.

    Raises:
        SourceError: The source has fewer.
    """
    figures, first_s = Figures(), 0.0
    try:
        for passed in range(frames):
            frame = source.read()
            if frame is None:
                message = f"{source.uri} is shorter than it was"
                raise SourceError(message, hint="`overwrite=True` converts it from its beginning")
            first_s = first_s if passed else frame.time_s
            end_s = frame.time_s + float(frame.duration * frame.time_base)
            figures = Figures(passed=passed + 1, skipped=source.skipped, position_s=end_s - first_s)
            if passed % TOLD_EVERY == 0:
                tell(figures)
    except KeyboardInterrupt:
        return replace(figures, is_interrupted=True)
    return figures
