"""What to do about a mistake in a thread that makes ready what is to draw later: what draws now goes on."""

import logging

from animecam.errors import AnimecamError, BackendError

log = logging.getLogger(__name__)


def as_failure(error: Exception) -> AnimecamError:
    """An error as one that can be told in a line, for the end of a thread that others would wait for in vain.

    A mistake of ours, or of a library, is told as the failures are that were foreseen; --verbose shows where it was.
    """
    if isinstance(error, AnimecamError):
        return error
    log.info("where that failed which was to draw later", exc_info=error)
    return BackendError(f"{type(error).__name__}: {error}")
